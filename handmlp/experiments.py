"""Experiments: the same recipes over several seeds, side by side, and what the difference is."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from handmlp.data import Splits
from handmlp.logbook import Logbook
from handmlp.recipe import History, Recipe
from handmlp.values import Value


@dataclass(frozen=True, repr=False)
class Results:
    """Histories of several recipes, each over the same seeds; `results[recipe]` is a list."""

    histories: dict[Recipe, list[History]]

    def __getitem__(self, recipe: Recipe) -> list[History]:
        return self.histories[recipe]

    def __iter__(self):
        return iter(self.histories)

    def label(self, recipe: Recipe) -> str:
        """Name a recipe by the choices in which the compared recipes differ."""
        names = {name: None for other in self for name in recipe.changes_from(other)}
        choices = ((name, getattr(recipe, name)) for name in names)
        label = ", ".join(repr(choice).replace("_", " ") if isinstance(choice, Value)
                          else f"{name.replace('_', ' ')} {choice!r}" for name, choice in choices)
        return label or repr(recipe)

    def curves(self, recipe: Recipe, name: str) -> np.ndarray:
        """Return one row per seed and one column per epoch; runs that diverged end in NaN."""
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
        values = self.final(recipe, name)
        finished = values[np.isfinite(values)]
        diverged = len(values) - len(finished)
        text = "no run finished" if not len(finished) else f"{finished.mean():.2%}".rstrip("%")
        if len(finished) > 1:
            text += f" ± {finished.std(ddof=1) * 100:.2f} %"
        elif len(finished):
            text += " %"
        same = sum(history.only_class is not None for history in self[recipe]
                   if not history.diverged_at)
        notes = [f"{count} of {len(values)} {what}" for count, what in [
            (diverged, "diverged"), (same, "call every image the same")] if count]
        return text + (f" ({', '.join(notes)})" if notes else "")

    def difference(self, recipe: Recipe, other: Recipe,
                   name: str = "validation_accuracy") -> "Difference":
        """Return what `recipe` gains over `other`, paired seed by seed."""
        return paired_difference(self.final(recipe, name), self.final(other, name))

    def __repr__(self) -> str:
        lines = [f"{self.label(recipe)}: {self.summary(recipe)}" for recipe in self]
        return "\n".join(lines)


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
        return (f"{self.mean * 100:+.2f} points (95 % interval {self.low * 100:+.2f} "
                f"to {self.high * 100:+.2f}, {self.pairs} pairs)")


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


def compare(*recipes: Recipe, data: Splits, seeds: Iterable[int] = range(5),
            logbook: str | None = None, test: bool = False) -> Results:
    """Run each recipe at each seed, side by side on the machine's cores.

    Parameters
    ----------
    recipes : Recipe
        At one seed all draw the same standard normal weights, so differences can be paired.
    data : Splits
        What to train on and to watch.
    seeds : iterable of int
        One run of each recipe for each.
    logbook : str, optional
        Folder of recorded runs: what is found there is not trained again, what is trained is
        recorded there. Without it, everything is trained.
    test : bool
        Whether to report the test accuracy after the last epoch.
    """
    seeds = list(seeds)
    jobs = [(recipe, seed) for recipe in dict.fromkeys(recipes) for seed in seeds]
    found = Logbook(logbook).complete(jobs, data, test)
    return Results({recipe: [found[recipe, seed] for seed in seeds] for recipe in recipes})
