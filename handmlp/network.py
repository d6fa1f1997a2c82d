"""The network: its parameters, the way forward to an answer, and the way back to the gradient.

x = a[0]     inputs, one row per example
W[l], b[l]   weights (fan-in, units) and biases (units,) of layer l, counted from 0
z            a[l] W[l] + b[l], the weighted sums of layer l
a[l + 1]     f(z), what layer l hands on; the last layer hands on z itself (the logits)
t            targets, one-hot
δ            ∂L/∂z of one layer, one row per example
"""

import io
import os
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from handmlp import activations, outputs
from handmlp.activations import Activation
from handmlp.data import as_pixels
from handmlp.initialisers import Initialiser
from handmlp.inputs import Scaling
from handmlp.outputs import Output

FORMAT = 1


class Parameters:
    """All weights and biases in one flat vector; W[l] and b[l] are views into it."""

    def __init__(self, sizes: tuple[int, ...], flat: np.ndarray | None = None):
        self.sizes = tuple(sizes)
        count = sum((fan_in + 1) * units for fan_in, units in pairwise(self.sizes))
        self.flat = np.zeros(count, np.float32) if flat is None else flat
        if self.flat.shape != (count,):
            raise ValueError(f"flat must hold {count} numbers for layers of {self.sizes} units, "
                             f"got shape {self.flat.shape}")
        self.W, self.b, start = [], [], 0
        for fan_in, units in pairwise(self.sizes):
            middle, end = start + fan_in * units, start + (fan_in + 1) * units
            self.W.append(self.flat[start:middle].reshape(fan_in, units))
            self.b.append(self.flat[middle:end])
            start = end

    def like(self) -> "Parameters":
        """Zeros of the same sizes and dtype: a home for gradients or velocities."""
        return Parameters(self.sizes, np.zeros_like(self.flat))

    def __reduce__(self):  # a copy must have views into its own vector
        return Parameters, (self.sizes, self.flat.copy())


