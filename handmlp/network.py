"""The network: its parameters, the way forward to an answer, and the way back to the gradient.

x = a[0]     inputs, one row per example
W[l], b[l]   weights (fan-in, units) and biases (units,) of layer l, counted from 0
z            a[l] W[l] + b[l], the weighted sums of layer l
a[l + 1]     f(z), what layer l hands on; the last layer hands on z itself (the logits)
t            targets, one-hot
δ            ∂L/∂z of one layer, one row per example
"""

import contextlib
import math
import os
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from handmlp.activations import Activation
from handmlp.data import as_pixels
from handmlp.initialisers import Initialiser
from handmlp.inputs import Scaling
from handmlp.outputs import Output
from handmlp.products import add_product, add_sum

FORMAT = 1
MOST = 2**30  # parameters: 4 GB


class Parameters:
    """All weights and biases in one flat vector; W[l] and b[l] are views into it."""

    def __init__(self, sizes: tuple[int, ...], flat: np.ndarray | None = None):
        self.sizes, count = tuple(sizes), self.count(sizes)
        self.flat = np.zeros(count, np.float32) if flat is None else flat
        if self.flat.shape != (count,):
            raise ValueError(f"flat must hold {count} numbers for layers of {self.sizes} units, "
                             f"got shape {self.flat.shape}")
        self.W, self.b, start = [], [], 0
        for fan_in, units in pairwise(self.sizes):
            middle, end = start + fan_in * units, start + (fan_in + 1) * units
            self.W.append(self.flat[start:middle].reshape(fan_in, units))
            self.b.append(self.flat[middle:end])
            start = end

    @staticmethod
    def count(sizes: tuple[int, ...]) -> int:
        """Return how many parameters layers of these sizes have."""
        count = sum((fan_in + 1) * units for fan_in, units in pairwise(sizes))
        if len(sizes) < 2 or min(sizes) < 1 or count > MOST:
            raise ValueError(f"sizes must be at least two numbers from 1, for at most {MOST:,} "
                             f"parameters, got {tuple(sizes)}")
        return count

    def like(self) -> "Parameters":
        """Zeros of the same sizes and dtype: a home for gradients or velocities."""
        return type(self)(self.sizes, np.zeros_like(self.flat))

    def __reduce__(self):  # a copy must have views into its own vector
        return type(self), (self.sizes, self.flat.copy())


