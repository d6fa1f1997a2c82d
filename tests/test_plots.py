"""Pictures are drawn from histories, leave no trace, and tell lines apart without colour."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from handmlp import Recipe, fan_in
from handmlp.book import plots
from handmlp.book.story import STORY
from handmlp.measures import Epoch, WeightStatistics
from handmlp.records import Results
from handmlp.runs import History

AFTER = Recipe(init=fan_in)


def history(recipe=AFTER, seed=0, right=(1, 5, 9), diverged_at=None, limit=1.0):
    """A made-up history: of ten images of class 0, `right` are called 0, the others 1."""
    weights = WeightStatistics.of(np.array([[-1.0, 0.0], [0.5, 1.0]]) * limit)
    epochs = []
    for number, hits in enumerate(right):
        confusion = np.zeros((10, 10), int)
        confusion[0, :2] = hits, 10 - hits
        epochs.append(Epoch(number, 1 / (number + 1), hits / 10, 1.0, confusion, (weights,)))
    return History(recipe, seed, tuple(epochs), diverged_at)


@pytest.fixture
def results():
    before = Recipe(epochs=2)
    return Results({before: [history(before, s, (1, 2, 2 + s)) for s in range(3)],
                    AFTER.but(epochs=2): [history(AFTER.but(epochs=2), s) for s in range(3)]})


@pytest.fixture
def rates():
    """Two sweeps over learning rates: ten images, of which so many are right at each seed."""
    def runs(recipe, *right):
        return [history(recipe, seed, (1, hits)) for seed, hits in enumerate(right)]

    first, second = STORY[1].but(epochs=1), Recipe(batch_size=7, epochs=1)
    return {STORY[1]: Results({first.but(learning_rate=0.1): runs(first, 2, 4),
                               first.but(learning_rate=1.0): runs(first, 5, 5)}),
            second: Results({second.but(learning_rate=0.3): runs(second, 9)})}


@pytest.fixture(autouse=True)
def no_trace():
    """Every plot leaves the global style as it was; figures are closed by the page."""
    mpl.use("agg")
    before = mpl.rcParams.copy()
    yield
    plt.close("all")
    assert mpl.rcParams == before


def test_learning_curves_draw_the_mean_and_a_band_of_one_standard_deviation(results):
    ax = plots.learning_curves(results)
    first = ax.lines[0]
    # after epoch 2: 2, 3 and 4 of 10 are right; mean 30 %, standard deviation 10 points
    assert np.allclose(first.get_ydata(), [10, 20, 30])
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert band.min() == pytest.approx(10)
    assert band.max() == pytest.approx(40)


def test_learning_curves_leave_out_a_run_that_diverged():
    recipe = Recipe(epochs=2)
    runs = [history(recipe), history(recipe, 1, (1, 1), diverged_at=(2, 7))]
    ax = plots.learning_curves(Results({recipe: runs}))
    assert np.allclose(ax.lines[0].get_ydata(), [10, 50, 90])


def test_a_band_counts_epochs_from_where_it_is_told():
    ax = plots.figure()[1][0]
    line = plots.band(ax, np.array([[1.0, 2.0], [3.0, 4.0]]), first=1, color="black")
    assert np.allclose(line.get_xydata(), [[1, 2], [2, 3]])
    assert plots.band(ax, np.array([[1.0, 2.0]])) in ax.lines  # one run has a mean and no band
    assert len(ax.collections) == 1


def test_accuracy_by_rate_draws_the_mean_at_each_rate(rates):
    ax = plots.accuracy_by_rate(rates, ["old", "new"])
    assert np.allclose(ax.lines[0].get_xydata(), [[0.1, 30], [1, 50]])
    bar = ax.containers[0][2][0].get_segments()[0]
    assert np.ptp(bar[:, 1]) == pytest.approx(2 * 10 * np.sqrt(2))  # 20 and 40: sd 10 √2
    assert [text.get_text() for text in ax.get_legend().texts] == ["old", "new"]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0.1", "0.3", "1"]
    assert ax.containers[0].lines[0].get_color() == plots.INKS[1]
    styles = plots.line_styles([STORY[3], STORY[4]])
    ax = plots.accuracy_by_rate(rates, ["old", "new"], styles)
    assert [bars.lines[0].get_color() for bars in ax.containers] == [*plots.INKS[3:5]]


def test_many_figures_before_they_are_shown_are_no_reason_to_warn(results, recwarn):
    for _ in range(21):
        plots.learning_curves(results)
        plots.digits(np.zeros((1, 784)))
    assert not recwarn.list


def test_lines_differ_in_colour_dash_and_mark(results):
    for get in ("get_color", "get_linestyle", "get_marker"):
        kinds = [getattr(line, get)() for line in plots.learning_curves(results).lines]
        assert len(set(map(str, kinds))) == len(kinds)
    styles = [plots.line_style(None, place) for place in range(len(plots.INKS))]
    assert len({(s["marker"], str(s["linestyle"])) for s in styles}) == len(styles)


def test_a_recipe_of_the_story_keeps_its_colour_wherever_it_stands():
    for place, recipe in enumerate(STORY):
        assert plots.line_style(recipe, 99)["color"] == plots.INKS[place]


def test_other_recipes_take_what_the_story_leaves_free_in_a_figure():
    second = STORY[1]
    mine = [Recipe(learning_rate=rate) for rate in (0.5, 0.7)]
    inks = [style["color"] for style in plots.line_styles([mine[0], second, mine[1]])]
    assert inks == [plots.INKS[0], plots.INKS[1], plots.INKS[2]]
    inks = [style["color"] for style in plots.line_styles([mine[0], STORY[0]])]
    assert inks == [plots.INKS[1], plots.INKS[0]]


def test_no_two_lines_of_a_figure_look_alike_however_many_there_are():
    for recipes in ([None] * 20, [*STORY, None, None], [STORY[3], *[None] * 9]):
        styles = [tuple(map(str, style.values())) for style in plots.line_styles(recipes)]
        assert len(set(styles)) == len(recipes)


def test_legend_names_what_differs_unless_told(results):
    def texts(ax):
        return [text.get_text() for text in ax.get_legend().texts]

    assert texts(plots.learning_curves(results)) == ["unit normal", "fan in"]
    assert texts(plots.learning_curves(results, labels=["old", "new"])) == ["old", "new"]


def test_labels_of_curves_that_end_together_do_not_overlap():
    plots.label_ends(plots.figure()[1][0].plot(np.ones((3, 4))), "abcd")
    texts = plt.gca().texts
    assert [text.get_text() for text in texts] == [*"abcd"]
    lifts = [text.xyann[1] for text in texts]
    assert np.allclose(np.diff(sorted(lifts)), 12)      # points: a line of text
    assert np.allclose(np.mean(lifts), 0)
    lines = plots.figure()[1][0].plot([[0, 0, 0], [0, 50, 100]])
    plots.label_ends(lines, "abc")
    assert [text.xyann[1] for text in lines[0].axes.texts] == pytest.approx([0, 0, 0], abs=1e-9)


def test_places_move_apart_as_little_as_need_be():
    assert np.allclose(plots.apart([5, 0, 5], 2), [4, 0, 6])
    assert np.allclose(plots.apart([3, 1, 2, 9], 2), [4, 0, 2, 9])


def test_histograms_are_densities_on_one_scale():
    axes = plots.weight_histograms([history(), history(limit=0.1)], labels=["a", "b"])
    assert axes[0].get_xlim() == axes[1].get_xlim() == (-1, 1)
    for ax in axes:
        for stairs in ax.patches:
            values, edges, _ = stairs.get_data()
            assert (values * np.diff(edges)).sum() == pytest.approx(1)  # the area is all weights


def test_confusion_matrix_writes_shares_of_each_row():
    ax = plots.confusion_matrix(history().last.confusion)
    assert {text.get_text() for text in ax.texts} == {"90", "10", ""}


def test_a_heat_map_writes_each_number_in_an_ink_that_stands_out():
    values = np.array([[0, 0.5, 1.0], [0.25, np.nan, 0.9]])
    ax = plots.heat_map(values, ["1 layer", "2 layers"], [0.1, 0.3, 1.0], "{:.2f}".format)
    assert [text.get_text() for text in ax.texts] == ["0.00", "0.50", "1.00", "0.25", "0.90"]
    pale = {text.get_text() for text in ax.texts if text.get_color() == "#fffffe"}
    assert pale == {"1.00", "0.90"}
    assert [label.get_text() for label in ax.get_yticklabels()] == ["1 layer", "2 layers"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.1", "0.3", "1.0"]
    assert plots.heat_map(values, "ab", "cde", limits=(-1, 2)).images[0].get_clim() == (-1, 2)


def test_digits_and_weights_fill_a_grid():
    made = plots.digits(np.zeros((7, 784), np.uint8), titles=list("abcdefg"))
    assert [ax.get_title(loc="left") or ax.get_title() for ax in made.axes][:7] == list("abcdefg")
    assert len(made.axes) == 10
    W = np.zeros((784, 3))
    W[0, 0] = -2.0
    limits = {image.get_clim() for ax in plots.weights_as_images(W).axes for image in ax.images}
    assert limits == {(-2.0, 2.0)}  # zero in the middle, one scale for all
