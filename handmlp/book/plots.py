"""Pictures of what happened: histories and arrays in, matplotlib Axes out.

Nothing here trains, shows, or changes a global setting. Colours are Okabe and Ito's, in the order
of the story, so that a recipe keeps its colour through the book; dashes and marks tell lines apart
for those who do not see the colours. `ax` is where to draw; without it, a new figure is made.
"""

import math
from collections.abc import Callable, Sequence
from itertools import count

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.optimize import isotonic_regression

from handmlp.book.page import COLOURS, STYLE
from handmlp.book.story import STORY
from handmlp.recipe import Recipe
from handmlp.records import Results
from handmlp.runs import History

INKS = (*COLOURS.values(), "black")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 2)), (0, (8, 3)))
MARKS = ("o", "s", "^", "D", "v", "P", "X")
ABOVE = {"loc": "lower left", "bbox_to_anchor": (0, 1)}  # a legend there covers no curve


@plt.rc_context(STYLE)
def figure(rows: int = 1, height: float = 3.0) -> tuple[Figure, np.ndarray]:
    """Return a figure in the book's style, and its Axes in an array.

    The panels are stacked, so that they can be read on a phone; each has `height` inches.
    """
    made, axes = plt.subplots(rows, 1, figsize=(5, height * rows), squeeze=False)
    return made, axes[:, 0]


def line_styles(recipes: Sequence[Recipe | None]) -> list[dict]:
    """Return colour, dash and mark of each line in a figure.

    A recipe of the story has those of its place there, in every figure. The others share the inks
    that the story leaves free in this one, with other dashes when an ink comes a second time.
    """
    told = [STORY.index(recipe) for recipe in recipes if recipe in STORY]
    free = [ink for ink in range(len(INKS)) if ink not in told]
    others = ((ink, ink + turn) for turn in count(0 if free else 1) for ink in free or told)
    places = [(STORY.index(recipe),) * 2 if recipe in STORY else next(others) for recipe in recipes]
    return [{"color": INKS[ink], "linestyle": DASHES[dash % len(DASHES)],
             "marker": MARKS[dash % len(MARKS)]} for ink, dash in places]


def line_style(recipe: Recipe | None, position: int = 0) -> dict:
    """Return colour, dash and mark: by the place in the story, or else by the position."""
    return line_styles([None] * position + [recipe])[-1]


@plt.rc_context(STYLE)
def band(ax: Axes, curves: np.ndarray, first: int = 0, **style) -> Line2D:
    """Draw the mean of some curves (runs, epochs), and one standard deviation to either side.

    The epochs are counted from `first`; `style` is that of the line, which is returned.
    """
    mean, epochs = curves.mean(axis=0), first + np.arange(curves.shape[1])
    (line,) = ax.plot(epochs, mean, **style)
    if len(curves) > 1:
        std = curves.std(axis=0, ddof=1)
        ax.fill_between(epochs, mean - std, mean + std, color=line.get_color(), alpha=0.2, lw=0)
    return line


@plt.rc_context(STYLE)
def learning_curves(results: Results, name: str = "validation_accuracy",
                    labels: Sequence[str] | None = None, ax: Axes | None = None) -> Axes:
    """Draw the mean over seeds of one curve per recipe, and a band of one standard deviation.

    Parameters
    ----------
    results : Results
        What `compare` returned. Runs that diverged are left out of mean and band.
    name : str
        'validation_accuracy', 'train_accuracy', 'loss' or 'validation_loss'.
    labels : sequence of str, optional
        A name for each recipe; what differs between them, if not said.
    """
    ax = figure()[1][0] if ax is None else ax
    unit, per_cent = (100, " in %") if name.endswith("accuracy") else (1, "")
    labels = labels or [results.label(recipe) for recipe in results]
    for recipe, label, style in zip(results, labels, line_styles([*results])):
        curves = results.curves(recipe, name)
        curves = curves[np.isfinite(curves[:, -1])] * unit
        if len(curves):
            band(ax, curves, label=label, markersize=4, **style)
    if ax.lines:
        ax.legend(**ABOVE)
    ax.set(xlabel="epoch", ylabel=name.replace("_", " ") + per_cent)
    ax.xaxis.get_major_locator().set_params(integer=True)
    return ax


@plt.rc_context(STYLE)
def accuracy_by_rate(sweeps: dict, labels: Sequence[str], styles: Sequence[dict] = ()) -> Axes:
    """Draw the accuracy after the last epoch over the learning rate, one line for each sweep.

    Parameters
    ----------
    sweeps : dict
        What `sweep` returned, by what is compared: a recipe of the story gives a line its style.
    labels : sequence of str
        A name for each.
    styles : sequence of dict, optional
        The styles of other lines: see `line_styles`.
    """
    ax = figure()[1][0]
    for results, label, style in zip(sweeps.values(), labels, styles or line_styles([*sweeps])):
        values = 100 * np.array([results.final(recipe) for recipe in results])
        ax.errorbar([recipe.learning_rate for recipe in results], values.mean(axis=1),
                    values.std(axis=1, ddof=1) if values.shape[1] > 1 else None,
                    capsize=3, markersize=5, label=label, **style)
    rates = sorted({recipe.learning_rate for results in sweeps.values() for recipe in results})
    ax.set(xscale="log", xlabel="learning rate", ylabel="validation accuracy in %")
    ax.set_xticks(rates, [f"{rate:g}" for rate in rates])
    ax.minorticks_off()
    ax.legend(**ABOVE, ncols=2)
    return ax


