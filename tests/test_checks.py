"""The gradient check passes what is right, catches what is wrong, and says where."""

import inspect
import textwrap

import numpy as np
import pytest

from handmlp import (
    Network,
    fan_in,
    linear_squared_error,
    logistic,
    logistic_cross_entropy,
    logistic_squared_error,
    relu,
    softmax_cross_entropy,
    softmax_squared_error,
    tanh,
    training,
    unit_normal,
)
from handmlp import network as network_module
from handmlp.activations import Activation
from handmlp.book.checks import (
    TOLERANCE,
    GradientCheck,
    check_answer,
    check_goal,
    check_gradient,
    is_missing,
)
from handmlp.network import Parameters

ACTIVATIONS = [logistic, tanh, relu]
OUTPUTS = [logistic_squared_error, logistic_cross_entropy, linear_squared_error,
           softmax_squared_error, softmax_cross_entropy]
SIZES = (6, 5, 4, 3)


def example(hidden=tanh, output=softmax_cross_entropy, sizes=SIZES, init=fan_in, seed=0):
    rng = np.random.default_rng(seed)
    network = Network.draw(sizes, hidden, output, init, None, rng)
    x = rng.standard_normal((7, sizes[0]))
    return network, x, np.eye(sizes[-1])[rng.integers(0, sizes[-1], 7)]


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("units", [(), (5,), (6, 5, 4)], ids=str)
@pytest.mark.parametrize("output", OUTPUTS, ids=repr)
@pytest.mark.parametrize("hidden", ACTIVATIONS, ids=repr)
def test_what_is_right_passes(hidden, output, units, decay):
    for init in (fan_in, unit_normal):              # with large weights slopes nearly vanish
        sizes = (6, *units, 3)
        network, x, t = example(hidden, output, sizes, init)
        check = check_gradient(network, x, t, (decay,) * (len(units) + 1))
        assert check.passed, str(check)
        names = [f"{kind}[{l}]" for l in range(len(sizes) - 1) for kind in "Wb"]
        assert list(check.errors) == names
        assert str(check).splitlines()[len(check.errors)] == "the gradient is right"


# A line of `deltas` or `backward` with a mistake, and the arrays that are then wrong.
ALL = ["W[0]", "b[0]", "W[1]", "b[1]", "W[2]", "b[2]"]
MISTAKES = {
    "sign of delta": ("delta *= factor / len(t)", "delta *= -factor / len(t)", ALL),
    "no mean over the batch": ("factor / len(t)", "factor", ALL),
    "sign of the slope": ("self.hidden.slope(a[l])", "-self.hidden.slope(a[l])",
                          ALL[2:4]),  # twice is right
    "no slope": ("delta *= self.hidden.slope(a[l])", "pass", ALL[:4]),
    "slope of f(f(z))": ("slope(a[l])", "slope(self.hidden(a[l]))", ALL[:4]),
    "sign in the first layer": ("a[l], delta, keep", "a[l], delta * (-1) ** (l == 0), keep",
                                ["W[0]"]),
    "sign in the second layer": ("out.b[l], delta,", "out.b[l], delta * (-1) ** (l == 1),",
                                 ["b[1]"]),
    "mean of the biases": ("out.b[l], delta,", "out.b[l], delta / len(delta),", ALL[1::2]),
    "nothing of the weights is kept": ("a[l], delta, keep)", "a[l], delta, 0)", ALL[::2]),
}
METHODS = {name: textwrap.dedent(inspect.getsource(getattr(Network, name)))
           for name in ("deltas", "backward")}


def planted(monkeypatch, mistake):
    """Put the mistake into the real source, so that the test cannot drift from it."""
    right, wrong, arrays = MISTAKES[mistake]
    assert sum(source.count(right) for source in METHODS.values()) == 1
    names = dict(vars(network_module))
    for name, source in METHODS.items():
        exec(source.replace(right, wrong), names)
        monkeypatch.setattr(Network, name, names[name])
    return arrays


