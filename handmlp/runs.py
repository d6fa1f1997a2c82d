"""A run: a recipe, data and a seed make a trained network and its history."""

from dataclasses import dataclass

import numpy as np

from handmlp.data import Splits
from handmlp.measures import Epoch
from handmlp.network import Network
from handmlp.recipe import Recipe
from handmlp.training import Diverged, train
from handmlp.values import whole

CLASSES = 10


@dataclass(frozen=True, eq=False, repr=False)
class History:
    """The record of one run: its recipe, its seed, and an Epoch for each epoch from 0.

    `diverged_at` is None, or (epoch, step) of the step that was not finite; `epochs` then ends
    with the last epoch that was.
    """

    recipe: Recipe
    seed: int
    epochs: tuple[Epoch, ...]
    diverged_at: tuple[int, int] | None = None

    @property
    def last(self) -> Epoch:
        """The last epoch that was finished."""
        return self.epochs[-1]

    @property
    def only_class(self) -> int | None:
        """The class that every validation image is called, if there is only one."""
        called = np.flatnonzero(self.last.confusion.sum(axis=0))
        return int(called[0]) if len(called) == 1 else None

    def curve(self, name: str) -> np.ndarray:
        """Return one number per epoch, from epoch 0: 'loss', 'validation_accuracy', …"""
        return np.array([getattr(epoch, name) for epoch in self.epochs], float)

    def __repr__(self) -> str:
        if self.diverged_at:
            end = "diverged in epoch {}, step {}".format(*self.diverged_at)
        else:
            end = repr(self.last)
            if self.only_class is not None:
                end += f", every image is called {self.only_class}: it has learned nothing"
        return f"History({self.recipe}, seed {self.seed}, {end})"


def run(recipe: Recipe, data: Splits, seed: int, test: bool = False) -> tuple[Network, History]:
    """Draw a network, train it, and return it with its History; the same seed repeats the run.

    A run that diverges returns the last finite network.
    """
    for_weights, for_order, for_sample = streams(seed)
    data = sample(recipe, data, for_sample)
    network = draw(recipe, data, for_weights)
    epochs, diverged_at = [], None
    try:
        for epoch in train(network, data, recipe, for_order, test):
            epochs.append(epoch)
    except Diverged as error:
        diverged_at = error.epoch, error.step
    return network, History(recipe, seed, tuple(epochs), diverged_at)


def streams(seed: int) -> tuple[np.random.Generator, ...]:
    """Return three generators, to draw the weights, the order, and the sample of the images.

    Each has a stream of its own, so that a change to one of the three leaves the others alone.
    """
    parts = np.random.SeedSequence(whole("seed", seed, 0)).spawn(3)
    return tuple(map(np.random.default_rng, parts))


def sample(recipe: Recipe, data: Splits, rng: np.random.Generator) -> Splits:
    """Return the images that a recipe learns from and is watched on; test images stay apart.

    Raises
    ------
    ValueError
        If there are fewer images than the recipe asks for.
    """
    train, validation = data.train, data.validation
    if recipe.images is not None:
        if recipe.images > len(train):
            raise ValueError(f"images must be at most {len(train)}, as many as there are to train "
                             f"on, got {recipe.images}")
        train = train.take(np.sort(rng.permutation(len(train))[:recipe.images]))
    if recipe.wrong_labels:
        train = train.mislabel(recipe.wrong_labels, rng)
    if recipe.fold:
        i, k = recipe.fold
        held = np.arange(len(train)) % k == i
        train, validation = train.take(~held), train.take(held)
    return Splits(train, validation, data.test)


def draw(recipe: Recipe, data: Splits, rng: np.random.Generator) -> Network:
    """Return the untrained network of a recipe, its scaling fitted to the rows trained on."""
    sizes = (data.train.images.shape[1], *recipe.units, CLASSES)
    return Network.draw(sizes, recipe.hidden, recipe.output, recipe.init,
                        recipe.inputs.fit(data.train.images), rng)
