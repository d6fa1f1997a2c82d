"""A run: a recipe, data and a seed make a trained network and its history."""

import base64
import math
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass

import numpy as np

from handmlp.data import Splits
from handmlp.measures import Epoch, WeightStatistics
from handmlp.network import Network
from handmlp.recipe import Recipe
from handmlp.training import Diverged, train
from handmlp.values import whole

NUMBERS = ("loss", "train_accuracy", "validation_loss", "test_accuracy")
IMAGES = ("right", "test_right")


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

    def to_dict(self) -> dict:
        """Return all of it as JSON can hold it; what was not measured is None."""
        return {"recipe": self.recipe.to_dict(), "seed": self.seed,
                "diverged_at": self.diverged_at,
                **{name: [None if math.isnan(value) else value for value in self.curve(name)]
                   for name in NUMBERS},
                **{name: _packed(getattr(self.last, name)) for name in IMAGES},
                "confusion": [epoch.confusion.tolist() for epoch in self.epochs],
                "weights": [[astuple(W) for W in epoch.weights] for epoch in self.epochs]}

    @classmethod
    def from_dict(cls, told: dict) -> "History":
        """Return the history that `to_dict` told.

        Raises
        ------
        ValueError
            If its recipe names a choice that handmlp does not have.
        """
        epochs = []
        for number, matrices in enumerate(told["weights"]):
            numbers = {name: told[name][number] for name in NUMBERS}
            numbers |= {name: math.nan for name in NUMBERS[:3] if numbers[name] is None}
            weights = tuple(WeightStatistics(*moments, tuple(counts))
                            for *moments, counts in matrices)
            last = number == len(told["weights"]) - 1
            images = {name: _unpacked(*told[name]) for name in IMAGES if last and told.get(name)}
            epochs.append(Epoch(number, confusion=np.array(told["confusion"][number]),
                                weights=weights, **numbers, **images))
        diverged_at = told["diverged_at"] and tuple(told["diverged_at"])
        return cls(Recipe.from_dict(told["recipe"]), told["seed"], tuple(epochs), diverged_at)

    def __repr__(self) -> str:
        if self.diverged_at:
            end = "diverged in epoch {}, step {}".format(*self.diverged_at)
        else:
            end = repr(self.last)
            if self.only_class is not None:
                end += f", every image is called {self.only_class}: it has learned nothing"
        return f"History({self.recipe}, seed {self.seed}, {end})"


def _packed(right: np.ndarray | None) -> list | None:
    """Return how many there are, and as text a bit for each."""
    return None if right is None else [len(right), base64.b64encode(np.packbits(right)).decode()]


def _unpacked(count: int, text: str) -> np.ndarray:
    bits = np.frombuffer(base64.b64decode(text), np.uint8)
    return np.unpackbits(bits, count=count).astype(bool)


def run(recipe: Recipe, data: Splits, seed: int, test: bool = False) -> tuple[Network, History]:
    """Draw a network, train it, and return it with its History; the same seed repeats the run.

    A run that diverges returns the last finite network.
    """
    network, epochs = start(recipe, data, seed, test)
    done, diverged_at = [], None
    try:
        for epoch in epochs:
            done.append(epoch)
    except Diverged as error:
        diverged_at = error.epoch, error.step
    return network, History(recipe, seed, tuple(done), diverged_at)


def start(recipe: Recipe, data: Splits, seed: int, test: bool = False,
          stop: Callable[[], bool] = lambda: False) -> tuple[Network, Iterator[Epoch]]:
    """Return the untrained network of a run, and the epochs that train it as they are asked for.

    `test` and `stop` are as in `train`.

    Raises
    ------
    ValueError
        If `data` does not hold what the recipe asks for.
    """
    for_weights, for_order, for_sample = streams(seed)
    data = sample(recipe, data, for_sample)
    network = draw(recipe, data, for_weights)
    return network, train(network, data, recipe, for_order, test, stop)


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
        If there are fewer images than the recipe asks for, or none is left to train on.
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
    if not len(train):
        raise ValueError(f"nothing to train on: {len(data.train)} training images, of which "
                         f"images={recipe.images}, fold={recipe.fold} leave none")
    return Splits(train, validation, data.test)


def draw(recipe: Recipe, data: Splits, rng: np.random.Generator) -> Network:
    """Return the untrained network of a recipe, its scaling fitted to the rows trained on."""
    sizes = (data.train.images.shape[1], *recipe.units, data.classes)
    return Network.draw(sizes, recipe.hidden, recipe.output, recipe.init_per_matrix,
                        recipe.inputs.fit(data.train.images), rng)
