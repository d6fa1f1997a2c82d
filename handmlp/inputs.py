"""From pixel values, 0 to 255, to the numbers that a network sees: x = (pixel - shift) / scale.

A choice of inputs is fitted to the rows trained on, and to no others; what comes out is a Scaling,
which a network keeps and applies to every image it is shown later.
"""

from dataclasses import dataclass

import numpy as np

from handmlp.values import Value

LEAST = 1.0  # grey level: what varies by less than one is hardly there


@dataclass(frozen=True, eq=False)
class Scaling:
    """A fitted scaling: (pixels - shift) / scale, as float32, numbers or one of each per pixel."""

    shift: np.ndarray
    scale: np.ndarray

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        x = np.subtract(pixels, self.shift, dtype=np.float32)
        x /= self.scale
        return x


def _scaling(shift, scale) -> Scaling:
    with np.errstate(over="ignore"):
        made = Scaling(np.asarray(shift, np.float32), np.asarray(scale, np.float32))
    finite = np.isfinite(made.shift) & (np.isfinite(made.scale) | np.isinf(scale))
    if not finite.all():
        raise ValueError(f"inputs must be finite numbers, got (pixel - {shift}) / {scale}")
    return made


class Inputs(Value):
    """A choice of inputs: `fit(images)` looks at the rows trained on and returns a Scaling."""


class UnitRange(Inputs):
    """Black is 0 and white is 1."""

    def fit(self, images: np.ndarray) -> Scaling:
        return _scaling(0, 255)


class Inverted(Inputs):
    """White is 0 and black is 1, like ink on paper: on MNIST the mean moves to 0.87."""

    def fit(self, images: np.ndarray) -> Scaling:
        return _scaling(255, -255)


class Centred(Inputs):
    """Mean 0 over all pixels of all images: one shift; the spread stays as in `unit_range`."""

    def fit(self, images: np.ndarray) -> Scaling:
        return _scaling(images.mean(dtype=np.float64), 255)


class CentredEach(Inputs):
    """Mean 0 for each pixel on its own: a shift for each; the spread as in `unit_range`."""

    def fit(self, images: np.ndarray) -> Scaling:
        return _scaling(images.mean(axis=0, dtype=np.float64), 255)


class MeanOf(Inputs):
    """Standard deviation 1 and a mean of your choice: one shift and one scale for all pixels."""

    mean: float

    def fit(self, images: np.ndarray) -> Scaling:
        mean, std = images.mean(dtype=np.float64), images.std(dtype=np.float64) or 1.0
        return _scaling(mean - self.mean * std, std)


class ZeroMean(Inputs):
    """Mean 0 and standard deviation 1 over all pixels of all images: one pair of numbers."""

    def fit(self, images: np.ndarray) -> Scaling:
        return MeanOf(0.0).fit(images)


class ZeroMeanEach(Inputs):
    """Mean 0 for each pixel on its own, and one scale for all: standard deviation 1 over all."""

    def fit(self, images: np.ndarray) -> Scaling:
        mean, variance = images.mean(axis=0, dtype=np.float64), images.var(axis=0, dtype=np.float64)
        return _scaling(mean, np.sqrt(variance.mean()) or 1.0)


class ZeroMeanPerPixel(Inputs):
    """Mean 0 and standard deviation 1 for each pixel on its own.

    A pixel that never changed says nothing, and is 0 ever after. One that hardly did is scaled as
    if its standard deviation were `LEAST`, or a single bright image would outshout all others.
    """

    def fit(self, images: np.ndarray) -> Scaling:
        mean, std = images.mean(axis=0, dtype=np.float64), images.std(axis=0, dtype=np.float64)
        return _scaling(mean, np.where(std > 0, np.maximum(std, LEAST), np.inf))


unit_range = UnitRange()
inverted = Inverted()
centred = Centred()
centred_each = CentredEach()
zero_mean = ZeroMean()
mean_of = MeanOf
zero_mean_each = ZeroMeanEach()
zero_mean_per_pixel = ZeroMeanPerPixel()
