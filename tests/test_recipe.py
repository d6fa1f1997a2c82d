"""A recipe, its one change, and a run that can be repeated."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import handmlp
from handmlp import (
    Initialiser,
    Recipe,
    fan_in,
    file_order,
    logistic,
    logistic_squared_error,
    normal,
    relu,
    runs_of,
    softmax_cross_entropy,
    tanh,
    unit_normal,
    unit_range,
    zero_mean,
)
from handmlp.activations import Tanh


def test_without_arguments_it_is_the_network_of_2015():
    assert Recipe() == Recipe(
        units=(100,), hidden=logistic, output=logistic_squared_error, init=unit_normal,
        inputs=unit_range, order=file_order, learning_rate=3.0, batch_size=10, epochs=10,
        momentum=0.0, weight_decay=0.0, rate_decay=1.0)


def test_it_prints_what_was_chosen_and_what_it_prints_makes_it_again():
    recipe = Recipe(units=(30, 20), hidden=tanh, order=runs_of(100), weight_decay=(0.1, 0.0, 0.0))
    assert repr(Recipe()) == "Recipe()"
    assert repr(recipe) == ("Recipe(units=(30, 20), hidden=tanh, order=runs_of(100), "
                            "weight_decay=(0.1, 0.0, 0.0))")
    assert eval(repr(recipe), dict(vars(handmlp))) == recipe == Recipe.from_dict(recipe.to_dict())


def test_one_change():
    baseline = Recipe()
    better = baseline.but(init=fan_in)
    assert better.change_from(baseline) == "init: unit_normal -> fan_in"
    assert better.changes_from(baseline) == {"init": (unit_normal, fan_in)}
    assert baseline == Recipe()                                       # it stays as it was
    two = better.but(learning_rate=0.5)
    assert two.change_from(baseline) == "init: unit_normal -> fan_in, learning_rate: 3.0 -> 0.5"
    assert baseline.change_from(baseline) == ""


def test_a_rule_for_each_weight_matrix():
    recipe = Recipe(init=[fan_in, unit_normal])
    assert recipe == Recipe(init=(fan_in, unit_normal)) != Recipe(init=fan_in)
    assert repr(recipe) == "Recipe(init=(fan_in, unit_normal))"
    assert recipe.to_dict()["init"] == ["fan_in", "unit_normal"]
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert recipe.init_per_matrix == (fan_in, unit_normal)
    assert Recipe(units=(5, 5)).init_per_matrix == (unit_normal,) * 3
    with pytest.raises(TypeError, match="init must be one of handmlp's initialiser values"):
        Recipe(init=(fan_in, 0.1))

    class Own(Initialiser):
        def std(self, fan_in):
            return 0.5

    assert not Recipe(init=(fan_in, Own())).is_handmlps


@pytest.mark.parametrize("targets", [(0.9, 0.1), (0.5, 0.5), (-0.1, 0.9), (0, 1.1), (0, "1")])
def test_targets_are_two_numbers_from_0_to_1_the_lower_first(targets):
    with pytest.raises((ValueError, TypeError), match="targets must be"):
        Recipe(targets=targets)
    assert Recipe(targets=[0, np.float32(1)]) == Recipe()


def test_it_cannot_be_changed_in_place_and_serves_as_a_key():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().epochs = 3
    assert {Recipe(): 1}[Recipe(epochs=10)] == 1
    with pytest.raises(TypeError, match="epoch"):
        Recipe().but(epoch=3)
    with pytest.raises(TypeError):
        Recipe((100,))                                                # by name only


def test_the_kind_of_number_makes_no_other_recipe():
    plain = Recipe(units=(30,), learning_rate=1.0, batch_size=4, weight_decay=(1.0, 0.0))
    assert Recipe(units=30) == Recipe(units=[np.int8(30)]) == Recipe(units=(30,))
    assert repr(Recipe(fold=(np.int64(0), np.uint8(5)))) == repr(Recipe(fold=[0, 5])) == (
        "Recipe(fold=(0, 5))")
    assert Recipe(weight_decay=[1, 0]) == Recipe(weight_decay=(1.0, 0.0))
    other = Recipe(units=(np.int64(30),), learning_rate=np.float64(1), batch_size=np.int32(4),
                   weight_decay=(1, np.float32(0)))
    assert other == plain
    assert repr(other) == repr(plain)
    assert type(other.learning_rate) is type(other.weight_decay[0]) is float
    assert type(other.batch_size) is type(other.units[0]) is int


WRONG = {
    "units": [0, "100", 2.5, None, True, [0], (0,), (2.5,), ("100",), (True,), (-3,)],
    "hidden": ["tanh", np.tanh, None, softmax_cross_entropy],
    "output": ["softmax", tanh, None],
    "init": [0.1, "he", tanh, (fan_in,), (fan_in, fan_in, fan_in), ()],
    "inputs": [None, "unit_range", relu],
    "order": ["shuffled", None, 3],
    "learning_rate": [10**400, 0, -1, float("nan"), float("inf"), "0.1", None, True],
    "batch_size": [0, -1, 2.5, "10", None, True],
    "epochs": [-1, 2.5, "10", None],
    "momentum": [-0.1, 1, 1.5, float("nan"), "0.9"],
    "weight_decay": [-1e-4, float("nan"), "0", None, (0.1,), (0.1, 0.1, 0.1), (0.1, -0.1),
                     [0.1]],
    "rate_decay": [0, -1, 1.01, float("nan"), None],
    "targets": [0.1, None, (0.1,), (0.1, 0.9, 1), "01"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in WRONG
                                             for value in WRONG[name]], ids=repr)
def test_a_choice_that_cannot_be_trained_is_refused_by_name(name, value):
    with pytest.raises((ValueError, TypeError)) as caught:
        Recipe(**{name: value})
    message = str(caught.value)
    assert message.startswith(f"{name} must be ")
    bad = value[1] if value == (0.1, -0.1) else value
    assert message.endswith(f", got {bad!r}")
    assert len(message.split(", got ")[0]) > len(f"{name} must be ") + 5   # what was expected


@pytest.mark.parametrize(("name", "kind"), [
    ("hidden", Tanh), ("init", normal), ("order", runs_of), ("inputs", type(zero_mean))], ids=repr)
def test_a_class_is_not_a_value_and_the_error_says_to_call_it(name, kind):
    with pytest.raises(TypeError, match=rf"{name} must be a value, got the class {kind.__name__}: "
                                        r"call it with what it needs, as in normal\(0.1\)"):
        Recipe(**{name: kind})


@given(units=st.lists(st.integers(1, 99), max_size=3).map(tuple),
       rate=st.floats(1e-6, 1e3), momentum=st.floats(0, 0.99), size=st.integers(1, 999))
def test_every_sensible_recipe_is_made_and_prints_itself(units, rate, momentum, size):
    recipe = Recipe(units=units, learning_rate=rate, momentum=momentum, batch_size=size)
    assert eval(repr(recipe), {"Recipe": Recipe}) == recipe
    assert len(recipe.decay_per_matrix) == len(units) + 1


@pytest.mark.parametrize(("name", "value"), [
    ("images", 0), ("images", 2.5), ("wrong_labels", -0.1), ("wrong_labels", 1.1), ("fold", 3),
    ("fold", (5, 5)), ("fold", (0, 1)), ("fold", (-1, 5)), ("fold", (0, 5, 1))])
def test_a_sample_that_cannot_be(name, value):
    with pytest.raises(ValueError, match=name):
        Recipe(**{name: value})


def test_folds_begin_at_two_halves():
    assert Recipe(fold=(0, 2)).fold == (0, 2)
    assert Recipe(fold=(1, 2)).fold == (1, 2)


def test_a_fold_that_cannot_be_is_told_what_one_is():
    said = r"fold must be \(i, k\), part i of k parts counted from 0, such as \(0, 5\), got .2, 2.$"
    with pytest.raises(ValueError, match="^" + said):
        Recipe(fold=(2, 2))


def test_choices_that_no_recipe_has_are_named():
    with pytest.raises(ValueError, match="^a recipe has no colour, taste$"):
        Recipe.from_dict({"taste": 1, "epochs": 2, "colour": 3})