def apart(places: Sequence[float], least: float) -> np.ndarray:
    """Return the places moved, as little as need be, until they are at least `least` apart."""
    order, steps = np.argsort(places), least * np.arange(len(places))
    moved = np.empty(len(places))
    moved[order] = isotonic_regression(np.take(places, order) - steps).x + steps
    return moved


@plt.rc_context(STYLE)
def label_ends(lines: Sequence[Line2D], labels: Sequence) -> None:
    """Write a label beside the last point of each line, none over another.

    The scale and the limits of the axis come first: where labels would touch depends on them.
    """
    ax = lines[0].axes
    ax.autoscale_view()
    ends = np.array([line.get_xydata()[-1] for line in lines])
    heights = ax.transData.transform(ends)[:, 1] * 72 / ax.figure.dpi
    for line, label, end, lift in zip(lines, labels, ends, apart(heights, 12) - heights):
        ax.annotate(label, end, (7, lift), textcoords="offset points", va="center",
                    color=line.get_color(), annotation_clip=False)


@plt.rc_context(STYLE)
def weight_histograms(histories: Sequence[History], matrix: int = 0,
                      labels: Sequence[str] | None = None,
                      axes: Sequence[Axes] | None = None) -> Sequence[Axes]:
    """Draw the weights of one matrix before and after training, one panel for each history.

    Parameters
    ----------
    histories : sequence of History
        One panel each; all panels share the scale of the weights.
    matrix : int
        Which weight matrix, counted from 0.
    labels : sequence of str, optional
        A title for each panel.
    """
    axes = figure(len(histories), 2.2)[1] if axes is None else axes
    limit = max(one.weights[matrix].limit for h in histories for one in (h.epochs[0], h.last))
    for ax, history, label in zip(axes, histories, labels or [""] * len(histories)):
        for epoch, when, place in [(history.epochs[0], "before", 0),
                                   (history.last, f"after {history.last.number} epochs", 3)]:
            weights = epoch.weights[matrix]
            edges = np.linspace(-weights.limit, weights.limit, len(weights.counts) + 1)
            ax.stairs(weights.counts / np.diff(edges) / sum(weights.counts), edges, linewidth=1.5,
                      color=INKS[place], linestyle=DASHES[place],
                      label=f"{when}: sd {weights.std:.3g}")
        ax.set(xlim=(-limit, limit), ylabel="share per unit", title=label)
        ax.margins(y=0.45)  # room for the legend above the peak
        ax.legend(loc="upper right", handlelength=1.5)
    axes[-1].set_xlabel(f"weight in W[{matrix}]")
    return axes


@plt.rc_context(STYLE)
def digits(images: np.ndarray, titles: Sequence[str] | None = None, columns: int = 5) -> Figure:
    """Draw images (n, 784) as a grid, black on white, with a title over each."""
    rows = -(-len(images) // columns)
    made, axes = plt.subplots(rows, columns, squeeze=False,
                              figsize=(5, (5 / columns + 0.25 * bool(titles)) * rows))
    for ax in axes.flat:
        ax.axis("off")
    for ax, image, title in zip(axes.flat, images, titles or [""] * len(images)):
        ax.imshow(image.reshape(2 * [math.isqrt(image.size)]), vmin=0, vmax=255)
        ax.set_title(title)
    return made


@plt.rc_context(STYLE)
def weights_as_images(W: np.ndarray, titles: Sequence[str] | None = None,
                      columns: int = 5) -> Figure:
    """Draw columns of a weight matrix (784, n) as images: red above 0, white at 0, blue below."""
    limit = np.abs(W).max() or 1.0
    made = digits(W.T, titles, columns)
    for ax in made.axes[:W.shape[1]]:
        ax.images[0].set(cmap="RdBu_r", clim=(-limit, limit))
    return made


@plt.rc_context(STYLE)
def heat_map(values: np.ndarray, rows: Sequence, columns: Sequence,
             number: Callable[[float], str] = "{:.0f}".format,
             limits: tuple[float, float] | None = None, ax: Axes | None = None) -> Axes:
    """Draw a table of numbers with a shade for each: the larger, the darker; a NaN is left out.

    Parameters
    ----------
    values : (n, m) array
        What to draw, row by row.
    rows, columns : sequences of n and of m
        What stands at the ticks.
    number : function
        What is written for a value: `"{:.1f}".format`, say.
    limits : two numbers, optional
        What has the lightest and the darkest shade; the least and the largest value if not said.
    """
    ax = figure(height=1 + 0.32 * len(rows))[1][0] if ax is None else ax
    low, high = limits or (np.nanmin(values), np.nanmax(values))
    ax.imshow(values, cmap="Blues", vmin=low, vmax=high, aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        if np.isfinite(value):  # in colours that are not the page's ink or paper
            ink = "#fffffe" if value - low > 0.72 * (high - low) else "#000001"
            ax.text(j, i, number(value), ha="center", va="center", size=9.5, color=ink)
    ax.set_xticks(range(len(columns)), columns)
    ax.set_yticks(range(len(rows)), rows)
    return ax


def confusion_matrix(confusion: np.ndarray, ax: Axes | None = None) -> Axes:
    """Draw how often images of each class (rows) are called each class (columns), in per cent."""
    share = 100 * confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    ax = heat_map(share, range(len(share)), range(len(share)), limits=(0, 100), ax=ax,
                  number=lambda value: f"{value:.0f}" if value >= 0.5 else "")
    ax.set(xlabel="called", ylabel="really", aspect="equal")
    return ax
