"""What is measured of a network: its loss, what it calls each image, and its weights."""

import numpy as np
import pytest

from handmlp import (
    Network,
    Recipe,
    fan_in,
    softmax_cross_entropy,
    tanh,
)
from handmlp.measures import WeightStatistics, accuracy, evaluate
from handmlp.network import Parameters
from handmlp.runs import draw
from handmlp.training import train

QUICK = Recipe(units=(10,), hidden=tanh, output=softmax_cross_entropy, init=fan_in,
               learning_rate=0.1, epochs=2)


def trained(recipe, data, seed=0, test=False):
    """Return the network and its epochs; `run` does the same and more."""
    rng = np.random.default_rng(seed)
    network = draw(recipe, data, rng)
    return network, list(train(network, data, recipe, rng, test))


def test_evaluate_by_hand():
    """A network that calls class 1 what is bright, with logits (0, pixel)."""
    network = Network(Parameters((1, 2), np.array([0, 1, 0, 0.])), tanh, softmax_cross_entropy,
                      lambda pixels: pixels / np.array([1.0]) - 100)
    loss, confusion = evaluate(network, np.array([[0], [0], [200], [200]]), np.array([0, 1, 1, 1]))
    # Sure and right three times: no loss; sure and wrong once: 100; a mean over four.
    assert loss == pytest.approx(25)
    assert confusion.tolist() == [[1, 0], [1, 2]]      # rows: what it is; columns: what it's called
    assert accuracy(confusion) == 0.75


def test_evaluating_piece_by_piece_is_evaluating_all(mnist):
    network = draw(QUICK, mnist, np.random.default_rng(0))
    images, labels = mnist.train.images[:4100], mnist.train.labels[:4100]    # 2000, 2000 and 100
    loss, confusion = evaluate(network, images, labels)
    z = network.forward(network.scaling(images))[-1]
    assert loss == pytest.approx(softmax_cross_entropy.loss(z, np.eye(10)[labels]).mean())
    assert confusion.sum() == 4100
    assert np.trace(confusion) == (network.predict(images) == labels).sum()


def test_weight_statistics_by_hand():
    # Mean 1, standard deviation √((4 + 0 + 0 + 4) / 4); three bins from -3 to 3 meet at -1 and 1.
    found = WeightStatistics.of(np.array([[-1, 1], [1, 3]], np.float32), bins=3)
    assert found == WeightStatistics(1.0, np.sqrt(2), 3.0, (0, 1, 3))
    assert WeightStatistics.of(np.zeros((2, 2))).limit == 1


def test_weight_statistics_are_of_every_matrix_after_every_epoch(tiny):
    network, epochs = trained(QUICK, tiny)
    assert epochs[-1].weights == tuple(map(WeightStatistics.of, network.W))
    assert epochs[0].weights[0].std == pytest.approx(1 / 28, rel=0.05)
    assert [sum(w.counts) for w in epochs[0].weights] == [7840, 100]
