"""The digits as checked, read-only arrays, and how they are shared out.

images (n, pixels)   one row an image; always pixel values 0 to 255, whatever the dtype
labels (n,)          whole numbers from 0 to classes - 1
"""

import functools
import hashlib
import math
import reprlib
import warnings
from dataclasses import dataclass
from importlib import resources

import numpy as np

from handmlp.idx import SHA256, read_idx
from handmlp.values import is_whole, number, whole

# Any number would do; this is the year of the data's paper, set before anything was trained.
# It must stay: it says which images are held out, and so decides every number in the book.
SPLIT_SEED = 1998
MOST_CLASSES = 1000  # as targets, 50,000 labels take 200 MB then


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and their labels, checked and read-only; the caller's arrays are copied.

    `classes` says how many there are; if not given, the largest label plus one, or as many as
    one-hot rows have columns.
    """

    images: np.ndarray
    labels: np.ndarray
    classes: int | None = None

    def __post_init__(self):
        images, labels = _numbers("images", self.images), _numbers("labels", self.labels)
        if images.ndim not in (2, 3) or 0 in images.shape[1:]:
            raise ValueError("images: expected (n, pixels) or (n, rows, columns), got "
                             f"{images.shape}")
        is_one_hot, classes = labels.ndim == 2 and labels.shape[1] > 1, self.classes
        if classes is None:
            classes = labels.shape[1] if is_one_hot else MOST_CLASSES
        if not (is_whole(classes, 1) and classes <= MOST_CLASSES):
            raise ValueError(f"labels: expected 1 to {MOST_CLASSES:,} classes, got {classes!r}")
        images = _checked(images.reshape(len(images), math.prod(images.shape[1:])))
        labels = as_labels(labels, len(images), int(classes))
        if self.classes is None and not is_one_hot:
            classes = labels.max(initial=-1) + 1
        self._keep(images.copy(), labels, int(classes))

    def _keep(self, images, labels, classes):
        images, labels = map(np.ascontiguousarray, (images, labels))
        images.flags.writeable = labels.flags.writeable = False
        vars(self).update(images=images, labels=labels, classes=classes)

    def __len__(self):
        return len(self.labels)

    def __repr__(self):
        return f"Dataset({len(self):,} images of {self.images.shape[1]} pixels)"

    def take(self, rows) -> "Dataset":
        """Return the chosen rows: a slice, a list of row numbers, or a mask."""
        images, labels = self.images[rows], self.labels[rows]
        if images.ndim != 2:
            raise TypeError(f"rows: expected a slice, a list or a mask, got {rows!r}")
        return self._of(images, labels, self.classes)

    def mislabel(self, share: float, rng: np.random.Generator) -> "Dataset":
        """Return a copy in which a share of the labels, drawn by `rng`, names another class."""
        share = number("share", share, "a share in [0, 1]", lambda share: 0 <= share <= 1)
        labels = self.labels.copy()
        if share and self.classes < 2:
            raise ValueError(f"share must be 0 where there is no other class, got {share}")
        wrong = rng.permutation(len(labels))[:round(share * len(labels))]
        steps = rng.integers(1, max(self.classes, 2), len(wrong))
        labels[wrong] = (labels[wrong] + steps) % self.classes
        return self._of(self.images, labels, self.classes)

    @classmethod
    def _of(cls, *checked):
        part = object.__new__(cls)  # not checked again: a few dim float images would look scaled
        part._keep(*checked)
        return part

    def __reduce__(self):  # a copy is read-only too
        return self._of, (self.images, self.labels, self.classes)


@dataclass(frozen=True, eq=False)
class Splits:
    """Images to train on, to choose settings with, and to report on once, at the end."""

    train: Dataset
    validation: Dataset
    test: Dataset

    def __post_init__(self):
        for name, part in vars(self).items():
            if not isinstance(part, Dataset):
                raise TypeError(f"{name} must be a Dataset, got {reprlib.repr(part)}")
            if part.images.shape[1] != self.train.images.shape[1]:
                raise ValueError(f"{name} must have images of {self.train.images.shape[1]} pixels, "
                                 f"as train has, got {part}")

    @property
    def classes(self) -> int:
        """How many classes a network must tell apart."""
        return max(part.classes for part in (self.train, self.validation, self.test))

    def __reduce__(self):  # without the fingerprint, which a copy takes of itself
        return type(self), (self.train, self.validation, self.test)

    @functools.cached_property
    def fingerprint(self) -> str:
        """Twelve hex digits, which change if any value, shape, dtype, split or `classes` does."""
        parts = self.train, self.validation, self.test
        shown = 1 + max(int(part.labels.max(initial=-1)) for part in parts)
        # Only where labels do not tell them, so that what is on record keeps its name.
        are_shown = self.train.classes == self.classes == shown
        told = "" if are_shown else f"{self.train.classes} of {self.classes} classes "
        digest = hashlib.sha256(told.encode())
        for part in parts:
            for array in (part.images, part.labels):
                digest.update(f"{array.shape} {array.dtype.str} ".encode())
                digest.update(array)
        return digest.hexdigest()[:12]


def split(dataset: Dataset, test: Dataset, validation: int = 10_000, seed=SPLIT_SEED) -> Splits:
    """Hold out a shuffled choice of rows for validation; both parts keep the file's order."""
    if not (is_whole(validation, 0) and validation < len(dataset)):
        raise ValueError(f"validation: expected a whole number of rows that leaves some of the "
                         f"{len(dataset)} to train on, got {validation!r}")
    # Raw bits, because NumPy promises to keep them; what `choice` makes of them may change.
    keys = np.random.PCG64(whole("seed", seed, 0)).random_raw(len(dataset))
    held = np.zeros(len(dataset), bool)
    held[np.argsort(keys, kind="stable")[:validation]] = True
    for name, rows in {"train": ~held, "validation": held}.items() if validation else ():
        absent = np.setdiff1d(dataset.labels, dataset.labels[rows]).tolist()
        if absent:
            warnings.warn(f"split: {name} has no image of class {absent}", stacklevel=2)
    return Splits(dataset.take(~held), dataset.take(held), test)


