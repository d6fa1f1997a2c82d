"""Is it right? Gradients against finite differences, and answers against what was asked."""

import copy
from dataclasses import dataclass

import numpy as np

from handmlp.activations import relu
from handmlp.network import Network, Parameters
from handmlp.training import sgd_step


@dataclass(frozen=True)
class GradientCheck:
    """What `check_gradient` found: a relative error per parameter array, and where it is worst."""

    errors: dict[str, float]
    worst: str
    skipped: int
    tolerance: float = 1e-6

    @property
    def passed(self) -> bool:
        """Whether every relative error is below the tolerance."""
        return all(error < self.tolerance for error in self.errors.values())

    def __str__(self) -> str:
        lines = [f"{name}: relative error below {self.tolerance:g}" if error < self.tolerance
                 else f"{name}: relative error {error:.1g}" for name, error in self.errors.items()]
        lines.append("the gradient is right" if self.passed
                     else f"the gradient is wrong: {self.worst}")
        if self.skipped:
            lines.append(f"{self.skipped} of the entries lie on a kink and were skipped")
        return "\n".join(lines)


def check_gradient(network: Network, x: np.ndarray, t: np.ndarray, decay: tuple[float, ...] = (),
                   entries: int = 20, h: float = 1e-5) -> GradientCheck:
    """Compare one step of gradient descent with finite differences, in float64.

    The step of rate 1 that training would take is undone in a copy, so `backward` and `sgd_step`
    are both on trial; (L(w + h) - L(w - h)) / 2h is the judge. The network is left alone.

    Parameters
    ----------
    network : Network
        Of any dtype; a copy in float64 is checked.
    x, t : arrays
        Scaled inputs (n, pixels) and one-hot targets (n, classes).
    decay : tuple of float
        Weight decay λ for each weight matrix.
    entries : int
        How many entries of each array are tried, evenly spaced.
    h : float
        Half the width of the difference.
    """
    network = copy.copy(network)
    w = network.parameters = Parameters(network.sizes, network.parameters.flat.astype(np.float64))
    x, t = np.asarray(x, np.float64), np.asarray(t, np.float64)
    step = network.backward(network.forward(x), t, out=w.like())
    after = copy.deepcopy(w)
    sgd_step(after, step, w.like(), 0.0, decay)
    # Where a slope is much smaller than the loss, rounding of the loss drowns it.
    least = 1e-3 * max(1.0, _objective(network, network.forward(x), t, decay))
    errors, gaps, skipped = {}, {}, 0
    for l in range(len(w.W)):
        for name, array, moved in [(f"W[{l}]", w.W[l], after.W[l]),
                                   (f"b[{l}]", w.b[l], after.b[l])]:
            got, expected = [], []
            for i in np.unique(np.linspace(0, array.size - 1, entries).astype(int)):
                index = np.unravel_index(i, array.shape)
                slope = _slope(network, x, t, decay, array, index, h)
                if slope is None:
                    skipped += 1
                    continue
                got.append(array[index] - moved[index])
                expected.append(slope)
                gaps[abs(got[-1] - slope)] = (
                    f"{name}, layer {l + 1}, entry {tuple(map(int, index))}: "
                    f"got {got[-1]:.6g}, expected {slope:.6g}")
            scale = np.linalg.norm(got) + np.linalg.norm(expected)
            if got:
                errors[name] = float(np.linalg.norm(np.subtract(got, expected)) / max(scale, least))
    return GradientCheck(errors, gaps[max(gaps)], skipped)


def _objective(network, a, t, decay) -> float:
    penalty = sum(0.5 * strength * (W * W).sum() for strength, W in zip(decay, network.W))
    return network.output.loss(a[-1], t).mean() + penalty


def _slope(network, x, t, decay, array, index, h) -> float | None:
    """Return the slope of the objective along one parameter, or None across a kink of relu."""
    start, losses, signs = array[index], [], []
    for value in (start + h, start - h):
        array[index] = value
        a = network.forward(x)
        losses.append(_objective(network, a, t, decay))
        signs.append([layer > 0 for layer in a[1:-1]])
    array[index] = start
    if network.hidden == relu and any((p != m).any() for p, m in zip(*signs)):
        return None
    return (losses[0] - losses[1]) / (2 * h)


def check_answer(got, expected, hint: str, tolerance: float = 0.0) -> None:
    """Say whether an exercise's answer is right, and if not, what is off.

    Parameters
    ----------
    got, expected : number, string or array
        The reader's answer and the right one.
    hint : str
        Said when the shapes agree and the values do not.
    tolerance : float
        Largest absolute difference that passes.
    """
    if isinstance(expected, str):
        right = isinstance(got, str) and got == expected
        print("right" if right else f"not yet: got {got}. {hint}")
        return
    try:
        array, shape = np.asarray(got, float), np.shape(expected)
    except (TypeError, ValueError):
        print(f"not yet: expected numbers, got {got!r}. {hint}")
        return
    if array.shape != shape:
        print(f"not yet: expected shape {shape}, got {array.shape}. {hint}")
    else:
        right = np.allclose(array, expected, rtol=0, atol=tolerance)
        print("right" if right else f"not yet: got {got}. {hint}")


def check_goal(value: float, goal: float, what: str) -> None:
    """Say whether a numeric goal was reached, and if not, how far it is."""
    if value >= goal:
        print(f"reached: {what} is {value:.4g}, the goal was {goal:.4g}")
    else:
        print(f"not yet: {what} is {value:.4g}, the goal is {goal:.4g}")
