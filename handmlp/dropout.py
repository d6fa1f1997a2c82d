"""Dropout: while it learns, a network has to do without some of its hidden units."""

import numpy as np

from handmlp.activations import Activation


class Dropout:
    """The function `hidden`, of which each value is left out with probability `share`.

    What stays is divided by the probability to stay, so that the mean is what it would be without
    dropout, and the network can be asked as it is (Srivastava 2014, section 10). It remembers what
    it left out on the way forward, layer by layer, until the way back.
    """

    def __init__(self, hidden: Activation, share: float, rng: np.random.Generator):
        self.hidden, self.stay, self.rng, self.masks = hidden, 1 - share, rng, []

    def __call__(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        a = self.hidden(z, out=out)                              # a = f(z)
        stays = self.rng.random(z.shape, np.float32) < self.stay
        self.masks.append(np.asarray(stays / a.dtype.type(self.stay), like=a))
        a *= self.masks[-1]                                      # a ← m a, m = 0 or 1/p
        return a

    def slope(self, a: np.ndarray) -> np.ndarray:
        """Slope of what `__call__` returned, the layers from the last to the first."""
        return self.hidden.slope(a * a.dtype.type(self.stay)) * self.masks.pop()  # m f′(z)
