"""Choices as values: `tanh`, `fan_in`, `runs_of(100)` can be compared, printed and swapped."""

import ast
import inspect
import math
import re
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from numbers import Integral, Real
from typing import Self


class Value:
    """A choice that equals its like and prints as you would type it.

    A class that names its fields needs no `__init__`: one with `size: float` is made by
    `Normal(0.1)`. An `__init__` of its own, or `@dataclass`, serves too. What a value holds is set
    once. A class of handmlp's prints as the name in its module, `normal(0.1)`; any other as it is
    called, `Normal(0.1)`.
    """

    def __init_subclass__(cls):
        # Said once more in each class, so that a reader's own @dataclass leaves them as they are.
        cls.__eq__, cls.__hash__, cls.__repr__ = cls.__eq__, cls.__hash__, cls.__repr__
        cls.is_handmlps = cls.__module__.startswith("handmlp.")  # which `named` knows

    def __init__(self, *given, **named):
        kinds = {name: kind for part in reversed(type(self).__mro__)
                 for name, kind in inspect.get_annotations(part).items()}
        expected = inspect.Signature([
            inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD,
                              default=getattr(type(self), name, inspect.Parameter.empty))
            for name in kinds])
        held = expected.bind(*given, **named)
        held.apply_defaults()
        for name, value in held.arguments.items():
            # A type is text where a module says `from __future__ import annotations`.
            setattr(self, name, number(name, value) if kinds[name] in (float, "float") else value)

    def __setattr__(self, name, value):
        if name in vars(self):
            raise FrozenInstanceError(f"cannot change {name} of {self!r}: make another one")
        object.__setattr__(self, name, value)

    def __eq__(self, other):
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self):
        return hash((type(self), *vars(self).items()))

    def __repr__(self) -> str:
        held, names = vars(self), [*inspect.signature(type(self)).parameters]
        in_order = type(self).__init__ is Value.__init__ or names == [*held]
        called = ", ".join(repr(value) if in_order else f"{name}={value!r}"
                           for name, value in held.items())
        return _name(type(self)) + (f"({called})" if called or not self.is_handmlps else "")

    @classmethod
    def named(cls, text: str) -> Self:
        """Return handmlp's own value of this kind that prints as `text`, such as "runs_of(100)".

        Raises
        ------
        ValueError
            If handmlp has no such choice of this kind.
        """
        known = {_name(kind): kind for kind in _below(cls) if kind.is_handmlps}
        parts = re.fullmatch(r"(\w+)(?:\((.+)\))?", str(text))
        try:
            name, arguments = parts.groups() if parts else ("", None)
            kind, given = known[name], ast.literal_eval(f"({arguments},)" if arguments else "()")
        except (KeyError, ValueError, SyntaxError):
            kind, given = None, ()
        try:
            return kind(*given)
        except TypeError:
            raise ValueError(f"{cls.__name__.lower()} must be one of handmlp's: "
                             f"{', '.join(sorted(known))}; got {text!r}") from None


def _below(kind: type) -> list[type]:
    return [below for child in kind.__subclasses__() for below in (child, *_below(child))]


def _name(kind: type) -> str:
    if not kind.is_handmlps:
        return kind.__name__
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", kind.__name__).lower()


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
    try:
        plain = float(value) if isinstance(value, Real) and not isinstance(value, bool) else None
    except OverflowError:  # a whole number can be larger than any float
        plain = None
    if plain is None or not math.isfinite(plain) or not holds(plain):
        raise ValueError(f"{name} must be {expected}, got {value!r}")
    return plain
