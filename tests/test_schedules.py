"""How the learning rate changes: each rule at its ends and between."""

import numpy as np
import pytest

from handmlp import Recipe, Schedule, constant, falling, one_cycle


@pytest.mark.parametrize(("schedule", "factors"), [
    (constant, [1, 1, 1, 1, 1]), (falling, [1, 0.75, 0.5, 0.25, 0]),
    (one_cycle(0.25), [0, 1, 2 / 3, 1 / 3, 0]), (one_cycle(0.5), [0, 0.5, 1, 0.5, 0])], ids=repr)
def test_factors(schedule, factors):
    assert [schedule(done) for done in np.linspace(0, 1, 5)] == pytest.approx(factors)


def test_a_cycle_rises_once_and_falls_once():
    factors = np.array([one_cycle()(done) for done in np.linspace(0, 1, 1001)])
    assert factors.max() == pytest.approx(1)
    assert (np.diff(factors[:301]) > 0).all()
    assert (np.diff(factors[300:]) < 0).all()


@pytest.mark.parametrize("rise", [0, 1, -0.1, 2, float("nan"), "half"], ids=repr)
def test_a_rise_that_is_no_share_is_refused(rise):
    with pytest.raises(ValueError, match=r"rise must be a share in \(0, 1\), got"):
        one_cycle(rise)


def test_it_is_a_choice_of_the_recipe():
    recipe = Recipe(schedule=one_cycle(0.2))
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert repr(recipe) == "Recipe(schedule=one_cycle(0.2))"
    assert isinstance(constant, Schedule)
    with pytest.raises(TypeError, match="schedule must be one of handmlp's schedule values"):
        Recipe(schedule=lambda done: 1)
