"""Pictures of what happened: histories and arrays in, matplotlib Axes out.

Nothing here trains, shows, or changes a global setting. Colours are Okabe and Ito's, in the order
of the story, so that a recipe keeps its colour through the book; dashes and marks tell lines apart
for those who do not see the colours.
"""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from handmlp.experiments import Results
from handmlp.page import COLOURS, STYLE
from handmlp.recipe import History, Recipe
from handmlp.story import STORY
from handmlp.training import WeightStatistics

INKS = (*COLOURS.values(), "black")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 2)), (0, (8, 3)))
MARKS = ("o", "s", "^", "D", "v", "P", "X")


@plt.rc_context(STYLE)
def figure(rows: int = 1, height: float = 3.0) -> tuple[Figure, np.ndarray]:
    """Return a figure of stacked panels in the book's style, and its Axes in an array.

    Parameters
    ----------
    rows : int
        Panels, one above the other, so that they can be read on a phone.
    height : float
        Height of each, in inches; the width is the book's.
    """
    made, axes = plt.subplots(rows, 1, figsize=(5, height * rows), squeeze=False)
    return made, axes[:, 0]


def line_style(recipe: Recipe | None, position: int) -> dict:
    """Return colour, dash and mark: by the place in the story, or else in the figure."""
    place = STORY.index(recipe) if recipe in STORY else position
    place %= len(INKS)
    return {"color": INKS[place], "linestyle": DASHES[place], "marker": MARKS[place]}


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
    ax : Axes, optional
        Where to draw; a new figure otherwise.
    """
    ax = figure()[1][0] if ax is None else ax
    for position, recipe in enumerate(results):
        curves = results.curves(recipe, name)
        curves = curves[np.isfinite(curves[:, -1])] * _unit(name)
        if not len(curves):
            continue
        mean, epochs = curves.mean(axis=0), np.arange(curves.shape[1])
        style = line_style(recipe, position)
        label = labels[position] if labels else results.label(recipe)
        ax.plot(epochs, mean, label=label, markersize=4, **style)
        if len(curves) > 1:
            std = curves.std(axis=0, ddof=1)
            ax.fill_between(epochs, mean - std, mean + std, color=style["color"], alpha=0.2, lw=0)
    _name_curve(ax, name)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1))  # above, where it covers no curve
    return ax


@plt.rc_context(STYLE)
def seed_curves(histories: Sequence[History], name: str = "validation_accuracy",
                ax: Axes | None = None) -> Axes:
    """Draw one curve for each seed of one recipe, with the seed written at its end."""
    ax = figure()[1][0] if ax is None else ax
    for position, history in enumerate(histories):
        curve, style = history.curve(name) * _unit(name), line_style(None, position)
        ax.plot(curve, markersize=4, **style)
        ax.annotate(f"seed {history.seed}", (len(curve) - 1, curve[-1]), (5, 0),
                    textcoords="offset points", va="center", color=style["color"])
    _name_curve(ax, name)
    return ax


def _unit(name: str) -> float:
    return 100.0 if name.endswith("accuracy") else 1.0


def _name_curve(ax: Axes, name: str) -> None:
    ax.set_xlabel("epoch")
    ax.set_ylabel(name.replace("_", " ") + (" in %" if name.endswith("accuracy") else ""))
    ax.xaxis.get_major_locator().set_params(integer=True)


@plt.rc_context(STYLE)
def weight_histograms(histories: Sequence[History], matrix: int = 0,
                      labels: Sequence[str] | None = None, axes: np.ndarray | None = None,
                      epoch: int = -1) -> np.ndarray:
    """Draw the weights of one matrix before and after training, one panel for each history.

    Parameters
    ----------
    histories : sequence of History
        One panel each; all panels share the scale of the weights.
    matrix : int
        Which weight matrix, counted from 0.
    labels : sequence of str, optional
        A title for each panel.
    axes : array of Axes, optional
        Where to draw; a new figure otherwise.
    epoch : int
        Which epoch is "after"; the last one if not said.
    """
    axes = figure(len(histories), 2.2)[1] if axes is None else axes
    limit = max(h.epochs[i].weights[matrix].limit for h in histories for i in (0, epoch))
    for panel, (ax, history) in enumerate(zip(axes, histories)):
        before, after = history.epochs[0], history.epochs[epoch]
        _histogram(ax, before.weights[matrix], "before", 0)
        _histogram(ax, after.weights[matrix], f"after {after.number} epochs", 3)
        ax.set_xlim(-limit, limit)
        ax.set_ylabel("share per unit")
        ax.margins(y=0.45)  # room for the legend above the peak
        ax.legend(loc="upper right", handlelength=1.5)
        if labels:
            ax.set_title(labels[panel])
    axes[-1].set_xlabel(f"weight in W[{matrix}]")
    return axes


def _histogram(ax: Axes, weights: WeightStatistics, label: str, place: int) -> None:
    edges = np.linspace(-weights.limit, weights.limit, len(weights.counts) + 1)
    density = np.array(weights.counts) / sum(weights.counts) / np.diff(edges)
    ax.stairs(density, edges, color=INKS[place], linestyle=DASHES[place],
              label=f"{label}: sd {weights.std:.3g}", fill=False, linewidth=1.5)


@plt.rc_context(STYLE)
def digits(images: np.ndarray, titles: Sequence[str] | None = None, columns: int = 5) -> Figure:
    """Draw images (n, 784) as a grid, black on white, with a title over each."""
    rows = -(-len(images) // columns)
    made, axes = plt.subplots(rows, columns, squeeze=False,
                              figsize=(5, (5 / columns + 0.25 * bool(titles)) * rows))
    for i, ax in enumerate(axes.flat):
        ax.axis("off")
        if i < len(images):
            _image(ax, images[i], "gray_r", 0, 255)
            ax.set_title(titles[i] if titles else "")
    return made


@plt.rc_context(STYLE)
def weights_as_images(W: np.ndarray, titles: Sequence[str] | None = None,
                      columns: int = 5) -> Figure:
    """Draw columns of a weight matrix (784, n) as images: red above 0, white at 0, blue below."""
    limit = np.abs(W).max() or 1.0
    made = digits(W.T, titles, columns)
    for image in (image for ax in made.axes for image in ax.images):
        image.set(cmap="RdBu_r", clim=(-limit, limit))
    return made


def _image(ax: Axes, pixels: np.ndarray, cmap: str, low: float, high: float) -> None:
    side = round(np.sqrt(pixels.size))
    ax.imshow(pixels.reshape(side, side), cmap=cmap, vmin=low, vmax=high, interpolation="nearest")


@plt.rc_context(STYLE)
def confusion_matrix(confusion: np.ndarray, ax: Axes | None = None) -> Axes:
    """Draw how often images of each class (rows) are called each class (columns), in per cent."""
    ax = figure(height=4.2)[1][0] if ax is None else ax
    share = 100 * confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    ax.imshow(share, cmap="Blues", vmin=0, vmax=100)
    for (i, j), value in np.ndenumerate(share):
        if value >= 0.5:
            ax.text(j, i, f"{value:.0f}", ha="center", va="center", size=9.5,
                    color="#fffffe" if value > 72 else "#000001")  # not the page's ink
    ax.set(xlabel="called", ylabel="really", xticks=range(len(share)), yticks=range(len(share)))
    return ax
