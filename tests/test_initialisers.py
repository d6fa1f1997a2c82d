"""How large the first weights are."""

import numpy as np
import pytest

from handmlp import (
    Network,
    fan_in,
    fan_in_times,
    he,
    normal,
    softmax_cross_entropy,
    tanh,
    unit_normal,
)
from handmlp.initialisers import Initialiser

ALL = [unit_normal, fan_in, he, normal(0.3), fan_in_times(2.0)]
every = pytest.mark.parametrize("init", ALL, ids=repr)


@pytest.mark.parametrize(("init", "std"), [
    (unit_normal, 1),
    (fan_in, 1 / 28),            # 784 = 28²
    (he, 1 / 19.79898987322333),  # √(2/784) = 1/√392
    (normal(0.3), 0.3),
    (fan_in_times(7), 0.25),     # 7/28
], ids=repr)
def test_standard_deviation_for_784_inputs(init, std):
    assert init.std(784) == pytest.approx(std)
    W = init(np.random.default_rng(0), (784, 500))
    # The mean of 392,000 numbers strays by std/626, their standard deviation by std/885.
    assert W.mean() == pytest.approx(0, abs=4 * std / 626)
    assert W.std() == pytest.approx(std, abs=4 * std / 885)


@every
def test_one_seed_gives_one_pattern_whatever_the_rule(init):
    draw, plain = (rule(np.random.default_rng(3), (6, 4)) for rule in (init, unit_normal))
    np.testing.assert_allclose(draw, plain * init.std(6), rtol=1e-6)
    assert draw.dtype == np.float32
    assert not np.array_equal(draw, init(np.random.default_rng(4), (6, 4)))


@every
def test_biases_start_at_zero_and_each_layer_has_weights_of_its_own(init):
    network = Network.draw((4, 3, 3, 2), tanh, softmax_cross_entropy, init, None,
                           np.random.default_rng(0))
    assert [W.shape for W in network.W] == [(4, 3), (3, 3), (3, 2)]
    assert not any(b.any() for b in network.b)
    assert len(np.unique(network.parameters.flat)) == 4 * 3 + 3 * 3 + 3 * 2 + 1  # and the zero


def test_a_rule_of_your_own_needs_only_its_standard_deviation():
    class Tenth(Initialiser):
        def std(self, fan_in):
            return np.float64(0.1)

    network = Network.draw((4, 2), tanh, softmax_cross_entropy, Tenth(), None,
                           np.random.default_rng(0))
    assert network.W[0].dtype == np.float32


def test_fan_in_keeps_the_size_of_the_sums_through_the_layers():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((200, 300), dtype=np.float32)
    for _ in range(5):
        a = a @ fan_in(rng, (300, 300))
        assert 0.9 < a.std() < 1.1
