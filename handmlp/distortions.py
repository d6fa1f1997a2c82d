"""What happens to the training images before an epoch: each is a little another one every time.

place   row and column of a pixel; a distorted image shows there what stood a small way off
field   how far off, down and to the right, in pixels: one pair of numbers for each place
"""

import math

import numpy as np

from handmlp.values import Value, number, whole

TOGETHER = 500  # images draw their fields at once: another number would draw other fields
AT_A_TIME = 25  # images, so that what is computed on the way stays in the cache


class Distortion(Value):
    """A change of the images by a field, (2, n, side, side), that `field(n, side, rng)` draws."""

    def __call__(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the images (n, pixels) distorted, each in its own way, as uint8.

        Raises
        ------
        ValueError
            If the images are not square.
        """
        side = math.isqrt(images.shape[1])
        if side * side != images.shape[1]:
            raise ValueError(f"{self} distorts square images only, got {images.shape[1]} pixels")
        changed = np.empty(images.shape, np.uint8)
        for start in range(0, len(images), TOGETHER):
            part, out = (a[start:start + TOGETHER].reshape(-1, side, side)
                         for a in (images, changed))
            field = self.field(len(part), side, rng)
            for i in range(0, len(part), AT_A_TIME):
                few = slice(i, i + AT_A_TIME)
                out[few] = look_off(part[few], field[:, few])
        return changed


def look_off(images: np.ndarray, field: np.ndarray) -> np.ndarray:
    """Return images (n, side, side) that show at each place what stands off it by the field.

    Between four pixels the value is interpolated in both directions, outside it is 0; it is rounded
    to a whole number, as a pixel of MNIST is.
    """
    n, side, _ = images.shape
    framed = np.zeros((n, side + 2, side + 2), np.float32)
    framed[:, 1:-1, 1:-1] = images
    places = np.indices((side, side), dtype=np.float32)[:, None] + 1
    y, x = np.clip(places + field.astype(np.float32), 0, side + 1)
    top, left = (np.minimum(v.astype(np.int32), side) for v in (y, x))
    y, x = y - top, x - left                                  # how far between two pixels
    corner = (np.arange(n, dtype=np.int32)[:, None, None] * (side + 2) + top) * (side + 2) + left
    above, below = (framed.take(corner + down) * (1 - x) + framed.take(corner + down + 1) * x
                    for down in (0, side + 2))
    return np.rint(above * (1 - y) + below * y).astype(np.uint8)


class Undistorted(Distortion):
    """Every epoch the images as they are."""

    def __call__(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return images


class Shifted(Distortion):
    """Each image moved by up to so many whole pixels, in both directions."""

    def __init__(self, pixels: int):
        self.pixels = whole("pixels", pixels, 1)

    def field(self, n: int, side: int, rng: np.random.Generator) -> np.ndarray:
        """One step for all places of an image."""
        return rng.integers(-self.pixels, self.pixels, (2, n, 1, 1), endpoint=True)


class Elastic(Distortion):
    """Each image pulled about like a sheet of rubber (Simard 2003, section 2), turned, stretched.

    A random field is smoothed over `smoothness` pixels and multiplied by `strength`; then the image
    is turned by up to so many `degrees`, and made longer or shorter by up to a share `stretch`, in
    each direction.
    """

    def __init__(self, strength: float = 34.0, smoothness: float = 4.0, degrees: float = 0.0,
                 stretch: float = 0.0):
        self.strength = number("strength", strength, "at least 0", lambda n: n >= 0)
        self.smoothness = number("smoothness", smoothness, "positive", lambda n: n > 0)
        self.degrees = number("degrees", degrees, "from 0 to 180", lambda n: 0 <= n <= 180)
        self.stretch = number("stretch", stretch, "a share in [0, 1)", lambda n: 0 <= n < 1)

    def field(self, n: int, side: int, rng: np.random.Generator) -> np.ndarray:
        """Smooth noise, and what turns and stretches about the middle."""
        place = np.arange(side) - (side - 1) / 2
        bell = np.exp(-0.5 * (np.subtract.outer(place, place) / self.smoothness) ** 2)
        bell /= math.sqrt(2 * math.pi) * self.smoothness
        noise = rng.uniform(-1, 1, (2, n, side, side))
        field = self.strength * (bell @ noise @ bell)         # smoothed down and across
        angle = np.radians(rng.uniform(-self.degrees, self.degrees, (n, 1, 1)))
        longer, wider = 1 + rng.uniform(-self.stretch, self.stretch, (2, n, 1, 1))
        y, x = place[:, None], place
        field[0] += (np.cos(angle) * y - np.sin(angle) * x) / longer - y
        field[1] += (np.sin(angle) * y + np.cos(angle) * x) / wider - x
        return field


undistorted = Undistorted()
shifted = Shifted
elastic = Elastic
