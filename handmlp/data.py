"""The digits as checked, read-only arrays, and how they are shared out.

images (n, pixels)   one row an image; always pixel values 0 to 255, whatever the dtype
labels (n,)          whole numbers from 0 to 9
"""

import copy
import functools
import hashlib
import math
import warnings
from dataclasses import dataclass
from importlib import resources

import numpy as np

from handmlp.idx import SHA256, read_idx

# Any number would do; this is the year of the data's paper, set before anything was trained.
# It must stay: it says which images are held out, and so decides every number in the book.
SPLIT_SEED = 1998


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and their labels, checked and read-only; the caller's arrays are copied."""

    images: np.ndarray
    labels: np.ndarray

    def __post_init__(self):
        images = _numbers("images", self.images)
        if images.ndim not in (2, 3) or 0 in images.shape[1:]:
            raise ValueError(f"images: expected (n, pixels) or (n, side, side), got {images.shape}")
        images = as_pixels(images, math.prod(images.shape[1:]))
        self._keep(images.copy(), as_labels(self.labels, len(images)))

    def _keep(self, images, labels):
        for name, array in {"images": images, "labels": labels}.items():
            array = np.ascontiguousarray(array)
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __len__(self):
        return len(self.labels)

    def __repr__(self):
        return f"Dataset({len(self):,} images of {self.images.shape[1]} pixels)"

    def take(self, rows) -> "Dataset":
        """Return the chosen rows: a slice, a list of row numbers, or a mask."""
        images, labels = self.images[rows], self.labels[rows]
        if images.ndim != 2:
            raise TypeError(f"rows: expected a slice, a list or a mask, got {rows!r}")
        return self._with(images, labels)

    def mislabel(self, share: float, rng: np.random.Generator) -> "Dataset":
        """Return a copy in which a share of the labels, drawn by `rng`, names another digit."""
        labels = self.labels.copy()
        wrong = rng.permutation(len(labels))[:round(share * len(labels))]
        labels[wrong] = (labels[wrong] + rng.integers(1, 10, len(wrong))) % 10
        return self._with(self.images, labels)

    def _with(self, images, labels):
        part = copy.copy(self)  # not checked again: a few dim float images would look scaled
        part._keep(images, labels)
        return part


@dataclass(frozen=True, eq=False)
class Splits:
    """Images to train on, to choose settings with, and to report on once, at the end."""

    train: Dataset
    validation: Dataset
    test: Dataset

    @functools.cached_property
    def fingerprint(self) -> str:
        """Twelve hex digits, which change if any value, shape, dtype or split does."""
        digest = hashlib.sha256()
        for part in (self.train, self.validation, self.test):
            for array in (part.images, part.labels):
                digest.update(f"{array.shape} {array.dtype.str} ".encode())
                digest.update(array)
        return digest.hexdigest()[:12]


def split(dataset: Dataset, test: Dataset, validation: int = 10_000, seed=SPLIT_SEED) -> Splits:
    """Hold out a shuffled choice of rows for validation; both parts keep the file's order."""
    if not 0 <= validation < len(dataset):
        raise ValueError(f"validation: expected 0 to {len(dataset) - 1} rows, got {validation}")
    # Raw bits, because NumPy promises to keep them; what `choice` makes of them may change.
    keys = np.random.PCG64(seed).random_raw(len(dataset))
    held = np.zeros(len(dataset), bool)
    held[np.argsort(keys, kind="stable")[:validation]] = True
    for name, rows in {"train": ~held, "validation": held}.items() if validation else ():
        absent = np.setdiff1d(dataset.labels, dataset.labels[rows]).tolist()
        if absent:
            warnings.warn(f"split: {name} has no image of class {absent}", stacklevel=2)
    return Splits(dataset.take(~held), dataset.take(held), test)


@functools.cache
def load_mnist(validation: int = 10_000) -> Splits:
    """Return MNIST: 50,000 images to train on, 10,000 to choose with, 10,000 to report on.

    With `validation=0`, when all is chosen, there are 60,000 to train on. The files travel in the
    package and are checked by SHA-256: no network, no pickle, nothing left on disk. The same call
    again gives the same object.
    """
    return _load_mnist(resources.files(__package__) / "mnist", validation)


