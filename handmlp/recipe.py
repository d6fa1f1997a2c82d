"""A recipe is everything that decides a run; one seed more, and the run can be repeated."""

import dataclasses
from dataclasses import dataclass

import numpy as np

from handmlp.activations import Activation, logistic
from handmlp.distortions import Distortion, undistorted
from handmlp.initialisers import Initialiser, unit_normal
from handmlp.inputs import Inputs, unit_range
from handmlp.orders import Order, file_order
from handmlp.outputs import Output, logistic_squared_error
from handmlp.schedules import Schedule, constant
from handmlp.values import is_whole, number, whole

KINDS = {"hidden": Activation, "output": Output, "init": Initialiser, "inputs": Inputs,
         "order": Order, "schedule": Schedule, "distortion": Distortion}
RANGES = {"learning_rate": ("a positive number", lambda n: n > 0),
          "momentum": ("a number in [0, 1)", lambda n: 0 <= n < 1),
          "rate_decay": ("a number in (0, 1]", lambda n: 0 < n <= 1),
          "dropout": ("a share in [0, 1)", lambda n: 0 <= n < 1),
          "wrong_labels": ("a share in [0, 1]", lambda n: 0 <= n <= 1)}
DECAY_RANGE = "a number of at least 0, or a tuple with one for each weight matrix", lambda n: n >= 0
TARGETS = "(low, high), two numbers from 0 to 1 such as (0.1, 0.9)"


@dataclass(frozen=True, kw_only=True, repr=False)
class Recipe:
    """All choices of one training run; without arguments, the network of 2015.

    `units` is the size of the hidden layer, or a tuple with the size of each; `init` and
    `weight_decay` are one rule or one λ for all weight matrices, or a tuple with one for each.
    `rate_decay` multiplies the learning rate after every epoch, `schedule` at every step. With
    `nesterov`, momentum looks ahead. `dropout` leaves out such a share of the hidden values.
    `targets` are learned in place of 0 and 1, which the reported losses keep. The last four choose
    what is learned from: so many of the training `images` (None: all), a share of `wrong_labels`
    among them, a `distortion` anew for every epoch, and `fold=(i, k)` to hold out the i-th of k
    parts of them in place of the validation images.

    Raises
    ------
    ValueError, TypeError
        For a choice that cannot be trained, naming it, its value and what was expected.
    """

    units: tuple[int, ...] = (100,)
    hidden: Activation = logistic
    output: Output = logistic_squared_error
    init: Initialiser | tuple[Initialiser, ...] = unit_normal
    inputs: Inputs = unit_range
    order: Order = file_order
    learning_rate: float = 3.0
    batch_size: int = 10
    epochs: int = 10
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float | tuple[float, ...] = 0.0
    rate_decay: float = 1.0
    schedule: Schedule = constant
    dropout: float = 0.0
    targets: tuple[float, float] = (0.0, 1.0)
    images: int | None = None
    wrong_labels: float = 0.0
    distortion: Distortion = undistorted
    fold: tuple[int, int] | None = None

    def __post_init__(self):
        for name, kind in KINDS.items():
            chosen = getattr(self, name)
            for choice in chosen if name == "init" and _is_row(chosen) else [chosen]:
                _check_choice(name, kind, choice)
        units = self.units if _is_row(self.units) else (self.units,)
        if not all(is_whole(n, 1) for n in units):
            raise ValueError("units must be the size of the hidden layer or a tuple with one for "
                             f"each, such as 100, (50, 50) or (), got {self.units!r}")
        decay, layers = self.weight_decay, len(units) + 1
        for name, what in [("weight_decay", "number"), ("init", "rule")]:
            if _is_row(getattr(self, name)) and len(getattr(self, name)) != layers:
                raise ValueError(f"{name} must be one {what} or one for each of the "
                                 f"{layers} weight matrices, got {getattr(self, name)!r}")
        if not isinstance(self.nesterov, (bool, np.bool)):
            raise TypeError(f"nesterov must be True or False, got {self.nesterov!r}")
        # Plain numbers, so that 1 and np.float64(1.0) make the same recipe as 1.0.
        plain = {name: number(name, getattr(self, name), *RANGES[name]) for name in RANGES}
        plain |= {"units": tuple(map(int, units)), "epochs": whole("epochs", self.epochs, 0),
                  "batch_size": whole("batch_size", self.batch_size, 1),
                  "images": None if self.images is None else whole("images", self.images, 1),
                  "nesterov": bool(self.nesterov), "targets": _targets(self.targets),
                  "fold": None if self.fold is None else _fold(self.fold),
                  "init": tuple(self.init) if _is_row(self.init) else self.init}
        plain["weight_decay"] = (
            tuple(number("weight_decay", n, *DECAY_RANGE) for n in decay)
            if _is_row(decay) else number("weight_decay", decay, *DECAY_RANGE))
        for name, value in plain.items():
            object.__setattr__(self, name, value)

    @property
    def decay_per_matrix(self) -> tuple[float, ...]:
        """The strength λ of the weight decay for each weight matrix."""
        return self._per_matrix(self.weight_decay)

    @property
    def init_per_matrix(self) -> tuple[Initialiser, ...]:
        """The rule that draws each weight matrix."""
        return self._per_matrix(self.init)

    def _per_matrix(self, choice) -> tuple:
        return choice if isinstance(choice, tuple) else (choice,) * (len(self.units) + 1)

    def but(self, **changes) -> "Recipe":
        """Return a copy with some choices changed; this recipe stays as it is."""
        return dataclasses.replace(self, **changes)

    def changes_from(self, other: "Recipe") -> dict[str, tuple]:
        """Return {name: (value there, value here)} of the choices that differ."""
        return {name: (getattr(other, name), value) for name, value in vars(self).items()
                if getattr(other, name) != value}

    def change_from(self, other: "Recipe") -> str:
        """Say what differs, in one line: 'init: unit_normal -> fan_in'."""
        changes = self.changes_from(other).items()
        return ", ".join(f"{name}: {old!r} -> {new!r}" for name, (old, new) in changes)

    @property
    def is_handmlps(self) -> bool:
        """Whether each choice is one of handmlp's own, so that what this prints says all of it."""
        chosen = [getattr(self, name) for name in KINDS if name != "init"]
        return all(choice.is_handmlps for choice in (*chosen, *self.init_per_matrix))

    def to_dict(self) -> dict:
        """Return all choices as JSON can hold them."""
        chosen = vars(self)
        return chosen | {name: [*map(repr, chosen[name])] if isinstance(chosen[name], tuple)
                         else repr(chosen[name]) for name in KINDS}

    @classmethod
    def from_dict(cls, choices: dict) -> "Recipe":
        """Return the recipe that `to_dict` told; what it did not tell is as in 2015.

        Raises
        ------
        ValueError
            If it names a choice that handmlp does not have.
        """
        unknown = choices.keys() - {field.name for field in dataclasses.fields(cls)}
        if unknown:
            raise ValueError(f"a recipe has no {', '.join(sorted(unknown))}")
        made = {name: tuple(map(kind.named, choices[name])) if _is_row(choices[name])
                else kind.named(choices[name]) for name, kind in KINDS.items() if name in choices}
        return cls(**choices | made)

    def __repr__(self) -> str:
        chosen = [f"{f.name}={getattr(self, f.name)!r}" for f in dataclasses.fields(self)
                  if getattr(self, f.name) != f.default]
        return f"Recipe({', '.join(chosen)})"