def load_mnist(validation: int = 10_000) -> Splits:
    """Return MNIST: 50,000 images to train on, 10,000 to choose with, 10,000 to report on.

    With `validation=0`, when all is chosen, there are 60,000 to train on. The files travel in the
    package and are checked by SHA-256: no network, no pickle, nothing left on disk. The same call
    again gives the same object.
    """
    return _load_mnist(resources.files(__package__) / "mnist", whole("validation", validation, 0))


@functools.cache
def _load_mnist(folder, validation: int = 10_000) -> Splits:
    def read(name):
        with resources.as_file(folder / f"{name}.gz") as path:  # out of a zip, too
            return read_idx(path, SHA256[name])

    images, labels, *test = map(read, SHA256)
    return split(Dataset(images, labels, 10), Dataset(*test, 10), validation)


def load_idx(images_path, labels_path, classes: int | None = None) -> Dataset:
    """Return your own data from an IDX file of images and one of labels; see `read_idx`."""
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.ndim < 2 or labels.ndim != 1 or len(images) != len(labels):
        raise ValueError(f"{images_path} holds {images.shape} and {labels_path} {labels.shape}; "
                         "expected images (n, rows, columns) and labels (n,): give two files that "
                         "belong together, images first")
    try:
        return Dataset(images.reshape(len(images), -1), labels, classes)
    except ValueError as error:
        raise ValueError(f"{labels_path}: {error}") from error


def _numbers(name: str, values) -> np.ndarray:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name}: expected numbers in rows of one length, got "
                         f"{reprlib.repr(values)}") from error
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name}: expected numbers, got shape {array.shape}, dtype {array.dtype}, "
                         f"values {str(array.ravel()[:3].tolist())[1:-1]}, ...")
    return array


def as_pixels(images, pixels: int) -> np.ndarray:
    """Return images as rows (n, pixels), after checking that they hold pixel values, 0 to 255.

    Accepts one image, (pixels,) or (rows, columns), or n of them. If all values are whole they
    come back as uint8, so that their dtype changes no result, and uint8 is not copied; otherwise
    as float32. Fractions or booleans none of which exceeds 1 are refused: they look scaled.
    """
    images = _numbers("images", images)
    shape = images.shape
    is_one = _is_image(shape, pixels)
    if not (is_one or _is_image(shape[1:], pixels)):
        raise ValueError(f"images: expected shape ({pixels},) or (rows, columns), {pixels} pixels, "
                         f"with n before it for n images, got {shape}")
    return _checked(images.reshape(1 if is_one else len(images), pixels))


def _is_image(shape: tuple[int, ...], pixels: int) -> bool:
    # A single column would rather be images of one pixel, or a slip.
    return shape == (pixels,) or len(shape) == 2 and math.prod(shape) == pixels and (
        shape[1] > 1 or pixels == 1)


def _checked(images):
    if images.dtype == np.uint8:
        return images
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
    with np.errstate(under="ignore"):  # what is too small for float32 is 0
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
        good = (given == (values[:, None] == np.arange(classes))).all(axis=1)
    else:
        raise ValueError(wrong)
    if not good.all():
        row = int(good.argmin())
        bad = reprlib.repr(given[row].tolist())
        raise ValueError(f"{wrong}, first bad value {bad} in row {row}")
    return values.astype(np.int64)


def one_hot(labels, classes: int = 10, like: np.ndarray | None = None) -> np.ndarray:
    """Return targets (n, classes): in each row 1 at its label and 0 elsewhere.

    They are float32, or of the dtype and the kind of the array `like`.
    """
    labels = as_labels(labels, len(labels), whole("classes", classes, 1))
    targets = np.zeros((len(labels), classes), np.float32 if like is None else like.dtype)
    targets[np.arange(len(labels)), labels] = 1
    return np.asarray(targets, like=like)