@pytest.mark.parametrize("output", OUTPUTS, ids=repr)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_is_caught_and_the_layer_named(monkeypatch, mistake, output):
    arrays = planted(monkeypatch, mistake)
    check = check_gradient(*example(output=output))
    assert not check.passed
    assert [name for name, error in check.errors.items() if error >= TOLERANCE] == arrays
    named, layer = check.worst.split(", entry")[0].split(", layer ")
    assert named in arrays
    assert int(layer) == int(named[2]) + 1          # people count layers from 1
    assert f"the gradient is wrong: {check.worst}" in str(check)
    assert "got " in check.worst
    assert ", expected " in check.worst


@pytest.mark.parametrize(("strength", "biases"), [(2.0, False), (1.0, True)])
def test_a_wrong_penalty_is_caught(monkeypatch, strength, biases):
    plain = training.sgd_step

    def wrong(network, x, t, velocity, learning_rate, decay):
        plain(network, x, t, velocity, learning_rate, decay=tuple(strength * s for s in decay))
        if biases:
            network.b[0] -= decay[0] * network.b[0]

    monkeypatch.setattr("handmlp.book.checks.sgd_step", wrong)
    network, x, t = example()
    network.b[0][:] = 1
    check = check_gradient(network, x, t, (0.1, 0.0, 0.0))
    assert [name for name, error in check.errors.items() if error > TOLERANCE] == [
        "b[0]" if biases else "W[0]"]


def test_it_works_in_float64_on_a_copy_whatever_the_dtype():
    network, x, t = example()
    assert network.parameters.flat.dtype == np.float32
    before, parameters = network.parameters.flat.copy(), network.parameters
    check = check_gradient(network, x.astype(np.float32), t.astype(np.float32))
    assert max(check.errors.values()) < 1e-6        # out of reach for float32
    assert network.parameters is parameters
    np.testing.assert_array_equal(network.parameters.flat, before)


def test_kinks_are_skipped_and_counted():
    """One unit of relu lies exactly at 0, where it has no slope: x = 1, W = 1, b = -1."""
    network = Network(Parameters((1, 2, 1), np.array([1, 1, -1, 0.5, 1, 1, 0])), relu,
                      logistic_squared_error, None)
    check = check_gradient(network, np.array([[1.0]]), np.array([[0.0]]))
    assert check.passed
    assert check.skipped == 2                       # its weight and its bias, not its neighbour's
    assert "2 of the entries lie on a kink and were skipped" in str(check)
    assert check_gradient(*example(tanh)).skipped == 0
    assert "kink" not in str(check_gradient(*example(tanh)))


class Leaky(Activation):
    """Leaky relu, from its value: a has the sign of z."""

    leak: float
    kinks = (0.0,)

    def __call__(self, z, out=None):
        return np.maximum(z, self.leak * z, out=out)

    def slope(self, a):
        return np.where(a > 0, 1, self.leak)


class Staircase(Leaky):
    """Bends at -1 and at 2, where its value is not 0; the kinks are told in no order."""

    kinks = (2.0, -1.0)

    def __call__(self, z, out=None):
        return np.clip(z, -1, 2, out=out)

    def slope(self, a):
        return ((a > -1) & (a < 2)).astype(a.dtype)


class Undeclared(Leaky):
    """The same function, which does not say where its kink is."""

    kinks = ()


@pytest.mark.parametrize("hidden", [Leaky(0.1), Leaky(0.0), Staircase(0.0)], ids=repr)
def test_your_own_activation_with_kinks_passes(hidden):
    for seed in range(5):
        check = check_gradient(*example(hidden, init=unit_normal, seed=seed), entries=1000)
        assert check.passed, str(check)


def on_a_kink(hidden, bias):
    """One unit whose sum is 1 + bias, one whose sum is 3/2, for the one input 1."""
    network = Network(Parameters((1, 2, 1), np.array([1, 1, bias, 0.5, 1, 1, 0])), hidden,
                      logistic_squared_error, None)
    return check_gradient(network, np.array([[1.0]]), np.array([[0.0]]))


@pytest.mark.parametrize(("hidden", "bias"), [
    (Leaky(0.1), -1), (Staircase(0.0), -2), (Staircase(0.0), 1), (Staircase(0.0), 1 + 5e-6)],
    ids=repr)
