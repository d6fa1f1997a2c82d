"""Recipes side by side over seeds, and what the difference is."""

import json

import joblib
import numpy as np
import pytest

from handmlp import (
    Dataset,
    History,
    Recipe,
    Splits,
    fan_in,
    normal,
    run,
    softmax_cross_entropy,
    tanh,
)
from handmlp.activations import Activation
from handmlp.measures import Epoch, asleep, own_share
from handmlp.records import (
    Difference,
    Results,
    compare,
    difference_on_images,
    paired_difference,
)
from handmlp.records.comparison import NO_BREAK

QUICK = Recipe(units=(10,), hidden=tanh, output=softmax_cross_entropy, init=fan_in,
               learning_rate=0.1, epochs=1)


@pytest.fixture
def here():
    """Train in this process, which starts sooner than others would."""
    with joblib.parallel_config(backend="sequential"):
        yield


def epoch(number, right, of=100):
    """An epoch with two classes: `right` of 100 images are called by their name."""
    return Epoch(number, 1 - right / of, right / of, 1.0,
                 np.array([[right - 1, 0], [of - right, 1]]), ())


def history(recipe, seed, *right, diverged_at=None):
    return History(recipe, seed, tuple(epoch(i, n) for i, n in enumerate(right)), diverged_at)


A, B = QUICK, QUICK.but(init=normal(1.0), learning_rate=0.5)
RESULTS = Results({A: [history(A, 0, 10, 90), history(A, 1, 10, 92), history(A, 2, 10, 94)],
                   B: [history(B, 0, 20, 80), history(B, 1, 20, diverged_at=(1, 7)),
                       history(B, 2, 20, 86)]})


def plain(text):
    """The same with spaces at which a line may break."""
    return text.replace(NO_BREAK, " ")


def test_results_by_recipe():
    assert list(RESULTS) == [A, B]
    assert [one.seed for one in RESULTS[A]] == [0, 1, 2]
    np.testing.assert_allclose(RESULTS.curves(A, "validation_accuracy"),
                               [[0.1, 0.9], [0.1, 0.92], [0.1, 0.94]])


def test_a_table_says_mean_and_spread_over_seeds():
    # 90, 92, 94: mean 92, standard deviation √((4 + 0 + 4) / 2) = 2
    assert RESULTS.summary(A) == "92.00 ± 2.00 %".replace(" ", NO_BREAK)


def test_runs_that_diverged_are_left_out_and_said():
    # 80 and 86: mean 83, standard deviation √((9 + 9) / 1) = 4.24
    assert plain(RESULTS.summary(B)) == "83.00 ± 4.24 % (1 of 3 diverged)"
    np.testing.assert_array_equal(RESULTS.final(B), [0.8, np.nan, 0.86])
    assert np.isnan(RESULTS.curves(B, "loss")[1]).all()     # not even the epoch before it
    none = Results({A: [history(A, 0, 10, diverged_at=(1, 1))]})
    assert plain(none.summary(A)) == "no run finished (1 of 1 diverged)"
    never = Results({A: [History(A, 0, (), (0, 0))]})
    assert plain(never.summary(A)) == "no run finished (1 of 1 diverged)"
    assert np.isnan(never.final(A)).all()


def test_one_run_has_no_spread():
    assert Results({A: [history(A, 0, 10, 90)]}).summary(A) == f"90.00{NO_BREAK}%"


def test_networks_that_call_everything_the_same_are_counted():
    """9.80 % and 11.35 % on the test images are not accuracies but shares of one digit."""
    same = Epoch(1, 1.0, 0.1, 1.0, np.array([[0, 10], [0, 90]]), ())
    results = Results({A: [History(A, 0, (epoch(0, 50), same)), history(A, 1, 50, 90)]})
    assert plain(results.summary(A)) == "90.00 ± 0.00 % (1 of 2 call every image the same)"


def test_on_all_images_only_what_was_measured_is_told():
    """The last ladder: trained on all 60,000 images, none held out, and read on the test images."""
    def ended(recipe, seed, test):
        nothing = np.zeros((2, 2), int)
        last = Epoch(1, 0.1, 0.9, np.nan, nothing, (), test)
        return History(recipe, seed, (Epoch(0, 1.0, 0.1, np.nan, nothing, ()), last))

    results = Results({A: [ended(A, 0, 0.9), ended(A, 1, 0.92)], B: [ended(B, 0, 0.8)]})
    assert plain(results.summary(A, "test_accuracy")) == "91.00 ± 1.41 %"
    assert plain(results.summary(B, "test_accuracy")) == "80.00 %"
    assert results.summary(A) == "not measured"     # and none "calls every image the same"
    assert np.isnan(results.curves(A, "test_accuracy")[:, 0]).all()
    assert asleep(results[A][0].last.confusion) == []


