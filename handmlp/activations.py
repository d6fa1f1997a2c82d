"""What a hidden unit makes of its weighted sum.

z       weighted sums, one row per example, one column per unit
a       f(z), the values that the next layer sees
f'(z)   the slope of f; all three functions know it from their value a
"""

import numpy as np

from handmlp.values import Value


class Activation(Value):
    """A function of the weighted sum, `f(z, out=None)`, with its slope, `f.slope(a)`.

    `kinks` are the z at which its slope jumps, where a finite difference says nothing.
    """

    kinks = ()


class Logistic(Activation):
    """The logistic function 1 / (1 + e⁻ᶻ), between 0 and 1, computed without overflow."""

    @np.errstate(under="ignore")  # what is too small to tell is 0
    def __call__(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        e = np.exp(-np.abs(z))                                   # at most 1: cannot overflow
        return np.divide(np.where(z < 0, e, 1), 1 + e, out=out)  # a = 1 / (1 + e⁻ᶻ)

    def slope(self, a: np.ndarray) -> np.ndarray:
        """Slope of the logistic function, from its value: a (1 - a)."""
        return a * (1 - a)                                       # f′(z) = a (1 - a)


class Tanh(Activation):
    """The hyperbolic tangent, between -1 and 1: a logistic function with its mean near zero."""

    def __call__(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        return np.tanh(z, out=out)                               # a = tanh z

    def slope(self, a: np.ndarray) -> np.ndarray:
        """Slope of tanh, from its value: 1 - a²."""
        return 1 - a * a                                         # f′(z) = 1 - a²


class Relu(Activation):
    """The rectified linear unit: z where it is positive, 0 elsewhere (Nair and Hinton 2010)."""

    kinks = (0.0,)

    def __call__(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        return np.maximum(z, 0, out=out)                         # a = max(z, 0)

    def slope(self, a: np.ndarray) -> np.ndarray:
        """Slope of relu, from its value: 1 where a > 0, else 0 (at the kink too)."""
        return (a > 0).astype(a.dtype)                           # f′(z) = [a > 0]


logistic = Logistic()
tanh = Tanh()
relu = Relu()