def _check_choice(name: str, kind: type, choice) -> None:
    if isinstance(choice, type) and issubclass(choice, kind):
        raise TypeError(f"{name} must be a value, got the class {choice.__name__}: call it with "
                        "what it needs, as in normal(0.1)")
    if not isinstance(choice, kind):
        raise TypeError(f"{name} must be one of handmlp's {kind.__name__.lower()} values "
                        f"or your own {kind.__name__}, got {choice!r}")
    try:
        hash(choice)
    except TypeError as error:
        raise TypeError(f"{name} must hold what can be compared, such as numbers and tuples, "
                        f"got {choice!r}") from error


def _is_row(choice) -> bool:
    return isinstance(choice, (tuple, list))


def _targets(targets) -> tuple[float, float]:
    if not (_is_row(targets) and len(targets) == 2):
        raise ValueError(f"targets must be {TARGETS}, got {targets!r}")
    low, high = (number("targets", n, TARGETS, lambda n: 0 <= n <= 1) for n in targets)
    if low >= high:
        raise ValueError(f"targets must be {TARGETS}, the lower first, got {targets!r}")
    return low, high


def _fold(fold) -> tuple[int, int]:
    if not (_is_row(fold) and len(fold) == 2
            and all(is_whole(n, 0) for n in fold) and fold[0] < fold[1] > 1):
        raise ValueError("fold must be (i, k), part i of k parts counted from 0, such as "
                         f"(0, 5), got {fold!r}")
    return int(fold[0]), int(fold[1])
