"""Training: minibatch by minibatch, a step against the gradient.

w       all parameters, one flat vector (W and b are views)
η       learning rate
λ       weight decay, one strength for each weight matrix; none on biases
μ       momentum
v       velocity: the change of w that goes on

The objective is the mean loss over the minibatch plus λ/2 ‖W‖² for each weight matrix, so λ does
not depend on the batch size. Losses that are reported are without the penalty.
"""

import math
from collections.abc import Iterator

import numpy as np
from threadpoolctl import threadpool_limits

from handmlp.data import Splits, one_hot
from handmlp.measures import Epoch, WeightStatistics, accuracy, evaluate
from handmlp.network import Network, Parameters


class Diverged(RuntimeError):
    """Training stopped, since the loss was no longer finite; the network is as before the epoch."""

    def __init__(self, epoch: int, step: int, learning_rate: float):
        super().__init__(f"loss is not finite in epoch {epoch}, step {step}: try a smaller "
                         f"learning_rate (now {learning_rate:g}) or smaller first weights")
        self.epoch, self.step = epoch, step


def minibatches(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Cut row numbers into pieces of `size`; the last may be shorter, and none is left out."""
    for start in range(0, len(rows), size):
        yield rows[start:start + size]


def sgd_step(w: Parameters, step: Parameters, velocity: Parameters, momentum: float,
             shrink: tuple[float, ...]) -> None:
    """Change the parameters `w` by one step of gradient descent, in place.

    `step` is η ∂L/∂w and is used up; `shrink` is η λ for each weight matrix. Since the velocity
    holds whole steps, a change of the rate acts on new gradients only (Sutskever 2013, eq. 1);
    the other common form multiplies the velocity by the rate, and differs only then.
    """
    if any(shrink):
        for W, change, strength in zip(w.W, step.W, shrink):
            change += strength * W          # η (∂L/∂W + λ W)
    if momentum:
        velocity.flat *= momentum           # v ← μ v
        velocity.flat -= step.flat          #       - η (∂L/∂w + λ w)
        w.flat += velocity.flat             # w ← w + v
    else:
        w.flat -= step.flat                 # w ← w - η (∂L/∂w + λ w)


def train_epoch(network: Network, x: np.ndarray, t: np.ndarray, batches: Iterator[np.ndarray],
                step: Parameters, velocity: Parameters, learning_rate: float,
                momentum: float = 0.0, decay: tuple[float, ...] = ()) -> int | None:
    """Take one step per minibatch; return the number of a step that was not finite, or None.

    `x` are scaled inputs and `t` one-hot targets; `batches` yields row numbers. `step` and
    `velocity` are the homes of the gradient and the velocity.
    """
    shrink = tuple(learning_rate * strength for strength in decay)
    for number, rows in enumerate(batches, 1):
        a = network.forward(x.take(rows, axis=0))
        network.backward(a, t.take(rows, axis=0), out=step, factor=learning_rate)
        if not math.isfinite(step.b[-1].dot(step.b[-1])):  # any δ that is not finite makes it so
            return number
        sgd_step(network.parameters, step, velocity, momentum, shrink)
    return None


def train(network: Network, data: Splits, recipe, rng: np.random.Generator,
          test: bool = False) -> Iterator[Epoch]:
    """Train `network` in place, yielding an Epoch before the first and after every epoch.

    Parameters
    ----------
    network : Network
        Changed in place, epoch by epoch, as the caller asks for the next one.
    data : Splits
        Only `data.train` is learned from; `data.validation` is watched.
    recipe : Recipe
        `order`, `batch_size`, `epochs`, `learning_rate`, `rate_decay`, `momentum` and
        `weight_decay` are read.
    rng : numpy.random.Generator
        Draws the order of the examples.
    test : bool
        Whether the last epoch reports the accuracy on `data.test`; it is read nowhere else.

    Raises
    ------
    Diverged
        At the first step that is not finite; the network is set back to the epoch before.
    """
    x = network.inputs(data.train.images)
    t = one_hot(data.train.labels, network.sizes[-1], like=x)
    step, velocity = network.parameters.like(), network.parameters.like()
    orders = recipe.order.epochs(data.train.labels, rng)
    for number in range(recipe.epochs + 1):
        batches = list(minibatches(next(orders), recipe.batch_size)) if number > 0 else []
        learning_rate = recipe.learning_rate * recipe.rate_decay ** max(0, number - 1)
        before = network.parameters.flat.copy()
        # Products this small gain nothing from a second thread, and may have to wait for it.
        with threadpool_limits(1), np.errstate(all="ignore"):
            failed = train_epoch(network, x, t, batches, step, velocity, learning_rate,
                                 recipe.momentum, recipe.decay_per_matrix)
            asked = test and number == recipe.epochs
            epoch = None if failed else _measure(network, data, number, asked)
        if epoch is None:
            network.parameters.flat[:] = before
            raise Diverged(number, failed or len(batches), learning_rate)
        yield epoch


def _measure(network: Network, data: Splits, number: int, test: bool) -> Epoch | None:
    """Return an Epoch, or None if a weight or a loss is no longer finite."""
    train, validation = data.train, data.validation
    sample = slice(None, None, max(1, len(train) // 10_000))
    loss, seen = evaluate(network, train.images[sample], train.labels[sample])
    validation_loss, confusion = evaluate(network, validation.images, validation.labels)
    losses = loss + validation_loss if len(validation) else loss
    if not (math.isfinite(losses) and np.isfinite(network.parameters.flat).all()):
        return None
    tested = accuracy(evaluate(network, data.test.images, data.test.labels)[1]) if test else None
    return Epoch(number, loss, accuracy(seen), validation_loss, confusion,
                 tuple(map(WeightStatistics.of, network.W)), tested)
