"""What puts an output to sleep: runs that are watched step by step, with a hand in them.

A run is as `handmlp.run` makes it, and two things can be done to it: the output biases can begin
elsewhere than at 0, and the hidden layer can be frozen, so that the outputs learn alone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import archaeology
import numpy as np

from handmlp import Network, Recipe, Splits, fan_in, load_mnist, normal, unit_normal
from handmlp.initialisers import UnitNormal
from handmlp.measures import accuracy, asleep
from handmlp.network import Parameters
from handmlp.products import one_thread
from handmlp.records.logbook import Logbook
from handmlp.records.probe import few
from handmlp.runs import draw, streams
from handmlp.training import minibatches, targets, train_epoch

RUNS = archaeology.RUNS
# Of the first epoch; after it, the end of each.
STEPS = (1, 2, 3, 5, 7, 10, 14, 20, 30, 50, 70, 100, 140, 200, 300, 500, 700, 1000, 1400, 2000,
         3000)


@dataclass(frozen=True)
class Setting:
    """A recipe, and what is done to its network."""

    recipe: Recipe
    bias: float = 0.0      # of all outputs, before the first step
    frozen: bool = False   # whether the hidden layer stays as it was drawn


class Sight(NamedTuple):
    """What is seen of a network after a step, on 2,000 validation images.

    For each output: the mean of its sum over the images of its own digit, and the median slope of
    the logistic function there. Then the classes asleep, the accuracy, the mean hidden value, and
    the mean cosine between the weights of two outputs.
    """

    own_sums: list[float]
    slopes: list[float]
    asleep: list[int]
    accuracy: float
    mean_hidden: float
    alike: float


def look(network: Network, images: np.ndarray, labels: np.ndarray) -> Sight:
    """Return what is seen of a network."""
    *_, a, z = network.forward(network.inputs(images))
    confusion = np.zeros((10, 10), int)
    np.add.at(confusion, (labels, z.argmax(axis=1)), 1)
    own = [z[labels == k, k].astype(float) for k in range(10)]
    with np.errstate(over="ignore", under="ignore"):
        slopes = [float(np.median(1 / (2 + np.exp(s) + np.exp(-s)))) for s in own]  # ŷ (1 - ŷ)
    columns = network.W[-1] / np.linalg.norm(network.W[-1], axis=0)
    cosines = (columns.T @ columns)[np.triu_indices(10, 1)]
    return Sight([float(s.mean()) for s in own], slopes, asleep(confusion), accuracy(confusion),
                 float(a.mean(dtype=float)), float(cosines.mean(dtype=float)))


def outputs_alone(network: Network, x: np.ndarray) -> tuple[Network, np.ndarray]:
    """Return the last layer as a network of its own, with the same weights, and its inputs."""
    last = Parameters(network.sizes[-2:], network.parameters.flat[-network.W[-1].size - 10:])
    alone = Network(last, network.hidden, network.output, network.scaling)
    return alone, network.forward(x)[-2]


def watch(setting: Setting, network: Network, data: Splits,
          rng: np.random.Generator) -> Iterator[tuple[int, Sight]]:
    """Train a network in place; yield the number of steps taken, and what is seen, now and then."""
    recipe, held = setting.recipe, (data.validation.images[:2000], data.validation.labels[:2000])
    learner, x = network, network.inputs(data.train.images)
    if setting.frozen:
        learner, x = outputs_alone(network, x)
    t, velocity = targets(data.train.labels, learner, recipe, x), learner.parameters.like()
    decay = recipe.decay_per_matrix[-len(learner.W):]
    orders, taken = recipe.order.epochs(data.train.labels, rng), 0
    yield 0, look(network, *held)
    for number in range(recipe.epochs):
        batches = list(minibatches(next(orders), recipe.batch_size))
        stops = [step for step in STEPS if step < len(batches)] if number == 0 else []
        for start, end in pairwise([0, *stops, len(batches)]):
            with one_thread(), np.errstate(all="ignore"):
                train_epoch(learner, x, t, batches[start:end], velocity, recipe.learning_rate,
                            decay=decay)
            taken += end - start
            yield taken, look(network, *held)


class Watched(NamedTuple):
    """A run of a setting, for the logbook; streams of random numbers are those of `run`."""

    setting: Setting
    data: Splits
    seed: int

    @property
    def name(self) -> str:
        return f"watched: {self.setting} seed {self.seed} data {self.data.fingerprint}"

    def begin(self) -> tuple[Network, np.random.Generator]:
        """Return the network before its first step, and the generator of the order."""
        for_weights, for_order, _ = streams(self.seed)
        network = draw(self.setting.recipe, self.data, for_weights)
        network.b[-1][:] = self.setting.bias
        return network, for_order

    def probe(self) -> tuple:
        """Return what 21 images make of the weights in float64, at small steps."""
        return _probe(self.setting, self.data)

    def train(self) -> dict:
        """Return one row of what was seen for each of the steps at which the run was watched."""
        network, rng = self.begin()
        steps, sights = zip(*watch(self.setting, network, self.data, rng))
        return {"steps": list(steps), **dict(zip(Sight._fields, map(list, zip(*sights))))}

    def told(self, result: dict) -> dict:
        return {"setting": str(self.setting), "seed": self.seed, **result}

    def read(self, line: dict) -> dict:
        return {name: line[name] for name in ("steps", *Sight._fields)}


@cache
def _probe(setting: Setting, data: Splits) -> tuple:
    recipe = setting.recipe
    small = replace(setting, recipe=recipe.but(learning_rate=recipe.learning_rate / 1000))
    held = data.validation.take(slice(200))  # with images of all classes
    data = Splits(few(data.train), held, few(data.test))
    network, rng = Watched(small, data, 0).begin()
    network.parameters = Parameters(network.sizes, network.parameters.flat.astype(np.float64))
    *_, (steps, sight) = watch(small, network, data, rng)
    told = [steps, *sight.own_sums, *sight.slopes, len(sight.asleep), *sight[3:],
            *(part.std() for part in (*network.W, *network.b))]
    return tuple(float(f"{value:.10g}") for value in told)


class AllAlike(UnitNormal):
    """As unit_normal, but all outputs begin with the weights of the first."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        return super().__call__(rng, shape)[:, :1].repeat(shape[1], axis=1)