def _load_mnist(folder, validation: int = 10_000) -> Splits:
    images, labels, *test = (read_idx(folder / f"{name}.gz", SHA256[name]) for name in SHA256)
    return split(Dataset(images, labels), Dataset(*test), validation)


def load_idx(images_path, labels_path) -> Dataset:
    """Return your own data from an IDX file of images and one of labels; see `read_idx`."""
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.ndim < 2 or labels.ndim != 1 or len(images) != len(labels):
        raise ValueError(f"{images_path} holds {images.shape} and {labels_path} {labels.shape}; "
                         "expected images (n, rows, columns) and labels (n,): give two files that "
                         "belong together, images first")
    return Dataset(images.reshape(len(images), -1), labels)


def _numbers(name: str, values) -> np.ndarray:
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name}: expected numbers, got shape {array.shape}, dtype {array.dtype}, "
                         f"values {str(array.ravel()[:3].tolist())[1:-1]}, ...")
    return array


def as_pixels(images, pixels: int) -> np.ndarray:
    """Return images as rows (n, pixels), after checking that they hold pixel values, 0 to 255.

    Accepts (pixels,), (side, side), (n, pixels) and (n, side, side). If all values are whole they
    come back as uint8, so that their dtype changes no result, and uint8 is not copied; otherwise
    as float32. Fractions or booleans none of which exceeds 1 are refused: they look scaled.
    """
    images, side = _numbers("images", images), math.isqrt(pixels)
    one = [(pixels,), (side, side)] if side * side == pixels else [(pixels,)]
    if images.shape not in one and images.shape[1:] not in one:
        raise ValueError(f"images: expected shape {' or '.join(map(str, one))} for one image, with "
                         f"n before it for n images, got {images.shape}")
    images = images.reshape(1 if images.shape in one else len(images), pixels)
    return images if images.dtype == np.uint8 else _checked(images)


def _checked(images):
    good = (images >= 0) & (images <= 255)  # false for NaN
    if not good.all():
        row, pixel = divmod(int(good.argmin()), images.shape[1])
        raise ValueError(f"images: expected pixel values 0 to 255, got {images[row, pixel]} in row "
                         f"{row}, pixel {pixel}")
    top = images.max(initial=0)
    if images.dtype.kind in "bf" and 0 < top <= 1:
        raise ValueError(f"images: expected pixel values 0 to 255, got {images.dtype} up to {top}, "
                         "which looks scaled to 0..1: multiply by 255")
    whole = images.astype(np.uint8)
    return whole if np.array_equal(whole, images) else images.astype(np.float32)


def as_labels(labels, n: int, classes: int = 10) -> np.ndarray:
    """Return n labels as int64, from whole numbers of any dtype, a column, or one-hot rows."""
    given = _numbers("labels", labels)
    wrong = (f"labels: expected {n} whole numbers from 0 to {classes - 1}, a column or one-hot rows"
             f" of them, got shape {given.shape}, dtype {given.dtype}")
    if given.shape in ((n,), (n, 1)):
        values = given.reshape(n)
        good = (values >= 0) & (values < classes) & (values == np.trunc(values))
        good &= given.dtype != bool
    elif given.shape == (n, classes):
        values = given.argmax(axis=1)
        good = (given == np.eye(classes)[values]).all(axis=1)
    else:
        raise ValueError(wrong)
    if not good.all():
        row = int(good.argmin())
        raise ValueError(f"{wrong}, first bad value {given[row].tolist()} in row {row}")
    return values.astype(np.int64)


def one_hot(labels, classes: int = 10, like: np.ndarray | None = None) -> np.ndarray:
    """Return targets (n, classes): in each row 1 at its label and 0 elsewhere.

    They are float32, or of the dtype and the kind of the array `like`.
    """
    targets = np.eye(classes, dtype=np.float32 if like is None else like.dtype)
    return np.asarray(targets[as_labels(labels, len(labels), classes)], like=like)
