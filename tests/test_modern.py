"""Adam, batch normalisation and older advice against other hands, and the runs of both chapters."""

import json
import warnings
from dataclasses import replace

import modern
import numpy as np
import pytest
from modern import (
    ALL,
    SQUARES,
    TINY,
    Decorrelated,
    Moments,
    Normalised,
    ScaledParameters,
    Setting,
    Trained,
    adam_step,
    differs,
    harder,
    layered_step,
    modern_jobs,
    silent,
    watch,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from handmlp import (
    Activation,
    Network,
    Recipe,
    fan_in,
    he,
    logistic,
    logistic_squared_error,
    relu,
    run,
    shuffled,
    softmax_cross_entropy,
    tanh,
    unit_range,
)
from handmlp.network import Parameters
from handmlp.training import sgd_step

SHORT = Recipe(epochs=2, init=fan_in, learning_rate=0.1, output=softmax_cross_entropy,
               order=shuffled, batch_size=32)
PLAIN = Setting(SHORT)
ADAM = Setting(SHORT.but(learning_rate=0.001, momentum=0.9, weight_decay=1e-3), adam=True)
NORMAL = replace(PLAIN, normalised=True)
KINDS = [PLAIN, ADAM, NORMAL, replace(ADAM, normalised=True)]


def draw(sizes=(6, 5, 4, 3), hidden=tanh, output=softmax_cross_entropy, seed=0):
    """A small network in float64."""
    network = Network.draw(sizes, hidden, output, fan_in, unit_range.fit(None),
                           np.random.default_rng(seed))
    network.parameters = Parameters(sizes, network.parameters.flat.astype(np.float64))
    return network


def draw_normalised(**choices):
    """The same with batch normalisation, in which no γ is 1 and no β is 0."""
    network, rng = Normalised.of(draw(**choices)), np.random.default_rng(9)
    for part in (*network.b, *network.parameters.gamma):
        part[:] = rng.uniform(0.5, 1.5, part.shape)
    return network


def batch(n=7, inputs=6, classes=3):
    rng = np.random.default_rng(1)
    return rng.standard_normal((n, inputs)), np.eye(classes)[rng.integers(0, classes, n)]


# --- Adam ---------------------------------------------------------------------------------------

def test_the_first_steps_of_adam_by_hand():
    """One weight, δ = ŷ - t for two logits: the first step is the rate, whatever the gradient."""
    network = draw((1, 2))
    network.W[0][:] = 0
    moments, x, t = Moments.of(network), np.array([[2.0]]), np.array([[1.0, 0.0]])
    adam_step(network, x, t, moments, learning_rate=0.1)
    # ŷ = (½, ½), δ = (-½, ½), ∂L/∂W = 2 δ: m̂ = g and v̂ = g², so the step is ±0.1.
    np.testing.assert_allclose(network.W[0], [[0.1, -0.1]], rtol=1e-6)
    np.testing.assert_allclose(network.b[0], [0.1, -0.1], rtol=1e-6)
    np.testing.assert_allclose(moments.m.W[0], [[-0.1, 0.1]])      # 0.1 g
    np.testing.assert_allclose(moments.v.W[0], [[0.001, 0.001]])   # 0.001 g²
    z = 2 * 0.1 + 0.1
    g = 2 / (1 + np.exp(-2 * z)) - 2                               # 2 (ŷ₁ - 1)
    m, v = 0.9 * -0.1 + 0.1 * g, SQUARES * 0.001 + 0.001 * g**2
    expected = 0.1 - 0.1 * (m / (1 - 0.9**2)) / (np.sqrt(v / (1 - SQUARES**2)) + 1e-8)
    adam_step(network, x, t, moments, learning_rate=0.1)
    np.testing.assert_allclose(network.W[0][0, 0], expected, rtol=1e-7)


@pytest.mark.parametrize(("hidden", "name"), [(tanh, "tanh"), (logistic, "logistic")])
@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_thirty_steps_of_adam_are_those_of_scikit_learn(hidden, name, decay):
    x, t = batch(n=40)
    network, y = draw(hidden=hidden), t.argmax(axis=1)
    peer = MLPClassifier((5, 4), activation=name, solver="adam", alpha=decay * len(x),
                         learning_rate_init=0.01, batch_size=len(x), max_iter=1, shuffle=False,
                         warm_start=True, tol=0, n_iter_no_change=1000, epsilon=1e-13)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        peer.fit(x, y)                                             # to make room for weights
        peer.coefs_ = [W.copy() for W in network.W]
        peer.intercepts_ = [b.copy() for b in network.b]
        peer.set_params(max_iter=30).fit(x, y)
    # Their ε stands beside √v, ours beside √v̂, as in the paper's Algorithm 1: so let it be small.
    moments = Moments.of(network, epsilon=1e-13)
    for _ in range(30):
        adam_step(network, x, t, moments, 0.01, decay=(decay,) * 3)
    for ours, theirs in zip((*network.W, *network.b), (*peer.coefs_, *peer.intercepts_)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-10)
    assert moments.steps == 30


def test_adam_does_not_see_the_size_of_the_loss():
    """All gradients a thousand times as large make the same steps, but for ε."""
    x, t = batch()
    one, other = draw(), draw()
    other.backward = lambda *given, **named: Network.backward(other, *given, factor=1e3, **named)
    for network in (one, other):
        moments = Moments.of(network, epsilon=1e-15)
        for _ in range(5):
            adam_step(network, x, t, moments, 0.01)
    np.testing.assert_allclose(one.parameters.flat, other.parameters.flat, rtol=1e-6)


# --- Batch normalisation ------------------------------------------------------------------------

def loss_in_other_words(flat, sizes, x, t, output):
    """The mean loss of tanh layers with batch normalisation, which takes complex weights too."""
    parts, start = {}, 0
    for l, (fan, units) in enumerate(zip(sizes, sizes[1:])):
        parts["W", l] = flat[start:start + fan * units].reshape(fan, units)
        parts["b", l] = flat[start + fan * units:start + (fan + 1) * units]
        start += (fan + 1) * units
    for l, units in enumerate(sizes[1:-1]):
        parts["γ", l] = flat[start:start + units]
        start += units
    a = x
    for l in range(len(sizes) - 2):
        columns = []
        for unit in range(sizes[l + 1]):
            s = [sum(row * parts["W", l][:, unit]) for row in a]
            mean = sum(s) / len(s)
            variance = sum((value - mean) ** 2 for value in s) / len(s)
            columns.append([np.tanh(parts["γ", l][unit] * (value - mean) / (variance + TINY) ** 0.5
                                    + parts["b", l][unit]) for value in s])
        a = np.array(columns).T
    z = a @ parts["W", len(sizes) - 2] + parts["b", len(sizes) - 2]
    if output == softmax_cross_entropy:
        return (np.log(np.exp(z).sum(axis=1)) - (z * t).sum(axis=1)).mean()
    return (0.5 * (1 / (1 + np.exp(-z)) - t) ** 2).sum(axis=1).mean()


@pytest.mark.parametrize("output", [softmax_cross_entropy, logistic_squared_error], ids=str)
@pytest.mark.parametrize("sizes", [(6, 5, 3), (6, 5, 4, 3), (6, 3)], ids=str)
def test_every_slope_is_that_of_a_complex_step(sizes, output):
    """∂L/∂w is the imaginary part of L(w + ih) / h, to the last digits: nothing is subtracted."""
    network, (x, t), h = draw_normalised(sizes=sizes, output=output), batch(), 1e-30
    learner, w = network.learner, network.parameters
    a = learner.forward(x)
    np.testing.assert_allclose(output.loss(a[-1], t).mean(),
                               loss_in_other_words(w.flat, sizes, x, t, output), rtol=1e-12)
    expected = []
    for place in range(w.flat.size):
        moved = w.flat.astype(complex)
        moved[place] += 1j * h
        expected.append(loss_in_other_words(moved, sizes, x, t, output).imag / h)
    got = learner.backward(a, t, out=w.like()).flat
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("hidden", [tanh, logistic, relu], ids=str)
def test_every_slope_is_that_of_a_finite_difference(hidden):
    network, (x, t), h = draw_normalised(hidden=hidden), batch(), 1e-6
    learner, w = network.learner, network.parameters
    got = learner.backward(learner.forward(x), t, out=w.like()).flat

    def loss(place, by):
        w.flat[place] += by
        found = network.output.loss(learner.forward(x)[-1], t).mean()
        w.flat[place] -= by
        return found

    expected = [(loss(i, h) - loss(i, -h)) / (2 * h) for i in range(w.flat.size)]
    np.testing.assert_allclose(got, expected, atol=1e-8)


def test_a_step_in_place_is_one_beside_it():
    """`out` may be the parameters, `keep` 1: γ and W are read before they are changed."""
    (x, t), one, other = batch(), draw_normalised(), draw_normalised()
    gradient = one.learner.backward(one.learner.forward(x), t, out=one.parameters.like())
    expected = one.parameters.flat - 0.5 * gradient.flat
    sgd_step(other.learner, x, t, other.parameters.like(), learning_rate=0.5)
    np.testing.assert_allclose(other.parameters.flat, expected, rtol=1e-12)


@pytest.mark.parametrize(("factor", "shift"), [(1000.0, 0.0), (1.0, 5.0), (0.1, -3.0)])
def test_the_size_of_the_weights_before_it_changes_no_answer(factor, shift):
    """Larger weights, and sums that are shifted: what is normalised is the same (but for ε)."""
    (x, t), network = batch(), draw_normalised(sizes=(6, 5, 3))
    x[:, 0] = 1                       # so that the weights of the first input are a bias before it
    learner = network.learner
    before = learner.forward(x)
    gradient = learner.backward(before, t, out=network.parameters.like()).W[0].copy()
    network.W[0][:] *= factor
    network.W[0][0] += shift
    after = learner.forward(x)
    np.testing.assert_allclose(after[-1], before[-1], rtol=1e-3, atol=1e-3)
    larger = learner.backward(after, t, out=network.parameters.like()).W[0]
    np.testing.assert_allclose(larger, gradient / factor, rtol=1e-2, atol=1e-3 / factor)


def test_what_a_hidden_unit_gets_has_mean_beta_and_spread_gamma():
    network, (x, _) = draw_normalised(), batch(n=50)
    z = np.arctanh(network.learner.forward(x)[1])
    np.testing.assert_allclose(z.mean(axis=0), network.b[0], rtol=1e-6)
    np.testing.assert_allclose(z.std(axis=0), network.parameters.gamma[0], rtol=1e-3)


def test_running_averages_come_to_those_of_the_images_and_are_used_to_ask():
    network, (x, _) = draw_normalised(sizes=(6, 5, 3)), batch(n=50)
    untouched = network.running[0].copy()
    network.forward(x)
    np.testing.assert_array_equal(network.running[0], untouched)   # asking changes nothing
    for _ in range(500):
        network.learner.forward(x)
    s = x @ network.W[0]
    np.testing.assert_allclose(network.running[0][0], s.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(network.running[0][1], s.var(axis=0, ddof=1), rtol=1e-6)
    one_by_one = np.concatenate([network.forward(row[None])[-1] for row in x])
    np.testing.assert_allclose(one_by_one, network.forward(x)[-1], rtol=1e-9)  # of no company


def test_one_running_average_by_hand():
    network, x = Normalised.of(draw((1, 1, 2))), np.array([[1.0], [3.0]])
    network.W[0][:] = 1
    network.learner.forward(x)
    # From (0, 1) a twentieth of the way to the mean 2 and the unbiased variance 2.
    np.testing.assert_allclose(network.running[0], [[0.1], [1.05]])


def test_a_minibatch_of_one_image_is_refused():
    network, (x, t) = draw_normalised(), batch(n=1)
    with pytest.raises(ValueError, match="at least 2 images, since batch norm.* got 1"):
        sgd_step(network.learner, x, t, network.parameters.like(), learning_rate=0.1)
    assert network.forward(x)[-1].shape == (1, 3)                  # but it can be asked


def test_parameters_with_scales_are_views_into_one_vector():
    w = ScaledParameters((6, 5, 4, 3))
    assert w.flat.size == Parameters.count((6, 5, 4, 3)) + 9
    w.flat[:] = np.arange(w.flat.size)
    assert [scale.tolist() for scale in w.gamma] == [[*range(74, 79)], [*range(79, 83)]]
    assert type(w.like()) is ScaledParameters
    assert ScaledParameters((3, 2)).gamma == []


# --- Older advice -------------------------------------------------------------------------------

class Stretched(Activation):
    def __call__(self, z, out=None):
        return np.multiply(1.7159, np.tanh(2 / 3 * z), out=out)

    def slope(self, a):
        return (2 / 3 / 1.7159) * (1.7159 - a) * (1.7159 + a)


def test_a_stretched_tanh_is_tanh_with_other_weights_and_a_rate_for_each_layer():
    """The 2/3 goes into the weights before it, the 1.7159 into those after: the same sums."""
    mine, twin, (x, t) = draw((6, 5, 3), Stretched()), draw((6, 5, 3)), batch()
    twin.W[0][:], twin.b[0][:] = 2 / 3 * mine.W[0], 2 / 3 * mine.b[0]
    twin.W[1][:] = 1.7159 * mine.W[1]
    np.testing.assert_allclose(mine.forward(x)[-1], twin.forward(x)[-1], rtol=1e-12)
    sgd_step(mine, x, t, mine.parameters.like(), learning_rate=0.1)
    layered_step(twin, x, t, twin.parameters.like(), 0.1, factors=((2 / 3) ** 2, 1.7159**2))
    twin.b[1][:] = mine.b[1]                                       # whose rate is not stretched
    np.testing.assert_allclose(mine.forward(x)[-1], twin.forward(x)[-1], rtol=1e-12)


def test_layers_with_a_factor_of_one_take_a_plain_step():
    (x, t), one, other = batch(), draw(), draw()
    sgd_step(one, x, t, one.parameters.like(), 0.1)
    layered_step(other, x, t, other.parameters.like(), 0.1, factors=(1.0, 1.0, 1.0))
    np.testing.assert_allclose(one.parameters.flat, other.parameters.flat, rtol=1e-12)
    with pytest.raises(ValueError, match="momentum and decay must be 0"):
        layered_step(other, x, t, other.parameters.like(), 0.1, momentum=0.9)


def test_hard_examples_come_twice_and_easy_ones_not_at_all():
    losses = np.arange(20.0)[::-1]                                 # the first is the hardest
    shown = harder(np.arange(20), losses)
    np.testing.assert_array_equal(np.bincount(shown, minlength=20), [2, 2] + 16 * [1] + [0, 0])
    np.testing.assert_array_equal(harder(np.arange(20)[::-1], losses), shown[::-1])
    few = np.arange(9)
    np.testing.assert_array_equal(harder(few, losses[:9]), few)    # no tenth of nine


def test_decorrelated_inputs_are_of_one_spread_in_every_direction_that_varies():
    """Turned back by hand: a variance v along an axis is v / (v + mean v), times one factor."""
    rng = np.random.default_rng(3)
    images = (rng.standard_normal((500, 4)) * [50, 20, 5, 0.1]) @ rng.standard_normal((4, 4))
    x = Decorrelated().fit(images)(images)
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose((x**2).mean(), 1, rtol=1e-4)
    before, after = (np.linalg.eigvalsh(np.cov(rows, rowvar=False)) for rows in (images, x))
    squeezed = before / (before + before.mean())
    np.testing.assert_allclose(after / after[-1], squeezed / squeezed[-1], atol=1e-5)


# --- Runs ---------------------------------------------------------------------------------------

def trained(setting, data, seed=0):
    network, data, rng = Trained(setting, data, seed).begin()
    seen = list(watch(setting, network, data, rng))
    return network, seen


@pytest.mark.parametrize("setting", KINDS, ids=["sgd", "adam", "normalised", "both"])
def test_the_same_seed_makes_the_same_bits_and_learns(setting, tiny):
    (one, seen), (other, _) = (trained(setting, tiny) for _ in range(2))
    np.testing.assert_array_equal(one.parameters.flat, other.parameters.flat)
    assert one.parameters.flat.dtype == np.float32
    assert len(seen) == 3
    assert seen[-1][0].accuracy > 2 * seen[0][0].accuracy
    assert seen[-1][0].accuracy == seen[-1][1].mean()


def test_a_plain_run_ends_with_the_weights_of_run(tiny):
    setting = Setting(SHORT.but(images=500, weight_decay=0.01))
    network, seen = trained(setting, tiny)
    expected, history = run(setting.recipe, tiny, seed=0)
    np.testing.assert_array_equal(network.parameters.flat, expected.parameters.flat)
    assert seen[-1][0].accuracy == history.last.validation_accuracy


def test_epochs_of_2015_come_first(tiny):
    recipe = Recipe(epochs=1)
    then = Setting(recipe.but(epochs=2, learning_rate=0.01, momentum=0.9), adam=True, plain=1)
    network, seen = trained(then, tiny)
    alone = Trained(Setting(recipe), tiny, 0).train()
    assert seen[1][0].own_sums == alone["own_sums"][1]
    assert seen[2][0].own_sums != seen[1][0].own_sums


def test_hard_examples_and_rates_for_layers_change_a_run(tiny):
    plain, others = Trained(PLAIN, tiny, 0).train(), [replace(PLAIN, hard=True),
                                                      replace(PLAIN, layers=(2.0, 1.0))]
    for number, each in enumerate(others):
        result = Trained(each, tiny, 0).train()
        assert (result["own_sums"][1] == plain["own_sums"][1]) is (number == 0)  # hard: not yet
        assert result["own_sums"][2] != plain["own_sums"][2]


def test_a_run_that_diverges_ends_early(tiny):
    result = Trained(Setting(SHORT.but(learning_rate=1e38)), tiny, 0).train()
    assert len(result["accuracy"]) < 3


def test_who_is_silent_and_who_is_dead(tiny):
    recipe = SHORT.but(hidden=relu, init=he)
    network, data, _ = Trained(Setting(recipe, bias=-1.0), tiny, 0).begin()
    network.W[0][:, 3], network.b[0][3] = -1, 0                    # no pixel is negative
    a = network.forward(network.inputs(data.train.images))[1]
    np.testing.assert_array_equal(silent(network, data.train.images), (a == 0).all(axis=0))
    assert silent(network, data.train.images)[3]
    np.testing.assert_allclose(network.b[0][:3], -1)


def test_a_line_of_the_record_tells_the_run(tiny):
    job = Trained(Setting(SHORT.but(hidden=relu, init=he), bias=-1.0), tiny, 0)
    result = job.train()
    read = job.read(json.loads(json.dumps(job.told(result))))
    assert read["accuracy"] == result["accuracy"]
    for name in ("silent", "dead", "right"):
        np.testing.assert_array_equal(read[name], result[name])


def test_probes_and_names_tell_every_setting_from_every_other(mnist):
    jobs = [Trained(setting, mnist, 0) for setting in ALL]
    assert len({job.name for job in jobs}) == len({job.probe() for job in jobs}) == len(ALL)


def test_the_record_holds_each_run_and_nothing_else_and_today_would_repeat_it(holds_all):
    holds_all(modern.RUNS, "modern", modern_jobs())


def test_a_run_may_leave_the_record_by_what_seeds_differ():
    def told(*accuracy, first=-1.0):
        return {"accuracy": [0.1, *accuracy], "own_sums": [[first] * 10, [0.0] * 10]}

    others = [told(0.80), told(0.81)]
    assert differs(told(0.805), told(0.80), others) is None
    assert "0.2000" in differs(told(0.60), told(0.80), others)
    assert differs(told(0.80, first=-1.1), told(0.80), others)
    assert differs(told(0.60), told(0.80), []) is None             # one seed: as in archaeology
    assert "0.2200" in differs(told(0.58), told(0.80), [])
    assert "ends" in differs(told(), told(0.80), others)
