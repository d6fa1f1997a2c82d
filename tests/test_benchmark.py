"""The benchmark times what the book quotes, and prints a table; it is never a pass or a fail."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from handmlp import draw, one_hot
from handmlp.story import FAN_IN
from handmlp.training import train_epoch

FILE = Path(__file__).parents[1] / "benchmarks" / "step.py"


@pytest.fixture
def step(monkeypatch, tiny):
    spec = importlib.util.spec_from_file_location("step", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, value in {"STEPS": 3, "ROUNDS": 2, "load_mnist": lambda: tiny}.items():
        monkeypatch.setattr(module, name, value)
    return module


def test_it_prints_a_row_for_each_minibatch(step, capsys):
    step.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[-3:]] == ["10", "32", "128"]
    assert "median [quartiles] of 2 interleaved rounds" in lines[1]


def test_it_times_the_code_that_trains(step, tiny, monkeypatch):
    calls = []

    def watched(*args):
        calls.append(args)
        return train_epoch(*args)

    monkeypatch.setattr(step, "train_epoch", watched)
    network = draw(FAN_IN, tiny, np.random.default_rng(0))
    before = network.parameters.flat.copy()
    x, t = network.scaling(tiny.train.images), one_hot(tiny.train.labels)
    step.handmlp_steps(network, x, t, 10)()
    assert len(calls) == 1
    assert not np.array_equal(network.parameters.flat, before)


def test_the_yardstick_is_the_five_products_of_a_step(step, tiny, monkeypatch):
    """Count multiplications: forward 784*100 + 100*10, back 100*10 twice and 784*100 once."""
    class Counted(np.ndarray):
        done = 0

        def __array_ufunc__(self, ufunc, method, *inputs, out=None, **settings):
            assert ufunc is np.matmul
            (n, k), (_, m) = (array.shape for array in inputs)
            Counted.done += n * k * m
            return np.empty((n, m), np.float32).view(Counted)

    network = draw(FAN_IN, tiny, np.random.default_rng(0))
    network.parameters = type(network.parameters)(network.sizes,
                                                  network.parameters.flat.view(Counted))
    step.products(network, 10)()
    # Three steps of ten rows; the products with the weights and into their gradients.
    assert Counted.done == 3 * 10 * (784 * 100 + 100 * 10 + 100 * 10 + 10 * 100 + 784 * 100)
