"""What a recipe does, told in a few numbers: the whole run once more, on a few images.

A recorded run counts as long as today's code would repeat it. So its probe stands beside it: all of
its epochs, on 21 images and at a thousandth of its rate. Code that is written otherwise and does
the same leaves a probe as it was, and so does a choice that the recipe does not make.
"""

import math

import numpy as np

from handmlp.data import Dataset, Splits
from handmlp.network import Parameters
from handmlp.recipe import Recipe
from handmlp.runs import start
from handmlp.training import Diverged

IMAGES, BATCH = 21, 10  # so that the last minibatch has a single image


_told = {}  # by the recipe and the fingerprint of the images, since these may be large


def probe(recipe: Recipe, data: Splits) -> tuple[float | None, ...]:
    """Return losses of each epoch, then accuracies, weights and their changes, of a small run.

    Processors round differently, and large first weights enlarge that from step to step until it
    looks like another recipe. In float64 and at so small a rate all of them tell the same.
    """
    key = recipe, data.fingerprint
    if key not in _told:
        _told[key] = _small_run(recipe, data)
    return _told[key]


def _small_run(recipe: Recipe, data: Splits) -> tuple[float | None, ...]:
    small = recipe.but(batch_size=min(recipe.batch_size, BATCH),
                       learning_rate=recipe.learning_rate / 1000,
                       images=recipe.images and min(recipe.images, IMAGES))
    data = Splits(*map(few, (data.train, data.validation, data.test)))
    network, epochs = start(small, data, seed=0, test=True)
    w = network.parameters = Parameters(network.sizes, network.parameters.flat.astype(np.float64))
    first = [W.copy() for W in w.W]
    done, diverged_at = [], ()
    try:
        done.extend(epochs)
    except Diverged as error:
        diverged_at = error.epoch, error.step
    last = done[-1]
    told = [epoch.loss for epoch in done] + [epoch.validation_loss for epoch in done]
    told += [last.train_accuracy, last.validation_accuracy, last.test_accuracy, *diverged_at]
    told += [value for W in last.weights for value in (W.std, W.limit, np.std(W.counts))]
    told += [np.std(W - V) for W, V in zip(w.W, first)] + [b.std() for b in w.b]
    return tuple(None if value is None or math.isnan(value) else float(f"{value:.10g}")
                 for value in told)


def agree(one: list, other: list) -> bool:
    """Whether two probes tell the same, to seven digits; what is all but 0 is 0."""
    if len(one) != len(other) or [v is None for v in one] != [v is None for v in other]:
        return False
    return all(a is None or math.isclose(a, b, rel_tol=1e-7, abs_tol=1e-12)
               for a, b in zip(one, other))


def few(part: Dataset) -> Dataset:
    """Return 21 images from all over a set of them."""
    return part.take(slice(None, None, max(1, len(part) // IMAGES))).take(slice(IMAGES))