@dataclass(eq=False)
class Network:
    """Fully connected layers: `hidden` after each but the last, `output` at the end.

    `sizes` counts the units from the inputs to the outputs, (784, 100, 10). `scaling` turns the
    pixel values of an image into the inputs x, so that a network can be asked about raw images.
    """

    parameters: Parameters
    hidden: Activation
    output: Output
    scaling: Scaling

    @classmethod
    def draw(cls, sizes: tuple[int, ...], hidden: Activation, output: Output,
             init: Initialiser | tuple[Initialiser, ...], scaling: Scaling,
             rng: np.random.Generator) -> "Network":
        """Make a network with weights drawn by `init` from `rng`, and biases of zero.

        `init` is one rule, or a tuple with one for each weight matrix.

        Raises
        ------
        ValueError
            If a weight is not finite.
        """
        parameters = Parameters(sizes)
        rules = init if isinstance(init, tuple) else (init,) * len(parameters.W)
        for rule, W in zip(rules, parameters.W, strict=True):
            with np.errstate(over="ignore", invalid="ignore"):
                W[:] = rule(rng, W.shape)
            if not np.isfinite(W).all():
                raise ValueError(f"init={rule} draws first weights that are not finite numbers")
        return cls(parameters, hidden, output, scaling)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of units of each layer, inputs first."""
        return self.parameters.sizes

    @property
    def W(self) -> list[np.ndarray]:
        """Weight matrices, first layer first."""
        return self.parameters.W

    @property
    def b(self) -> list[np.ndarray]:
        """Bias vectors, first layer first."""
        return self.parameters.b

    def __repr__(self) -> str:
        return f"Network({'-'.join(map(str, self.sizes))}, {self.hidden}, {self.output})"

    def inputs(self, images: np.ndarray) -> np.ndarray:
        """Return what the network sees of pixel rows: scaled, in arrays of the weights' kind."""
        return np.asarray(self.scaling(images), like=self.parameters.flat)

    def forward(self, x: np.ndarray) -> list[np.ndarray]:
        """Return the values of every layer: [x, a[1], …, z], ending in the logits."""
        a, W, b = [x], self.W, self.b
        for l in range(len(W)):
            z = a[l] @ W[l]                                  # z = a W
            z += b[l]                                        #       + b
            a.append(z if l == len(W) - 1 else self.hidden(z, out=z))  # a = f(z)
        return a

    def deltas(self, a: list[np.ndarray], t: np.ndarray,
               factor: float = 1.0) -> list[np.ndarray]:
        """Return the deltas of every layer, first layer first: slopes of the mean loss.

        `a` is what `forward` returned, `t` the targets (n, classes). Since every gradient is
        proportional to the deltas of the outputs, `factor` scales these, which are few.
        """
        delta = self.output.delta(a[-1], t)                  # δ of the outputs
        delta *= factor / len(t)                             # a mean over n
        deltas = [delta]
        for l in reversed(range(1, len(self.W))):
            delta = delta @ self.W[l].T                      # δ ← δ Wᵀ
            delta *= self.hidden.slope(a[l])                 #       ∘ f′(z)
            deltas.insert(0, delta)
        return deltas

    def backward(self, a: list[np.ndarray], t: np.ndarray, out: Parameters,
                 factor: float = 1.0, keep: float = 0.0) -> Parameters:
        """Set `out` to `keep` times itself plus `factor` times the gradient, and return it.

        `a` is what `forward` returned, `t` the targets (n, classes); the gradient is of the mean
        loss. `out` may be the parameters themselves: with `factor=-η, keep=1` this is a step.
        """
        for l, delta in enumerate(self.deltas(a, t, factor)):
            add_product(out.W[l], a[l], delta, keep)         # ∂L/∂W = aᵀ δ
            add_sum(out.b[l], delta, keep)                   # ∂L/∂b = Σ δ
        return out

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Return the outputs ŷ for raw images.

        Parameters
        ----------
        images : array of pixel values 0 to 255, of any dtype
            One image (784,) or (28, 28), or many (n, 784) or (n, 28, 28); n may be 0.

        Returns
        -------
        (n, classes) array; for squared error the rows need not sum to one.

        Raises
        ------
        ValueError
            If the shape does not fit, or a pixel is not finite or outside 0 to 255.
        """
        with np.errstate(over="ignore", under="ignore"):  # what is too small to tell is 0
            return self.output(self._logits(images))

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return the most probable class of each image, (n,) integers; `images` as above."""
        # Of the logits, since two large ones can have outputs that round to the same 1.
        return self._logits(images).argmax(axis=1)

    def _logits(self, images: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):  # what is too small to tell is 0
            z = self.forward(self.inputs(as_pixels(images, self.sizes[0])))[-1]
        if not np.isfinite(z).all():
            raise ValueError("this network cannot answer: its weights are so large, or are no "
                             "longer numbers, that the sums of its outputs are not finite")
        return z

    def save(self, path: str | os.PathLike) -> None:
        """Write everything that `load` needs to exactly `path`: an .npz file without pickles.

        Raises
        ------
        ValueError
            If a function is your own, as `load` would not know it, or `path` is a folder.
        """
        if os.path.isdir(path):
            raise ValueError(f"path must name a file, got the folder {path}")
        for function in (self.hidden, self.output):
            if not function.is_handmlps:
                raise ValueError("a network can be saved with handmlp's own functions only, got "
                                 f"{function!r}")
        with whole_or_not(path) as unfinished, unfinished.open("wb") as file:
            np.savez(file, format=FORMAT, sizes=self.sizes, flat=self.parameters.flat,
                     hidden=repr(self.hidden), output=repr(self.output),
                     shift=self.scaling.shift, scale=self.scaling.scale)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Network":
        """Read a network that `save` wrote.

        Raises
        ------
        ValueError
            If the file is damaged, holds something else, or was written in a later format.
        """
        with open(path, "rb") as file, warnings.catch_warnings():
            warnings.simplefilter("error")  # NumPy mends some headers, which `save` never wrote
            try:
                return _read(zipfile.ZipFile(file))
            except Exception as error:  # a damaged file can raise anything
                raise ValueError(f"{path} is damaged or not a saved network: {error}") from error


@contextlib.contextmanager
def whole_or_not(path: str | os.PathLike) -> Iterator[Path]:
    """Lend a file to write, which becomes `path` in the end; after an error it is gone."""
    unfinished = Path(f"{os.fspath(path)}.{os.getpid()}.part")
    try:
        yield unfinished
        unfinished.replace(path)  # so that a full disk never leaves half a file
    finally:
        unfinished.unlink(missing_ok=True)


def _read(archive: zipfile.ZipFile) -> Network:
    if (found := _array(archive, "format", "iu", ())) != FORMAT:
        raise ValueError(f"it has format {found}; this handmlp reads {FORMAT}")
    sizes = tuple(_array(archive, "sizes", "iu", None).tolist())
    count = Parameters.count(sizes)
    flat = _array(archive, "flat", "f", (count,))
    shift, scale = (_array(archive, name, "f", (), sizes[:1]) for name in ("shift", "scale"))
    if not scale.all():
        raise ValueError("scale is 0")
    return Network(Parameters(sizes, flat),
                   Activation.named(_array(archive, "hidden", "U", ())),
                   Output.named(_array(archive, "output", "U", ())), Scaling(shift, scale))


def _array(archive: zipfile.ZipFile, name: str, kinds: str, *shapes: tuple | None) -> np.ndarray:
    """Return an array of the file, of which no more is read than it may hold."""
    with archive.open(f"{name}.npy") as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError(f"{name} is in a later form")
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        short = shapes == (None,) and len(shape) == 1 and shape[0] <= 100
        if dtype.kind not in kinds or dtype.itemsize > 400 or not (short or shape in shapes):
            raise ValueError(f"{name} has shape {shape} and dtype {dtype}")
        array = np.frombuffer(file.read(math.prod(shape) * dtype.itemsize), dtype).reshape(shape)
        if dtype.kind == "f" and not (np.isfinite(array) | (name == "scale") & (array > 0)).all():
            raise ValueError(f"{name} holds what is not a finite number")
        return array.astype(dtype.newbyteorder("="))
