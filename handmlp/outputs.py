"""The last layer: what it answers, how wrong that is, and the delta that learning starts from.

z       weighted sums of the output units (the logits), one row per example
ŷ       the answer, one number between 0 and 1 for each class
t       the target, one row of 0s with a 1 at the right class (one-hot)
L       the loss of one example
δ       ∂L/∂z, the delta

An output owns all three together, because what makes δ simple is the pair of ŷ and L. Its name says
both: the function that answers, then the loss.
"""

import numpy as np

from handmlp.activations import logistic
from handmlp.values import Value


class Output(Value):
    """Turns logits into answers: `output(z)`, with `loss(z, t)` (n,) and `delta(z, t)`.

    `shares` says that its δ holds for targets of which each row adds up to 1, and for no others.
    """

    shares = False


class SquaredError(Output):
    """Half the squared error, whatever answers."""

    @np.errstate(under="ignore")
    def loss(self, z: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Half the squared error of each example."""
        return 0.5 * ((self(z) - t) ** 2).sum(axis=1)   # L = ½ Σ (ŷ - t)²


class LogisticSquaredError(SquaredError):
    """Ten separate logistic units and half the squared error, as in the code of 2015."""

    def __call__(self, z: np.ndarray) -> np.ndarray:
        return logistic(z)                              # ŷ = 1 / (1 + e⁻ᶻ)

    def delta(self, z: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Slope of the squared error: the error, times the slope of the logistic function."""
        y = self(z)
        return (y - t) * logistic.slope(y)              # δ = (ŷ - t) ŷ (1 - ŷ)


class LinearSquaredError(SquaredError):
    """The sums themselves as answers, which may be below 0 and above 1."""

    def __call__(self, z: np.ndarray) -> np.ndarray:
        return z.copy()                                 # ŷ = z

    def delta(self, z: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Slope of the squared error: the error itself."""
        return z - t                                    # δ = ŷ - t


class LogisticCrossEntropy(Output):
    """Ten separate logistic units, each with the surprise at its own yes or no (Hinton 1989)."""

    def __call__(self, z: np.ndarray) -> np.ndarray:
        return logistic(z)                              # ŷ = 1 / (1 + e⁻ᶻ)

    @np.errstate(under="ignore")
    def loss(self, z: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Sum over the units of -t log ŷ - (1 - t) log(1 - ŷ), from the logits, in float64."""
        z = z.astype(np.float64)
        return (np.logaddexp(0, z) - z * t).sum(axis=1)  # -log(1 - ŷ) is log(1 + eᶻ)

    def delta(self, z: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Slope of the cross-entropy: the error itself, since the slope of logistic cancels."""
        return self(z) - t                              # δ = ŷ - t


class SoftmaxCrossEntropy(Output):
    """One distribution over the classes and the surprise at the right one (Bridle 1990)."""

    shares = True

    @np.errstate(under="ignore")
    def __call__(self, z: np.ndarray) -> np.ndarray:
        e = np.exp(z - z.max(axis=1, keepdims=True))                # a shift changes nothing
        e /= e.sum(axis=1, keepdims=True)                           # ŷ = eᶻ / Σ eᶻ
        return e

    @np.errstate(under="ignore")
    def loss(self, z: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Minus the log of the probability of the right class, from the logits, in float64."""
        z = z - z.max(axis=1, keepdims=True).astype(np.float64)
        return np.log(np.exp(z).sum(axis=1)) - (z * t).sum(axis=1)  # L = -Σ t log ŷ

    def delta(self, z: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Slope of the cross-entropy: the error itself, since the slope of softmax cancels."""
        delta = self(z)
        delta -= t                                                  # δ = ŷ - t
        return delta


class SoftmaxSquaredError(SquaredError):
    """One distribution over the classes, with half the squared error."""

    def __call__(self, z: np.ndarray) -> np.ndarray:
        return softmax_cross_entropy(z)                 # ŷ = eᶻ / Σ eᶻ

    @np.errstate(under="ignore")
    def delta(self, z: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Slope of the squared error: each share times its error, less the mean of the errors."""
        y = self(z)
        error = y - t
        error -= (y * error).sum(axis=1, keepdims=True)
        return y * error                                # δ = ŷ (e - Σ ŷ e), where e = ŷ - t


linear_squared_error = LinearSquaredError()
logistic_cross_entropy = LogisticCrossEntropy()
logistic_squared_error = LogisticSquaredError()
softmax_cross_entropy = SoftmaxCrossEntropy()
softmax_squared_error = SoftmaxSquaredError()
