"""words.py and experiments.py: numbers as the prose prints them, and what they are made of."""

import numpy as np
import pytest

from handmlp import Recipe
from handmlp.book import experiments, words
from handmlp.measures import Epoch
from handmlp.records import Results, compare
from handmlp.records.comparison import Difference
from handmlp.runs import History

RECIPE = Recipe(epochs=0)


def history(recipe, right=0, seed=0, diverged_at=None):
    """Of ten images of each class, `right` of those of class 0 are called 0, and all others."""
    confusion = np.diag([right] + 9 * [10])
    confusion[0, 1] = 10 - right
    return History(recipe, seed, (Epoch(0, 1.0, right / 10, 1.0, confusion, ()),), diverged_at)


def results(*runs):
    """Runs at a learning rate of 0.1, then runs at 1."""
    recipes = [RECIPE.but(learning_rate=rate) for rate in (0.1, 1.0)]
    return Results({recipe: [history(recipe, *run) for run in each]
                    for recipe, each in zip(recipes, runs)})


@pytest.mark.parametrize(("got", "expected"), [
    (words.signed(-0.5), "−0.500"),
    (words.signed(0.5, "+.1f"), "+0.5"),
    (words.signed(-3, "g"), "−3"),
    (words.percent(0.97531), "97.5\u00a0%"),
    (words.percent(0.5, 0), "50\u00a0%"),
    (words.spread([0.9, 0.92]), "91.0\u00a0±\u00a01.4"),
    (words.points(Difference(0.0123, -0.001, 0.03, 5)), "+1.23 (−0.10 to +3.00)"),
    (words.points(Difference(-1.26, -2, -0.5, 5), 1, "+.1f"), "−1.3 (−2.0 to −0.5)"),
    (words.listed([1, 2, 3]), "1, 2 and 3"),
    (words.listed("ab", "or"), "a or b"),
    (words.listed(["a"]), "a"),
    (words.scientific(0.0000314), "3 · 10⁻⁵"),
    (words.scientific(-2.2e12), "−2 · 10¹²"),
    (words.matrix(np.array([[1, -0.5], [0.25, 2]])),
     r"\begin{pmatrix} 1.000 & -0.500 \\ 0.250 & 2.000 \end{pmatrix}"),
    (words.aligned("a &= 1", "b &= 2"),
     "$$\n\\begin{aligned}\na &= 1 \\\\\nb &= 2\n\\end{aligned}\n$$"),
])
def test_numbers_in_words(got, expected):
    assert got == expected


def test_a_verdict_is_given_only_where_the_interval_leaves_out_zero():
    assert words.verdict(Difference(1.0, 0.5, 1.5, 5)) == "a clear gain"
    assert words.verdict(Difference(-1.0, -1.5, -0.5, 5)) == "a clear loss"
    assert words.verdict(Difference(1.0, -0.5, 2.5, 5)).startswith("no difference")
    assert words.verdict(Difference(1.0, -0.5, 2.5, 5), "open") == "open"


def test_accuracies_of_a_sweep_in_words():
    assert words.rates(results([(4,), (6,)], [(9,), (9,)])) == "95.0 % at 0.1, 99.0 % at 1"
    assert words.rates(results([(4,)], [(9, 0, (0, 1))])) == "94.0 % at 0.1, diverged at 1"


def test_the_best_rate_has_the_highest_mean_and_a_run_that_diverged_counts_as_0():
    low, high = sweep = results([(4,), (4,)], [(9,), (3,)])
    assert experiments.best_recipe(sweep) == high
    low, high = sweep = results([(4,), (4,)], [(9,), (9, 1, (0, 1))])
    assert experiments.best_recipe(sweep) == low
    low, high = sweep = results([(9,), (9, 1, (0, 1))], [(4,), (4,)])
    assert experiments.best_recipe(sweep) == high


def test_a_sleeper_names_fewer_than_one_in_ten_images_of_its_digit():
    deaf, awake = history(RECIPE, 0), history(RECIPE, 1)
    assert experiments.count_asleep([deaf, awake]) == [1, 0]
    woken = History(RECIPE, 0, (*deaf.epochs, *awake.epochs))
    assert experiments.count_asleep([woken]) == [0]
    assert experiments.count_asleep([woken], epoch=0) == [1]


def test_a_sweep_compares_one_recipe_at_some_rates(tiny):
    recipe = Recipe(images=100, epochs=1)
    swept = experiments.sweep(recipe, 0.1, 0.3, data=tiny)
    assert [each.learning_rate for each in swept] == [0.1, 0.3]
    assert [history.seed for history in next(iter(swept.values()))] == [0, 1, 2]
    one = experiments.sweep(recipe, 0.3, data=tiny, seeds=[1])
    assert repr(one) == repr(compare(recipe.but(learning_rate=0.3), data=tiny, seeds=[1]))
