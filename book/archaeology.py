"""The network of 2015 once more, in our own words, with one switch for each of its mistakes.

    python book/archaeology.py           train what is missing, or was recorded by other code
    python book/archaeology.py measure   train everything again
    python book/archaeology.py check     train one seed of each again, and compare with the record

It learns from one image at a time: x, a, z and δ are rows, and a gradient is the product aᵀδ.
"""

import ast
import inspect
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import joblib
import numpy as np
from scipy.linalg.blas import sger
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from handmlp import load_mnist, logistic, one_hot, tanh
from handmlp.inputs import unit_range, zero_mean, zero_mean_per_pixel
from handmlp.measures import accuracy, asleep, evaluate
from handmlp.network import Network, Parameters
from handmlp.outputs import logistic_squared_error, softmax_cross_entropy
from handmlp.records.logbook import measured, syntax
from handmlp.runs import streams

RECORD = Path(__file__).parent / "runs" / "2015" / "record.json"


@dataclass(frozen=True)
class Choices:
    """What the code was to do, and one switch for each of its mistakes."""

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


def untrained(choices: Choices, data, rng: np.random.Generator) -> Network:
    """Return the network before training, its scaling fitted to the images trained on."""
    if choices.improved:
        parts = tanh, softmax_cross_entropy
        inputs = zero_mean_per_pixel if choices.pixel_by_pixel else zero_mean
    else:
        parts, inputs = (logistic, logistic_squared_error), unit_range
    return Network(first_weights(choices, rng), *parts, inputs.fit(data.train.images))


def gradient_2015(network: Network, x: np.ndarray, t: np.ndarray, choices: Choices) -> list:
    """Return (a, δ) of both layers for one image; the gradient of a layer is aᵀδ."""
    (W0, W1), (b0, b1), f = network.W, network.b, network.hidden
    a = f(x @ W0 + b0)                                       # a = f(xW + b)
    z = a @ W1 + b1
    if choices.logistic_twice:
        y = logistic(z)
        delta = (y - t) * logistic.slope(logistic(y))        # δ = (ŷ - t) f′(ŷ)
        slope = logistic.slope(logistic(a))                  # f′(a)
    else:
        delta = network.output.delta(z, t)                   # δ = (ŷ - t) f′(z), or ŷ - t
        slope = f.slope(a)                                   # f′(z)
    return [(x, delta @ W1.T * slope), (a, delta)]


def descend(w: Parameters, gradient: list, rate: float) -> None:
    """Take one step from `w`; BLAS adds the product of a column and a row in place."""
    for (a, delta), W, b in zip(gradient, w.W, w.b):
        sger(-rate, delta, a, a=W.T, overwrite_a=True)       # W ← W - η aᵀδ
        b -= rate * delta[0]                                 # b ← b - η δ


def step_2015(w: Parameters, v: Parameters, gradient: list, previous: list, rate: float,
              choices: Choices) -> None:
    """Change the weights `w` by the gradient of one image; `v` is the velocity."""
    if choices.previous_gradient:
        descend(w, gradient, rate)                           # w ← w - η g
        descend(w, previous, choices.momentum)               #       - μ (previous g)
    else:
        v.flat *= choices.momentum                           # v ← μ v
        descend(v, gradient, rate)                           #       - η g
        w.flat += v.flat                                     # w ← w + v