def first_steps(recipe: Recipe, steps: int, seed: int) -> tuple[Network, np.ndarray, np.ndarray]:
    """Return an untrained network, and the inputs and targets of its first steps, in file order.

    In float64, since steps as large as those of 2015 enlarge what processors round otherwise.
    """
    mnist = load_mnist()
    network = draw(recipe, mnist, streams(seed)[0])
    network.parameters = Parameters(network.sizes, network.parameters.flat.astype(float))
    few = mnist.train.take(slice(steps * recipe.batch_size))
    x = network.inputs(few.images).astype(float)
    return network, x, targets(few.labels, network, recipe, x)


def follow(recipe: Recipe, steps: int, frozen: bool = False, seed: int = 0) -> np.ndarray:
    """Return the own sums of the ten outputs after each of the first steps, on 500 images."""
    network, x, t = first_steps(recipe, steps, seed)
    learner, x = outputs_alone(network, x) if frozen else (network, x)
    some, way = load_mnist().validation.take(slice(500)), []
    for rows in minibatches(np.arange(len(x)), recipe.batch_size):
        train_epoch(learner, x, t, [rows], learner.parameters.like(), recipe.learning_rate)
        way.append(look(network, some.images, some.labels).own_sums)
    return np.array(way)


def push_and_pull(recipe: Recipe, steps: int = 100, seeds: Iterable[int] = range(20)) -> np.ndarray:
    """Return three rows with a number for each output: own sum, spread, and push over pull.

    After the first steps the deltas of an output are added up over 2,000 validation images: those
    above 0 push its sum down, those below pull it up. Ten outputs for each seed.
    """
    told, held = [], load_mnist().validation.take(slice(2000))
    for seed in seeds:
        network, x, t = first_steps(recipe, steps, seed)
        train_epoch(network, x, t, minibatches(np.arange(len(x)), recipe.batch_size),
                    network.parameters.like(), recipe.learning_rate)
        z = network.forward(network.inputs(held.images))[-1].astype(float)
        delta = network.output.delta(z, targets(held.labels, network, recipe, x))
        push, pull = np.maximum(delta, 0).sum(axis=0), np.maximum(-delta, 0).sum(axis=0)
        told.append([look(network, held.images, held.labels).own_sums, z.std(axis=0), push / pull])
    return np.concatenate(told, axis=1)


