"""Sums that are added where they belong, in one pass over a matrix where BLAS is at hand.

A pass over the weights costs about as much as all else that a small minibatch needs. BLAS, the
library behind NumPy's matrix product, can add a product to what is there already while it has it in
hand. NumPy does not pass that on; SciPy does. Without SciPy, outside `one_thread`, or for arrays of
another library, the same is done in separate passes.
"""

import contextlib
import functools
from collections.abc import Iterator
from contextvars import ContextVar
from types import MappingProxyType

import numpy as np

_in_use = ContextVar("what adds in place, by dtype", default=MappingProxyType({}))


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Limit BLAS to one thread, where threadpoolctl is installed, and let SciPy's add in place.

    Products this small gain nothing from a second thread, and may have to wait for it. And SciPy
    brings a BLAS of its own, with threads of its own: with two each, on two cores, a step of 32
    images took 50 times as long. So it is used in here alone.
    """
    blas = load_blas()  # before threads are counted
    try:
        from threadpoolctl import get_cached_controller
    except ImportError:  # it makes training faster, and changes no number
        yield
        return
    with get_cached_controller().limit(limits=1):
        token = _in_use.set(blas)
        try:
            yield
        finally:
            _in_use.reset(token)


def add_product(out: np.ndarray, a: np.ndarray, delta: np.ndarray, keep: float) -> None:
    """Set `out` (m, k) to keep · out + aᵀ δ, for rows a (n, m) and δ (n, k)."""
    if keep not in (0, 1):  # a pass of its own, for which BLAS takes longer
        out *= keep
        keep = 1
    if blas := _blas_for(out):  # counts columns first: all is transposed
        blas[0](1.0, delta.T, a.T, keep, out.T, trans_b=True, overwrite_c=True)
    elif keep:
        out += np.dot(a.T, delta)
    else:
        out[:] = np.dot(a.T, delta)  # whose own `out` must lie in one piece


def add_sum(out: np.ndarray, delta: np.ndarray, keep: float) -> None:
    """Set `out` (k,) to keep · out + the sum of the rows of δ (n, k)."""
    if keep != 1:
        out *= keep
    out += delta.sum(axis=0)


def add_multiple(out: np.ndarray, W: np.ndarray, factor: float) -> None:
    """Add `factor` times W to `out`, of the same shape."""
    if blas := _blas_for(out):
        blas[1](W.ravel(), out.ravel(), a=factor)
    else:
        out += factor * W


@functools.cache
def load_blas() -> dict:
    """Return (gemm, axpy) for each dtype; nothing where SciPy is not installed."""
    try:
        from scipy.linalg import blas  # only now, since it takes longer than NumPy itself
    except ImportError:
        return {}
    return {np.dtype(np.float32): (blas.sgemm, blas.saxpy),
            np.dtype(np.float64): (blas.dgemm, blas.daxpy)}


def _blas_for(out: np.ndarray) -> tuple | None:
    # BLAS writes in place only what lies in one piece.
    in_one_piece = type(out) is np.ndarray and out.flags.c_contiguous
    return _in_use.get().get(out.dtype) if in_one_piece else None
