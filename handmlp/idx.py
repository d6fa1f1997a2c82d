"""IDX, the file format of MNIST: two zeros, type, number of axes; the sizes; then the values."""

import gzip
import hashlib
import math
import re
import warnings
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

# Of the unpacked files, so that packing them again changes nothing.
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
MOST = 2**30  # bytes: a million images of MNIST's size and more, and a laptop can hold them


def read_idx(path, sha256: str | None = None) -> np.ndarray:
    """Return the values of an IDX file of bytes, packed with gzip or not, as its bytes tell.

    `train-images`, `train-images-idx3-ubyte` and `train-images.idx3-ubyte`, each with `.gz` or
    without, find the file under any of these names. With `sha256`, any other content is refused.
    No more is read than the sizes at its beginning promise.
    """
    path = _find(Path(path))
    expected = f"content of SHA-256 {sha256}" if sha256 else "an IDX file of bytes"
    try:
        with path.open("rb") as file:
            packed = file.peek(2).startswith(b"\x1f\x8b")
            content, sizes = _read(gzip.GzipFile(fileobj=file) if packed else file)
        found = hashlib.sha256(content).hexdigest()
        if sha256 not in (None, found):
            raise ValueError(found)
    except (gzip.BadGzipFile, EOFError, zlib.error, ValueError) as error:
        raise ValueError(f"{path}: expected {expected}, found {error}. Get the "
                         "file again (if it is one of handmlp's own, install handmlp again)"
                         ) from error
    # A spoiled pixel shows only as poor learning; but other data may rightly bear these names.
    if SHA256.get(_plain(path), found) != found and sizes[0] in (10_000, 60_000):
        warnings.warn(f"{path}: has the name and size of an MNIST file but another content, SHA-256"
                      f" {found}. If it is meant to be MNIST, get it again", stacklevel=2)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(sizes)).reshape(sizes)


def _plain(path: Path) -> str:
    return path.name.removesuffix(".gz").replace(".idx", "-idx")


def _find(path: Path) -> Path:
    if path.is_file():
        return path
    names = re.compile(re.escape(_plain(path)) + r"(-idx\d-ubyte)?")
    found = [other for other in sorted(path.parent.glob("*"))
             if names.fullmatch(_plain(other)) and other.is_file()]
    if len({*map(_plain, found)}) > 1:  # packed and unpacked are one
        raise ValueError(f"{path}: could be {' or '.join(other.name for other in found)}; give the "
                         "whole name of one")
    if found:
        return found[0]
    raise FileNotFoundError(
        f"{path}: no such file, nor with -idx for .idx, with .gz or without. Give the path of one "
        "IDX file. MNIST comes with handmlp, in load_mnist(); torchvision and TensorFlow Datasets "
        "download the same four files, whose SHA-256 are in handmlp.idx.SHA256")


def _read(file: BinaryIO) -> tuple[bytearray, tuple[int, ...]]:
    content = bytearray(file.read(20))  # the longest header
    axes = content[3] if len(content) > 3 else 0
    start = 4 + 4 * axes
    if not content:
        raise ValueError("an empty file")
    if re.match(rb"(\xef\xbb\xbf)?\s*<(!doctype|html)", content, re.IGNORECASE):
        raise ValueError("a web page, perhaps an error message")
    if content[:2] != b"\0\0" or not 1 <= axes <= 4:
        raise ValueError(f"another format, beginning with {bytes(content[:4])!r}")
    if content[2] != 0x08:
        raise ValueError(f"values of IDX type 0x{content[2]:02x}, not 0x08, bytes")
    if len(content) < start:
        raise ValueError(f"a file cut short: {len(content)} bytes, and the header takes {start}")
    sizes = tuple(int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4))
    promised = start + math.prod(sizes)
    told = f"sizes {sizes} promise {promised:,}"
    if 0 in sizes or promised > MOST:
        raise ValueError(f"no values or too many: {told} bytes, and at most {MOST:,} are read")
    # Bit by bit, since a promise is no reason to take the memory; one byte more shows the end.
    while len(content) <= promised and (more := file.read(min(2**20, promised + 1 - len(content)))):
        content += more
    if len(content) < promised:
        raise ValueError(f"a file cut short: {len(content):,} bytes, {told}")
    if len(content) > promised:
        raise ValueError(f"too many values: {told} bytes, and there are more")
    return content, sizes
