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
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import repeat, takewhile

import numpy as np

from handmlp.data import Splits, one_hot
from handmlp.distortions import undistorted
from handmlp.dropout import Dropout
from handmlp.measures import Epoch, measure
from handmlp.network import Network, Parameters
from handmlp.products import add_multiple, one_thread
from handmlp.recipe import Recipe


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


def sgd_step(network: Network, x: np.ndarray, t: np.ndarray, velocity: Parameters,
             learning_rate: float, momentum: float = 0.0,
             decay: tuple[float, ...] = ()) -> None:
    """Change the network by one step of gradient descent on a minibatch, in place.

    `x` are scaled inputs and `t` one-hot targets; `decay` is λ for each weight matrix. Since the
    velocity holds whole steps, a change of the rate acts on new gradients only (Sutskever 2013,
    eq. 1); the other common form multiplies the velocity by the rate, and differs only then.
    """
    a, w, v, rate = network.forward(x), network.parameters, velocity, learning_rate
    if not momentum and not any(decay):
        network.backward(a, t, out=w, factor=-rate, keep=1)     # w ← w - η ∂L/∂w
        return
    network.backward(a, t, out=v, factor=-rate, keep=momentum)  # v ← μ v - η ∂L/∂w
    for V, W, strength in zip(v.W, w.W, decay):
        add_multiple(V, W, -rate * strength)                    #       - η λ W
    w.flat += v.flat                                            # w ← w + v


def nesterov_step(network: Network, x: np.ndarray, t: np.ndarray, velocity: Parameters,
                  learning_rate: float, momentum: float = 0.0,
                  decay: tuple[float, ...] = ()) -> None:
    """Change the network by a step as `sgd_step` does, but with the gradient from further on.

    It is taken where the velocity alone would lead (Nesterov 1983; Sutskever 2013, eq. 3 and 4).
    """
    w, v = network.parameters.flat, velocity.flat
    here = w.copy()
    w += momentum * v                                           # look ahead: w + μ v
    sgd_step(network, x, t, velocity, learning_rate, momentum, decay)  # v ← μ v - η ∂L/∂w there
    np.add(here, v, out=w)                                      # w + v, from where it stood


def train_epoch(network: Network, x: np.ndarray, t: np.ndarray, batches: Iterable[np.ndarray],
                velocity: Parameters, learning_rate: float | Iterable[float],
                momentum: float = 0.0, decay: tuple[float, ...] = (),
                step: Callable = sgd_step) -> int | None:
    """Take one step per minibatch; return the number of a step that was not finite, or None.

    `batches` yields row numbers of `x` and `t`, and there may be a learning rate for each; the rest
    is as in `sgd_step`, or another `step` that is called as it is.
    """
    rates = learning_rate if isinstance(learning_rate, Iterable) else repeat(learning_rate)
    for number, (rows, rate) in enumerate(zip(batches, rates), 1):
        step(network, x.take(rows, axis=0), t.take(rows, axis=0), velocity, rate, momentum, decay)
        b = network.b[-1]
        if not math.isfinite(b.dot(b)):  # any δ of the outputs that is not finite makes it so
            return number
    return None


def train(network: Network, data: Splits, recipe: Recipe, rng: np.random.Generator,
          test: bool = False, stop: Callable[[], bool] = lambda: False) -> Iterator[Epoch]:
    """Train `network` in place, yielding an Epoch before the first and after every epoch.

    Parameters
    ----------
    network : Network
        Changed in place, epoch by epoch, as the caller asks for the next one.
    data : Splits
        Only `data.train` is learned from; `data.validation` is watched.
    recipe : Recipe
        All is read but what the network was drawn by, and what the data were chosen by.
    rng : numpy.random.Generator
        Draws the order of the examples; its children draw distortions and dropout.
    test : bool
        Whether the last epoch reports the accuracy on `data.test`; it is read nowhere else.
    stop : function
        Asked before every minibatch. Once it says True, the network is set back to the epoch
        before, and no more is yielded.

    Raises
    ------
    Diverged
        At the first step that is not finite; the network is set back to the epoch before.
    ValueError
        If there is nothing to train on, the targets do not suit the output, or the untrained
        network's loss is not finite.

    Notes
    -----
    The velocity starts at zero: with momentum, 5 epochs and then 5 more are not 10.
    """
    if not len(data.train):
        raise ValueError("data.train holds no images: there is nothing to train on")
    images, learner = data.train.images, network
    step = nesterov_step if recipe.nesterov else sgd_step
    for_distortion, for_dropout = rng.spawn(2)
    if recipe.dropout:
        learner = replace(network, hidden=Dropout(network.hidden, recipe.dropout, for_dropout))
    x = network.inputs(images)
    t = targets(data.train.labels, network, recipe, like=x)
    velocity, orders = network.parameters.like(), recipe.order.epochs(data.train.labels, rng)
    for number in range(recipe.epochs + 1):
        batches = list(minibatches(next(orders), recipe.batch_size)) if number > 0 else []
        rates = _rates(recipe, number, len(batches))
        if batches and recipe.distortion != undistorted:
            x = network.inputs(recipe.distortion(images, for_distortion))
        before = network.parameters.flat.copy()
        with one_thread(), np.errstate(all="ignore"):
            failed = train_epoch(learner, x, t, takewhile(lambda rows: not stop(), batches),
                                 velocity, rates, recipe.momentum, recipe.decay_per_matrix, step)
            stopped = number > 0 and stop()
            last = number == recipe.epochs
            epoch = None if failed or stopped else measure(network, data, number, last, test)
        if epoch is None:
            network.parameters.flat[:] = before
            if stopped:
                return
            raise _failure(recipe, number, failed or len(batches), rates)
        yield epoch


def _rates(recipe: Recipe, number: int, steps: int) -> list[float]:
    """Return the learning rate of each step of an epoch."""
    rate = recipe.learning_rate * recipe.rate_decay ** max(0, number - 1)
    return [float(rate * recipe.schedule((number - 1 + step / steps) / recipe.epochs))
            for step in range(steps)]


def targets(labels: np.ndarray, network: Network, recipe: Recipe, like: np.ndarray) -> np.ndarray:
    """Return what the recipe asks of each output, one row for each image, in arrays as `like`."""
    t, (low, high) = one_hot(labels, network.sizes[-1], like), recipe.targets
    total = high + (network.sizes[-1] - 1) * low
    if network.output.shares and not math.isclose(total, 1):
        raise ValueError(f"targets must add up to 1 over the {network.sizes[-1]} classes with "
                         f"{network.output}, got {recipe.targets}, which add up to {total:g}")
    t *= high - low
    t += low
    return t


def _failure(recipe: Recipe, number: int, step: int, rates: list[float]) -> Exception:
    if number > 0:
        return Diverged(number, step, rates[step - 1])
    return ValueError("the loss is not finite before the first step: the first weights or the "
                      f"inputs are too large, got {recipe}")
