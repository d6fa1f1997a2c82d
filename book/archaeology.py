"""The network of 2015 once more, in our own words, with one switch for each of its mistakes.

It learns from one image at a time: x, a, z and δ are rows, and a gradient is the product aᵀδ.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.linalg.blas import dger, sger

from handmlp import Splits, load_mnist, logistic, one_hot, tanh
from handmlp.inputs import Inputs, Scaling, unit_range, zero_mean
from handmlp.measures import accuracy, asleep, evaluate
from handmlp.network import Network, Parameters
from handmlp.outputs import logistic_squared_error, softmax_cross_entropy
from handmlp.products import one_thread
from handmlp.records.logbook import Logbook
from handmlp.records.probe import few
from handmlp.runs import streams

RUNS = Path(__file__).with_name("runs.jsonl")

@dataclass(frozen=True, repr=False)
class Choices:
    """What the code was to do, one switch for each of its mistakes, and one for each improvement.

    Its text, by which a run is found, leaves out the last four where they are not set.
    """

    improved: bool                   # tanh, softmax, mean 0 and shuffling, or none of them
    learning_rate: float             # η
    momentum: float = 0.0            # μ
    decay: float = 0.0               # of the learning rate
    epochs: int = 5
    integer_division: bool = False   # n ** (1/2) is n ** 0
    positive_outputs: bool = False   # all weights of the outputs are drawn above 0
    pixel_by_pixel: bool = False     # each pixel is scaled on its own
    logistic_twice: bool = False     # a slope is taken at f(z), and not at z
    previous_gradient: bool = False  # momentum repeats the last gradient, not the last change
    one_learns: bool | None = None   # of the hidden units, all others get a delta of 0
    activations: bool | None = None  # tanh and softmax; as improved, unless it is set
    mean_0: bool | None = None       # inputs of mean 0; as improved, unless it is set
    shuffled: bool | None = None     # a new order in each epoch; as improved, unless it is set

    def __repr__(self) -> str:
        told = ((field.name, getattr(self, field.name)) for field in fields(self))
        return f"Choices({', '.join(f'{name}={one}' for name, one in told if one is not None)})"

    def has(self, improvement: str) -> bool:
        """Whether the code has this improvement: its own switch says so, or else `improved`."""
        own = getattr(self, improvement)
        return self.improved if own is None else own


def root(n: int, choices: Choices) -> float:
    """Return what the first weights of n inputs are divided by; in Python 2, `1/2` was `1 // 2`."""
    return n ** (1 // 2) if choices.integer_division else n ** (1 / 2)


def first_weights(choices: Choices, rng: np.random.Generator) -> Parameters:
    """Draw the weights of 784 inputs, 100 hidden units and 10 outputs; biases are 0."""
    w = Parameters((784, 100, 10))
    w.W[0][:] = rng.standard_normal((784, 100), np.float32) / root(784, choices)
    if choices.positive_outputs:
        w.W[1][:] = rng.random((100, 10), np.float32) / root(100, choices)
    else:
        w.W[1][:] = rng.standard_normal((100, 10), np.float32) / root(100, choices)
    return w


class PixelByPixel(Inputs):
    """Each pixel less its mean, by its standard deviation; by 1 where it is constant."""

    def fit(self, images: np.ndarray) -> Scaling:
        mean, std = images.mean(axis=0, dtype=float), images.std(axis=0, dtype=float)
        return Scaling(mean.astype(np.float32), np.where(std > 0, std, 1).astype(np.float32))


def untrained(choices: Choices, data, rng: np.random.Generator) -> Network:
    """Return the network before training, its scaling fitted to the images trained on."""
    parts, inputs = (logistic, logistic_squared_error), unit_range
    if choices.has("activations"):
        parts = tanh, softmax_cross_entropy
    if choices.has("mean_0"):
        inputs = PixelByPixel() if choices.pixel_by_pixel else zero_mean
    return Network(first_weights(choices, rng), *parts, inputs.fit(data.train.images))


def gradient_2015(network: Network, x: np.ndarray, t: np.ndarray,
                  choices: Choices) -> list:
    """Return (a, δ) of both layers for one image; the gradient of a layer is aᵀδ."""
    (W0, W1), (b0, b1), f = network.W, network.b, network.hidden
    a = f(x @ W0 + b0)                                 # a = f(xW + b)
    z = a @ W1 + b1
    if choices.logistic_twice:
        y = logistic(z)
        delta = (y - t) * logistic.slope(logistic(y))  # δ = (ŷ - t) f′(ŷ)
        slope = logistic.slope(logistic(a))            # f′(a)
    else:
        delta, slope = network.output.delta(z, t), f.slope(a)  # δ, and f′(z)
    return [(x, delta @ W1.T * slope), (a, delta)]


def all_but_one_deaf(gradient: list) -> None:
    """Leave one hidden unit its delta, in place: in print, all are written to one index."""
    delta = gradient[0][1]
    delta[:, np.arange(delta.size) != 9] = 0


def descend(w: Parameters, gradient: list, rate: float) -> None:
    """Take one step from `w`; BLAS adds the product of a column and a row in place."""
    for (a, delta), W, b in zip(gradient, w.W, w.b):
        ger = sger if W.dtype == np.float32 else dger
        ger(-rate, delta, a, a=W.T, overwrite_a=True)  # W ← W - η aᵀδ
        b -= rate * delta[0]                           # b ← b - η δ


def step_2015(w: Parameters, v: Parameters, gradient: list, previous: list,
              rate: float, choices: Choices) -> None:
    """Change the weights `w` by the gradient of one image; `v` is the velocity."""
    if choices.previous_gradient:
        descend(w, gradient, rate)                     # w ← w - η g
        descend(w, previous, choices.momentum)         #       - μ (previous g)
    else:
        v.flat *= choices.momentum                     # v ← μ v
        descend(v, gradient, rate)                     #       - η g
        w.flat += v.flat                               # w ← w + v


def epochs_2015(network: Network, choices: Choices, data: Splits,
                rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Train `network` in place; yield the confusion matrix before and after every epoch."""
    rows, held = np.arange(len(data.train)), (data.validation.images, data.validation.labels)
    x, t = network.inputs(data.train.images)[:, None], one_hot(data.train.labels)[:, None]
    w, v, previous, rate = network.parameters, network.parameters.like(), [], choices.learning_rate
    mixed = choices.has("shuffled")
    for number in range(choices.epochs + 1):
        with one_thread(), np.errstate(all="ignore"):
            for row in () if not number else rng.permutation(rows) if mixed else rows:
                gradient = gradient_2015(network, x[row], t[row], choices)
                if choices.one_learns:
                    all_but_one_deaf(gradient)
                step_2015(w, v, gradient, previous, rate, choices)
                previous = gradient
            rate /= 1 + choices.decay if number else 1
            yield evaluate(network, *held)[1]


