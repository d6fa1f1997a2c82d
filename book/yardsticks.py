"""The networks of other people once more, and other kinds of learners beside them.

z, a    weighted sum of a hidden unit, and what it makes of it
right   for each image that is asked, whether it is called by its own name
"""

import functools
import warnings
from typing import NamedTuple

import archaeology
import numpy as np
import record
import sklearn
from modern import packed, unpacked
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from views import VIEWS, all_seen, seen

from handmlp import Recipe, Splits, fan_in, load_mnist, run, shuffled, tanh, zero_mean
from handmlp.activations import Activation
from handmlp.data import Dataset
from handmlp.distortions import Distortion, elastic, undistorted
from handmlp.outputs import logistic_squared_error, softmax_cross_entropy
from handmlp.records.__main__ import is_long
from handmlp.records.logbook import Job, Logbook
from handmlp.records.probe import few
from handmlp.schedules import falling

RUNS = archaeology.RUNS


# --- What the papers have and handmlp lacks -------------------------------------------------------

class Stretched(Activation):
    """The tanh that is 1 at 1 and -1 at -1 (LeCun 1998, Efficient BackProp, section 4.4)."""

    def __call__(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        return np.multiply(1.7159, np.tanh(2 / 3 * z), out=out)   # a = 1.7159 tanh(2z/3)

    def slope(self, a: np.ndarray) -> np.ndarray:
        """Slope of the stretched tanh, from its value."""
        return 2 / 3 * (1.7159 - a * a / 1.7159)                  # f′(z) = 2/3 (1.7159 - a²/1.7159)


# What a stretched tanh gives as an output, plus 1.7159, over twice that, is a logistic unit of 4/3
# of its sum. So are its targets -1 and 1, and half the squared error is this times a constant.
STRETCHED_TARGETS = 0.2086, 0.7914


class Affine(Distortion):
    """Each image moved, made longer or wider, and slanted, each time by up to so much."""

    pixels: float
    stretch: float
    slant: float   # pixels to the right from one row to the next

    def field(self, n: int, side: int, rng: np.random.Generator) -> np.ndarray:
        place = np.arange(side) - (side - 1) / 2
        down, right = rng.uniform(-self.pixels, self.pixels, (2, n, 1, 1))
        longer, wider = 1 + rng.uniform(-self.stretch, self.stretch, (2, n, 1, 1))
        slant, (y, x) = rng.uniform(-self.slant, self.slant, (n, 1, 1)), (place[:, None], place)
        return np.stack(np.broadcast_arrays(y / longer - y + down + 0 * x,
                                            x / wider - x + slant * y + right))


# --- Jobs for the logbook -------------------------------------------------------------------------

def asked(data: Splits) -> Dataset:
    """Return the validation images, or where none are held out any more, the test images."""
    return data.validation if len(data.validation) else data.test


class Network(Job):
    """A run of a recipe that may have choices of this module; of it, `right` is kept."""

    @property
    def name(self) -> str:
        return f"yardsticks: {self.recipe} seed {self.seed} data {self.data.fingerprint}"

    def train(self) -> dict:
        """Return which images it calls rightly, and its share of the images learned from."""
        _, history = run(*self[:3], test=not len(self.data.validation))
        last = history.last
        right = last.right if last.test_right is None else last.test_right
        if right is None:
            raise RuntimeError(f"a yardstick must come to its end, got {history}")
        return {"learned": last.train_accuracy, "right": right}

    def told(self, result: dict) -> dict:
        return {"network": str(self.recipe), "seed": self.seed, **result,
                "right": packed(result["right"])}

    def read(self, line: dict) -> dict:
        return {"learned": line["learned"],
                "right": unpacked(line["right"], len(asked(self.data)))}


KINDS = {"neighbours": KNeighborsClassifier, "logistic regression": LogisticRegression,
         "perceptron": MLPClassifier, "boosted trees": HistGradientBoostingClassifier}


class Peer(NamedTuple):
    """A run of scikit-learn: a kind of learner and its choices, on pixels from 0 to 1."""

    setting: tuple[str, tuple[tuple, ...]]
    data: Splits
    seed: int

    @property
    def name(self) -> str:
        (kind, choices), seed = self.setting, self.seed
        told = ", ".join(f"{name}={value!r}" for name, value in choices)
        return f"yardsticks: {kind}({told}) seed {seed} data {self.data.fingerprint}"

    @property
    def is_long(self) -> bool:
        """Whether it takes minutes."""
        return self.setting[0] == "boosted trees"

    def probe(self) -> tuple:
        """Return what is handed over; what the library makes of it is not ours to promise."""
        (x, labels), (others, _) = self.handed(few(self.data.train)), self.handed(
            few(asked(self.data)))
        return tuple(float(f"{value:.10g}") for value in (
            x.mean(dtype=float), x.std(dtype=float), others.mean(dtype=float), labels.sum()))

    @staticmethod
    def handed(part: Dataset) -> tuple[np.ndarray, np.ndarray]:
        """Return pixels from 0 to 1, and labels."""
        return part.images / np.float32(255), part.labels

    def train(self) -> dict:
        """Return which images it calls rightly."""
        (kind, choices), (x, labels) = self.setting, self.handed(asked(self.data))
        learner = KINDS[kind](**dict(choices))
        if "random_state" in learner.get_params():
            learner.set_params(random_state=self.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it ends when we say so
            learner.fit(*self.handed(self.data.train))
        return {"right": learner.predict(x) == labels}

    def told(self, result: dict) -> dict:
        kind, choices = self.setting
        return {"learner": kind, "options": dict(choices), "seed": self.seed,
                "scikit-learn": sklearn.__version__, "right": packed(result["right"])}

    def read(self, line: dict) -> dict:
        return {"right": unpacked(line["right"], len(asked(self.data)))}


class Committee(NamedTuple):
    """Networks of one recipe that differ by their seeds, and the mean of their probabilities.

    Number 0 of five has the seeds 0 to 4, number 1 has 5 to 9, and so on. They see the images as
    they are, or each through a view of its own.
    """

    recipe: Recipe
    data: Splits
    seed: int
    size: int
    views: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        through = f" through {', '.join(self.views)}" if self.views else ""
        return (f"yardsticks: committee of {self.size} of {self.recipe}{through} "
                f"number {self.seed} data {self.data.fingerprint}")

    @property
    def is_long(self) -> bool:
        """Whether its members take minutes."""
        return is_long(Job(self.recipe, self.data, self.seed))

    def probe(self) -> tuple:
        """Return the probe of a member, and what the views make of a few images."""
        shown = [seen(few(self.data.train).images, view) for view in self.views]
        return *Job(self.recipe, self.data, self.seed).probe(), *(
            float(f"{measure(images):.10g}") for images in shown for measure in (np.mean, np.std))

    def train(self) -> dict:
        """Return which images each member, and then all together, call rightly."""
        shares = [self.member(self.seed * self.size + number, view)
                  for number, view in enumerate(self.views or self.size * ("as it is",))]
        return {"members": np.stack([self.right(each) for each in shares]),
                "right": self.right(np.mean(shares, axis=0))}

    def member(self, seed: int, view: str) -> np.ndarray:
        """Return the probabilities that a network answers."""
        data = all_seen(self.data, view)
        return run(self.recipe, data, seed)[0].probabilities(asked(data).images)

    def right(self, shares: np.ndarray) -> np.ndarray:
        """Return whether the largest share of each image is that of its own class."""
        return shares.argmax(axis=1) == asked(self.data).labels

    def told(self, result: dict) -> dict:
        return {"committee": str(self.recipe), "seed": self.seed, "size": self.size,
                "views": self.views, "members": [*map(packed, result["members"])],
                "right": packed(result["right"])}

    def read(self, line: dict) -> dict:
        images = len(asked(self.data))
        return {"members": np.stack([unpacked(text, images) for text in line["members"]]),
                "right": unpacked(line["right"], images)}


# --- The rows -------------------------------------------------------------------------------------

SQUARED = Recipe(units=300, hidden=Stretched(), output=logistic_squared_error, init=fan_in,
                 inputs=zero_mean, order=shuffled, schedule=falling, learning_rate=1.0,
                 batch_size=20, epochs=10, targets=STRETCHED_TARGETS)
TWO_LAYERS = SQUARED.but(units=(300, 100), learning_rate=0.3)
ENTROPY = SQUARED.but(units=800, hidden=tanh, output=softmax_cross_entropy, learning_rate=0.3,
                      targets=(0, 1))
WITH_DECAY = ENTROPY.but(units=(500, 300), weight_decay=1e-5)
MOVED = Affine(pixels=1.0, stretch=0.1, slant=0.15)
ENTROPY_MOVED = ENTROPY.but(distortion=MOVED, learning_rate=0.1, epochs=20)
ENTROPY_ELASTIC = ENTROPY.but(distortion=elastic(), learning_rate=0.1, epochs=30)
SQUARED_ELASTIC = SQUARED.but(units=800, distortion=elastic(), learning_rate=0.3, epochs=30)
TURNED_ELASTIC = ENTROPY_ELASTIC.but(units=(1000, 500), hidden=Stretched(),
                                     distortion=record.OF_2010)
LARGEST = TURNED_ELASTIC.but(units=(2500, 2000, 1500, 1000, 500), learning_rate=0.03)

# Rates that were tried for one seed on validation images, in two epochs.
TRIED = {SQUARED: (0.1, 0.3, 1.0, 3.0), TWO_LAYERS: (0.1, 0.3, 1.0),
         ENTROPY: (0.03, 0.1, 0.3, 1.0), WITH_DECAY: (0.03, 0.1, 0.3, 1.0),
         ENTROPY_MOVED: (0.03, 0.1, 0.3), ENTROPY_ELASTIC: (0.03, 0.1, 0.3),
         SQUARED_ELASTIC: (0.1, 0.3, 1.0), TURNED_ELASTIC: (0.03, 0.1, 0.3),
         LARGEST: (0.01, 0.03, 0.1)}

PEERS = {"neighbours": (("n_neighbors", 3), ("algorithm", "brute")),
         "logistic regression": (("max_iter", 100),),
         "perceptron": (("hidden_layer_sizes", (300,)), ("max_iter", 20)),
         "boosted trees": (("max_iter", 20), ("learning_rate", 0.2), ("early_stopping", False))}

# A network of chapter 15, 300 units with relu, in three epochs: seconds.
MEMBER = record.RECIPE.but(units=300, epochs=3, distortion=undistorted)


class Row(NamedTuple):
    """A network of others: its name, the per cent that they tell, and how it is trained here."""

    name: str
    theirs: float
    recipe: Recipe
    seeds: int
    upright: bool = False   # whether the slant of the images is taken off


ROWS = [
    Row("300", 4.7, SQUARED, 5),
    Row("1,000", 4.5, SQUARED.but(units=1000), 5),
    Row("1,000, distorted", 3.8, SQUARED.but(units=1000, distortion=MOVED), 3),
    Row("300, distorted", 3.6, SQUARED.but(distortion=MOVED), 5),
    Row("300-100", 3.05, TWO_LAYERS, 5),
    Row("500-150", 2.95, TWO_LAYERS.but(units=(500, 150)), 5),
    Row("300-100, distorted", 2.5, TWO_LAYERS.but(distortion=MOVED), 5),
    Row("500-150, distorted", 2.45, TWO_LAYERS.but(units=(500, 150), distortion=MOVED), 3),
    Row("300, deslanted", 1.6, SQUARED, 5, upright=True),
    Row("800, cross-entropy", 1.6, ENTROPY, 5),
    Row("500-300, cross-entropy", 1.53, WITH_DECAY, 5),
    Row("800, cross-entropy, affine", 1.1, ENTROPY_MOVED, 3),
    Row("800, squared error, elastic", 0.9, SQUARED_ELASTIC, 3),
    Row("800, cross-entropy, elastic", 0.7, ENTROPY_ELASTIC, 3),
    Row("1,000-500, elastic", 0.49, TURNED_ELASTIC, 3),
    Row("2,500-2,000-1,500-1,000-500, elastic", 0.35, LARGEST, 1),
]
# Tried first: the rate of the images as they are taken over, for twenty epochs.
TAKEN_OVER = Row("800, cross-entropy, elastic", 0.7,
                 ENTROPY.but(distortion=elastic(), epochs=20), 3)
PEER_SEEDS = {"neighbours": 1, "logistic regression": 1, "perceptron": 5, "boosted trees": 1}
COMMITTEES, SIZE = 3, 5


def everything() -> Splits:
    """Return MNIST with all 60,000 images to learn from, and none to choose with."""
    return load_mnist(validation=0)


@functools.cache
def upright() -> Splits:
    """Return everything, with the slant of each image taken off."""
    return all_seen(everything(), "upright")


def results(jobs: list) -> list[dict]:
    """Return what each job has found: in the logbook, or made now."""
    found = Logbook(RUNS).complete(jobs)
    return [found[job] for job in jobs]


def pilot_jobs(recipe: Recipe) -> list[Network]:
    """Return the short runs of a recipe on validation images, at each rate that was tried."""
    return [Network(recipe.but(epochs=2, learning_rate=rate), load_mnist(), 0)
            for rate in TRIED[recipe]]


def row_jobs(row: Row) -> list[Network]:
    """Return the runs of a row, one for each seed."""
    data = upright() if row.upright else everything()
    return [Network(row.recipe, data, seed) for seed in range(row.seeds)]


def peer_jobs(kind: str) -> list[Peer]:
    """Return the runs of another learner, one for each seed."""
    return [Peer((kind, PEERS[kind]), everything(), seed) for seed in range(PEER_SEEDS[kind])]


def committee_jobs() -> list[Committee]:
    """Return the committees, of which no two share a member."""
    return [Committee(MEMBER, load_mnist(), number, SIZE) for number in range(COMMITTEES)]


def trials() -> list[Committee]:
    """Return what was tried for the record run: four seeds of its recipe, and four views."""
    recipe = record.RECIPE.but(epochs=30)
    return [Committee(recipe, load_mnist(), 0, 4, views) for views in ((), tuple(VIEWS))]


def missed(jobs: list) -> np.ndarray:
    """Return for each run, found in the logbook or made now, which images it misses."""
    return ~np.array([result["right"] for result in results(jobs)])


def yardstick_jobs(logbook: Logbook | None = None) -> list:
    """Return all runs of the chapter."""
    groups = [*map(pilot_jobs, TRIED), *map(row_jobs, [*ROWS, TAKEN_OVER]),
              *map(peer_jobs, PEERS), committee_jobs(), trials()]
    return [job for group in groups for job in group]


def differs(fresh: dict, recorded: dict, others: list[dict]) -> str | None:
    """Say by how much a run made again leaves the record: half a point and three deviations."""
    shares = [other["right"].mean() for other in others]
    spread = np.std(shares, ddof=1) if len(shares) > 2 else 0.002
    gap = abs(fresh["right"].mean() - recorded["right"].mean())
    return f"accuracy is off by {gap:.4f}" if gap > 0.005 + 3 * spread else None
