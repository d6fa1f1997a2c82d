"""The benchmark times equal mathematics, and what the book quotes; it is never a pass or a fail."""

import json
from pathlib import Path

import numpy as np
import pytest

from handmlp.training import train_epoch

FOLDER = Path(__file__).parents[1] / "benchmarks"
NEEDS = {"PyTorch": "torch", "PyTorch compiled": "torch", "JAX step": "jax", "JAX scan": "jax"}


@pytest.fixture
def peers(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import peers
    return peers


@pytest.fixture
def bench(peers):
    import bench
    return bench


def after_steps(make, setting, tiny, steps):
    """Return weights and biases after so many steps on the tiny images."""
    x = (tiny.train.images / 255).astype(np.float32)
    rows = np.random.default_rng(0).integers(0, len(x), (steps, setting.size))
    peer = make(setting, x, tiny.train.labels.copy())
    peer.start()
    peer.run(rows[:3])  # a start must forget what was before it
    peer.start()
    peer.run(rows)
    return peer.parameters()


@pytest.mark.filterwarnings("default")  # what torch and JAX warn of is not ours
@pytest.mark.parametrize("rule", [{}, {"rate": 0.01, "momentum": 0.9, "decay": 1e-3}], ids=str)
@pytest.mark.parametrize("name", ["scikit-learn", "PyTorch", "JAX step", "JAX scan"])
def test_all_have_the_same_weights_after_100_steps(peers, tiny, name, rule):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name], reason="peers are installed by `make bench`")
    setting = peers.Setting(units=20, size=8, **rule)
    ours = after_steps(peers.handmlp, setting, tiny, 100)
    theirs = after_steps(peers.PEERS[name], setting, tiny, 100)
    for our, their in zip(ours, theirs, strict=True):
        assert their.dtype == np.float32
        np.testing.assert_allclose(our, their, atol=2e-6)


def test_it_times_the_code_that_trains(peers, tiny, monkeypatch):
    calls = []

    def watched(*args):
        calls.append(args)
        return train_epoch(*args)

    monkeypatch.setattr(peers, "train_epoch", watched)
    setting = peers.Setting()
    after = after_steps(peers.handmlp, setting, tiny, 3)
    assert len(calls) == 2
    assert not np.array_equal(after[0], setting.network().W[0])


def test_the_yardstick_is_the_five_products_of_a_step(peers, monkeypatch):
    """Count multiplications: forward 784*100 + 100*10, back 100*10 twice and 784*100 once."""
    class Counted(np.ndarray):
        done = 0

        def __array_ufunc__(self, ufunc, method, *inputs, out=None, **settings):
            assert ufunc is np.matmul
            (n, k), (_, m) = (array.shape for array in inputs)
            Counted.done += n * k * m
            return np.empty((n, m), np.float32).view(Counted)

    setting = peers.Setting()
    network = setting.network()
    network.parameters = type(network.parameters)(network.sizes,
                                                  network.parameters.flat.view(Counted))
    monkeypatch.setattr(peers.Setting, "network", lambda self: network)
    peers.products(setting, None, None).run(range(3))
    assert Counted.done == 3 * 10 * (784 * 100 + 100 * 10 + 100 * 10 + 10 * 100 + 784 * 100)


def test_every_setting_is_measured_and_every_peer_races(bench, peers, tiny, monkeypatch):
    ours = {name: peers.PEERS[name] for name in ("bare products", "handmlp", "scikit-learn")}
    for name, value in {"PEERS": ours, "ROUNDS": 2, "RACES": 2, "MOST_EPOCHS": 1,
                        "STEPS": {8: {1: 2, 10: 2}}}.items():
        monkeypatch.setattr(bench, name, value)
    x = (tiny.train.images / 255).astype(np.float32)
    labels = tiny.train.labels.copy()
    steps, races = bench.measure(1, x, labels, (x, labels))
    assert len(steps) == 2 * 2 * len(ours)
    assert {row["ratio"] for row in steps if row["peer"] == "bare products"} == {1.0}
    assert {row["peer"]: row["epochs"] for row in races} == {"handmlp": [1, 1],
                                                             "scikit-learn": [1, 1]}


def test_the_results_on_record_are_complete_and_print(bench, capsys):
    results = json.loads(bench.RESULTS.read_text("utf-8"))
    assert len(results["steps"]) == 2 * 2 * 5 * 2 * len(bench.PEERS)
    assert len(results["races"]) == 2 * (len(bench.PEERS) - 1)
    bench.print_tables(results)
    printed = capsys.readouterr().out
    assert all(name in printed for name in bench.PEERS)
