"""The Lab: the choices of a recipe are knobs, and the pictures follow training epoch by epoch.

`Session` trains in a thread of its own and knows nothing of widgets; `Lab` shows one in a notebook.
"""

import asyncio
import html
import threading
from dataclasses import dataclass, field
from itertools import pairwise

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np

from handmlp import load_mnist
from handmlp.book import plots, words
from handmlp.book.page import STYLE, svg
from handmlp.book.story import BASELINE, STORY
from handmlp.measures import Epoch, asleep, own_share
from handmlp.recipe import KINDS, Recipe
from handmlp.runs import History, start
from handmlp.training import Diverged

CHOICES = {
    "hidden": ("hidden units", ["logistic", "tanh", "relu"]),
    "output": ("output and loss", ["logistic_squared_error", "logistic_cross_entropy",
                                   "softmax_squared_error", "softmax_cross_entropy",
                                   "linear_squared_error"]),
    "init": ("first weights", ["unit_normal", "fan_in", "he", "fan_in_times", "normal"]),
    "inputs": ("inputs", ["unit_range", "zero_mean", "zero_mean_each", "zero_mean_per_pixel",
                          "inverted"]),
    "order": ("order", ["file_order", "shuffled", "shuffled_once", "sorted_by_class", "runs_of"]),
}
NUMBERS = {  # name: what the reader sees, kind, lowest, highest; None: as many as there are images
    "scale": ("scale, for fan_in_times and normal", float, 0, 100),
    "run_length": ("length, for runs_of", int, 1, None),
    "learning_rate": ("learning rate", float, 1e-9, 1_000_000),
    "momentum": ("momentum", float, 0, 0.999),
    "first_decay": ("λ of all weights but the last", float, 0, 100),
    "last_decay": ("λ of the last weights", float, 0, 100),
    "batch_size": ("images in a minibatch", int, 1, None),
    "images": ("images to train on", int, 1, None),
    "wrong_labels": ("share of wrong labels", float, 0, 1),
    "epochs": ("epochs", int, 0, 1000),
    "seed": ("seed", int, 0, 2**32 - 1),
}
UNITS, MOST_LAYERS, MOST_UNITS, MOST_KEPT = "units of each hidden layer", 8, 1000, 4
PAGE_LAYERS = 2  # the most that the Lab on the web takes


# --- from what is typed to a recipe, and back -----------------------------------------------------

def recipe_of(settings: dict[str, str], most_images: int) -> tuple[Recipe, int]:
    """Return the recipe and the seed that the settings say; ValueError names what is wrong."""
    made = {name: _number(settings[name], *knob[:3], knob[3] or most_images)
            for name, knob in NUMBERS.items()}
    made["units"] = units = _units(settings["units"])
    scale, length, seed = made.pop("scale"), made.pop("run_length"), made.pop("seed")
    needs = {"fan_in_times": scale, "normal": scale, "runs_of": length}
    for name in CHOICES:
        chosen = settings[name]
        made[name] = KINDS[name].named(f"{chosen}({needs[chosen]})" if chosen in needs else chosen)
    first, last = made.pop("first_decay"), made.pop("last_decay")
    made["weight_decay"] = (first,) * len(units) + (last,) if first != last else last
    return Recipe(**made), seed


def settings_of(recipe: Recipe, images: int) -> dict[str, str]:
    """Return the settings that say a recipe of the story, with so many images."""
    first, *_, last = recipe.decay_per_matrix * 2
    values = {name: getattr(recipe, name, None) for name in [*CHOICES, *NUMBERS]}
    values |= {"units": ", ".join(map(str, recipe.units)), "scale": 1.0, "run_length": 100,
               "first_decay": first, "last_decay": last, "images": images, "seed": 0}
    return {name: str(value) for name, value in values.items()}


def _number(text: str, label: str, kind: type, low: float, high: float) -> float:
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not low <= value <= high:  # NaN is not either
        what = "a whole number" if kind is int else "a number"
        raise ValueError(f"{label}: expected {what} from {low:g} to {high:,}, "
                         f"got {text[:40]!r}")
    return value


def _units(text: str) -> tuple[int, ...]:
    sizes = [size.strip() for size in text.split(",")] if text.strip() else []
    if len(sizes) > MOST_LAYERS or not all(
            size.isdecimal() and 1 <= int(size[:9]) <= MOST_UNITS for size in sizes):
        raise ValueError(f"{UNITS}: expected at most {MOST_LAYERS} whole numbers from 1 to "
                         f"{MOST_UNITS:,}, such as 100 or 50, 50, or nothing, got {text[:40]!r}")
    return tuple(map(int, sizes))