@dataclass(eq=False)
class Network:
    """Fully connected layers: `hidden` after each but the last, `output` at the end.

    `sizes` counts the units from the inputs to the outputs, (784, 100, 10). `scaling` turns the
    pixel values of an image into the inputs x, so that a network can be asked about raw images.
    """

    parameters: Parameters
    hidden: Activation
    output: Output
    scaling: Scaling

    @classmethod
    def draw(cls, sizes: tuple[int, ...], hidden: Activation, output: Output, init: Initialiser,
             scaling: Scaling, rng: np.random.Generator) -> "Network":
        """Make a network with weights drawn by `init` from `rng`, and biases of zero."""
        parameters = Parameters(sizes)
        for W in parameters.W:
            W[:] = init(rng, W.shape)
        return cls(parameters, hidden, output, scaling)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of units of each layer, inputs first."""
        return self.parameters.sizes

    @property
    def W(self) -> list[np.ndarray]:
        """Weight matrices, first layer first."""
        return self.parameters.W

    @property
    def b(self) -> list[np.ndarray]:
        """Bias vectors, first layer first."""
        return self.parameters.b

    def __repr__(self) -> str:
        return f"Network({'-'.join(map(str, self.sizes))}, {self.hidden}, {self.output})"

    def inputs(self, images: np.ndarray) -> np.ndarray:
        """Return what the network sees of pixel rows: scaled, in arrays of the weights' kind."""
        return np.asarray(self.scaling(images), like=self.parameters.flat)

    def forward(self, x: np.ndarray) -> list[np.ndarray]:
        """Return the values of every layer: [x, a[1], …, z], ending in the logits."""
        a, W, b = [x], self.W, self.b
        for l in range(len(W)):
            z = a[l] @ W[l]                                  # z = a W
            z += b[l]                                        #       + b
            a.append(z if l == len(W) - 1 else self.hidden(z, out=z))  # a = f(z)
        return a

    def backward(self, a: list[np.ndarray], t: np.ndarray, out: Parameters,
                 factor: float = 1.0) -> Parameters:
        """Write the gradient of the mean loss, times `factor`, into `out`, and return it.

        `a` is what `forward` returned, `t` the targets (n, classes). Scaling the small delta of
        the outputs here scales every gradient, and costs less than scaling them later.
        """
        delta = self.output.delta(a[-1], t)          # δ = ŷ - t (softmax)
        delta *= factor / len(t)                     # a mean over n
        W = self.W
        for l in reversed(range(len(W))):
            np.matmul(a[l].T, delta, out=out.W[l])   # ∂L/∂W = aᵀ δ
            delta.sum(axis=0, out=out.b[l])          # ∂L/∂b = Σ δ
            if l > 0:
                delta = delta @ W[l].T               # δ ← δ Wᵀ
                delta *= self.hidden.slope(a[l])     #       ∘ f′(z)
        return out

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Return the outputs ŷ for raw images.

        Parameters
        ----------
        images : array of pixel values 0 to 255, of any dtype
            One image (784,) or (28, 28), or many (n, 784) or (n, 28, 28); n may be 0.

        Returns
        -------
        (n, classes) array; for squared error the rows need not sum to one.

        Raises
        ------
        ValueError
            If the shape does not fit, or a pixel is not finite or outside 0 to 255.
        """
        with np.errstate(over="ignore", under="ignore"):  # what is too small to tell is 0
            return self.output(self._logits(images))

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return the most probable class of each image, (n,) integers; `images` as above."""
        # Of the logits, since two large ones can have outputs that round to the same 1.
        return self._logits(images).argmax(axis=1)

    def _logits(self, images: np.ndarray) -> np.ndarray:
        return self.forward(self.inputs(as_pixels(images, self.sizes[0])))[-1]

    def save(self, path: str | os.PathLike) -> None:
        """Write everything that `load` needs to exactly `path`: an .npz file without pickles.

        A hidden or output function of your own cannot be saved, as `load` would not know it.
        """
        for module, choice in [(activations, self.hidden), (outputs, self.output)]:
            if getattr(module, repr(choice), None) != choice:
                raise ValueError(f"a network can be saved with handmlp's own functions only, "
                                 f"got {choice!r}, {type(choice)}")
        buffer = io.BytesIO()
        np.savez(buffer, format=FORMAT, sizes=self.sizes, flat=self.parameters.flat,
                 hidden=repr(self.hidden), output=repr(self.output),
                 shift=self.scaling.shift, scale=self.scaling.scale)
        path = Path(path)
        unfinished = path.with_name(path.name + ".part")
        unfinished.write_bytes(buffer.getvalue())
        unfinished.replace(path)  # so that a full disk never leaves half a network


def load(path: str | os.PathLike) -> Network:
    """Read a network that `Network.save` wrote.

    Raises
    ------
    ValueError
        If the file is damaged, holds something else, or was written in a later format.
    """
    content = io.BytesIO(Path(path).read_bytes())
    try:
        with np.load(content, allow_pickle=False) as file:
            saved = {name: file[name] for name in file.files}
    except Exception as error:  # a damaged file can raise nearly anything
        raise ValueError(f"{path} is damaged or not a saved network: {error}") from error
    if "format" not in saved:
        raise ValueError(f"{path} is not a saved network; it holds {sorted(saved)}")
    if saved["format"] != FORMAT:
        raise ValueError(f"{path} has format {saved['format']}; this handmlp reads {FORMAT}")
    try:
        return Network(Parameters(tuple(saved["sizes"].tolist()), saved["flat"]),
                       getattr(activations, str(saved["hidden"])),
                       getattr(outputs, str(saved["output"])),
                       Scaling(saved["shift"], saved["scale"]))
    except (KeyError, AttributeError, ValueError) as error:
        raise ValueError(f"{path} does not hold a network that handmlp knows: {error}") from error
