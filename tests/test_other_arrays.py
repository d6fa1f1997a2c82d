"""The same network and training on the arrays of another library, by NumPy's own protocols.

A duck array stands in for one on a GPU: it computes with NumPy behind the scenes, and refuses to
become a NumPy array unless asked to, element by element. So whatever passes here names each move.
"""

import dataclasses

import numpy as np
import pytest

from handmlp import (
    Recipe,
    fan_in,
    logistic,
    logistic_squared_error,
    products,
    relu,
    shuffled,
    softmax_cross_entropy,
    tanh,
    train,
    zero_mean,
)
from handmlp.network import Parameters
from handmlp.runs import draw
from handmlp.training import Diverged


class Duck:
    """An array that meets NumPy through NEP 13 (ufuncs), 18 (functions) and 35 (like=) alone."""

    def __init__(self, array):
        self._array = array

    dtype = property(lambda self: self._array.dtype)
    shape = property(lambda self: self._array.shape)
    size = property(lambda self: self._array.size)
    T = property(lambda self: Duck(self._array.T))

    def __array__(self, *args, **kwargs):
        raise TypeError("a silent conversion to a NumPy array")

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **kwargs):
        only_ducks_and_numbers(inputs)
        if out:
            kwargs["out"] = tuple(map(bare, out))
        result = getattr(ufunc, method)(*map(bare, inputs), **kwargs)
        return out[0] if out else Duck(result)

    def __array_function__(self, function, types, args, kwargs):
        if function is np.asarray:  # like=: the one door by which NumPy arrays come in
            return args[0] if isinstance(args[0], Duck) else Duck(np.array(args[0], **kwargs))
        only_ducks_and_numbers(args)
        result = function(*map(bare, args), **{key: bare(value) for key, value in kwargs.items()})
        return tuple(map(Duck, result)) if isinstance(result, tuple) else Duck(result)

    def __getitem__(self, key):
        return Duck(self._array[key])

    def __setitem__(self, key, value):
        only_ducks_and_numbers([value])
        self._array[key] = bare(value)

    def __len__(self):
        return len(self._array)

    def __float__(self):
        return float(self._array)

    def __bool__(self):
        return bool(self._array)

    def __neg__(self):
        return np.negative(self)

    def tolist(self):
        return self._array.tolist()


def bare(value):
    return value._array if isinstance(value, Duck) else value


def only_ducks_and_numbers(values):
    if any(isinstance(value, np.ndarray) and value.ndim for value in values):
        raise TypeError("a duck array and a NumPy array in one operation")


def _operator(name):
    ufunc = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide,
             "matmul": np.matmul, "pow": np.power, "lt": np.less, "gt": np.greater}[name]
    setattr(Duck, f"__{name}__", lambda self, other: ufunc(self, other))
    setattr(Duck, f"__r{name}__", lambda self, other: ufunc(other, self))
    setattr(Duck, f"__i{name}__", lambda self, other: ufunc(self, other, out=(self,)))


def _method(name):
    def method(self, *args, out=None, **kwargs):
        if out is not None:
            kwargs["out"] = bare(out)
        result = getattr(self._array, name)(*map(bare, args), **kwargs)
        return out if out is not None else Duck(result)
    setattr(Duck, name, method)


for name in ("add", "sub", "mul", "truediv", "matmul", "pow", "lt", "gt"):
    _operator(name)
for name in ("sum", "max", "mean", "std", "argmax", "astype", "copy", "take", "reshape", "all",
             "dot"):
    _method(name)


def networks(recipe, data):
    """The same untrained network twice: in NumPy, and in ducks."""
    network = draw(recipe, data, np.random.default_rng(0))
    flat = Duck(network.parameters.flat.copy())
    return network, dataclasses.replace(network, parameters=Parameters(network.sizes, flat))


@pytest.mark.parametrize("hidden", [logistic, tanh, relu], ids=repr)
@pytest.mark.parametrize("output", [logistic_squared_error, softmax_cross_entropy], ids=repr)
@pytest.mark.parametrize("more", [{}, {"nesterov": True, "dropout": 0.2}], ids=["", "beyond"])
def test_training_on_ducks_is_the_same_to_the_bit(tiny, hidden, output, more, monkeypatch):
    monkeypatch.setattr(products, "load_blas", dict)  # which rounds once where NumPy rounds twice
    recipe = Recipe(units=(12, 11), hidden=hidden, output=output, init=fan_in, inputs=zero_mean,
                    order=shuffled, learning_rate=0.05, batch_size=16, epochs=2, momentum=0.5,
                    weight_decay=1e-3, **more)
    plain, ducks = networks(recipe, tiny)
    for expected, got in zip(train(plain, tiny, recipe, np.random.default_rng(1), test=True),
                             train(ducks, tiny, recipe, np.random.default_rng(1), test=True)):
        assert repr(got) == repr(expected)
        assert got.weights == expected.weights
        assert got.test_accuracy == expected.test_accuracy
    assert isinstance(ducks.W[0], Duck)
    assert isinstance(ducks.parameters.flat, Duck)
    np.testing.assert_array_equal(bare(ducks.parameters.flat), plain.parameters.flat)
    np.testing.assert_array_equal(bare(ducks.predict(tiny.test.images)),
                                  plain.predict(tiny.test.images))


def test_a_run_on_ducks_that_diverges_says_so(tiny):
    recipe = Recipe(hidden=relu, output=softmax_cross_entropy, learning_rate=1e18, epochs=2)
    _, ducks = networks(recipe, tiny)
    with pytest.raises(Diverged):
        list(train(ducks, tiny, recipe, np.random.default_rng(1)))
    assert np.isfinite(bare(ducks.parameters.flat)).all()


def test_the_duck_refuses_silent_conversions():
    duck = Duck(np.ones(3))
    for careless in (lambda: np.asarray(duck), lambda: duck + np.ones(3),
                     lambda: duck.__setitem__(slice(None), np.ones(3))):
        with pytest.raises(TypeError):
            careless()
    assert isinstance(np.asarray(np.ones(3), like=duck), Duck)


def test_on_a_gpu_where_there_is_one(tiny):
    cupy = pytest.importorskip("cupy", reason="needs CuPy and a GPU: pip install cupy-cuda12x")
    try:
        cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError:
        pytest.skip("needs a GPU")
    recipe = Recipe(hidden=tanh, output=softmax_cross_entropy, init=fan_in, learning_rate=0.1,
                    epochs=2)
    plain = draw(recipe, tiny, np.random.default_rng(0))
    flat = cupy.asarray(plain.parameters.flat)
    there = dataclasses.replace(plain, parameters=Parameters(plain.sizes, flat))
    for expected, got in zip(train(plain, tiny, recipe, np.random.default_rng(1)),
                             train(there, tiny, recipe, np.random.default_rng(1))):
        assert got.loss == pytest.approx(expected.loss, rel=1e-3)
    np.testing.assert_allclose(flat.get(), plain.parameters.flat, atol=1e-3)