def code(recipe: Recipe, seed: int) -> str:
    """Return the lines that repeat a run on MNIST."""
    return ("from handmlp import *\n\n"
            f"recipe = {recipe!r}\nnetwork, history = run(recipe, load_mnist(), seed={seed})")


# --- training -------------------------------------------------------------------------------------

@dataclass(eq=False)
class Run:
    """One press of Train: what was set, how far it has come, and how it ended."""

    number: int
    recipe: Recipe
    seed: int
    epochs: list[Epoch] = field(default_factory=list)
    means: list[np.ndarray] = field(default_factory=list)  # of each hidden layer's units
    first_weights: np.ndarray | None = None
    ending: str = ""  # nothing while it is training
    diverged_at: tuple[int, int] | None = None
    asked_to_stop: threading.Event = field(default_factory=threading.Event)

    @property
    def history(self) -> History:
        """What was measured, under the recipe that measures it again: with as many epochs."""
        done = tuple(self.epochs)
        recipe = self.recipe if self.diverged_at else self.recipe.but(epochs=max(0, len(done) - 1))
        return History(recipe, self.seed, done, self.diverged_at)

    def words(self) -> str:
        """Say how far it is, what it reads, and how it ended."""
        if not self.epochs:
            return f"Run {self.number}: {self.ending or 'drawing the first weights.'}"
        last, only = self.epochs[-1], self.history.only_class
        sleeping = [f"the {digit}" for digit in asleep(last.confusion)]
        says = (f"Every image is called {only}: it has learned nothing. " if only is not None else
                f"Asleep: {words.listed(sleeping)}. " if sleeping else "No digit is asleep. ")
        return (f"Run {self.number}, after epoch {last.number} of {self.recipe.epochs}: reads "
                f"{last.train_accuracy:.1%} of its training images as they are labelled, and "
                f"{last.validation_accuracy:.1%} of the {last.confusion.sum():,} for validation. "
                f"{says}{self.ending or 'Training.'}")


class Session:
    """Runs one after the other, each in a thread; `changed` is called when there is news."""

    def __init__(self, data, changed=lambda: None):
        self.data, self.changed = data, changed
        self.run: Run | None = None
        self.kept: list[Run] = []
        self.message, self.thread, self.lock = "", None, threading.Lock()

    @property
    def training(self) -> bool:
        return self.run is not None and not self.run.ending

    def start(self, settings: dict[str, str]) -> bool:
        """Start a run unless one is training; say what is wrong where settings are."""
        with self.lock:
            if self.training:
                return self._say(f"Run {self.run.number} is training. Stop it to start another.")
            try:
                recipe, seed = recipe_of(settings, len(self.data.train))
            except ValueError as error:
                return self._say(f"Nothing was started. {error}")
            self.run = Run(self.run.number + 1 if self.run else 1, recipe, seed)
            self.thread = threading.Thread(target=self._train, args=[self.run], daemon=True)
            self.thread.start()
        self._say("")
        return True

    def stop(self) -> None:
        """Ask the run to stop within a minibatch; what its last whole epoch measured stands."""
        if self.training:
            self.run.asked_to_stop.set()
        else:
            self._say("Nothing is training.")

    def keep(self) -> None:
        """Leave the run on the chart when others come."""
        if self.run is None or self.run in self.kept:
            self._say("There is no new run to keep.")
        elif len(self.kept) == MOST_KEPT:
            self._say(f"{MOST_KEPT} runs are kept, and there is room for no more. Forget one.")
        else:
            self.kept.append(self.run)
            self._say(f"Run {self.run.number} stays on the chart.")

    def forget(self) -> None:
        """Take the oldest kept run off the chart."""
        self._say(f"Run {self.kept.pop(0).number} is forgotten." if self.kept else
                  "No run is kept.")

    def words(self) -> str:
        """Say the news, and how the run is doing."""
        run = self.run.words() if self.run else "Set the knobs and press Train."
        return f"{self.message} {run}".strip()

    def shown(self) -> list[Run]:
        """Return the runs on the chart: those kept, then the latest."""
        return [run for run in dict.fromkeys([*self.kept, self.run]) if run and run.epochs]

    def _say(self, message: str) -> bool:
        self.message = message
        self.changed()
        return False

    def _train(self, run: Run) -> None:
        try:
            network, epochs = start(run.recipe, self.data, run.seed,
                                    stop=run.asked_to_stop.is_set)
            x = network.inputs(self.data.validation.images[:1000])
            for epoch in epochs:
                run.means = [a.mean(axis=0) for a in network.forward(x)[1:-1]]
                run.first_weights = network.W[0].copy()
                run.epochs.append(epoch)
                self.changed()
            run.ending = ("Finished." if len(run.epochs) > run.recipe.epochs else
                          "Stopped; what the last whole epoch measured stands.")
        except Diverged as error:
            run.diverged_at = error.epoch, error.step
            run.ending = f"Diverged: {error}. The epoch before it stands."
        except Exception as error:  # in a thread nobody else would hear of it
            run.ending = f"Failed: {type(error).__name__}: {error}"
        self.changed()


