"""Choices as values: compared, printed, pickled; and how numbers are checked."""

import dataclasses
import pickle

import numpy as np
import pytest

from handmlp import fan_in, fan_in_times, he, mean_of, normal, runs_of, tanh, zero_mean
from handmlp.activations import Activation
from handmlp.records.logbook import VOCABULARY
from handmlp.values import Value, number, whole

VALUES = [value for value in VOCABULARY.values() if isinstance(value, Value)]


def test_a_value_prints_as_you_would_type_it():
    assert [repr(value) for value in (tanh, fan_in, zero_mean)] == ["tanh", "fan_in", "zero_mean"]
    assert [repr(value) for value in (runs_of(9), normal(0.1), fan_in_times(2), mean_of(-1.5))] \
        == ["runs_of(9)", "normal(0.1)", "fan_in_times(2.0)", "mean_of(-1.5)"]


@pytest.mark.parametrize("value", [*VALUES, runs_of(7), normal(0.3), fan_in_times(2), mean_of(3)],
                         ids=repr)
def test_what_a_value_prints_makes_it_again(value):
    again = eval(repr(value), dict(VOCABULARY))
    assert again == value == pickle.loads(pickle.dumps(value))
    assert hash(again) == hash(value)


def test_values_differ_by_kind_and_by_what_they_hold():
    assert len(set(VALUES)) == len(VALUES) == 16  # none was lost from the vocabulary
    assert normal(1) == normal(1.0) != normal(2)
    assert normal(1.0) != fan_in_times(1.0)
    assert fan_in != he


def test_a_value_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        normal(1.0).size = 2.0


def test_your_own_value_is_not_mistaken_for_one_of_the_same_name():
    class Tanh(Activation):
        pass

    assert repr(Tanh()) == "tanh"
    assert Tanh() != tanh


@pytest.mark.parametrize("given", [2, 2.0, np.float32(2), np.float64(2), np.int64(2)])
def test_any_kind_of_number_is_kept_as_pythons_own(given):
    # NumPy's float64 would turn every float32 array it meets into float64.
    assert type(number("rate", given)) is type(normal(given).size) is float
    assert repr(normal(given)) == "normal(2.0)"


@pytest.mark.parametrize("given", ["2", None, True, float("nan"), float("inf"), [2], 2j, tanh])
def test_what_is_no_number_is_refused_by_name(given):
    for name, make in [("size", normal), ("factor", fan_in_times), ("mean", mean_of)]:
        with pytest.raises(ValueError, match=f"{name} must be a number, got ") as caught:
            make(given)
        assert repr(given) in str(caught.value)


def test_whole_numbers():
    assert type(whole("n", np.int64(3), 1)) is int
    for wrong in (0, 2.0, "3", True, None):
        with pytest.raises(ValueError, match=f"n must be a whole number from 1, got {wrong!r}"):
            whole("n", wrong, 1)
