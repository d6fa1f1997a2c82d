"""Choices as values: compared, printed, pickled; and how numbers are checked."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest

import handmlp
from handmlp import (
    Activation,
    Initialiser,
    Inputs,
    Order,
    Recipe,
    elastic,
    fan_in,
    fan_in_times,
    he,
    mean_of,
    normal,
    one_cycle,
    runs_of,
    shifted,
    tanh,
    zero_mean,
)
from handmlp.recipe import KINDS
from handmlp.values import Value, number, whole

NAMES = {name: value for name, value in vars(handmlp).items() if isinstance(value, Value)}
MADE = [runs_of(7), normal(0.3), fan_in_times(2), mean_of(-3.5), normal(1e-30), one_cycle(),
        shifted(2), elastic(20, 3, 10)]
VALUES = [*NAMES.values(), *MADE]


def kind_of(value):
    return next(kind for kind in KINDS.values() if isinstance(value, kind))


def test_a_value_prints_as_you_would_type_it():
    assert [repr(value) for value in (tanh, fan_in, zero_mean)] == ["tanh", "fan_in", "zero_mean"]
    assert [repr(value) for value in (runs_of(9), normal(0.1), fan_in_times(2), mean_of(-1.5))] \
        == ["runs_of(9)", "normal(0.1)", "fan_in_times(2.0)", "mean_of(-1.5)"]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_what_a_value_prints_makes_it_again(value):
    again = eval(repr(value), dict(vars(handmlp)))
    assert again == value == pickle.loads(pickle.dumps(value)) == copy.deepcopy(value)
    assert again == kind_of(value).named(repr(value))
    assert hash(again) == hash(value)


def test_values_differ_by_kind_and_by_what_they_hold():
    assert {name: repr(value) for name, value in NAMES.items()} == {name: name for name in NAMES}
    assert len(set(VALUES)) == len(VALUES) == 25 + len(MADE)
    assert normal(1) == normal(1.0) != normal(2)
    assert normal(1.0) != fan_in_times(1.0)
    assert fan_in != he
    assert normal(1.0) != 1.0


@pytest.mark.parametrize("text", [
    "Normal", "normal", "normal()", "normal(1, 2)", "normal(1", "normal(inf)", "normal(\0)", "he)",
    "tanh", "__doc__", "", "initialiser", "value", "normal(__import__('os'))", "he(1)", "he(1)x",
    "unit_normal ", None, 3, "Own(1)", "normal(*[1])", "normal" + 200 * "("])
def test_a_name_that_is_no_choice_of_the_kind_is_refused(text):
    class Own(Initialiser):
        size: float

    with pytest.raises(ValueError, match="initialiser must be one of handmlp's: ") as caught:
        Initialiser.named(text)
    assert str(caught.value).endswith(f", he, normal, unit_normal; got {text!r}")


def test_what_is_no_number_is_refused_in_a_name_as_in_a_call():
    assert Initialiser.named("normal(1)") == normal(1.0)
    with pytest.raises(ValueError, match="size must be a number, got '1'"):
        Initialiser.named("normal('1')")
    with pytest.raises(ValueError, match="length must be a whole number from 1, got 0"):
        Order.named("runs_of(0)")


# --- Your own ------------------------------------------------------------------------------------

class GELU(Activation):
    """Without a field."""


class LeakyReLU(Activation):
    """With one, which goes through `number`."""

    leak: float = 0.01
    kinks = (0.0,)


class Swish(LeakyReLU):
    """With one of the class above, and one more."""

    beta: "float" = 1.0


class Gap(Order):
    """With an `__init__` of its own, and something that it works out."""

    def __init__(self, length, start=0):
        self.length, self.start = length, start


class Worked(Initialiser):
    """What it holds is not what it is given."""

    def __init__(self, variance):
        self.size = variance ** 0.5


@dataclasses.dataclass
class Plain(Inputs):
    mean: float
    size: float = 1.0


@dataclasses.dataclass(frozen=True)
class Frozen(Inputs):
    mean: float
    size: float = 1.0


LATER = """
from __future__ import annotations
from handmlp.initialisers import Initialiser
class Late(Initialiser):
    size: float
    twice: bool = False
