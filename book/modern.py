"""Ways to train beyond the package: Adam and batch normalisation by hand, and older advice.

g      gradient of the objective by all parameters w, one flat vector
m, v   running means of g and of g²; k counts the steps
s      sums a W of a hidden layer, one row for each image
ŝ      s less its mean, by its standard deviation: each unit on its own, over the minibatch
γ, β   what a hidden unit makes of it, z = γ ŝ + β; β stands where the bias stood
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from functools import cache, partial
from itertools import accumulate
from typing import NamedTuple

import archaeology
import numpy as np
import sleepers

from handmlp import Network, Recipe, Splits, he, load_mnist, logistic, relu, unit_normal
from handmlp.book.story import BASELINE, DECAYED, SHUFFLED
from handmlp.inputs import Inputs, unit_range
from handmlp.measures import answers
from handmlp.network import Parameters
from handmlp.orders import file_order, sorted_by_class
from handmlp.outputs import logistic_squared_error
from handmlp.products import add_product, add_sum, one_thread
from handmlp.records.logbook import Logbook
from handmlp.records.probe import few
from handmlp.runs import draw, sample, streams
from handmlp.training import minibatches, sgd_step, targets, train_epoch

RUNS = archaeology.RUNS
SQUARES = 0.999  # β₂: what the running mean of g² keeps at each step
TINY = 1e-5      # added to a variance before it divides
SHARE = 0.05     # of the running averages, that each minibatch renews


# --- Adam ---------------------------------------------------------------------------------------

@dataclass
class Moments:
    """What Adam remembers: running means of the gradient (m) and of its square (v), and k."""

    m: Parameters
    v: Parameters
    epsilon: float = 1e-8
    steps: int = 0

    @classmethod
    def of(cls, network: Network, epsilon: float = 1e-8) -> "Moments":
        """Return the moments before the first step, which are 0."""
        return cls(network.parameters.like(), network.parameters.like(), epsilon)


def adam_step(network: Network, x: np.ndarray, t: np.ndarray, moments: Moments,
              learning_rate: float, momentum: float = 0.9,
              decay: tuple[float, ...] = ()) -> None:
    """Change the network by one step of Adam, in place (Kingma and Ba 2015, Algorithm 1).

    As `sgd_step`, with moments in place of a velocity; `momentum` is Adam's β₁. The weight decay is
    a part of the gradient, as it is a part of the objective.
    """
    g = network.backward(network.forward(x), t, out=network.parameters.like())
    for G, W, strength in zip(g.W, network.W, decay):
        G += strength * W                                      # g = ∂L/∂w + λ W
    m, v, moments.steps = moments.m.flat, moments.v.flat, moments.steps + 1
    m += (1 - momentum) * (g.flat - m)                         # m ← β₁ m + (1 - β₁) g
    v += (1 - SQUARES) * (g.flat**2 - v)                       # v ← β₂ v + (1 - β₂) g²
    unbiased = v / (1 - SQUARES**moments.steps)                # v̂ = v / (1 - β₂ᵏ)
    rate = learning_rate / (1 - momentum**moments.steps)       # m̂ = m / (1 - β₁ᵏ)
    network.parameters.flat -= rate * m / (np.sqrt(unbiased) + moments.epsilon)


# --- Batch normalisation ------------------------------------------------------------------------

class ScaledParameters(Parameters):
    """Weights, biases, and then a scale γ for each hidden unit, in one flat vector."""

    def __init__(self, sizes: tuple[int, ...], flat: np.ndarray | None = None):
        super().__init__(sizes, flat)
        scales, ends = self.flat[Parameters.count(sizes):], accumulate(sizes[1:-1])
        self.gamma = np.split(scales, [*ends])[:-1]

    @staticmethod
    def count(sizes: tuple[int, ...]) -> int:
        """Return how many parameters layers of these sizes have."""
        return Parameters.count(sizes) + sum(sizes[1:-1])


@dataclass(eq=False)
class Normalised(Network):
    """A network with batch normalisation of its hidden sums (Ioffe and Szegedy 2015).

    To be asked, it takes the running mean and variance of each unit. Its `learner` shares all with
    it, takes those of the minibatch, and keeps the running ones up to date.
    """

    running: list[np.ndarray]
    learns: bool = False
    seen: dict = field(default_factory=dict)

    @classmethod
    def of(cls, network: Network) -> "Normalised":
        """Return a network with the same weights and functions, where γ is 1 and β the bias."""
        scales = np.ones(sum(network.sizes[1:-1]), network.parameters.flat.dtype)
        w = ScaledParameters(network.sizes, np.append(network.parameters.flat, scales))
        running = [np.stack([0 * b, 0 * b + 1]) for b in w.b[:-1]]
        return cls(w, network.hidden, network.output, network.scaling, running)

    @property
    def learner(self) -> "Normalised":
        """The same network, as it is when it learns."""
        return replace(self, learns=True)

    def forward(self, x: np.ndarray) -> list[np.ndarray]:
        """Return the values of every layer: [x, a[1], …, z], ending in the logits."""
        a, last = [x], len(self.W) - 1
        for l in range(last):
            s = a[l] @ self.W[l]                               # s = a W
            a.append(self.hidden(self.normalise(l, s)))        # a = f(γ ŝ + β)
        return [*a, a[last] @ self.W[last] + self.b[last]]     # z = a W + b

    def normalise(self, l: int, s: np.ndarray) -> np.ndarray:
        """Return γ ŝ + β of the sums of layer l, and remember ŝ for the way back."""
        if self.learns:
            _at_least_two(s)
            mean, variance, n = s.mean(axis=0), s.var(axis=0), len(s)   # s̄, σ²
            fresh = np.stack([mean, variance * (n / (n - 1))])
            self.running[l] += SHARE * (fresh - self.running[l])
        else:
            mean, variance = self.running[l]
        spread = np.sqrt(variance + TINY)
        s = (s - mean) / spread                                # ŝ = (s - s̄) / √(σ² + ε)
        self.seen[l] = s, spread
        return self.parameters.gamma[l] * s + self.b[l]        # z = γ ŝ + β

    def backward(self, a: list[np.ndarray], t: np.ndarray, out: ScaledParameters,
                 factor: float = 1.0, keep: float = 0.0) -> ScaledParameters:
        """As `Network.backward`, after a `forward` of the learner; `out` holds γ too."""
        delta, last = self.output.delta(a[-1], t) * (factor / len(t)), len(self.W) - 1
        add_sum(out.b[last], delta, keep)                      # ∂L/∂b = Σ δ
        for l in reversed(range(last + 1)):
            below = (delta @ self.W[l].T) * self.hidden.slope(a[l]) if l else None
            add_product(out.W[l], a[l], delta, keep)           # ∂L/∂W = aᵀ δ
            if l:                                              # δ ← δ Wᵀ ∘ f′(z), then ∂L/∂s
                delta = self.normalise_back(l - 1, below, out, keep)
        return out

    def normalise_back(self, l: int, delta: np.ndarray, out: ScaledParameters,
                       keep: float) -> np.ndarray:
        """Turn ∂L/∂z of layer l into ∂L/∂s; on the way, set the gradients of γ and β."""
        (s, spread), gamma = self.seen[l], self.parameters.gamma[l].copy()
        along = delta * s
        add_sum(out.b[l], delta, keep)                         # ∂L/∂β = Σ δ
        add_sum(out.gamma[l], along, keep)                     # ∂L/∂γ = Σ δ ŝ
        delta = delta - delta.mean(axis=0) - s * along.mean(axis=0)
        return gamma / spread * delta                          # γ/σ (δ - mean δ - ŝ mean δ ŝ)


def _at_least_two(s: np.ndarray) -> None:
    if len(s) < 2:
        raise ValueError("a minibatch must have at least 2 images, since batch normalisation "
                         f"needs their variance, got {len(s)}")


# --- Older advice (LeCun et al. 1998, section 4) --------------------------------------------------

class Decorrelated(Inputs):
    """Mean 0 and nearer to one spread along every axis of the covariance: less correlated pixels.

    Each variance has their mean added, or what hardly varies would be blown up. The axes are turned
    back, so that nothing depends on their signs; the mean square of an input is 1.
    """

    def fit(self, images: np.ndarray):
        mean = images.mean(axis=0)
        values, axes = np.linalg.eigh(np.cov(images - mean, rowvar=False))
        turn = (axes / np.sqrt(values + values.mean())) @ axes.T
        turn /= np.sqrt((((images - mean) @ turn) ** 2).mean())
        # The sums cancel, so in float32 every processor would make other inputs of them.
        return lambda pixels: ((pixels - mean) @ turn).astype(np.float32)


def layered_step(network: Network, x: np.ndarray, t: np.ndarray, gradient: Parameters,
                 learning_rate: float, momentum: float = 0.0, decay: tuple[float, ...] = (),
                 factors: tuple[float, ...] = ()) -> None:
    """Change the network by one plain step, in which each layer has a factor of the rate.

    As `sgd_step`, without momentum and decay; `gradient` is only a place to compute in.
    """
    if momentum or any(decay):
        raise ValueError(f"momentum and decay must be 0, got {momentum} and {decay}")
    g = network.backward(network.forward(x), t, out=gradient)
    for W, b, dW, db, factor in zip(network.W, network.b, g.W, g.b, factors, strict=True):
        W -= learning_rate * factor * dW
        b -= learning_rate * factor * db


def harder(order: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Return an order in which the tenth of largest loss stands in for the tenth of least, too."""
    ranked, shown, count = np.argsort(losses, kind="stable"), np.arange(len(order)), len(order)
    shown[ranked[:count // 10]] = ranked[count - count // 10:]
    return shown[order]


# --- Runs ---------------------------------------------------------------------------------------

@dataclass(frozen=True, repr=False)
class Setting:
    """A recipe, and how it is trained; with Adam, its momentum is β₁."""

    recipe: Recipe
    adam: bool = False
    normalised: bool = False
    bias: float = 0.0      # of all hidden units, before the first step
    plain: int = 0         # so many epochs of SGD at the rate of 2015 come first
    epsilon: float = 1e-8  # of Adam
    layers: tuple[float, ...] = ()  # a factor of the rate for each layer, in plain steps
    hard: bool = False     # whether each epoch but the first shows hard examples twice

    def __repr__(self) -> str:
        told = [f"{f.name}={getattr(self, f.name)!r}" for f in fields(self)[1:]
                if getattr(self, f.name) != f.default]
        return f"Setting({', '.join([repr(self.recipe), *told])})"


class Sight(NamedTuple):
    """What is seen of a network after an epoch.

    Of all validation images: the accuracy. Of 2,000: for each output the mean of its sum over the
    images of its own digit, and the classes asleep. And for each hidden unit of the first layer
    whether it answers 0 to all validation images, and to all images that are learned from.
    """

    accuracy: float
    own_sums: list[float]
    asleep: list[int]
    silent: np.ndarray
    dead: np.ndarray


def silent(network: Network, images: np.ndarray) -> np.ndarray:
    """Return whether each hidden unit of the first layer answers 0 to every image."""
    parts = (network.forward(network.inputs(images[start:start + 1000]))[1]
             for start in range(0, len(images), 1000))
    return ~np.any([a.any(axis=0) for a in parts], axis=0)


def look(network: Network, data: Splits) -> tuple[Sight, np.ndarray]:
    """Return what is seen of a network, and which validation images it calls rightly."""
    held = data.validation
    seen = sleepers.look(network, held.images[:2000], held.labels[:2000])
    right = answers(network, held.images, held.labels)[1] == held.labels
    # Only relu answers 0.
    parts = [silent(network, part.images) if network.hidden == relu
             else np.zeros(network.sizes[1], bool) for part in (held, data.train)]
    return Sight(float(right.mean()), seen.own_sums, seen.asleep, *parts), right


def watch(setting: Setting, network: Network, data: Splits,
          rng: np.random.Generator) -> Iterator[tuple[Sight, np.ndarray]]:
    """Train a network in place; yield what is seen before the first epoch and after each.

    It ends early if a step is not finite.
    """
    recipe = setting.recipe
    learner = network.learner if setting.normalised else network
    x = network.inputs(data.train.images)
    t = targets(data.train.labels, network, recipe, x)
    velocity, moments = network.parameters.like(), Moments.of(network, setting.epsilon)
    orders = recipe.order.epochs(data.train.labels, rng)
    yield look(network, data)
    for number in range(recipe.epochs):
        order = next(orders)
        if setting.hard and number:
            order = harder(order, network.output.loss(network.forward(x)[-1], t))
        batches = minibatches(order, recipe.batch_size)
        how = (moments, recipe.learning_rate, recipe.momentum, recipe.decay_per_matrix, adam_step)
        if not setting.adam:
            step = partial(layered_step, factors=setting.layers) if setting.layers else sgd_step
            how = (velocity, *how[1:-1], step)
        if number < setting.plain:
            how = (velocity, BASELINE.learning_rate)
        with one_thread(), np.errstate(all="ignore"):
            if train_epoch(learner, x, t, batches, *how):
                return
            if not np.isfinite(network.parameters.flat).all():
                return
            yield look(network, data)


class Trained(NamedTuple):
    """A run of a setting, for the logbook; streams of random numbers are those of `run`."""

    setting: Setting
    data: Splits
    seed: int

    @property
    def name(self) -> str:
        return f"modern: {self.setting} seed {self.seed} data {self.data.fingerprint}"

    def begin(self) -> tuple[Network, Splits, np.random.Generator]:
        """Return the network before its first step, its images, and the generator of the order."""
        recipe, (for_weights, for_order, for_sample) = self.setting.recipe, streams(self.seed)
        data = sample(recipe, self.data, for_sample)
        network = draw(recipe, data, for_weights)
        for b in network.b[:-1]:
            b[:] = self.setting.bias
        if self.setting.normalised:
            network = Normalised.of(network)
        return network, data, for_order

    def probe(self) -> tuple:
        """Return what 21 images make of the weights in float64, at small steps."""
        return _probe(self.setting, self.data)

    def train(self) -> dict:
        """Return what was seen after each epoch, and which validation images end up right."""
        network, data, rng = self.begin()
        sights, rights = zip(*watch(self.setting, network, data, rng))
        return {**dict(zip(Sight._fields, map(list, zip(*sights)))), "right": rights[-1]}

    def told(self, result: dict) -> dict:
        bits = {name: [*map(packed, result[name])] for name in ("silent", "dead")}
        sums = [[round(value, 4) for value in row] for row in result["own_sums"]]
        return {"setting": str(self.setting), "seed": self.seed, **result, **bits,
                "own_sums": sums, "right": [len(result["right"]), packed(result["right"])]}

    def read(self, line: dict) -> dict:
        units, (images, right) = self.setting.recipe.units[0], line["right"]
        bits = {name: [unpacked(text, units) for text in line[name]]
                for name in ("silent", "dead")}
        return {name: line[name] for name in Sight._fields} | bits | {
            "right": unpacked(right, images)}


def packed(bits: np.ndarray) -> str:
    """Return a bit for each as text."""
    return np.packbits(bits).tobytes().hex()


def unpacked(text: str, count: int) -> np.ndarray:
    """Return so many bits of a text that `packed` made."""
    return np.unpackbits(np.frombuffer(bytes.fromhex(text), np.uint8), count=count).astype(bool)


@cache
def _probe(setting: Setting, data: Splits) -> tuple:
    recipe = setting.recipe
    small = replace(setting, recipe=recipe.but(  # 21 images in three minibatches, none of one
        learning_rate=recipe.learning_rate / 1000, batch_size=7, images=None))
    data = Splits(few(data.train), data.validation.take(slice(200)), few(data.test))
    network, data, rng = Trained(small, data, 0).begin()
    kind = type(network.parameters)
    network.parameters = kind(network.sizes, network.parameters.flat.astype(np.float64))
    if setting.normalised:
        network.running = [each.astype(np.float64) for each in network.running]
    *_, (sight, right) = watch(small, network, data, rng)
    told = [recipe.images or 0, recipe.batch_size, *sight.own_sums, len(sight.asleep), right.sum(),
            sight.silent.sum(), sight.dead.sum(),
            *(part.std() for part in (*network.W, *network.b, network.parameters.flat))]
    return tuple(float(f"{value:.10g}") for value in told)


# --- The settings of the chapter ------------------------------------------------------------------

HOWS = {"SGD": {}, "Adam": {"adam": True}, "batch norm": {"normalised": True},
        "both": {"adam": True, "normalised": True}}
GRID = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


def setting(recipe: Recipe, how: str, rate: float, **choices) -> Setting:
    """Return a recipe at a rate and one of the four ways to train; Adam's β₁ is 0.9."""
    momentum = 0.9 if "adam" in HOWS[how] else 0.0
    return Setting(recipe.but(learning_rate=rate, momentum=momentum), **HOWS[how], **choices)


# The finished recipe in larger minibatches and fewer epochs, less each of the four changes.
FULL = DECAYED.but(batch_size=100, epochs=3)
LESS = {
    "nothing": FULL,
    "activations": FULL.but(hidden=logistic, output=logistic_squared_error),
    "first weights": FULL.but(init=unit_normal, inputs=unit_range),
    "shuffling": FULL.but(order=file_order),
    "weight decay": FULL.but(weight_decay=0.0),
}
BY_CLASS = FULL.but(order=sorted_by_class)
# The best rate of three, or more, neighbours on the grid; where none is told, that of nothing.
BEST = {"nothing": {"SGD": 0.3, "Adam": 0.001, "batch norm": 1.0, "both": 0.01},
        "activations": {"SGD": 3.0, "Adam": 0.003, "batch norm": 1.0, "both": 0.01},
        "first weights": {"SGD": 1.0, "Adam": 0.01, "batch norm": 3.0, "both": 0.03}}

# The network of 2015, in larger minibatches and on fewer images.
OLD = BASELINE.but(images=5000, batch_size=32)
OLD_RATES = {"SGD": (3.0,), "Adam": (0.001, 0.003, 0.01, 0.03), "batch norm": (3.0,),
             "both": (0.03,)}
OLD_TRIED = {"batch norm": (1.0, 3.0, 10.0), "both": (0.01, 0.03, 0.1)}
WOKEN = {epsilon: setting(OLD, "Adam", 0.003, plain=5, epsilon=epsilon)
         for epsilon in (1e-15, 1e-8, 1e-2)}

# Hidden units that may fall silent.
RELU = DECAYED.but(hidden=relu, init=he, weight_decay=0.0, images=5000, batch_size=32, epochs=5)
RELU_RATES = {"SGD": (0.1, 0.2, 0.4, 0.8, 1.6), "Adam": (0.001, 0.003, 0.01, 0.03, 0.1),
              "batch norm": (0.1, 0.2, 0.4, 0.8, 1.6)}
BIASES = (1.0, 0.0, -3.0)


# Chapter 14: three pieces of advice, on fewer images, each with the best of three rates.
FEWER = SHUFFLED.but(images=5000, epochs=5)
ADVISED = {
    "decorrelated": Setting(FEWER.but(inputs=Decorrelated(), learning_rate=0.1)),
    "layers": Setting(FEWER.but(learning_rate=0.03), layers=(2.8, 1.0)),  # roots of 784 and 100
    "hard": Setting(FEWER.but(learning_rate=0.1), hard=True),
}


def relus(how: str, bias: float = 0.0) -> dict[float, Setting]:
    """Return the settings with relu at each rate."""
    return {rate: setting(RELU, how, rate, bias=bias) for rate in RELU_RATES[how]}


def three_rates(best: Setting) -> list[Setting]:
    """Return a setting at its rate, and at the neighbours of that on the grid."""
    at = GRID.index(best.recipe.learning_rate)
    return [replace(best, recipe=best.recipe.but(learning_rate=rate))
            for rate in GRID[at - 1:at + 2]]


def at_best(less: str, how: str) -> Setting:
    """Return the setting at its best rate."""
    return setting(LESS[less], how, BEST.get(less, BEST["nothing"])[how])


SEEDS, MANY = range(5), range(20)
OLD_ALL = {how: {rate: setting(OLD, how, rate) for rate in rates}
           for how, rates in OLD_RATES.items()}
TRIED = [*(one for less in BEST for how in BEST[less] for one in three_rates(at_best(less, how))),
         *(setting(OLD, how, rate) for how, rates in OLD_TRIED.items() for rate in rates),
         *(one for best in ADVISED.values() for one in three_rates(best))]
FEW = [*(at_best(less, how) for less in LESS for how in BEST["nothing"]),
       *(setting(BY_CLASS, how, rate) for how, rate in BEST["nothing"].items()),
       *(one for bias in BIASES for one in relus("SGD", bias).values()),
       *relus("Adam").values(), *relus("batch norm").values(),
       *ADVISED.values()]
SLEEPY = [*(one for rates in OLD_ALL.values() for one in rates.values()), *WOKEN.values()]
RUNS_OF = [(TRIED, range(1)), (FEW, SEEDS), (SLEEPY, MANY)]
ALL = list(dict.fromkeys(one for settings, _ in RUNS_OF for one in settings))


def trained(*settings: Setting, seeds: Iterable[int] = SEEDS) -> list[list[dict]]:
    """Return the runs of each setting, one for each seed: found in the logbook, or made now."""
    jobs = [[Trained(one, load_mnist(), seed) for seed in seeds] for one in settings]
    found = Logbook(RUNS).complete(sum(jobs, []))
    return [[found[job] for job in runs] for runs in jobs]


def modern_jobs(logbook: Logbook | None = None) -> list[Trained]:
    """Return all runs of the chapter."""
    jobs = [Trained(one, load_mnist(), seed)
            for settings, seeds in RUNS_OF for one in settings for seed in seeds]
    return list({job.name: job for job in jobs}.values())


def differs(fresh: dict, recorded: dict, others: list[dict]) -> str | None:
    """Say how far a run made again leaves the record: as for sleepers, if it is as long."""
    if len(fresh["accuracy"]) != len(recorded["accuracy"]):
        return f"it ends after {len(fresh['accuracy']) - 1} epochs"
    others = [run for run in others if len(run["accuracy"]) == len(recorded["accuracy"])]
    return sleepers.differs(fresh, recorded, others)
