"""In which order an epoch visits the training examples.

An order yields one array of row numbers per epoch, for ever; each array names every row once.
"""

from collections.abc import Iterator

import numpy as np

from handmlp.values import Value, whole


class Order(Value):
    """An order of the rows: `epochs(labels, rng)` yields a permutation for each epoch."""


class FileOrder(Order):
    """As the examples lie in the file, every epoch the same."""

    def epochs(self, labels: np.ndarray,
               rng: np.random.Generator) -> Iterator[np.ndarray]:
        while True:
            yield np.arange(len(labels))


class ShuffledOnce(Order):
    """Shuffled before training; every epoch then repeats that order."""

    def epochs(self, labels: np.ndarray,
               rng: np.random.Generator) -> Iterator[np.ndarray]:
        rows = rng.permutation(len(labels))
        while True:
            yield rows


class Shuffled(Order):
    """Shuffled anew before every epoch."""

    def epochs(self, labels: np.ndarray,
               rng: np.random.Generator) -> Iterator[np.ndarray]:
        while True:
            yield rng.permutation(len(labels))


class SortedByClass(Order):
    """All zeros first, then all ones, and so on to nine."""

    def epochs(self, labels: np.ndarray,
               rng: np.random.Generator) -> Iterator[np.ndarray]:
        while True:
            yield np.argsort(labels, kind="stable")


class RunsOf(Order):
    """Runs of `length` equal labels, in an order drawn anew for every epoch."""

    def __init__(self, length: int):
        self.length = whole("length", length, 1)

    def epochs(self, labels: np.ndarray,
               rng: np.random.Generator) -> Iterator[np.ndarray]:
        while True:
            runs = []
            for label in np.unique(labels):
                rows = rng.permutation(np.flatnonzero(labels == label))
                runs += np.split(rows, range(self.length, len(rows), self.length))
            yield np.concatenate([runs[i] for i in rng.permutation(len(runs))])


file_order = FileOrder()
shuffled_once = ShuffledOnce()
shuffled = Shuffled()
sorted_by_class = SortedByClass()
runs_of = RunsOf