# --- pictures: a figure, and what is to be seen in it ---------------------------------------------

@plt.rc_context(STYLE)
def curves(runs: list[Run]) -> tuple[plt.Figure, str]:
    """Accuracy and loss of the runs on the chart."""
    figure, axes = plots.figure(2, 2.4)
    for run in runs:
        for ax, watched, trained, unit in [(axes[0], "validation_accuracy", "train_accuracy", 100),
                                           (axes[1], "validation_loss", "loss", 1)]:
            style = plots.line_style(None, run.number - 1)
            curve = unit * run.history.curve(watched)
            ax.plot(curve, markersize=3, **style | {"linestyle": "-"})
            ax.plot(unit * run.history.curve(trained), color=style["color"], linestyle=":")
            ax.annotate(f"run {run.number}", (len(curve) - 1, curve[-1]), (5, 0), va="center",
                        textcoords="offset points", color=style["color"])
            ax.margins(x=0.12)
            ax.xaxis.get_major_locator().set_params(integer=True)
    axes[0].set_title("read right, in %: of validation images (of training images: dotted)")
    axes[1].set(title="mean loss", xlabel="epoch")
    ends = ", ".join(f"run {run.number} ends at {run.epochs[-1].validation_accuracy:.1%}"
                     for run in runs)
    return figure, f"Accuracy and loss over the epochs. On the validation images, {ends}."


@plt.rc_context(STYLE)
def histograms(run: Run) -> tuple[plt.Figure, str]:
    """Each weight matrix before training and now."""
    figure, axes = plots.figure(len(run.recipe.units) + 1, 2.0)
    for matrix, ax in enumerate(axes):
        plots.weight_histograms([run.history], matrix, axes=[ax])
    spreads = ", ".join(f"W[{matrix}] from {before.std:.3g} to {after.std:.3g}"
                        for matrix, (before, after) in
                        enumerate(zip(run.epochs[0].weights, run.epochs[-1].weights)))
    return figure, f"Histograms of the weights; their standard deviations went, {spreads}."


@plt.rc_context(STYLE)
def hidden_means(run: Run) -> tuple[plt.Figure, str]:
    """The mean value of each hidden unit over 1,000 validation images."""
    figure, (ax,) = plots.figure()
    for layer, means in enumerate(run.means, 1):
        ax.plot(means, np.full(len(means), layer), "|", color="black", markersize=14, alpha=0.6)
    ax.set(xlabel="mean value of a hidden unit", ylabel="hidden layer",
           yticks=range(1, len(run.means) + 1), ylim=(len(run.means) + 0.6, 0.4))
    ranges = ", ".join(f"layer {layer} from {means.min():.2g} to {means.max():.2g}"
                       for layer, means in enumerate(run.means, 1))
    return figure, f"Mean values of the hidden units: {ranges or 'there is no hidden layer'}."


def first_weights(run: Run) -> tuple[plt.Figure, str]:
    """The weights into the first units, each as an image."""
    W = run.first_weights[:, :20]
    return plots.weights_as_images(W), (
        f"Weights into each of the first {W.shape[1]} units as an image, red above zero and blue "
        f"below; the largest is {np.abs(W).max():.3g}.")


@plt.rc_context(STYLE)
def confusion(run: Run) -> tuple[plt.Figure, str]:
    """What the validation images of each digit are called."""
    counts = run.epochs[-1].confusion
    share = own_share(counts)
    return plots.confusion_matrix(counts).figure, (
        f"Confusion matrix in %. Digit {share.argmax()} is read best, {share.max():.0%}, and "
        f"digit {share.argmin()} worst, {share.min():.0%}.")


PICTURES = {"confusion matrix": confusion, "weights": histograms, "hidden means": hidden_means,
            "first layer as images": first_weights}


# --- in a notebook --------------------------------------------------------------------------------