BASELINE = Recipe()
# Each first matrix large or small, and three rates: one epoch, to see outputs fall.
FIRST_WEIGHTS = {"both large": unit_normal, "small W[0]": (fan_in, unit_normal),
                 "small W[1]": (unit_normal, fan_in), "both small": fan_in}
FALLS = [Setting(BASELINE.but(init=init, learning_rate=rate, epochs=1))
         for init in FIRST_WEIGHTS.values() for rate in (3.0, 1.0, 0.01)]
FROZEN = [Setting(BASELINE.but(init=rule, epochs=5), frozen=True)
          for rule in (unit_normal, fan_in)]
UNFROZEN = [replace(setting, frozen=False) for setting in FROZEN]
# At the small rate, W[1] from small to large: does the depth follow the spread?
SCALES = {std: Setting(BASELINE.but(init=(unit_normal, normal(std)), learning_rate=0.01, epochs=1))
          for std in (0.2, 0.4, 0.6, 2.0)}
PLAIN = Setting(BASELINE)
# Each output begins by saying no: logistic(-2.2) is 0.1.
NO_FIRST = {name: Setting(BASELINE.but(init=init, learning_rate=0.01, epochs=1), bias=-2.2)
            for name, init in FIRST_WEIGHTS.items() if name.startswith("both")}
NO_FIRST_FAST = Setting(BASELINE, bias=-2.2)
ALIKE = {name: Setting(BASELINE.but(init=(init, AllAlike())))
         for name, init in [("both large", unit_normal), ("small W[0]", fan_in)]}
CURED = {"targets 0.1 and 0.9": Setting(BASELINE.but(targets=(0.1, 0.9))),
         "weight decay 0.00001": Setting(BASELINE.but(weight_decay=1e-5))}
ALL = [*FALLS, *FROZEN, *UNFROZEN, *SCALES.values(), PLAIN, *NO_FIRST.values(), NO_FIRST_FAST,
       *ALIKE.values(), *CURED.values()]
SEEDS = range(20)
NEW_SEEDS = range(20, 40)  # of PLAIN, to see whether what was found in the others holds


def watched(*settings: Setting, seeds: Iterable[int] = SEEDS) -> list[dict[str, np.ndarray]]:
    """Return what was seen of each setting: found in the logbook, or else made now.

    Each is a dictionary of arrays: the numbers of "steps", and for all else one row for each seed
    and one column for each of these steps.
    """
    jobs = {setting: [Watched(setting, load_mnist(), seed) for seed in seeds]
            for setting in settings}
    found = Logbook(RUNS).complete(sum(jobs.values(), []))
    return [_arrays([found[job] for job in jobs[setting]]) for setting in settings]


def _arrays(runs: list[dict]) -> dict[str, np.ndarray]:
    seen = {name: np.array([run[name] for run in runs]) for name in Sight._fields
            if name != "asleep"}
    asleep = np.array([[[k in digits for k in range(10)] for digits in run["asleep"]]
                       for run in runs])
    return {"steps": np.array(runs[0]["steps"]), "asleep": asleep,
            "sleepers": asleep.sum(axis=2), **seen}


def watched_jobs(logbook: Logbook | None = None) -> list[Watched]:
    """Return all runs of the chapter."""
    again = [Watched(PLAIN, load_mnist(), seed) for seed in NEW_SEEDS]
    return [Watched(setting, load_mnist(), seed) for setting in ALL for seed in SEEDS] + again


def differs(fresh: dict, recorded: dict, others: list[dict]) -> str | None:
    """Say how far a run made again leaves the record: untrained not at all, else as in 2015."""
    if not np.allclose(fresh["own_sums"][0], recorded["own_sums"][0], rtol=1e-3, atol=1e-3):
        return "the own sums before the first step are others"
    return archaeology.differs(fresh, recorded, others)
