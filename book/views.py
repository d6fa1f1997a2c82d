"""Four ways to look at a digit: as it is, put upright, made narrow, and both.

A network that learns through one view should err on other images than one that learns through
another, and the less alike networks err, the more their mean should gain (Meier 2011).
"""

import math

import numpy as np

from handmlp.data import Dataset, Splits
from handmlp.distortions import AT_A_TIME, look_off

COLUMNS = 16  # the width of the ink of a narrow image
EDGE = 60     # of 255: ink that is fainter does not count for the width


def as_it_is(images: np.ndarray) -> np.ndarray:
    """Return the images."""
    return images


def deslanted(images: np.ndarray) -> np.ndarray:
    """Return images (n, pixels) of which each is slanted back until its ink leans to neither side.

    About the middle of the ink, x = s y + rest with the least squares of the rest, weighted by the
    ink; each row then shows what stood s y to the right.
    """
    side = math.isqrt(images.shape[1])
    y, x = np.indices((side, side)).reshape(2, 1, -1)
    ink = images / np.maximum(images.sum(axis=1, keepdims=True), 1)
    y, x = (place - (ink * place).sum(axis=1, keepdims=True) for place in (y, x))
    spread = (ink * y * y).sum(axis=1)
    slant = (ink * y * x).sum(axis=1) / np.where(spread, spread, 1)  # on one row nothing leans
    field = np.zeros((2, len(images), side, side))
    field[1] = slant[:, None, None] * y.reshape(-1, side, side)
    return look_off(images.reshape(field[1].shape), field).reshape(images.shape)


def narrowed(images: np.ndarray) -> np.ndarray:
    """Return images (n, pixels) of which each is pressed or drawn out to one width, 16 columns.

    The middle of its ink comes to the middle of the image; the rows keep their height.
    """
    side = math.isqrt(images.shape[1])
    images = images.reshape(-1, side, side)
    inked = images.max(axis=1) > EDGE
    left, right = inked.argmax(axis=1), side - 1 - inked[:, ::-1].argmax(axis=1)
    width, middle = (right - left + 1)[:, None], ((left + right) / 2)[:, None]
    x, field = np.arange(side), np.zeros((2, *images.shape))
    field[1] = ((x - (side - 1) / 2) * width / COLUMNS + middle - x)[:, None, :]
    return look_off(images, field).reshape(len(images), -1)


def deslanted_and_narrowed(images: np.ndarray) -> np.ndarray:
    """Return images put upright, and then made narrow."""
    return narrowed(deslanted(images))


VIEWS = {"as it is": as_it_is, "upright": deslanted, "narrow": narrowed,
         "upright and narrow": deslanted_and_narrowed}


def seen(images: np.ndarray, view: str) -> np.ndarray:
    """Return images (n, pixels) as a view shows them."""
    parts = (images[start:start + AT_A_TIME] for start in range(0, len(images), AT_A_TIME))
    return np.concatenate([images[:0], *map(VIEWS[view], parts)])


def all_seen(data: Splits, view: str) -> Splits:
    """Return data whose images are as a view shows them."""
    return Splits(*(Dataset(seen(part.images, view), part.labels, part.classes)
                    for part in (data.train, data.validation, data.test)))
