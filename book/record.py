"""The record run: the fewest mistakes that NumPy, two cores and half an hour can buy.

    python book/record.py write     trains the networks side by side, asks them the test set, and
                                    writes book/record.bin and book/record.json
    python book/record.py repeat    trains them again, writes nothing, and says what came out alike

The networks are a committee: it answers the mean of their probabilities. Each looks at the digits
through a view of its own. How the images are distorted, the views, and how many networks and epochs
was chosen on the validation images. Then the networks learned from all 60,000.

record.bin holds the parameters of each network in the order of `Parameters.flat`, in half
precision. record.json tells how they were made, the scaling of each, the SHA-256 of that file, and
what the first record run had told.
"""

import hashlib
import json
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import weights
from views import VIEWS, all_seen, seen

from handmlp import Network, load_mnist, run
from handmlp.activations import relu
from handmlp.book.story import DECAYED
from handmlp.data import Dataset
from handmlp.distortions import elastic
from handmlp.initialisers import he
from handmlp.inputs import Scaling
from handmlp.network import Parameters
from handmlp.records.logbook import measured
from handmlp.schedules import one_cycle

BOOK = Path(__file__).parent
WEIGHTS, LOG = BOOK / "record.bin", BOOK / "record.json"
HALF = np.dtype("<f2")
OF_2010 = elastic(37, 5.5, degrees=15, stretch=0.175)  # the middle of Ciresan's ranges
CORES = 2  # two networks, one after the other, on each
RECIPE = DECAYED.but(weight_decay=0, learning_rate=0.1, batch_size=128, momentum=0.9, nesterov=True,
                     schedule=one_cycle(), units=(800, 400), hidden=relu, init=he, epochs=120,
                     distortion=OF_2010)
SIZES = 784, *RECIPE.units, 10


def member(seed: int, view: str) -> tuple[Network, float, float]:
    """Return a network that was trained through a view, and its seconds, by both clocks."""
    begun = time.perf_counter(), time.process_time()
    network, _ = run(RECIPE, all_seen(load_mnist(validation=0), view), seed)
    return network, time.perf_counter() - begun[0], time.process_time() - begun[1]


def networks(flats: np.ndarray | None = None, told: dict | None = None) -> list[Network]:
    """Return the networks of record.bin, or those of the given parameters and of such a note."""
    if flats is None:
        flats = np.fromfile(WEIGHTS, HALF).reshape(len(VIEWS), -1)
        told = json.loads(LOG.read_text("utf-8"))
    return [Network(Parameters(SIZES, flat.astype(np.float32)), RECIPE.hidden, RECIPE.output,
                    Scaling(*map(np.float32, scaling)))
            for flat, scaling in zip(flats, told["scaling"], strict=True)]


def answers(members: list[Network], images: np.ndarray) -> np.ndarray:
    """Return the probabilities that each network answers, (networks, n, 10)."""
    return np.array([network.probabilities(seen(images, view))
                     for network, view in zip(members, VIEWS, strict=True)])


def in_eight_bits() -> bytes:
    """Return the networks of record.bin for the browser, laid out as book/weights.py tells."""
    headers, parameters = zip(*map(weights.told, networks(), VIEWS))
    return weights.laid_out(SIZES, headers, parameters)


def mistakes(probabilities: np.ndarray, data: Dataset) -> int:
    """Return how many images are not called by their own name."""
    return int((probabilities.argmax(axis=1) != data.labels).sum())


def train() -> tuple[np.ndarray, dict]:
    """Return the parameters in half precision, and what record.json tells."""
    begun = time.perf_counter()
    made, wall, cpu = zip(*joblib.Parallel(CORES)(
        joblib.delayed(member)(seed, view) for seed, view in enumerate(VIEWS)))
    halves, test = np.array([network.parameters.flat for network in made], HALF), load_mnist().test
    told = {"recipe": repr(RECIPE), "views": [*VIEWS], **measured(),
            "scaling": [[float(network.scaling.shift), float(network.scaling.scale)]
                        for network in made],
            "sha256": hashlib.sha256(halves.tobytes()).hexdigest()}
    each = answers(networks(halves, told), test.images)
    return halves, told | {
        "mistakes": mistakes(each.mean(axis=0), test),
        "mistakes_in_single_precision": mistakes(answers(made, test.images).mean(axis=0), test),
        "mistakes_of_each": [mistakes(one, test) for one in each],
        "wall_seconds_of_each": [*map(round, wall)], "cpu_seconds_of_each": [*map(round, cpu)],
        "wall_seconds": round(time.perf_counter() - begun)}


def main(command: str) -> int:
    """Do what the command line says; return 0, or 1 if a repetition came out otherwise."""
    halves, told = train()
    print(json.dumps(told, indent=1))
    then = json.loads(LOG.read_text("utf-8")) if LOG.exists() else {}
    if command == "write":
        told["before"] = then.get("before") or then  # the first
        WEIGHTS.write_bytes(halves.tobytes())
        LOG.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
        return 0
    differ = [name for name in ("recipe", "sha256", "mistakes") if told[name] != then[name]]
    print(f"not as on record: {', '.join(differ)}" if differ else "the same as on record")
    return int(bool(differ))


if __name__ == "__main__":
    if sys.argv[1:] not in (["write"], ["repeat"]):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
