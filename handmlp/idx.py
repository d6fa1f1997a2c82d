"""IDX, the file format of MNIST: two zeros, type, number of axes; the sizes; then the values."""

import gzip
import hashlib
import math
import re
import warnings
import zlib
from pathlib import Path

import numpy as np

# Of the unpacked files, so that packing them again changes nothing.
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def read_idx(path, sha256: str | None = None) -> np.ndarray:
    """Return the values of an IDX file of bytes, packed with gzip or not, as its bytes tell.

    `train-images`, `train-images-idx3-ubyte` and `train-images.idx3-ubyte`, each with `.gz` or
    without, find the file under any of these names. With `sha256`, any other content is refused.
    """
    path = _find(Path(path))
    expected = f"content of SHA-256 {sha256}" if sha256 else "an IDX file of bytes"
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
        found = hashlib.sha256(content).hexdigest()
        if sha256 not in (None, found):
            raise ValueError(found)
        values = _parse(content)
    except (gzip.BadGzipFile, EOFError, zlib.error, ValueError) as error:
        raise ValueError(f"{path}: expected {expected}, found {error}. Get the "
                         "file again (if it is one of handmlp's own, install handmlp again)"
                         ) from error
    # A spoiled pixel shows only as poor learning; but other data may rightly bear these names.
    if SHA256.get(_plain(path), found) != found and len(values) in (10_000, 60_000):
        warnings.warn(f"{path}: has the name and size of an MNIST file but another content, SHA-256"
                      f" {found}. If it is meant to be MNIST, get it again", stacklevel=2)
    return values


def _plain(path: Path) -> str:
    return path.name.removesuffix(".gz").replace(".idx", "-idx")


def _find(path: Path) -> Path:
    if path.is_file():
        return path
    names = re.compile(re.escape(_plain(path)) + r"(-idx\d-ubyte)?")
    for found in sorted(path.parent.glob("*")):
        if names.fullmatch(_plain(found)) and found.is_file():
            return found
    raise FileNotFoundError(
        f"{path}: no such file, nor with -idx for .idx, with .gz or without. Give the path of one "
        "IDX file. MNIST comes with handmlp, in load_mnist(); torchvision and TensorFlow Datasets "
        "download the same four files, whose SHA-256 are in handmlp.idx.SHA256")


def _parse(content: bytes) -> np.ndarray:
    axes = content[3] if len(content) > 3 else 0
    start = 4 + 4 * axes
    sizes = tuple(int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4))
    promised = start + math.prod(sizes)
    if not content:
        raise ValueError("an empty file")
    if re.match(rb"(\xef\xbb\xbf)?\s*<(!doctype|html)", content, re.IGNORECASE):
        raise ValueError("a web page, perhaps an error message")
    if content[:2] != b"\0\0" or not 1 <= axes <= 4:
        raise ValueError(f"another format, beginning with {content[:4]!r}")
    if content[2] != 0x08:
        raise ValueError(f"values of IDX type 0x{content[2]:02x}, not 0x08, bytes")
    if len(content) != promised or 0 in sizes:
        fault = "a file cut short" if len(content) < promised else "none or too many values"
        raise ValueError(f"{fault}: {len(content):,} bytes, sizes {sizes} promise {promised:,}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(sizes)