class Run2015(NamedTuple):
    """A run of these choices, for the logbook; streams of random numbers are those of `run`."""

    choices: Choices
    data: Splits
    seed: int

    @property
    def name(self) -> str:
        return f"2015: {self.choices} seed {self.seed} data {self.data.fingerprint}"

    def probe(self) -> tuple:
        """Return what 21 images make of the weights in float64, at small steps."""
        shrunk = ("learning_rate", "momentum")[:1 + self.choices.previous_gradient]
        small = replace(self.choices, **{name: getattr(self.choices, name) / 1000
                                         for name in shrunk})
        data = Splits(*map(few, (self.data.train, self.data.validation, self.data.test)))
        for_weights, for_order, _ = streams(0)
        network = untrained(small, data, for_weights)
        network.parameters = Parameters(network.sizes, network.parameters.flat.astype(np.float64))
        told = []
        for confusion in epochs_2015(network, small, data, for_order):
            loss, _ = evaluate(network, data.train.images, data.train.labels)
            told += [loss, accuracy(confusion), *(part.std() for part in (*network.W, *network.b))]
        return (*(float(f"{value:.10g}") for value in told), float(asleep(confusion) != []))

    def train(self) -> dict:
        """Return the validation accuracy of each epoch, and which outputs sleep at the end."""
        for_weights, for_order, _ = streams(self.seed)
        network = untrained(self.choices, self.data, for_weights)
        confusions = [*epochs_2015(network, self.choices, self.data, for_order)]
        return {"accuracy": [*map(accuracy, confusions)], "asleep": asleep(confusions[-1])}

    def told(self, result: dict) -> dict:
        return {"choices": asdict(self.choices), "seed": self.seed, **result}

    def read(self, line: dict) -> dict:
        return {"accuracy": line["accuracy"], "asleep": line["asleep"]}


FIRST = Choices(improved=False, learning_rate=0.1, integer_division=True, logistic_twice=True)
MEANT = Choices(improved=True, learning_rate=0.003, momentum=0.5)
MISTAKES = ("integer_division", "previous_gradient", "positive_outputs", "pixel_by_pixel")
PUBLISHED = replace(MEANT, **dict.fromkeys(MISTAKES, True))


def switch(choices: Choices, *names: str) -> Choices:
    """Return the choices with these switches turned over."""
    return replace(choices, **{name: not getattr(choices, name) for name in names})


