"""Choices as values: `tanh`, `fan_in`, `runs_of(100)` can be compared, printed and swapped."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from numbers import Integral, Real


class Value:
    """A choice that equals its like and prints as you would type it.

    Every subclass becomes a frozen dataclass. `class RunsOf(Value)` with one field `length`
    prints as `runs_of(100)`; a class without fields prints as its name alone.
    """

    def __init_subclass__(cls):
        dataclass(frozen=True, repr=False)(cls)

    def __post_init__(self):
        for field in fields(self):
            if field.type is float:
                object.__setattr__(self, field.name, number(field.name, getattr(self, field.name)))

    def __repr__(self) -> str:
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()
        arguments = ", ".join(repr(getattr(self, field.name)) for field in fields(self))
        return f"{name}({arguments})" if arguments else name


def is_whole(value, least: int) -> bool:
    """Whether a value is a whole number, of Python or NumPy, and at least `least`."""
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= least


def whole(name: str, value, least: int) -> int:
    """Return a whole number as int, or say which argument is wrong."""
    if not is_whole(value, least):
        raise ValueError(f"{name} must be a whole number from {least}, got {value!r}")
    return int(value)


def number(name: str, value, expected: str = "a number",
           holds: Callable[[float], bool] = math.isfinite) -> float:
    """Return a finite number as Python's float, so that float32 arrays stay float32."""
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value) \
            or not holds(value):
        raise ValueError(f"{name} must be {expected}, got {value!r}")
    return float(value)
