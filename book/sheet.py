"""Digits on paper: found on a picture, cut out, and made into images as those of MNIST are.

grey   (rows, columns): how light a picture is, from 0, black, to 255, white
ink    the same, turned round: 0 where the paper is empty, 255 where the pen went
image  (28, 28): the ink of one digit, in a box of 20 by 20, its centre of mass in the middle

`centred` does what book/assets/live/draw.js does with a drawing.
"""

import os
from collections.abc import Sequence

import numpy as np
from matplotlib.image import imread
from PIL import Image, ImageOps
from scipy import ndimage

SIDE, BOX = 28, 20   # pixels of an image of MNIST, and of the box that a digit fills
FAINT = 0.15         # of the light: what takes less of it away is a shadow, or noise
LARGEST = 1000       # pixels of a picture's longer side; of more, only the noise gets finer


def read_grey(path: str | os.PathLike) -> np.ndarray:
    """Return how light a picture is, a PNG or a JPEG; what is see-through lies on white.

    A large one is reduced to `LARGEST` pixels. A camera's is turned as its file says.
    """
    with Image.open(path) as file:
        if file.format == "PNG":  # Pillow would cut off what is finer than 8 bits
            picture = imread(path)
        else:
            picture = np.asarray(ImageOps.exif_transpose(file).convert("RGB")) / 255
    grey = 255 * _lightness(picture)
    scale = LARGEST / max(grey.shape)
    if scale >= 1:
        return grey
    return reduced(grey, *(max(1, round(scale * side)) for side in grey.shape))


def _lightness(picture: np.ndarray) -> np.ndarray:
    """Return the light of a picture from 0 to 1, perhaps with colours and, as the last, opacity."""
    if picture.ndim == 2:
        return picture
    if picture.shape[2] % 2:
        return picture.mean(axis=2)
    opacity = picture[..., -1]
    return 1 - opacity + opacity * picture[..., :-1].mean(axis=2)


