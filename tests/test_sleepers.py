"""The watched runs of chapter 8: as `run` makes them, but for the hand that is put in."""


import numpy as np
import pytest
import sleepers
from sleepers import (
    ALL,
    NEW_SEEDS,
    SEEDS,
    AllAlike,
    Setting,
    Watched,
    differs,
    first_steps,
    follow,
    look,
    push_and_pull,
    watch,
    watched_jobs,
)

from handmlp import Recipe, fan_in, run, softmax_cross_entropy, unit_normal

SHORT = Recipe(epochs=2, init=fan_in)


def trained(setting, data, seed=0):
    """The network and what was seen of it."""
    network, rng = Watched(setting, data, seed).begin()
    before = [W.copy() for W in network.W]
    return before, network, list(watch(setting, network, data, rng))


@pytest.mark.parametrize("change", [{}, {"targets": (0.1, 0.9)}, {"weight_decay": (0.01, 0.001)},
                                    {"output": softmax_cross_entropy, "learning_rate": 0.1}],
                         ids=str)
def test_a_watched_run_ends_with_the_weights_of_run(change, tiny):
    recipe = SHORT.but(**change)
    _, network, seen = trained(Setting(recipe), tiny)
    expected, history = run(recipe, tiny, seed=0)
    np.testing.assert_array_equal(network.parameters.flat, expected.parameters.flat)
    assert seen[-1][1].accuracy == history.last.validation_accuracy
    assert [steps for steps, _ in seen][-2:] == [60, 120]


def test_a_frozen_hidden_layer_stays_and_the_outputs_learn(tiny):
    before, network, _ = trained(Setting(SHORT, frozen=True), tiny)
    np.testing.assert_array_equal(network.W[0], before[0])
    assert not network.b[0].any()
    assert np.abs(network.W[1] - before[1]).max() > 0.1


def test_a_bias_is_there_before_the_first_step(tiny):
    network, _ = Watched(Setting(SHORT, bias=-2.2), tiny, 0).begin()
    np.testing.assert_allclose(network.b[1], -2.2, rtol=1e-6)
    assert not network.b[0].any()


def test_all_outputs_can_begin_alike(tiny):
    drawn = AllAlike()(np.random.default_rng(0), (100, 10))
    plain = unit_normal(np.random.default_rng(0), (100, 10))
    assert (drawn == plain[:, :1]).all()
    assert drawn.shape == (100, 10)


def test_what_is_seen_by_hand(tiny):
    network, _ = Watched(Setting(SHORT), tiny, 0).begin()
    images, labels = tiny.validation.images, tiny.validation.labels
    z = network.forward(network.inputs(images))[-1].astype(float)
    sight = look(network, images, labels)
    for k in range(10):
        own, y = z[labels == k, k], 1 / (1 + np.exp(-z[labels == k, k]))
        np.testing.assert_allclose(sight.own_sums[k], own.mean(), rtol=1e-6)
        np.testing.assert_allclose(sight.slopes[k], np.median(y * (1 - y)), rtol=1e-6)
    assert sight.accuracy == (z.argmax(axis=1) == labels).mean()


def test_the_first_steps_are_those_of_the_watched_run(mnist):
    recipe = Recipe(epochs=1)
    way = follow(recipe, 10, seed=1)
    network, rng = Watched(Setting(recipe), mnist, 1).begin()
    seen = dict(watch(Setting(recipe), network, mnist, rng))
    depth, spread, _ = push_and_pull(recipe, steps=10, seeds=[1])
    np.testing.assert_allclose(depth, seen[10].own_sums, rtol=1e-5)  # of 2,000 images
    np.testing.assert_allclose(way[-1], depth, atol=1.5)             # of 500 of them
    assert way.shape == (10, 10)
    assert (spread > 1).all()


def test_push_and_pull_balance_where_the_loss_is_least(mnist):
    """Without a step: the derivative of the loss in a bias is push less pull."""
    recipe = Recipe(init=fan_in, targets=(0.2, 0.7))
    network, *_ = first_steps(recipe, 1, seed=0)
    held = mnist.validation.take(slice(2000))
    z = network.forward(network.inputs(held.images))[-1].astype(float)
    t = np.where(np.eye(10)[held.labels] == 1, 0.7, 0.2)

    def loss(shift):
        return (0.5 * (1 / (1 + np.exp(-(z + shift))) - t) ** 2).sum(axis=0)

    slope = (loss(1e-5) - loss(-1e-5)) / 2e-5
    _, _, ratio = push_and_pull(recipe, steps=0, seeds=[0])
    assert ((ratio > 1) == (slope > 0)).all()


def test_probes_and_names_tell_every_setting_from_every_other(mnist):
    jobs = [Watched(setting, mnist, 0) for setting in ALL]
    assert len({job.name for job in jobs}) == len({job.probe() for job in jobs}) == len(ALL)


def test_the_record_holds_each_run_and_nothing_else_and_today_would_repeat_it(holds_all):
    jobs = watched_jobs()
    assert len(jobs) == len(SEEDS) * len(ALL) + len(NEW_SEEDS)
    holds_all(sleepers.RUNS, "watched", jobs)


def test_a_run_may_leave_the_record_by_what_seeds_differ():
    def told(accuracy, first=-1.0):
        return {"accuracy": [0.1, accuracy], "own_sums": [[first] * 10, [0.0] * 10]}

    others = [told(0.80), told(0.81)]
    assert differs(told(0.805), told(0.80), others) is None
    assert "0.2000" in differs(told(0.60), told(0.80), others)
    assert differs(told(0.80, first=-1.1), told(0.80), others)
