"""Dropout: what is left out on the way forward is left out on the way back."""

import numpy as np
import pytest

from handmlp import Network, Recipe, fan_in, logistic, relu, run, softmax_cross_entropy, tanh
from handmlp.dropout import Dropout
from handmlp.network import Parameters

HIDDEN = pytest.mark.parametrize("hidden", [logistic, tanh, relu], ids=repr)


@HIDDEN
def test_a_value_is_left_out_or_divided_by_what_stays(hidden):
    z = np.random.default_rng(0).standard_normal((500, 40)).astype(np.float32)
    dropout = Dropout(hidden, 0.25, np.random.default_rng(1))
    whole, home = hidden(z), z.copy()
    a = dropout(home, out=home)
    assert a is home
    stays = a != 0
    np.testing.assert_allclose(a[stays], (whole / 0.75)[stays], rtol=1e-6)
    assert a.dtype == np.float32
    # 20,000 draws: a share of .75 has a standard error of .003.
    assert stays[whole != 0].mean() == pytest.approx(0.75, abs=0.012)


@HIDDEN
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_the_gradient_is_that_of_the_network_that_is_left(hidden, share):
    """Against finite differences, each time with the same values left out."""
    rng = np.random.default_rng(0)
    sizes = (5, 7, 6, 3)
    network = Network.draw(sizes, hidden, softmax_cross_entropy, fan_in, None, rng)
    w = network.parameters = Parameters(sizes, network.parameters.flat.astype(float))
    x, t = rng.standard_normal((4, 5)), np.eye(3)[[0, 1, 2, 1]]

    def forward():
        network.hidden = Dropout(hidden, share, np.random.default_rng(2))
        return network.forward(x)

    gradient = network.backward(forward(), t, w.like()).flat
    numeric = np.empty_like(gradient)
    for i in range(len(gradient)):
        losses = []
        for sign in (1, -1):
            w.flat[i] += sign * 1e-6
            losses.append(network.output.loss(forward()[-1], t).mean())
            w.flat[i] -= sign * 1e-6
        numeric[i] = (losses[0] - losses[1]) / 2e-6
    np.testing.assert_allclose(gradient, numeric, atol=1e-8)


def test_every_minibatch_and_every_layer_draws_anew():
    dropout = Dropout(tanh, 0.5, np.random.default_rng(0))
    ones = np.ones((20, 30), np.float32)
    first, second = dropout(ones.copy()), dropout(ones.copy())
    assert ((first != 0) != (second != 0)).any()
    slopes = [dropout.slope(second), dropout.slope(first)]  # the last layer first
    for a, slope in zip((second, first), slopes):
        np.testing.assert_array_equal(slope != 0, a != 0)


def test_the_network_that_is_handed_back_leaves_nothing_out(tiny):
    recipe = Recipe(units=(20,), hidden=tanh, output=softmax_cross_entropy, init=fan_in, epochs=2,
                    learning_rate=0.1, dropout=0.5)
    network, history = run(recipe, tiny, 0)
    assert network.hidden is tanh
    a = network.forward(network.inputs(tiny.validation.images))
    assert (a[1] != 0).all()
    called = network.predict(tiny.validation.images)
    assert (called == tiny.validation.labels).mean() == history.last.validation_accuracy
    without, _ = run(recipe.but(dropout=0.0), tiny, 0)
    assert (without.parameters.flat != network.parameters.flat).any()


@pytest.mark.parametrize("share", [1, -0.1, "half", None], ids=repr)
def test_a_share_that_leaves_nothing_is_refused(share):
    with pytest.raises(ValueError, match=r"dropout must be a share in \[0, 1\), got"):
        Recipe(dropout=share)