def test_near_any_declared_kink_an_entry_is_skipped(hidden, bias):
    check = on_a_kink(hidden, bias)
    assert check.passed
    assert check.skipped == 2
    assert on_a_kink(hidden, bias + 0.1).skipped == 0
    assert not on_a_kink(Undeclared(0.1), -1).passed   # a wrong slope is told where none is told


def test_a_wrong_slope_of_your_own_is_found():
    class Wrong(Leaky):
        def slope(self, a):
            return np.where(a > 0, 1, 2 * self.leak)

    assert not check_gradient(*example(Wrong(0.1))).passed


def test_what_was_skipped_altogether_is_not_called_right():
    network = Network(Parameters((1, 1, 1), np.zeros(4)), relu, logistic_squared_error, None)
    check = check_gradient(network, np.array([[1.0]]), np.array([[0.0]]))
    assert list(check.errors) == ["W[1]", "b[1]"]
    assert check.skipped == 2


def test_saturated_units_give_numbers():
    network, x, t = example(logistic, logistic_squared_error, init=unit_normal)
    for l in range(3):
        network.W[l] *= 50
    check = check_gradient(network, x, t)
    assert np.isfinite(list(check.errors.values())).all()
    assert check.passed


def test_what_is_no_number_never_passes():
    assert not GradientCheck({"W[0]": 1e-9, "b[0]": float("nan")}, "b[0]", 0).passed
    network, x, t = example()
    network.W[1][0, 0] = np.nan
    assert not check_gradient(network, x, t).passed


def test_on_the_digits_with_the_network_of_2015(tiny):
    from handmlp import Recipe, one_hot
    from handmlp.runs import draw

    network = draw(Recipe(), tiny, np.random.default_rng(0))
    x = network.scaling(tiny.train.images[:10])
    check = check_gradient(network, x, one_hot(tiny.train.labels[:10]))
    assert check.passed, str(check)


# --- Exercises -----------------------------------------------------------------------------------

@pytest.mark.parametrize(("got", "expected", "tolerance"), [
    (3, 3, 0), (np.float32(3), 3, 0), ([1, 2], np.array([1, 2]), 0), (3.05, 3, 0.1),
    (True, 1, 0),
])
def test_a_right_answer(capsys, got, expected, tolerance):
    check_answer(got, expected, "Count again.", tolerance)
    assert capsys.readouterr().out == "right\n"


@pytest.mark.parametrize(("got", "expected", "said"), [
    (4, 3, "got 4. Count"), ([1, 2], [1, 3], "got [1, 2]. Count"), (float("nan"), 3, "got nan"),
    (np.zeros((2, 3)), np.zeros((3, 2)), "expected shape (3, 2), got (2, 3). Count"),
    (3, [3], "expected shape (1,), got (). Count"),
    (None, 3, "got None. Count"),
    ("many", 3, "expected numbers, got 'many'"), ([[1], [1, 2]], 3, "expected numbers"),
])
def test_a_wrong_answer_says_what_is_off_and_never_fails(capsys, got, expected, said):
    check_answer(got, expected, "Count again.")
    out = capsys.readouterr().out
    assert out.startswith("not yet: ")
    assert said in out
    assert "again." in out


@pytest.mark.parametrize("got", [..., [..., 1], (0.5, ...)])
def test_an_answer_that_is_missing_is_not_wrong(capsys, got):
    check_answer(got, [1, 2], "Count again.")
    check_goal(..., 0.5, "accuracy")
    assert is_missing(1, got)
    assert capsys.readouterr().out == "not yet: put your answer in place of the ...\n" * 3
    assert not is_missing(1, [2, 3], "a word")
    assert capsys.readouterr().out == ""


def test_goals(capsys):
    check_goal(0.951, 0.94, "accuracy")
    check_goal(0.94, 0.94, "accuracy")
    check_goal(0.9, 0.94, "accuracy")
    check_goal(float("nan"), 0.94, "accuracy")
    assert capsys.readouterr().out.splitlines() == [
        "reached: accuracy is 0.951, the goal was 0.94",
        "reached: accuracy is 0.94, the goal was 0.94",
        "not yet: accuracy is 0.9, the goal is 0.94",
        "not yet: accuracy is nan, the goal is 0.94"]
