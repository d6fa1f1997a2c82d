"""How large the first weights are: a rule for their standard deviation, given the fan-in.

fan-in  the number of values that feed one unit: the rows of W

All rules scale the same standard normal numbers, so two networks drawn with one seed differ in
scale and in nothing else. Biases start at zero.
"""

import math

import numpy as np

from handmlp.values import Value


class Initialiser(Value):
    """A rule for the standard deviation of the first weights: `std(fan_in)`."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        """Draw W of `shape` (fan-in, units), float32."""
        return rng.standard_normal(shape, dtype=np.float32) * float(self.std(shape[0]))


class UnitNormal(Initialiser):
    """Standard deviation 1 whatever the fan-in; kept because chapter 7 measures what it costs."""

    def std(self, fan_in: int) -> float:
        return 1.0


class FanIn(Initialiser):
    """Standard deviation 1/√fan-in, so that z is about as large as a (LeCun 1998, section 4.6)."""

    def std(self, fan_in: int) -> float:
        return 1 / math.sqrt(fan_in)


class He(Initialiser):
    """Standard deviation √(2/fan-in): makes up for the half that relu cuts (He 2015, eq. 10)."""

    def std(self, fan_in: int) -> float:
        return math.sqrt(2 / fan_in)


class Normal(Initialiser):
    """A standard deviation of your own, the same for every layer."""

    size: float

    def std(self, fan_in: int) -> float:
        return self.size


class FanInTimes(Initialiser):
    """The fan-in rule times a factor of your own, to see how much the factor matters."""

    factor: float

    def std(self, fan_in: int) -> float:
        return self.factor / math.sqrt(fan_in)


unit_normal = UnitNormal()
fan_in = FanIn()
he = He()
normal = Normal
fan_in_times = FanInTimes