def train_2015(choices: Choices, data, seed: int) -> dict:
    """Return the validation accuracy from epoch 0 to the last, and which outputs then sleep.

    The streams of random numbers are those of `handmlp.run`.
    """
    for_weights, for_order, _ = streams(seed)
    network, rows = untrained(choices, data, for_weights), np.arange(len(data.train))
    x, t = network.inputs(data.train.images)[:, None], one_hot(data.train.labels)[:, None]
    w, v, previous, rate = network.parameters, network.parameters.like(), [], choices.learning_rate
    held, confusions = (data.validation.images, data.validation.labels), []
    with threadpool_limits(1), np.errstate(all="ignore"):
        confusions.append(evaluate(network, *held)[1])
        for _ in range(choices.epochs):
            for row in for_order.permutation(rows) if choices.improved else rows:
                gradient = gradient_2015(network, x[row], t[row], choices)
                step_2015(w, v, gradient, previous, rate, choices)
                previous = gradient
            rate /= 1 + choices.decay
            confusions.append(evaluate(network, *held)[1])
    return {"accuracy": [*map(accuracy, confusions)], "asleep": asleep(confusions[-1])}


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
JOBS = ([(choices, seed) for choices in (*FIRSTS, HASTY, *IMPROVED) for seed in range(5)]
        + [(choices, seed) for swept in SWEPT for choices in at_rates(swept) for seed in range(5)])

DECIDES = (Choices, root, first_weights, untrained, gradient_2015, descend, step_2015, train_2015,
           asleep)
TREES = [syntax(ast.parse(inspect.getsource(part))) for part in DECIDES]
CODE = "db1f21f1b17f"  # while the house is rebuilt


def on_record() -> dict[str, dict]:
    """Return all recorded runs by their names; a run is current if its code is `CODE`."""
    return json.loads(RECORD.read_text("utf-8"))["runs"] if RECORD.exists() else {}


def name(job: tuple) -> str:
    return "{}, seed {}".format(*job)


def complete(jobs: list, again: bool = False) -> list[dict]:
    """Return what came of each (choices, seed): found, or else trained now and recorded."""
    runs = on_record()
    due = [job for job in jobs if again or runs.get(name(job), {}).get("code") != CODE]
    for job, run in zip(due, train(due)):
        runs[name(job)] = {"code": CODE, **run}
        lines = ",\n  ".join(f"{json.dumps(key)}: {json.dumps(runs[key])}" for key in sorted(runs))
        RECORD.parent.mkdir(parents=True, exist_ok=True)
        RECORD.write_text(f'{{"measured": {json.dumps(measured())},\n "runs": {{\n  {lines}}}}}\n')
    return [runs[name(job)] for job in jobs]


def train(jobs: list):
    """Train the jobs side by side, in sight; yield what came of them, in their order."""
    work = (joblib.delayed(train_2015)(choices, load_mnist(), seed) for choices, seed in jobs)
    runs = joblib.Parallel(n_jobs=-1, return_as="generator")(work) if jobs else ()
    return tqdm(runs, "training", len(jobs), unit="run", disable=not jobs)


def check() -> int:
    """Train one seed of each again; return how many leave the record by more than seeds differ.

    The large steps of some of these networks make another processor's rounding another run. So a
    point and five standard deviations over the seeds are allowed; untrained, next to nothing is.
    """
    jobs, runs, wrong = [job for job in JOBS if job[1] == 0], on_record(), 0
    stale = [job for job in JOBS if runs.get(name(job), {}).get("code") != CODE]
    for job, run in zip(jobs, () if stale else train(jobs)):
        old = [runs[name(other)]["accuracy"] for other in JOBS if other[0] == job[0]]
        spread = np.maximum.accumulate(np.std(old, axis=0, ddof=1)[::-1])[::-1]
        gap = np.abs(np.subtract(run["accuracy"], old[0]))
        differs = bool(gap[0] > 0.002 or (gap > 0.01 + 5 * spread).any())
        print("differs" if differs else "agrees ", name(job), f"by up to {gap.max():.4f}")
        wrong += differs
    print(f"{len(jobs)} checked, {wrong} differ" if not stale else
          f"{len(stale)} runs are missing or were recorded by other code: python {sys.argv[0]}")
    return wrong + len(stale)


def main(command: str = "update") -> int:
    if command == "check":
        return min(1, check())
    complete(JOBS, again=command == "measure")
    return 0


if __name__ == "__main__":
    import archaeology  # by its name, under which the processes that train find it too
    sys.exit(archaeology.main(*sys.argv[1:]))
