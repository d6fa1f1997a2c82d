"""The networks that read what a reader draws: one for each rung of the story, 8 bits a weight.

    python book/weights.py      trains them, in a minute or two, and writes book/weights.bin

The file, which book/assets/live/draw.js reads too, holds, one after the other:

    4 bytes        the length of the header, lowest byte first
    the header     JSON: the `sizes` of the layers, the `networks`, and the `labels` of the images
    79,510 bytes   of each network: its parameters in the order of `Parameters.flat`, each as a
                   whole number from -127 to 127
    784 bytes      of each label: an image of the test set

A parameter is its whole number times the step of its array. Each of W[0], b[0], W[1], b[1] has one
step; one for each column of a matrix would be read no better, and pack worse.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from handmlp import Network, Recipe, load_mnist, run
from handmlp.activations import Activation
from handmlp.book.story import STEPS, STORY
from handmlp.data import Dataset
from handmlp.inputs import Scaling
from handmlp.measures import asleep
from handmlp.network import Parameters
from handmlp.outputs import Output
from handmlp.records.logbook import Job, Logbook

BOOK = Path(__file__).parent
WEIGHTS = BOOK / "weights.bin"
SEED = 0
EACH = 2        # images of each digit to start from
LARGEST = 127   # of the whole numbers: the same on either side of 0
LOSS = 0.001    # of accuracy, that eight bits may cost, or a rerun may differ by


def arrays(parameters: Parameters) -> list[np.ndarray]:
    """Return W[0], b[0], W[1], b[1], as `flat` has them."""
    return [array for pair in zip(parameters.W, parameters.b) for array in pair]


def in_eight_bits(parameters: Parameters) -> tuple[list[float], np.ndarray]:
    """Return the step of each array, and all parameters as whole numbers of steps."""
    steps = [float(np.abs(array).max()) / LARGEST or 1.0 for array in arrays(parameters)]
    whole = parameters.like()
    for array, step, home in zip(arrays(parameters), steps, arrays(whole)):
        home[:] = np.rint(array / step)
    return steps, whole.flat.astype(np.int8)


def recorded_accuracy(recipe: Recipe) -> float:
    """Return the validation accuracy that the logbook has for a recipe; nothing is trained."""
    history = Logbook(BOOK / "runs.jsonl").find(Job(recipe, load_mnist(), SEED))
    return history.last.validation_accuracy


def trained(recipe: Recipe, name: str) -> tuple[dict, np.ndarray]:
    """Return what the header says of a network, and its parameters in eight bits.

    Raises
    ------
    RuntimeError
        If it is not the network of the record.
    """
    network, history = run(recipe, load_mnist(), SEED, test=True)
    now, then = history.last.validation_accuracy, recorded_accuracy(recipe)
    if abs(now - then) > LOSS:
        raise RuntimeError(
            f"the network {name!r} reads {now:.2%} and not {then:.2%}, as on record. For some "
            "recipes another processor is like another seed: set OPENBLAS_CORETYPE to the kernel "
            "of the record (the making of the book names it), or measure again")
    about, whole = told(network, name)
    return about | {"test_accuracy": history.last.test_accuracy,
                    "asleep": asleep(history.last.confusion)}, whole


def told(network: Network, name: str) -> tuple[dict, np.ndarray]:
    """Return what the header says of any network, and its parameters in eight bits."""
    steps, whole = in_eight_bits(network.parameters)
    return {"name": name, "hidden": repr(network.hidden), "output": repr(network.output),
            "shift": float(network.scaling.shift), "scale": float(network.scaling.scale),
            "steps": steps}, whole


def examples(test: Dataset) -> Dataset:
    """Return the first images of each digit, in the order of the file."""
    rows = [np.flatnonzero(test.labels == digit)[:EACH] for digit in range(test.classes)]
    return test.take(np.sort(np.concatenate(rows)))


def laid_out(sizes: Sequence[int], networks: Sequence[dict], parameters: Sequence[np.ndarray],
             few: Dataset | None = None) -> bytes:
    """Return a file of networks of the same sizes, and of images, as told above."""
    labels, images = (few.labels.tolist(), few.images.tobytes()) if few else ([], b"")
    header = json.dumps({"sizes": list(sizes), "networks": networks, "labels": labels}).encode()
    return b"".join([len(header).to_bytes(4, "little"), header,
                     *(whole.tobytes() for whole in parameters), images])


def write() -> None:
    """Train the networks, and write the file."""
    networks, parameters = zip(*map(trained, STORY, STEPS))
    few = examples(load_mnist().test)
    sizes = few.images.shape[1], *STORY[0].units, few.classes
    WEIGHTS.write_bytes(laid_out(sizes, networks, parameters, few))


def read(content: bytes | None = None) -> tuple[dict, np.ndarray, np.ndarray]:
    """Return the header, the whole numbers (networks, parameters), and the images (n, pixels)."""
    content = WEIGHTS.read_bytes() if content is None else content
    start = 4 + int.from_bytes(content[:4], "little")
    header = json.loads(content[4:start])
    shape = len(header["networks"]), Parameters.count(header["sizes"])
    middle = start + shape[0] * shape[1]
    return (header, np.frombuffer(content[start:middle], np.int8).reshape(shape),
            np.frombuffer(content[middle:], np.uint8).reshape(-1, header["sizes"][0]))


def networks(content: bytes | None = None) -> list[Network]:
    """Return the networks of a file, this one if none is given, as eight bits leave them."""
    header, whole, _ = read(content)
    made = []
    for told, numbers in zip(header["networks"], whole):
        parameters = Parameters(header["sizes"], numbers.astype(np.float32))
        for array, step in zip(arrays(parameters), told["steps"]):
            array *= step
        hidden, output = Activation.named(told["hidden"]), Output.named(told["output"])
        scaling = Scaling(np.float32(told["shift"]), np.float32(told["scale"]))
        made.append(Network(parameters, hidden, output, scaling))
    return made


if __name__ == "__main__":
    write()