"""
later = {"__name__": "later"}
exec(LATER, later)
Late = later["Late"]

OWN = {"GELU()": GELU(), "LeakyReLU(0.01)": LeakyReLU(), "LeakyReLU(0.1)": LeakyReLU(0.1),
       "Swish(0.5, 1.0)": Swish(0.5), "Swish(0.5, 2.0)": Swish(leak=0.5, beta=2),
       "Gap(3, 0)": Gap(3), "Gap(3, 2)": Gap(3, 2), "Plain(2.0, 1.0)": Plain(2.0),
       "Frozen(2.0, 1.0)": Frozen(2.0), "Late(0.5, False)": Late(0.5),
       "Late(0.5, True)": Late(np.float64(0.5), twice=True)}


@pytest.mark.parametrize("text", OWN)
def test_your_own_value_prints_as_it_is_called(text):
    assert repr(OWN[text]) == text
    again = eval(text, globals())
    assert again == OWN[text]
    assert hash(again) == hash(OWN[text])
    assert not OWN[text].is_handmlps
    with pytest.raises(ValueError, match="must be one of handmlp's"):
        kind_of(again).named(text)


def test_your_own_values_differ_as_handmlps_do():
    assert len({*OWN.values(), *VALUES}) == len(OWN) + len(VALUES)
    assert Plain(1.0) != Frozen(1.0)
    assert Plain(1.0) != Plain(2.0)
    assert LeakyReLU(1) == LeakyReLU(1.0)


def test_what_is_worked_out_is_named_in_print():
    assert repr(Worked(4)) == "Worked(size=2.0)"
    assert Worked(4) == Worked(4.0) != Worked(9)


@pytest.mark.parametrize("value", [normal(1.0), *OWN.values(), Worked(4)], ids=repr)
def test_a_value_cannot_be_changed(value):
    for name in vars(value):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, name, 7)


@pytest.mark.parametrize(("make", "said"), [
    (lambda: LeakyReLU("1"), "leak must be a number, got '1'"),
    (lambda: Late(None), "size must be a number, got None"),
    (lambda: Late(), "size"), (lambda: Swish(1, 2, 3), "argument"), (lambda: GELU(1), "argument"),
    (lambda: normal(), "size"), (lambda: normal(1, std=1), "std")], ids=range(7))
def test_what_a_value_is_not_made_of_is_refused(make, said):
    with pytest.raises((ValueError, TypeError), match=said):
        make()


def test_your_own_value_is_not_mistaken_for_one_of_the_same_name():
    class Tanh(Activation):
        pass

    class Normal(Initialiser):
        size: float

    assert repr(Tanh()) == "Tanh()"
    assert Tanh() != tanh
    assert Normal(0.1) != normal(0.1)
    assert Activation.named("tanh") is not Tanh()
    assert type(Activation.named("tanh")) is type(tanh)


@pytest.mark.parametrize("held", [[1], {1: 2}, np.ones(2), {1}], ids=repr)
def test_what_cannot_be_compared_is_refused_in_a_recipe(held):
    with pytest.raises(TypeError, match=r"order must hold what can be compared, .* got Gap\("):
        Recipe(order=Gap(held))


@pytest.mark.parametrize(("name", "kind"), [
    ("hidden", GELU), ("hidden", LeakyReLU), ("init", Late), ("init", normal), ("order", Gap)])
def test_a_class_in_place_of_a_value_says_what_to_do(name, kind):
    with pytest.raises(TypeError, match=rf"{name} must be a value, got the class {kind.__name__}: "
                                        r"call it with what it needs, as in normal\(0.1\)"):
        Recipe(**{name: kind})


# --- Numbers -------------------------------------------------------------------------------------

@pytest.mark.parametrize("given", [2, 2.0, np.float32(2), np.float64(2), np.int64(2)])
def test_any_kind_of_number_is_kept_as_pythons_own(given):
    # NumPy's float64 would turn every float32 array it meets into float64.
    assert type(number("rate", given)) is type(normal(given).size) is float
    assert repr(normal(given)) == "normal(2.0)"


@pytest.mark.parametrize("given", ["2", None, True, float("nan"), float("inf"), [2], 2j, tanh,
                                   10**400, -10**400, np.float32("nan"), np.ones(1)])
def test_what_is_no_number_is_refused_by_name(given):
    for name, make in [("size", normal), ("factor", fan_in_times), ("mean", mean_of)]:
        with pytest.raises(ValueError, match=f"{name} must be a number, got ") as caught:
            make(given)
        assert repr(given) in str(caught.value)


def test_whole_numbers():
    assert type(whole("n", np.int64(3), 1)) is int
    assert whole("n", 10**400, 1) == 10**400
    for wrong in (0, 2.0, "3", True, None):
        with pytest.raises(ValueError, match=f"n must be a whole number from 1, got {wrong!r}"):
            whole("n", wrong, 1)
