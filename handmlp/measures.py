"""What is measured of a network: its loss, what it calls each image, and its weights."""

import math
from dataclasses import dataclass

import numpy as np

from handmlp.data import Splits, one_hot
from handmlp.network import Network


@dataclass(frozen=True)
class WeightStatistics:
    """Mean, standard deviation and histogram of one weight matrix.

    `counts` are of equal bins from -limit to limit, where `limit` is the largest absolute weight.
    """

    mean: float
    std: float
    limit: float
    counts: tuple[int, ...]

    @classmethod
    def of(cls, W: np.ndarray, bins: int = 41) -> "WeightStatistics":
        limit = float(np.abs(W).max()) or 1.0
        counts, _ = np.histogram(W, bins, (-limit, limit))
        mean, std = float(W.mean(dtype=float)), float(W.std(dtype=float))
        return cls(mean, std, limit, tuple(counts.tolist()))


@dataclass(frozen=True, eq=False)
class Epoch:
    """What was measured after an epoch; epoch 0 is the untrained network.

    `loss` and `train_accuracy` are of an evenly spaced sample of the rows trained on, 10,000 or
    more where there are as many. `confusion[i, j]` counts validation images of class i called j.
    After the last epoch, `right` and `test_right` say of each validation and each test image
    whether it is called by its own name.
    """

    number: int
    loss: float
    train_accuracy: float
    validation_loss: float
    confusion: np.ndarray
    weights: tuple[WeightStatistics, ...]
    test_accuracy: float | None = None
    right: np.ndarray | None = None
    test_right: np.ndarray | None = None

    @property
    def validation_accuracy(self) -> float:
        """Share of the validation images that are called by their own name."""
        return accuracy(self.confusion)

    def __repr__(self) -> str:
        names = "train", "validation", "test"
        known = ((getattr(self, f"{name}_accuracy"), name) for name in names)
        shares = ", ".join(f"{share:.1%} {name}" for share, name in known
                           if share is not None and math.isfinite(share))
        return f"epoch {self.number}: loss {self.loss:.3f}, accuracy {shares}"


def accuracy(confusion: np.ndarray) -> float:
    """Share of the examples on the diagonal of a confusion matrix; NaN if there are none."""
    return float(np.trace(confusion) / confusion.sum()) if confusion.any() else math.nan


def evaluate(network: Network, images: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the mean loss of pixel rows (n, pixels), NaN if n is 0, and the confusion matrix."""
    loss, called = answers(network, images, labels)
    return loss, _confusion(network, labels, called)


@np.errstate(under="ignore")  # what is too small to tell is 0
def answers(network: Network, images: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the mean loss of pixel rows (n, pixels), NaN if n is 0, and what each is called."""
    classes = network.sizes[-1]
    total, called = 0.0, np.zeros(len(labels), int)
    for start in range(0, len(labels), 1000):  # so few stay in the cache
        rows = slice(start, start + 1000)
        z = network.forward(network.inputs(images[rows]))[-1]
        total += float(network.output.loss(z, one_hot(labels[rows], classes, z)).sum(dtype=float))
        called[rows] = z.argmax(axis=1).tolist()
    return total / len(labels) if len(labels) else math.nan, called


def _confusion(network: Network, labels: np.ndarray, called: np.ndarray) -> np.ndarray:
    confusion = np.zeros((network.sizes[-1],) * 2, int)
    np.add.at(confusion, (labels, called), 1)
    return confusion


def measure(network: Network, data: Splits, number: int, last: bool, test: bool) -> Epoch | None:
    """Return an Epoch, or None if a weight or a loss is no longer finite.

    Of the `last` epoch it tells each image, and if `test`, the test images too.
    """
    train, validation = data.train, data.validation
    sample = slice(None, None, max(1, len(train) // 10_000))
    loss, seen = evaluate(network, train.images[sample], train.labels[sample])
    validation_loss, called = answers(network, validation.images, validation.labels)
    losses = loss + validation_loss if len(validation) else loss
    if not (math.isfinite(losses) and np.isfinite(network.parameters.flat).all()):
        return None
    told = {"right": called == validation.labels} if last else {}
    if last and test:
        _, called_there = answers(network, data.test.images, data.test.labels)
        told["test_right"] = called_there == data.test.labels
        told["test_accuracy"] = accuracy(_confusion(network, data.test.labels, called_there))
    return Epoch(number, loss, accuracy(seen), validation_loss,
                 _confusion(network, validation.labels, called),
                 tuple(map(WeightStatistics.of, network.W)), **told)


def own_share(confusion: np.ndarray) -> np.ndarray:
    """Return for each class the share of its images that are called by its own name."""
    return confusion.diagonal() / np.maximum(confusion.sum(axis=1), 1)


def asleep(confusion: np.ndarray) -> list[int]:
    """Return the classes of which fewer than a tenth of the images are called by their own name."""
    return np.flatnonzero(confusion.diagonal() < 0.1 * confusion.sum(axis=1)).tolist()
