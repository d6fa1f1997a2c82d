"""Is it right? Gradients against finite differences, and answers against what was asked."""

import copy
from dataclasses import dataclass

import numpy as np

from handmlp.network import Network, Parameters
from handmlp.training import sgd_step

TOLERANCE = 1e-6


@dataclass(frozen=True)
class GradientCheck:
    """What `check_gradient` found: a relative error per parameter array, and where it is worst."""

    errors: dict[str, float]
    worst: str
    skipped: int

    @property
    def passed(self) -> bool:
        """Whether every relative error is below the tolerance."""
        return all(error < TOLERANCE for error in self.errors.values())

    def __str__(self) -> str:
        def size(error):
            return f"below {TOLERANCE:g}" if error < TOLERANCE else f"{error:.1g}"

        lines = [f"{name}: relative error {size(error)}" for name, error in self.errors.items()]
        lines.append("the gradient is " + ("right" if self.passed else f"wrong: {self.worst}"))
        if self.skipped:
            lines.append(f"{self.skipped} of the entries lie on a kink and were skipped")
        return "\n".join(lines)


def check_gradient(network: Network, x: np.ndarray, t: np.ndarray, decay: tuple[float, ...] = (),
                   entries: int = 20, h: float = 1e-5) -> GradientCheck:
    """Compare one step of gradient descent with finite differences, in float64.

    The step of rate 1 that training would take is undone, so `backward` and `sgd_step` are both
    on trial; (L(w + h) - L(w - h)) / 2h is the judge. It is a copy of the network that is tried.

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
    before, step = w.flat.copy(), w.like()
    sgd_step(network, x, t, w.like(), learning_rate=1.0, decay=decay)
    step.flat[:], w.flat[:] = before - w.flat, before
    # Where a slope is much smaller than the loss, rounding of the loss drowns it.
    least = 1e-3 * max(1.0, _objective(network, x, t, decay)[0])
    errors, gaps, skipped = {}, {}, 0
    for l, kind in [(l, kind) for l in range(len(w.W)) for kind in "Wb"]:
        name, array, taken, pairs = f"{kind}[{l}]", getattr(w, kind)[l], getattr(step, kind)[l], []
        for i in np.unique(np.linspace(0, array.size - 1, entries).astype(int)):
            entry = tuple(map(int, np.unravel_index(i, array.shape)))
            slope = _slope(network, x, t, decay, array, entry, h)
            if slope is None:
                skipped += 1
                continue
            pairs.append((taken[entry], slope))
            gaps[abs(taken[entry] - slope)] = (f"{name}, layer {l + 1}, entry {entry}: got "
                                               f"{taken[entry]:.6g}, expected {slope:.6g}")
        if pairs:
            got, expected = np.transpose(pairs)
            scale = np.linalg.norm(got) + np.linalg.norm(expected)
            errors[name] = float(np.linalg.norm(got - expected) / max(scale, least))
    return GradientCheck(errors, gaps[max(gaps)], skipped)


def _objective(network, x, t, decay) -> tuple[float, list]:
    """Return the mean loss with its penalty, and between which kinks each hidden sum lies."""
    a, W, b = network.forward(x), network.W, network.b
    penalty = sum(0.5 * strength * (V * V).sum() for strength, V in zip(decay, W))
    kinks = sorted(network.hidden.kinks)
    sides = [np.searchsorted(kinks, a[l] @ W[l] + b[l]).tolist() for l in range(len(W) - 1)]
    return network.output.loss(a[-1], t).mean() + penalty, sides


def _slope(network, x, t, decay, array, entry, h) -> float | None:
    """Return the slope of the objective along one parameter, or None across a kink."""
    start, found = array[entry], []
    for value in (start + h, start - h):
        array[entry] = value
        found.append(_objective(network, x, t, decay))
    array[entry] = start
    (above, sides), (below, other_sides) = found
    return (above - below) / (2 * h) if sides == other_sides else None


def is_missing(*answers) -> bool:
    """Say that an answer is still to be given, and return whether it is: one is `...` as yet."""
    missing = any(one is ... or isinstance(one, (list, tuple)) and any(part is ... for part in one)
                  for one in answers)
    if missing:
        print("not yet: put your answer in place of the ...")
    return missing


def check_answer(got, expected, hint: str, tolerance: float = 0.0) -> None:
    """Say whether an exercise's answer is right, and if not, what is off.

    Parameters
    ----------
    got, expected : number or array
        The reader's answer, `...` as long as there is none, and the right one.
    hint : str
        Said when the answer is not right.
    tolerance : float
        Largest absolute difference that passes.
    """
    if is_missing(got):
        return
    try:
        array, shape = np.asarray(got, float), np.shape(expected)
        if array.shape != shape:
            fault = f"expected shape {shape}, got {array.shape}"
        else:
            fault = "" if np.allclose(array, expected, rtol=0, atol=tolerance) else f"got {got}"
    except (TypeError, ValueError):
        fault = f"expected numbers, got {got!r}"
    print(f"not yet: {fault}. {hint}" if fault else "right")


def check_goal(value: float, goal: float, what: str) -> None:
    """Say whether a numeric goal was reached, and if not, how far it is; `...` is no value yet."""
    if is_missing(value):
        return
    if value >= goal:
        print(f"reached: {what} is {value:.4g}, the goal was {goal:.4g}")
    else:
        print(f"not yet: {what} is {value:.4g}, the goal is {goal:.4g}")