def ink_of(grey: np.ndarray) -> np.ndarray:
    """Return the ink on a picture, whatever the light on its paper; white on black is turned round.

    Strokes must be narrower than a quarter of the picture's shorter side.
    """
    grey = ndimage.gaussian_filter(np.asarray(grey, float), 1)  # noise is finer than a stroke
    rest = grey - ndimage.gaussian_filter(grey, min(grey.shape) / 8)
    if (rest ** 3).sum() > 0:  # ink is less than paper, and so stands out more
        grey = 255 - grey
    # What is narrow and dark is filled up, and so the paper is left.
    light = ndimage.grey_closing(grey, max(1, min(grey.shape) // 4), mode="nearest")
    taken = (light - grey) / np.maximum(light, 1)  # a share, as a shadow dims pen and paper alike
    dark = np.median(taken[taken > taken.max() / 2]) if taken.any() else 0
    if dark < FAINT:
        return np.zeros(grey.shape)
    return 255 * np.clip(2 * taken / dark - 0.5, 0, 1)  # empty below a quarter, full from three


def pieces(ink: np.ndarray) -> list[np.ndarray]:
    """Return the ink of each digit on a sheet, line by line, and in a line from left to right.

    What hangs together is a digit; a gap may be 2 % of the shorter side wide. Specks are left out,
    and so is what touches the edge of the picture: a table beside the sheet, or half a digit.
    """
    joined, whole = _whole(ink)
    found = [(box, np.where(joined[box] == number, ink[box], 0)) for number, box in whole.items()]
    return [part for line in _lines(found)
            for _, part in sorted(line, key=lambda one: one[0][1].start)]


def without_specks(ink: np.ndarray) -> np.ndarray:
    """Return the ink of a picture of one digit without what `pieces` leaves out."""
    joined, whole = _whole(ink)
    return np.where(np.isin(joined, [*whole]), ink, 0)


def _whole(ink: np.ndarray) -> tuple[np.ndarray, dict[int, tuple[slice, slice]]]:
    """Return the number of the piece at each place, and the boxes of those that are digits."""
    reach = max(1, min(ink.shape) // 100)
    joined, _ = ndimage.label(ndimage.maximum_filter(ink > 0, 2 * reach + 1))
    within = np.zeros(ink.shape, bool)
    within[1:-1, 1:-1] = True
    cut_off = {*joined[~within & (ink > 0)]}
    boxes = {number: box for number, box in enumerate(ndimage.find_objects(joined), 1)
             if number not in cut_off}
    sides = {number: max(part.stop - part.start for part in box) for number, box in boxes.items()}
    return joined, {number: box for number, box in boxes.items()
                    if sides[number] > max(sides.values()) / 3}


def _lines(found: list) -> list[list]:
    """Sort what was found into lines: each begins below the middle of the one before."""
    lines, end = [], -1.0
    for box, part in sorted(found, key=lambda one: one[0][0].start + one[0][0].stop):
        middle = (box[0].start + box[0].stop) / 2
        if middle > end:
            lines.append([])
        lines[-1].append((box, part))
        end = middle + len(part) / 2
    return lines


def reduced(ink: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Return ink as fewer, larger pixels: each is the mean of the ink that it covers."""
    return _means(rows, ink.shape[0]) @ ink @ _means(columns, ink.shape[1]).T


def _means(count: int, length: int) -> np.ndarray:
    """Return the shares (count, length) of a line's values in the means over its equal parts."""
    cuts, values = np.linspace(0, length, count + 1)[:, None], np.arange(length)
    covered = np.minimum(cuts[1:], values + 1) - np.maximum(cuts[:-1], values)
    return covered.clip(0) * count / length


def boxed(ink: np.ndarray, box: int = BOX) -> np.ndarray:
    """Return ink cut out, its longer side `box` pixels long."""
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    cut = ink[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    scale = box / max(cut.shape)
    return reduced(cut, *(max(1, round(scale * length)) for length in cut.shape))


def placed(small: np.ndarray, middle: Sequence[float]) -> np.ndarray:
    """Return an image in which the point `middle` of some ink is at pixel 14, 14, or near it.

    It is less near where ink would be lost.
    """
    top, left = (int(np.clip(np.rint(SIDE / 2 - at), 0, SIDE - length))
                 for at, length in zip(middle, small.shape))
    image = np.zeros((SIDE, SIDE), np.uint8)
    image[top:top + small.shape[0], left:left + small.shape[1]] = np.rint(small)
    return image


def centred(ink: np.ndarray, box: int = BOX) -> np.ndarray:
    """Return the image of one digit, as MNIST has it; an empty one if there is no ink."""
    if not ink.any():
        return np.zeros((SIDE, SIDE), np.uint8)
    small = boxed(ink, box)
    return placed(small, ndimage.center_of_mass(small))


def photograph(images: np.ndarray, columns: int, rng: np.random.Generator) -> np.ndarray:
    """Return how light a sheet with some digits is, as a hand-held camera would have it.

    Each digit is five times as large as in its image, and not quite in its place. The lamp stands
    at the upper left, so that the other corner gets less than half of its light.
    """
    large = [ndimage.zoom(image.reshape(SIDE, SIDE).astype(float), 5, order=1) for image in images]
    cell, rows = len(large[0]) + 20, -(-len(images) // columns)
    sheet = np.zeros((rows * cell + 40, columns * cell + 40))
    for number, digit in enumerate(large):
        top, left = (cell * np.array(divmod(number, columns)) + 30 + rng.integers(-10, 11, 2))
        sheet[top:top + len(digit), left:left + len(digit)] += digit
    y, x = (np.linspace(0, 1, length) for length in sheet.shape)
    light = 240 / (1 + 0.6 * (y[:, None] ** 2 + x ** 2))
    grey = light * (1 - 0.7 * sheet / 255) + rng.normal(0, 4, sheet.shape)
    return np.clip(np.rint(grey), 0, 255)
