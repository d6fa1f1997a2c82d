"""The record run: the fewest mistakes that NumPy, two cores and half an hour can buy.

    python book/record.py write     trains the networks side by side, asks them the test set, and
                                    writes book/record.bin and book/record.json
    python book/record.py repeat    trains them again, writes nothing, and says what came out alike

The networks are a committee: it answers the mean of their probabilities. How many networks and how
many epochs was chosen on the validation images. Then the networks learned from all 60,000.

record.bin holds the parameters of each network in the order of `Parameters.flat`, in half
precision. record.json tells how they were made, and the SHA-256 of that file.
"""

import hashlib
import json
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import weights

from handmlp import Network, load_mnist, run
from handmlp.activations import relu
from handmlp.book.story import DECAYED
from handmlp.data import Dataset
from handmlp.distortions import elastic
from handmlp.initialisers import he
from handmlp.network import Parameters
from handmlp.records.logbook import Job, Logbook, measured
from handmlp.runs import History
from handmlp.schedules import one_cycle

BOOK = Path(__file__).parent
WEIGHTS, LOG = BOOK / "record.bin", BOOK / "record.json"
HALF = np.dtype("<f2")
CORES, SEEDS = 2, range(4)  # two networks, one after the other, on each core
RECIPE = DECAYED.but(weight_decay=0, learning_rate=0.1, batch_size=128, momentum=0.9, nesterov=True,
                     schedule=one_cycle(), units=(800, 400), hidden=relu, init=he, epochs=130,
                     distortion=elastic(degrees=10, stretch=0.1))
SIZES = 784, *RECIPE.units, 10


def member(seed: int) -> tuple[np.ndarray, History, float, float]:
    """Return a network's parameters, its history, and the seconds that it took, by both clocks."""
    begun = time.perf_counter(), time.process_time()
    network, history = run(RECIPE, load_mnist(validation=0), seed, test=True)
    seconds = time.perf_counter() - begun[0], time.process_time() - begun[1]
    return network.parameters.flat, history, *seconds


def networks(flats: np.ndarray | None = None) -> list[Network]:
    """Return the networks of record.bin, or those with the given parameters (networks, count)."""
    if flats is None:
        flats = np.fromfile(WEIGHTS, HALF).reshape(len(SEEDS), -1)
    scaling = RECIPE.inputs.fit(load_mnist(validation=0).train.images)
    return [Network(Parameters(SIZES, flat.astype(np.float32)), RECIPE.hidden, RECIPE.output,
                    scaling) for flat in flats]


def committee(members: list[Network], images: np.ndarray) -> np.ndarray:
    """Return the mean of what the networks answer, (n, 10) probabilities."""
    return np.mean([network.probabilities(images) for network in members], axis=0)


def in_eight_bits() -> bytes:
    """Return the networks of record.bin for the browser, laid out as book/weights.py tells."""
    headers, parameters = zip(*(weights.told(network, f"seed {seed}")
                                for network, seed in zip(networks(), SEEDS)))
    return weights.laid_out(SIZES, headers, parameters)


def mistakes(probabilities: np.ndarray, data: Dataset) -> int:
    """Return how many images are not called by their own name."""
    return int((probabilities.argmax(axis=1) != data.labels).sum())


def train() -> tuple[np.ndarray, list[History], dict]:
    """Return the parameters in half precision, the histories, and what record.json tells."""
    begun = time.perf_counter()
    members = joblib.Parallel(CORES)(joblib.delayed(member)(seed) for seed in SEEDS)
    flats, histories, wall, cpu = zip(*members)
    halves, test = np.array(flats, HALF), load_mnist().test
    alone = [mistakes(network.probabilities(test.images), test) for network in networks(halves)]
    return halves, histories, {
        "recipe": repr(RECIPE), "seeds": [*SEEDS], **measured(),
        "sha256": hashlib.sha256(halves.tobytes()).hexdigest(),
        "mistakes": mistakes(committee(networks(halves), test.images), test),
        "mistakes_in_single_precision":
            mistakes(committee(networks(np.array(flats)), test.images), test),
        "mistakes_of_each": alone, "wall_seconds_of_each": [*map(round, wall)],
        "cpu_seconds_of_each": [*map(round, cpu)],
        "wall_seconds": round(time.perf_counter() - begun)}


def main(command: str) -> int:
    """Do what the command line says; return 0, or 1 if a repetition came out otherwise."""
    halves, histories, told = train()
    print(json.dumps(told, indent=1))
    if command == "write":
        WEIGHTS.write_bytes(halves.tobytes())
        LOG.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
        for seed, history in zip(SEEDS, histories):
            job = Job(RECIPE, load_mnist(validation=0), seed, test=True, images=True)
            Logbook(BOOK / "runs.jsonl").record(job, history)
        return 0
    then = json.loads(LOG.read_text("utf-8"))
    differ = [name for name in ("recipe", "sha256", "mistakes") if told[name] != then[name]]
    print(f"not as on record: {', '.join(differ)}" if differ else "the same as on record")
    return int(bool(differ))


if __name__ == "__main__":
    if sys.argv[1:] not in (["write"], ["repeat"]):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
