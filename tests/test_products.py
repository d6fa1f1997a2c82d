"""Sums that are added where they belong: by BLAS or by NumPy, the same."""

import subprocess
import sys

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from handmlp import Recipe, fan_in, logistic, products, relu, run, shuffled, softmax_cross_entropy
from handmlp.products import add_multiple, add_product

precisions = pytest.mark.parametrize("dtype", [np.float32, np.float64])
QUICK = Recipe(units=(20,), hidden=relu, output=softmax_cross_entropy, init=fan_in, order=shuffled,
               learning_rate=0.05, epochs=2)


@pytest.fixture(params=["BLAS", "NumPy"])
def way(request):
    """Both ways, the first only where SciPy is installed."""
    if request.param == "NumPy":
        yield request.param
        return
    pytest.importorskip("scipy")
    with products.one_thread():
        yield request.param


def matrices(n, dtype=np.float64, sizes=(7, 5), seed=0):
    rng = np.random.default_rng(seed)
    shapes = sizes, (n, sizes[0]), (n, sizes[1])
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def test_a_product_by_hand(way):
    out = np.array([[1.0, 2.0]])
    # 10 (1, 2) + 3 (4, 5) + 6 (7, 8)
    add_product(out, np.array([[3.0], [6.0]]), np.array([[4.0, 5.0], [7.0, 8.0]]), 10)
    assert out.tolist() == [[64, 83]]
    add_multiple(out, np.array([[2.0, 0.5]]), -2)
    assert out.tolist() == [[60, 82]]


@precisions
@pytest.mark.parametrize("keep", [0, 0.0, 1, 1.0, 0.9])
@pytest.mark.parametrize("n", [1, 2, 10, 300])
def test_a_product_is_added_to_what_is_kept(way, n, keep, dtype):
    out, a, delta = matrices(n, dtype)
    start, expected = out.copy(), keep * out.astype(float) + a.T.astype(float) @ delta
    add_product(out, a, delta, keep)
    tolerance = 8 * np.finfo(dtype).eps * (abs(start) + abs(a.T) @ abs(delta))
    assert (abs(out - expected) <= tolerance).all()
    assert out.dtype == dtype


def test_nothing_is_kept_even_of_what_is_not_a_number(way):
    out, a, delta = matrices(3)
    out[:] = np.nan
    add_product(out, a, delta, 0.0)
    np.testing.assert_allclose(out, a.T @ delta)


@precisions
def test_a_multiple_is_added(way, dtype):
    out, W = matrices(7, dtype, (7, 5))[:2]
    W = W[:, :5].copy()
    expected = out - 0.25 * W
    add_multiple(out, W, -0.25)
    np.testing.assert_allclose(out, expected, rtol=0, atol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("place", [lambda out: np.asfortranarray(out),
                                   lambda out: np.repeat(out, 2, axis=0)[::2],
                                   lambda out: np.pad(out, 1)[1:-1, 1:-1]])
@pytest.mark.parametrize("keep", [0.0, 1.0, 0.9])
def test_what_does_not_lie_in_one_piece_is_written_too(way, place, keep):
    """BLAS would write into a copy, and the sum would be lost."""
    out, a, delta = matrices(4)
    W, expected = out.copy(), keep * out + a.T @ delta
    there = place(out.copy())
    add_product(there, a, delta, keep)
    np.testing.assert_allclose(there, expected, atol=1e-14)
    add_multiple(there, W, 2.0)
    np.testing.assert_allclose(there, expected + 2 * W, atol=1e-14)


@pytest.mark.parametrize("form", [np.asfortranarray, lambda v: np.repeat(v, 2, axis=1)[:, ::2],
                                  lambda v: v[::-1].copy()[::-1]])
def test_the_factors_may_lie_in_any_way_and_are_left_alone(way, form):
    out, a, delta = matrices(6)
    expected, a, delta = 0.9 * out + a.T @ delta, form(a), form(delta)
    before = a.copy(), delta.copy()
    a.flags.writeable = delta.flags.writeable = False
    add_product(out, a, delta, 0.9)
    np.testing.assert_allclose(out, expected, atol=1e-14)
    np.testing.assert_array_equal(a, before[0])
    np.testing.assert_array_equal(delta, before[1])


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble])
def test_a_dtype_that_blas_does_not_know_is_done_by_numpy(way, dtype):
    out, a, delta = (part.round(1).astype(dtype) for part in matrices(3))
    expected = out + a.T @ delta
    add_product(out, a, delta, 1.0)
    assert out.dtype == dtype
    np.testing.assert_allclose(out.astype(float), expected.astype(float), rtol=1e-2)


