"""What several chapters do with runs: try learning rates, choose one, and count the sleepers."""

from collections.abc import Iterable

import numpy as np

from handmlp.measures import asleep
from handmlp.recipe import Recipe
from handmlp.records import Results, compare
from handmlp.runs import History


def sweep(recipe: Recipe, *rates: float, **options) -> Results:
    """Run a recipe at each of some learning rates, by default at three seeds; else as `compare`."""
    recipes = [recipe.but(learning_rate=rate) for rate in rates]
    return compare(*recipes, **{"seeds": range(3)} | options)


def best_recipe(results: Results, name: str = "validation_accuracy") -> Recipe:
    """Return the recipe with the highest mean at the end; a run that diverged counts as 0."""
    return max(results, key=lambda recipe: np.nan_to_num(results.final(recipe, name)).mean())


def count_asleep(histories: Iterable[History], epoch: int = -1) -> list[int]:
    """Return how many outputs of each run sleep after an epoch, the last one unless given."""
    return [len(asleep(history.epochs[epoch].confusion)) for history in histories]
