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

    `weight_decay` is one λ for all weight matrices or a tuple with one for each; `rate_decay`
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
            if not isinstance(getattr(self, name), kind):
                raise TypeError(f"{name} must be one of handmlp's {kind.__name__.lower()} values "
                                f"or your own {kind.__name__}, got {getattr(self, name)!r}")
        if not isinstance(self.units, tuple) or not all(is_whole(n, 1) for n in self.units):
            raise ValueError("units must be a tuple with the size of each hidden layer, such as "
                             f"(100,) or (), got {self.units!r}")
        if len(self.decay_per_matrix) != len(self.units) + 1:
            raise ValueError(f"weight_decay must be one number or one for each of the "
                             f"{len(self.units) + 1} weight matrices, got {self.weight_decay!r}")
        if self.fold is not None and not _is_fold(self.fold):
            raise ValueError("fold must be (i, k), part i of k parts counted from 0, such as "
                             f"(0, 5), got {self.fold!r}")
        # Plain numbers, so that 1 and np.float64(1.0) make the same recipe as 1.0.
        plain = {name: number(name, getattr(self, name), *RANGES[name]) for name in RANGES}
        plain |= {"units": tuple(map(int, self.units)), "epochs": whole("epochs", self.epochs, 0),
                  "batch_size": whole("batch_size", self.batch_size, 1)}
        if self.images is not None:
            plain["images"] = whole("images", self.images, 1)
        decay = [number("weight_decay", n, *DECAY_RANGE) for n in self.decay_per_matrix]
        plain["weight_decay"] = tuple(decay) if isinstance(self.weight_decay, tuple) else decay[0]
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

    def __repr__(self) -> str:
        chosen = [f"{f.name}={getattr(self, f.name)!r}" for f in dataclasses.fields(self)
                  if getattr(self, f.name) != f.default]
        return f"Recipe({', '.join(chosen)})"


def _is_fold(fold) -> bool:
    return (isinstance(fold, tuple) and len(fold) == 2 and all(is_whole(n, 0) for n in fold)
            and fold[0] < fold[1] and fold[1] > 1)