def test_a_label_is_the_change():
    assert [RESULTS.label(one) for one in RESULTS] == ["fan in, learning rate 0.1",
                                                       "normal(1.0), learning rate 0.5"]
    decays = Results({QUICK.but(weight_decay=d): [] for d in (0.0, (0.1, 0.0))})
    assert [decays.label(one) for one in decays] == ["weight decay 0.0", "weight decay (0.1, 0.0)"]
    assert Results({A: []}).label(A) == repr(A)            # nothing to tell it from
    assert plain(repr(RESULTS)) == ("fan in, learning rate 0.1: 92.00 ± 2.00 %\n"
                             "normal(1.0), learning rate 0.5: 83.00 ± 4.24 % (1 of 3 diverged)")


def test_a_paired_difference_by_hand():
    # Changes 1, 2, 3: mean 2, standard deviation 1. Student's t for 2 degrees of freedom at
    # 97.5 % is 4.3027, so the half-width is 4.3027 / √3 = 2.4841.
    found = paired_difference([11, 22, 33], [10, 20, 30])
    assert (found.mean, found.pairs) == (2, 3)
    assert found.low == pytest.approx(2 - 2.4841, abs=1e-4)
    assert found.high == pytest.approx(2 + 2.4841, abs=1e-4)
    assert not found.is_clear


def test_a_difference_on_images_by_hand():
    # Two seeds gain .5 and 1 on four images: mean .75, deviation .3536, over √2 is .25, and
    # Student's t for one degree of freedom is 12.706. The images gain 1, 1, .5, .5: deviation
    # .2887, over √4 is .1443, times 1.96.
    after, before = np.array([[1, 1, 1, 0], [1, 1, 1, 1]]), np.array([[0, 0, 1, 0], [0, 0, 0, 0]])
    found = difference_on_images(after, before)
    half = np.hypot(12.706 * 0.25, 1.96 * 0.1443)
    assert (found.mean, found.pairs) == (0.75, 2)
    assert found.low == pytest.approx(0.75 - half, abs=1e-3)
    assert found.high == pytest.approx(0.75 + half, abs=1e-3)


def test_its_width_is_that_of_a_bootstrap_over_seeds_and_images():
    rng = np.random.default_rng(0)
    seeds, images = 40, 300
    gain = 0.1 + 0.05 * rng.standard_normal((seeds, 1)) + 0.8 * rng.standard_normal(images)
    found = difference_on_images(gain, np.zeros((seeds, images)))
    again = [gain[rng.integers(seeds, size=seeds)][:, rng.integers(images, size=images)].mean()
             for _ in range(4000)]
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * np.std(again), rel=0.06)


@pytest.mark.parametrize(("after", "before", "said"), [
    (np.ones((2, 3)), np.ones((1, 3)), r"shapes \(2, 3\) and \(1, 3\)"),
    (np.ones(3), np.ones(3), r"shapes \(3,\)"), (np.ones((1, 3)), np.ones((1, 3)), "got 1")])
def test_images_that_give_no_interval_are_refused(after, before, said):
    with pytest.raises(ValueError, match=said):
        difference_on_images(after, before)


def test_pairs_matter():
    """The same six numbers, paired otherwise, leave the difference in doubt."""
    assert paired_difference([0.9, 0.8, 0.7], [0.8, 0.7, 0.601]).is_clear
    assert not paired_difference([0.7, 0.8, 0.9], [0.8, 0.7, 0.601]).is_clear


def test_a_difference_says_so_in_points():
    assert str(Difference(0.021, -0.0035, 0.0455, 5)) == (
        f"+2.10 points (95{NO_BREAK}% interval −0.35 to +4.55, 5 pairs)")
    assert str(Difference(-0.021, -0.03, -0.01, 5)).startswith("−2.10 points")
    assert Difference(-0.02, -0.03, -0.01, 5).is_clear


def test_a_pair_with_a_run_that_diverged_is_left_out():
    difference = RESULTS.difference(A, B)               # +10 and +8 points; the middle pair is out
    assert difference.pairs == 2
    assert difference.mean == pytest.approx(0.09)


@pytest.mark.parametrize(("after", "before", "said"), [
    ([1, 2], [1, 2, 3], r"shapes \(2,\) and \(3,\)"),
    ([[1, 2]], [[1, 2]], r"shapes \(1, 2\)"),
    ([1], [2], "at least two pairs, got 1"),
    ([1, np.nan], [2, 3], "at least two pairs, got 1"),
])
def test_what_gives_no_interval_is_refused(after, before, said):
    with pytest.raises(ValueError, match=said):
        paired_difference(after, before)


def test_asleep_is_what_is_hardly_ever_called_by_its_name():
    confusion = np.array([[9, 91, 0], [10, 90, 0], [0, 0, 0]])      # no image of the third class
    np.testing.assert_allclose(own_share(confusion), [0.09, 0.9, 0])
    assert asleep(confusion) == [0]
    assert asleep(confusion[::-1, ::-1]) == [2]
    assert asleep(np.array([[10, 90], [0, 100]])) == []             # a tenth is not fewer


