"""A sweep on a cluster: `compare` as it is, moved there by joblib alone."""

import os
import signal
import threading
import time

import joblib
import numpy as np
import pytest
from distributed import Client, LocalCluster

from handmlp import Recipe, fan_in, softmax_cross_entropy, tanh
from handmlp.records import compare
from handmlp.records.logbook import Job, Logbook

pytestmark = pytest.mark.filterwarnings("default")  # what Dask warns of is not ours
QUICK = Recipe(units=(8,), hidden=tanh, output=softmax_cross_entropy, init=fan_in, epochs=2,
               learning_rate=0.1)


@pytest.fixture(scope="module")
def client():
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, \
            Client(cluster) as client:
        yield client


def moves(client) -> int:
    """How often the cluster's scheduler has moved a task on: proof that the work went there."""
    return client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.transition_counter)


def finals(results):
    return {recipe: results.final(recipe).tolist() for recipe in results}


def test_the_same_results_to_the_bit(client, tiny):
    recipes = QUICK, QUICK.but(learning_rate=0.3)
    here = compare(*recipes, data=tiny, seeds=range(3))
    before = moves(client)
    with joblib.parallel_config(backend="dask", scatter=[tiny]):
        there = compare(*recipes, data=tiny, seeds=range(3))
    assert moves(client) > before
    assert finals(there) == finals(here)
    for recipe in recipes:
        for far, near in zip(there[recipe], here[recipe], strict=True):
            assert far.epochs[-1].weights == near.epochs[-1].weights


def test_a_worker_killed_in_mid_sweep_costs_nothing_but_time(client, tiny, tmp_path):
    slow, found, path = QUICK.but(epochs=60), [], tmp_path / "runs.jsonl"

    def sweep():
        with joblib.parallel_config(backend="dask", scatter=[tiny]):
            found.append(compare(slow, data=tiny, seeds=range(8), logbook=path))

    thread = threading.Thread(target=sweep)
    thread.start()
    wait_for(path.exists)
    assert not found  # the sweep is under way, and not over
    victim = next(iter(client.run(os.getpid).values()))
    os.kill(victim, signal.SIGKILL)
    thread.join(timeout=120)
    assert finals(found[0]) == finals(compare(slow, data=tiny, seeds=range(8)))


def test_what_was_done_before_an_interruption_is_not_done_again(client, tiny, tmp_path):
    path = tmp_path / "runs.jsonl"
    with joblib.parallel_config(backend="dask", scatter=[tiny]):
        compare(QUICK, data=tiny, seeds=range(2), logbook=path)  # as far as it came
        before = [Logbook(path).find(Job(QUICK, tiny, seed)) for seed in range(4)]
        results = compare(QUICK, data=tiny, seeds=range(4), logbook=path)
    assert [history is not None for history in before] == [True, True, False, False]
    assert len(path.read_text("utf-8").splitlines()) == 4  # and not 6
    np.testing.assert_array_equal(results.final(QUICK), compare(
        QUICK, data=tiny, seeds=range(4)).final(QUICK))


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)