def at_rates(choices: Choices) -> list[Choices]:
    """Return the choices with a smaller and with a larger learning rate."""
    return [replace(choices, learning_rate=round(choices.learning_rate * factor, 6))
            for factor in (0.3, 3.0)]


TWO = "integer_division", "logistic_twice"
FIRSTS = [FIRST, *(switch(FIRST, name) for name in TWO), switch(FIRST, *TWO)]
HASTY = replace(FIRST, momentum=0.5, previous_gradient=True)
IMPROVED = [PUBLISHED, switch(PUBLISHED, *MISTAKES[:2]), MEANT,
            *(switch(start, name) for start in (PUBLISHED, MEANT) for name in MISTAKES)]
SWEPT = [*FIRSTS, MEANT, switch(MEANT, "integer_division")]
ALL = [*FIRSTS, HASTY, *IMPROVED, *(choices for swept in SWEPT for choices in at_rates(swept))]


IMPROVEMENTS = {"activations": {"activations": True, "logistic_twice": False},
                "first weights": {"integer_division": False},
                "mean 0": {"mean_0": True},
                "shuffling": {"shuffled": True}}
SUBSETS = [names for size in range(5) for names in combinations(IMPROVEMENTS, size)]
# Rates and momenta of the first network with the wrong momentum; the last of both are in print.
RATES, MOMENTA = (0.3, 0.1, 0.03, 0.0002), (0.25, 0.5, 1.0)
GRID = {(mu, eta): replace(HASTY, learning_rate=eta, momentum=mu)
        for mu in MOMENTA for eta in RATES}
PRINTED = GRID[1.0, 0.0002]
ONE_LEARNS = replace(PRINTED, one_learns=True)


def improved(*names: str) -> Choices:
    """Return the first network with these improvements, at a rate that suits it.

    With logistic units it is that of the first network. With tanh and softmax it is the best of
    `tries`.
    """
    choices = FIRST
    for name in names:
        choices = replace(choices, **IMPROVEMENTS[name])
    if "activations" in names:
        gentle = {"first weights", "mean 0"} <= {*names}
        choices = replace(choices, learning_rate=0.01 if gentle else 0.03)
    return choices


def tries(*names: str) -> list[Run2015]:
    """Return the runs, of one epoch over 10,000 images, that chose the rate of `improved`."""
    data = load_mnist()
    few_images = Splits(data.train.take(slice(10_000)), data.validation, data.test)
    return [Run2015(replace(improved(*names), learning_rate=rate, epochs=1), few_images, 0)
            for rate in (0.003, 0.01, 0.03, 0.1, 0.3)]


# Of each network so many seeds: five of those that the chapter compares one by one.
SEEDS = (dict.fromkeys(GRID.values(), 1) | {PRINTED: 3, ONE_LEARNS: 3}
         | dict.fromkeys((improved(*names) for names in SUBSETS), 3) | dict.fromkeys(ALL, 5))
TRIED = [("activations", *more) for size in range(3)
         for more in combinations(("first weights", "mean 0"), size)]


def jobs_2015(logbook: Logbook | None = None) -> list[Run2015]:
    """Return all runs of the chapter, and of the page on what the post said."""
    runs = [Run2015(choices, load_mnist(), seed) for choices, count in SEEDS.items()
            for seed in range(count)]
    return runs + [job for names in TRIED for job in tries(*names)]


def recorded(choices: Choices, seeds: Iterable[int] = range(5)) -> list[dict]:
    """Return what came of these choices at each seed: found, or else trained now and recorded."""
    jobs = [Run2015(choices, load_mnist(), seed) for seed in seeds]
    found = Logbook(RUNS).complete(jobs)
    return [found[job] for job in jobs]


def differs(fresh: dict, recorded: dict, others: list[dict]) -> str | None:
    """Say how far a run trained again leaves the record, if it is more than seeds differ.

    The large steps of some of these networks make another processor's rounding another run. So a
    point and five standard deviations over the seeds are allowed; untrained, next to nothing is.
    Where one seed alone was run the deviation is taken to be four points: of thirty such runs, made
    again on another processor, the wildest was off by 19.
    """
    runs = [run["accuracy"] for run in (recorded, *others)]
    spread = np.std(runs, axis=0, ddof=1) if others else np.full(len(runs[0]), 0.04)
    spread = np.maximum.accumulate(spread[::-1])[::-1]
    gap = np.abs(np.subtract(fresh["accuracy"], recorded["accuracy"]))
    far = gap[0] > 0.002 or (gap > 0.01 + 5 * spread).any()
    return f"accuracy is off by {gap.max():.4f}" if far else None
