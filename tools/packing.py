"""The files that live pieces load when a reader asks: digits, and the code that trains on them.

A page from disk may load scripts and nothing else, so each file is a script that hands over its
bytes, compressed: `hm.arrived(name, bytes)` in book/assets/book.js.
"""

import base64
import json
import sys
import zlib
from pathlib import Path

from handmlp import load_mnist

BOOK = Path(__file__).parents[1] / "book"
ASSETS = BOOK / "assets"
sys.path.append(str(BOOK))  # where the record run lives

import record as the_record  # noqa: E402

EVERY = 10  # of the training and of the validation images: 5,000 and 1,000


def digits() -> bytes:
    """Labels and pixels, a byte each, of 5,000 images to train on, then of 1,000 to watch."""
    mnist = load_mnist()
    few = [part.take(slice(None, None, EVERY)) for part in (mnist.train, mnist.validation)]
    return b"".join(array.astype("uint8").tobytes()
                    for part in few for array in (part.labels, part.images))


def worker() -> bytes:
    """The source of what trains: a worker of a page from disk may load no script."""
    return b"".join((ASSETS / name).read_bytes() for name in ("network.js", "training.js"))


def weights() -> bytes:
    """The networks that read a drawing, as book/weights.py lays them out."""
    return (BOOK / "weights.bin").read_bytes()


def record() -> bytes:
    """The networks of the record run, laid out alike."""
    return the_record.in_eight_bits()


FILES = {"digits": digits, "worker": worker, "weights": weights, "record": record}


def write(folder: Path) -> None:
    """Write the files, and sizes.js, which says how large each is, in kB."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = {}
    for name, content in FILES.items():
        packed = zlib.compress(content(), 9)
        sizes[name] = -(-len(packed) // 1000)
        text = f'hm.arrived("{name}", "{base64.b64encode(packed).decode()}");\n'
        (folder / f"{name}.js").write_text(text, "ascii")
    (folder / "sizes.js").write_text(f"hm.sizes = {json.dumps(sizes)};\n", "ascii")
