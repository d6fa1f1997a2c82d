"""Experiments: the same recipes over several seeds, side by side, and what the difference is."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
from scipy import stats

from handmlp.data import Splits
from handmlp.recipe import Recipe
from handmlp.records.logbook import Job, Logbook
from handmlp.runs import History
from handmlp.values import Value

NO_BREAK = "\N{NO-BREAK SPACE}"


class Results(dict[Recipe, list[History]]):
    """Histories of several recipes, each over the same seeds: `results[recipe]` is a list."""

    def __missing__(self, recipe: Recipe) -> list[History]:
        raise KeyError(f"{recipe} was not compared; these were: {[*self]}. If one of them looks "
                       "the same, a class of your own was defined again since: compare again")

    def label(self, recipe: Recipe) -> str:
        """Name a recipe by the choices in which the compared recipes differ."""
        names = [field.name for field in fields(recipe)
                 if len({getattr(other, field.name) for other in self}) > 1]
        choices = ((name, getattr(recipe, name)) for name in names)
        label = ", ".join(repr(choice).replace("_", " ") if isinstance(choice, Value)
                          else f"{name.replace('_', ' ')} {choice!r}" for name, choice in choices)
        return label or repr(recipe)

    def curves(self, recipe: Recipe, name: str) -> np.ndarray:
        """Return one row per seed and one column per epoch; a run that diverged is a row of NaN."""
        rows = np.full((len(self[recipe]), recipe.epochs + 1), np.nan)
        for row, history in zip(rows, self[recipe]):
            if not history.diverged_at:
                row[:] = history.curve(name)
        return rows

    def final(self, recipe: Recipe, name: str = "validation_accuracy") -> np.ndarray:
        """Return the value after the last epoch, one per seed; NaN where the run diverged."""
        return self.curves(recipe, name)[:, -1]

    def summary(self, recipe: Recipe, name: str = "validation_accuracy") -> str:
        """Return 'mean ± standard deviation over seeds', in per cent, and what diverged."""
        values = 100 * self.final(recipe, name)
        known = values[np.isfinite(values)]
        finished = [history for history in self[recipe] if not history.diverged_at]
        if len(known) > 1:
            text = f"{known.mean():.2f} ± {known.std(ddof=1):.2f} %".replace(" ", NO_BREAK)
        elif len(known):
            text = f"{known[0]:.2f}{NO_BREAK}%"
        else:
            text = "not measured" if finished else "no run finished"
        notes = {"diverged": len(values) - len(finished), "call every image the same":
                 sum(history.only_class is not None for history in finished)}
        notes = [f"{n} of {len(values)} {what}" for what, n in notes.items() if n]
        return f"{text} ({', '.join(notes)})" if notes else text

    def difference(self, recipe: Recipe, other: Recipe,
                   name: str = "validation_accuracy") -> "Difference":
        """Return what `recipe` gains over `other`, paired seed by seed."""
        return paired_difference(self.final(recipe, name), self.final(other, name))

    def right(self, recipe: Recipe, name: str = "right") -> np.ndarray:
        """Return whether each image is called rightly at the end, (seeds, images).

        `name` is 'right' for the validation images, 'test_right' for the test images.

        Raises
        ------
        ValueError
            If a run does not tell, as it diverged or was not compared with `images=True`.
        """
        rows = [getattr(history.last, name) for history in self[recipe]]
        if any(row is None for row in rows):
            raise ValueError(f"images are told by runs that end and are compared with images=True, "
                             f"got {self[recipe]}")
        return np.array(rows)

    def __repr__(self) -> str:
        return "\n".join(f"{self.label(recipe)}: {self.summary(recipe)}" for recipe in self)


@dataclass(frozen=True)
class Difference:
    """A mean difference over pairs, and its 95 % confidence interval."""

    mean: float
    low: float
    high: float
    pairs: int

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        mean, low, high = (f"{100 * value:+.2f}".replace("-", "−")
                           for value in (self.mean, self.low, self.high))
        return f"{mean} points (95{NO_BREAK}% interval {low} to {high}, {self.pairs} pairs)"


def paired_difference(after: np.ndarray, before: np.ndarray) -> Difference:
    """Return the mean of after - before with its 95 % interval (Student's t, paired).

    Parameters
    ----------
    after, before : (n,) arrays
        Values of two recipes at the same seeds; pairs with a NaN are left out.

    Raises
    ------
    ValueError
        If fewer than two pairs are left, or the lengths differ.
    """
    after, before = np.asarray(after, float), np.asarray(before, float)
    if after.shape != before.shape or after.ndim != 1:
        raise ValueError(f"after and before must be two rows of one length, got shapes "
                         f"{after.shape} and {before.shape}")
    change = (after - before)[np.isfinite(after - before)]
    if len(change) < 2:
        raise ValueError(f"an interval needs at least two pairs, got {len(change)}")
    half = stats.t.ppf(0.975, len(change) - 1) * change.std(ddof=1) / np.sqrt(len(change))
    mean = change.mean()
    return Difference(float(mean), float(mean - half), float(mean + half), len(change))


def difference_on_images(after: np.ndarray, before: np.ndarray) -> Difference:
    """Return the mean of after - before with a 95 % interval for other seeds and other images.

    Parameters
    ----------
    after, before : (seeds, images) arrays
        Whether two recipes call an image by its own name, at the same seeds; or combinations of
        such arrays, such as the mean over several recipes.

    Raises
    ------
    ValueError
        If the shapes differ, or there are fewer than two seeds.

    Notes
    -----
    Both the seeds and the images are samples. The variance of the mean is about that of the mean
    of each seed over the number of seeds, plus that of the mean of each image over the number of
    images (a crossed design, as in the pigeonhole bootstrap of Owen 2007).
    """
    if np.shape(after) != np.shape(before) or np.ndim(after) != 2:
        raise ValueError("after and before must be of one shape (seeds, images), got shapes "
                         f"{np.shape(after)} and {np.shape(before)}")
    change = np.subtract(after, before, dtype=float)
    seeds, images = change.shape
    if seeds < 2:
        raise ValueError(f"an interval needs at least two pairs, got {seeds}")
    of_seeds = stats.t.ppf(0.975, seeds - 1) * change.mean(axis=1).std(ddof=1) / np.sqrt(seeds)
    of_images = stats.norm.ppf(0.975) * change.mean(axis=0).std(ddof=1) / np.sqrt(images)
    mean, half = change.mean(), np.hypot(of_seeds, of_images)
    return Difference(float(mean), float(mean - half), float(mean + half), seeds)


def compare(*recipes: Recipe, data: Splits, seeds: Iterable[int] = range(5),
            logbook: str | os.PathLike | None = None, test: bool = False, images: bool = False,
            n_jobs: int | None = None, progress: bool = True) -> Results:
    """Run each recipe at each seed, side by side on the machine's cores.

    Parameters
    ----------
    recipes : Recipe
        At one seed all draw the same standard normal weights, so differences can be paired.
    data : Splits
        What to train on and to watch.
    seeds : iterable of int
        One run of each recipe for each.
    logbook : path, optional
        File of recorded runs: what is found there is not trained again, what is trained is
        recorded there. Without it, everything is trained.
    test : bool
        Whether each run must tell its test accuracy after the last epoch.
    images : bool
        Whether each run must tell which images it calls rightly after the last epoch.
    n_jobs : int, optional
        Processes at most, never more than runs; as `joblib.parallel_config` says, or else all
        cores, if not given. Each takes some 300 MB; the images are shared.
    progress : bool
        Whether to show how far it is.

    Raises
    ------
    ValueError
        If the logbook is no logbook; before anything is trained.
    """
    seeds = list(seeds)
    jobs = {recipe: [Job(recipe, data, seed, test, images) for seed in seeds] for recipe in recipes}
    found = Logbook(logbook).complete(sum(jobs.values(), []), n_jobs, progress)
    return Results({recipe: [found[job] for job in jobs[recipe]] for recipe in recipes})
