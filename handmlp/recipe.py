"""A recipe is everything that decides a run; one seed more, and the run can be repeated."""

import dataclasses
from dataclasses import dataclass

from handmlp.activations import Activation, logistic
from handmlp.initialisers import Initialiser, unit_normal
from handmlp.inputs import Inputs, unit_range
from handmlp.orders import Order, file_order
from handmlp.outputs import Output, logistic_squared_error
from handmlp.values import is_whole, number, whole

KINDS = {"hidden": Activation, "output": Output, "init": Initialiser, "inputs": Inputs,
         "order": Order}
RANGES = {"learning_rate": ("a positive number", lambda n: n > 0),
          "momentum": ("a number in [0, 1)", lambda n: 0 <= n < 1),
          "rate_decay": ("a number in (0, 1]", lambda n: 0 < n <= 1),
          "wrong_labels": ("a share in [0, 1]", lambda n: 0 <= n <= 1)}
DECAY_RANGE = "a number of at least 0, or a tuple with one for each weight matrix", lambda n: n >= 0


@dataclass(frozen=True, kw_only=True, repr=False)
class Recipe:
    """All choices of one training run; without arguments, the network of 2015.

    `units` is the size of the hidden layer, or a tuple with the size of each; `weight_decay` is one
    λ for all weight matrices or a tuple with one for each; `rate_decay`
    multiplies the learning rate after every epoch. The last three choose what is learned from:
    so many of the training `images` (None: all), a share of `wrong_labels` among them, and
    `fold=(i, k)` to hold out the i-th of k parts of them in place of the validation images.

    Raises
    ------
    ValueError, TypeError
        For a choice that cannot be trained, naming it, its value and what was expected.
    """

    units: tuple[int, ...] = (100,)
    hidden: Activation = logistic
    output: Output = logistic_squared_error
    init: Initialiser = unit_normal
    inputs: Inputs = unit_range
    order: Order = file_order
    learning_rate: float = 3.0
    batch_size: int = 10
    epochs: int = 10
    momentum: float = 0.0
    weight_decay: float | tuple[float, ...] = 0.0
    rate_decay: float = 1.0
    images: int | None = None
    wrong_labels: float = 0.0
    fold: tuple[int, int] | None = None

    def __post_init__(self):
        for name, kind in KINDS.items():
            _check_choice(name, kind, getattr(self, name))
        units = self.units if isinstance(self.units, (tuple, list)) else (self.units,)
        if not all(is_whole(n, 1) for n in units):
            raise ValueError("units must be the size of the hidden layer or a tuple with one for "
                             f"each, such as 100, (50, 50) or (), got {self.units!r}")
        decay, layers = self.weight_decay, len(units) + 1
        if isinstance(decay, (tuple, list)) and len(decay) != layers:
            raise ValueError("weight_decay must be one number or one for each of the "
                             f"{layers} weight matrices, got {decay!r}")
        # Plain numbers, so that 1 and np.float64(1.0) make the same recipe as 1.0.
        plain = {name: number(name, getattr(self, name), *RANGES[name]) for name in RANGES}
        plain |= {"units": tuple(map(int, units)), "epochs": whole("epochs", self.epochs, 0),
                  "batch_size": whole("batch_size", self.batch_size, 1),
                  "images": None if self.images is None else whole("images", self.images, 1),
                  "fold": None if self.fold is None else _fold(self.fold)}
        plain["weight_decay"] = (
            tuple(number("weight_decay", n, *DECAY_RANGE) for n in decay)
            if isinstance(decay, (tuple, list)) else number("weight_decay", decay, *DECAY_RANGE))
        for name, value in plain.items():
            object.__setattr__(self, name, value)

    @property
    def decay_per_matrix(self) -> tuple[float, ...]:
        """The strength λ of the weight decay for each weight matrix."""
        if isinstance(self.weight_decay, tuple):
            return self.weight_decay
        return (self.weight_decay,) * (len(self.units) + 1)

    def but(self, **changes) -> "Recipe":
        """Return a copy with some choices changed; this recipe stays as it is."""
        return dataclasses.replace(self, **changes)

    def changes_from(self, other: "Recipe") -> dict[str, tuple]:
        """Return {name: (value there, value here)} of the choices that differ."""
        pairs = {f.name: (getattr(other, f.name), getattr(self, f.name))
                 for f in dataclasses.fields(self)}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}

    def change_from(self, other: "Recipe") -> str:
        """Say what differs, in one line: 'init: unit_normal -> fan_in'."""
        changes = self.changes_from(other).items()
        return ", ".join(f"{name}: {old!r} -> {new!r}" for name, (old, new) in changes)

    @property
    def is_handmlps(self) -> bool:
        """Whether each choice is one of handmlp's own, so that what this prints says all of it."""
        return all(getattr(self, name).is_handmlps for name in KINDS)

    def to_dict(self) -> dict:
        """Return all choices as JSON can hold them."""
        chosen = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return chosen | {name: repr(chosen[name]) for name in KINDS}

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
        made = {name: kind.named(choices[name]) for name, kind in KINDS.items() if name in choices}
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


def _fold(fold) -> tuple[int, int]:
    if not (isinstance(fold, (tuple, list)) and len(fold) == 2
            and all(is_whole(n, 0) for n in fold) and fold[0] < fold[1] > 1):
        raise ValueError("fold must be (i, k), part i of k parts counted from 0, such as "
                         f"(0, 5), got {fold!r}")
    return int(fold[0]), int(fold[1])