def test_a_second_blas_is_used_with_one_thread_alone():
    """With NumPy's and SciPy's threads at once, a step took 50 times as long."""
    out = np.zeros((2, 2), np.float32)
    assert products._blas_for(out) is None
    with products.one_thread():
        assert (products._blas_for(out) is None) == (products.load_blas() == {})
        assert all(info["num_threads"] == 1 for info in threadpool_info())
        assert products._blas_for(out[:, :1]) is None
    assert products._blas_for(out) is None


def test_what_is_loaded_by_then_has_one_thread_in_a_fresh_process():
    """Here SciPy is loaded already; there `one_thread` loads it, and does so before it counts."""
    code = ("from handmlp.products import one_thread\n"
            "for _ in range(2):\n"
            "    with one_thread():\n"
            "        from threadpoolctl import threadpool_info\n"
            "        print(*(info['num_threads'] for info in threadpool_info()))\n"
            "    import sklearn.cluster")  # brings threads of its own
    answer = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True)
    assert answer.returncode == 0, answer.stderr
    assert set(answer.stdout.split()) == {"1"}


@pytest.mark.parametrize("batch_size", [1, 10, 128])
@pytest.mark.parametrize("hidden", [relu, logistic], ids=repr)
def test_plain_training_has_the_same_bits_without_scipy(tiny, monkeypatch, batch_size, hidden):
    recipe = QUICK.but(batch_size=batch_size, hidden=hidden)
    expected = run(recipe, tiny, 0)[0].parameters.flat
    monkeypatch.setattr(products, "load_blas", dict)
    np.testing.assert_array_equal(run(recipe, tiny, 0)[0].parameters.flat, expected)


def test_with_momentum_and_decay_it_is_the_same_to_rounding(tiny, monkeypatch):
    recipe = QUICK.but(momentum=0.9, weight_decay=1e-3, learning_rate=0.005)
    expected = run(recipe, tiny, 0)[0].parameters.flat
    monkeypatch.setattr(products, "load_blas", dict)
    np.testing.assert_allclose(run(recipe, tiny, 0)[0].parameters.flat, expected, atol=1e-5)


def test_numpy_is_all_that_training_needs(tiny):
    """In a process that has no SciPy, no threadpoolctl and nothing of what shows or records."""
    code = ("import sys; missing = 'scipy threadpoolctl joblib filelock tqdm matplotlib ipywidgets "
            "IPython'.split(); sys.modules.update(dict.fromkeys([*missing, 'scipy.linalg'])); "
            "from handmlp import *; from handmlp.products import load_blas; mnist = load_mnist(); "
            "data = Splits(*(part.take(slice(600)) for part in "
            "(mnist.train, mnist.validation, mnist.test))); "
            "recipe = Recipe(units=(20,), hidden=relu, output=softmax_cross_entropy, init=fan_in, "
            "order=shuffled, learning_rate=0.05, epochs=2); assert load_blas() == {}; "
            "print(run(recipe, data, 0)[0].parameters.flat.tobytes().hex())")
    answer = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip() == run(QUICK, tiny, 0)[0].parameters.flat.tobytes().hex()