class Lab(ipywidgets.VBox):
    """A session with its knobs, buttons and pictures; opening one stops the one before."""

    latest = None

    def __init__(self, data=None):
        try:  # all is drawn where the notebook's cells run; training only asks for it
            self.soon = asyncio.get_running_loop().call_soon_threadsafe
        except RuntimeError:  # no notebook
            self.soon = lambda call: call()
        if Lab.latest:
            Lab.latest.close()
        Lab.latest, self.asked, self.drawn = self, False, threading.Event()
        self.session = session = Session(data or load_mnist(), self.changed)
        images = min(5000, len(session.data.train))
        self.knobs = {name: _knob(ipywidgets.Dropdown, label, options=options)
                      for name, (label, options) in CHOICES.items()}
        self.knobs |= {name: _knob(ipywidgets.Text, label, continuous_update=False)
                       for name, (label, *_) in {"units": [UNITS], **NUMBERS}.items()}
        self.story = _knob(ipywidgets.Dropdown, "start from", options={
            "network of 2015": BASELINE,
            **{recipe.change_from(before): recipe for before, recipe in pairwise(STORY)}})
        self.same_start = ipywidgets.Checkbox(True, description="same seed for the next run")
        self.buttons = {"Train": self.train, "Stop": session.stop, "Keep": session.keep,
                        "Forget": session.forget}
        buttons = [ipywidgets.Button(description=name) for name in self.buttons]
        for button in buttons:
            button.on_click(lambda button: self.buttons[button.description]())
        self.which = ipywidgets.ToggleButtons(options=list(PICTURES),
                                              style={"button_width": "auto"})
        self.line, self.words, self.chart, self.picture, self.lines = (
            ipywidgets.HTML() for _ in range(5))
        self.set(settings_of(BASELINE, images))
        self.story.observe(lambda change: self.set(settings_of(change["new"], images)), "value")
        for knob in self.knobs.values():
            knob.observe(lambda _: self.show_line(), "value")
        self.which.observe(lambda _: self.refresh(), "value")
        wrap, half = {"flex_flow": "row wrap"}, {"width": "48%", "min_width": "22em"}
        pictures = [ipywidgets.VBox(parts, layout=half)
                    for parts in ([self.chart], [self.which, self.picture])]
        super().__init__([
            self.story, ipywidgets.Box(list(self.knobs.values()), layout=wrap), self.line,
            ipywidgets.Box([*buttons, self.same_start], layout=wrap), self.words,
            ipywidgets.Box(pictures, layout=wrap), self.lines])
        self.draw()

    def _repr_mimebundle_(self, **kwargs) -> dict:
        words = "The Lab. It needs a running notebook: its knobs and pictures are not kept."
        return super()._repr_mimebundle_(**kwargs) | {"text/plain": words}

    def set(self, settings: dict[str, str]) -> None:
        """Turn the knobs."""
        for name, value in settings.items():
            self.knobs[name].value = value
        self.show_line()

    def settings(self) -> dict[str, str]:
        """Return what the knobs say."""
        return {name: knob.value for name, knob in self.knobs.items()}

    def train(self) -> None:
        """Start a run; the seed of the next is the same, or the next."""
        if self.session.start(self.settings()) and not self.same_start.value:
            self.knobs["seed"].value = str(self.session.run.seed + 1)

    def show_line(self) -> None:
        """Show the lines that the knobs stand for, or what is wrong with them."""
        try:
            text = code(*recipe_of(self.settings(), len(self.session.data.train)))
        except ValueError as error:
            text = str(error)
        self.line.value = _lines("these settings", text)

    def refresh(self) -> None:
        """Ask to be drawn, once, however much has happened before that is done."""
        self.drawn.clear()
        if not self.asked:
            self.asked = True
            self.soon(self.draw)

    def changed(self) -> None:
        """Hear news; training waits a moment, so that no epoch goes by unseen."""
        self.refresh()
        if threading.current_thread() is self.session.thread:
            self.drawn.wait(1)

    def draw(self) -> None:
        """Draw all that changes."""
        self.asked = False
        session, runs = self.session, self.session.shown()
        self.words.value = f'<p role="status">{html.escape(session.words())}</p>'
        self.chart.value = svg(*curves(runs)) if runs else ""
        self.lines.value = "".join(_lines(f"run {run.number}", code(run.history.recipe, run.seed))
                                   for run in runs)
        if session.run and session.run.epochs:
            self.picture.value = svg(*PICTURES[self.which.value](session.run))
        self.drawn.set()

    def close(self) -> None:
        """Stop, and be gone."""
        self.soon = lambda call: None
        self.session.stop()
        super().close()


def _knob(kind: type, label: str, **options) -> ipywidgets.Widget:
    return kind(description=label, style={"description_width": "17em"}, layout={"width": "32em"},
                **options)


def _lines(title: str, text: str) -> str:
    return f'<p>{title}:</p><pre style="white-space:pre-wrap">{html.escape(text)}</pre>'