def test_compare_runs_each_recipe_at_each_seed(tiny, here):
    results = compare(A, B, data=tiny, seeds=range(2))
    assert list(results) == [A, B]
    for recipe in (A, B):
        for seed, got in enumerate(results[recipe]):
            expected = run(recipe, tiny, seed)[1]
            assert (got.recipe, got.seed) == (recipe, seed)
            np.testing.assert_array_equal(got.curve("loss"), expected.curve("loss"))
            assert got.last.weights == expected.last.weights
            assert got.last.test_accuracy is None


def test_seeds_may_be_anything_that_can_be_counted_off(tiny, here):
    results = compare(A, B, A, data=tiny, seeds=(seed for seed in [4, 2]))
    assert [[one.seed for one in results[recipe]] for recipe in results] == [[4, 2], [4, 2]]
    assert compare(A, data=tiny, seeds=np.arange(1))[A][0].seed == 0


def test_the_test_accuracy_comes_when_asked_for(tiny, here):
    results = compare(A, data=tiny, seeds=[0], test=True)
    assert results.final(A, "test_accuracy")[0] == run(A, tiny, 0, test=True)[1].last.test_accuracy


def test_runs_tell_each_image_when_asked_for(tiny, here, tmp_path):
    results = compare(A, data=tiny, seeds=[0, 1], test=True, images=True)
    for name, part in [("right", tiny.validation), ("test_right", tiny.test)]:
        right = results.right(A, name)
        for row, seed in zip(right, [0, 1]):
            expected = run(A, tiny, seed)[0].predict(part.images) == part.labels
            np.testing.assert_array_equal(row, expected)
    assert (results.right(A).mean(axis=1) == results.final(A)).all()
    with pytest.raises(ValueError, match="images are told by runs that end and are compared with"):
        compare(A, data=tiny, seeds=[0]).right(A, "test_right")
    with pytest.raises(ValueError, match="images are told"):
        compare(B.but(learning_rate=1e30), data=tiny, seeds=[0], images=True).right(
            B.but(learning_rate=1e30))


def test_a_run_on_record_that_does_not_tell_is_made_again(tiny, here, tmp_path):
    path = tmp_path / "runs.jsonl"
    compare(A, data=tiny, seeds=[0], logbook=path)
    line = json.loads(path.read_text())
    del line["right"], line["test_right"]                   # as lines of the first edition
    path.write_text(json.dumps(line) + "\n")
    assert compare(A, data=tiny, seeds=[0], logbook=path)[A][0].last.right is None
    assert len(path.read_text().splitlines()) == 1
    told = compare(A, data=tiny, seeds=[0], logbook=path, images=True)
    assert told.right(A).shape == (1, 200)
    assert len(path.read_text().splitlines()) == 2
    compare(A, data=tiny, seeds=[0], logbook=path, images=True, test=True)
    assert len(path.read_text().splitlines()) == 3


def test_a_sweep_over_rates_survives_the_one_that_is_too_high(tiny, here):
    # Decay times rate is 1000, so weights grow a thousandfold at each step.
    wild = QUICK.but(learning_rate=1000, weight_decay=1.0)
    results = compare(A, wild, data=tiny, seeds=range(2))
    assert plain(results.summary(wild)) == "no run finished (2 of 2 diverged)"
    assert "diverged" not in results.summary(A)


def test_side_by_side_in_processes_of_their_own_the_bits_are_the_same(tiny):
    """Also for an activation that exists in this notebook, or test, alone."""
    class Wave(Activation):
        def __call__(self, z, out=None):
            return np.sin(z, out=out)

        def slope(self, a):
            return np.sqrt(1 - a * a)

    own = QUICK.but(hidden=Wave())
    results = compare(A, own, data=tiny, seeds=[3])
    for recipe in (A, own):
        got, expected = results[recipe][0], run(recipe, tiny, 3)[1]
        np.testing.assert_array_equal(got.curve("loss"), expected.curve("loss"))
        assert got.last.weights == expected.last.weights


def test_poisoned_test_and_validation_sets_change_no_choice_of_cross_validation(tiny, here):
    def spoiled(part):
        return Dataset(255 - part.images, (part.labels + 1) % 10)

    poisoned = Splits(tiny.train, spoiled(tiny.validation), spoiled(tiny.test))

    def folds(decay):
        recipe = QUICK.but(weight_decay=decay, images=300, wrong_labels=0.2)
        return [recipe.but(fold=(i, 3)) for i in range(3)]

    def scores(data):
        results = compare(*folds(0.0), *folds(0.01), *folds(1.0), data=data, seeds=[0])
        return [np.mean([results.final(one) for one in folds(decay)]) for decay in (0, 0.01, 1)]

    assert scores(poisoned) == scores(tiny)
    assert len(set(scores(tiny))) > 1  # there was something to choose


@pytest.mark.parametrize("progress", [True, False])
def test_how_far_it_is_is_shown_if_wanted(tiny, here, capsys, progress):
    compare(A, data=tiny, seeds=range(2), progress=progress)
    assert ("training: 100%" in capsys.readouterr().err) == progress
    compare(data=tiny, progress=progress)
    assert not capsys.readouterr().err                      # there is nothing to wait for
