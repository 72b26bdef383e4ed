"""Checks of the values that builders take. Each returns its input as a plain Python value."""

import math
import numbers
import os
import types
import typing
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from rmfg.core.memory import affordable

# Targets, their comparison, probabilities and rewards of three moves with three outcomes each.
NUMBERS_OF_A_WALKER = 60
LONGEST_SHOWN = 60
PLAIN_KINDS = "biufU"  # dates become integers by the same road
_WORDS = {
    bool: "True or False",
    int: "a whole number",
    float: "a finite number",
    str: "a text",
    Sequence: "a sequence of numbers",
    type(None): "None",
}


def plain(name: str, value: Any, kind: Any) -> Any:
    """The value as a plain Python one, as it stands in a recipe, if it is of the kind annotated.

    NumPy's scalars are numbers like others, 2 and 2.0 are one where a float is wanted, and lists,
    which could change, become tuples. Raises ValueError for everything else.
    """
    given, value = value, _python(value)
    kinds = {typing.get_origin(member) or member for member in _members_of(kind)}
    if value is None and type(None) in kinds:
        return None
    if isinstance(value, bool):
        fits = bool in kinds
    elif isinstance(value, int):
        fits = int in kinds or float in kinds
        value = number(name, value) if fits and int not in kinds else value
    elif isinstance(value, float):
        fits = float in kinds
        value = number(name, value) if fits else value
    elif isinstance(value, str | os.PathLike):
        fits = str in kinds
        value = os.fspath(value) if fits else value
    else:
        fits = isinstance(value, tuple) and Sequence in kinds
        if fits and isinstance(value, tuple):
            inner = next(m for m in _members_of(kind) if typing.get_origin(m) is Sequence)
            value = tuple(plain(name, item, typing.get_args(inner)[0]) for item in value)
    if not fits:
        words = [_WORDS[member] for member in _WORDS if member in kinds]
        shown = f"a {type(given).__name__}" if len(repr(given)) > LONGEST_SHOWN else repr(given)
        raise ValueError(f"`{name}` must be {' or '.join(words)}, but is {shown}.")
    return value


def _python(value: Any) -> Any:
    """Scalars of NumPy and JAX as Python's, arrays and lists as tuples of them."""
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        if np.ma.is_masked(value) or np.asarray(value).dtype.kind not in PLAIN_KINDS:
            return value
        value = np.asarray(value).tolist()
    return tuple(_python(item) for item in value) if isinstance(value, list | tuple) else value


def _members_of(kind: Any) -> tuple[Any, ...]:
    """The members of a union, or the one that there is."""
    union = typing.get_origin(kind) in (typing.Union, types.UnionType)
    return typing.get_args(kind) if union else (kind,)


def whole(name: str, value: Any, minimum: int = 1) -> int:
    """Refuse anything but an integer of at least `minimum`."""
    integral = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not integral or value < minimum:
        kind = "a positive integer" if minimum == 1 else f"an integer of at least {minimum}"
        raise ValueError(f"`{name}` must be {kind}, but is {value!r}.")
    return int(value)


def walkers(name: str, value: Any) -> int:
    """Refuse anything but a number of places to walk on that fits into memory."""
    count = whole(name, value)
    affordable(name, NUMBERS_OF_A_WALKER * count)
    return count


def number(
    name: str, value: Any, low: int | float = -math.inf, high: int | float = math.inf
) -> float:
    """Refuse anything but a finite number in [low, high]."""
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    try:
        found = float(value) if real else math.nan
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        shown = f"a {type(value).__name__}" if len(repr(value)) > LONGEST_SHOWN else repr(value)
        raise ValueError(f"`{name}` must be a finite number, but is {shown}.")
    if not low <= found <= high:
        bounds = f"at least {low:g}" if high == math.inf else f"in [{low:g}, {high:g}]"
        raise ValueError(f"`{name}` must be {bounds}, but is {found:g}.")
    return found


def probability(name: str, value: Any) -> float:
    """Refuse anything but a number in [0, 1]."""
    return number(name, value, 0, 1)


def above_zero(name: str, value: Any) -> float:
    """Refuse anything but a finite number above zero."""
    if number(name, value) <= 0:
        raise ValueError(f"`{name}` must be above 0, but is {float(value):g}.")
    return float(value)


def flag(name: str, value: Any) -> bool:
    """Refuse anything but True or False."""
    if not isinstance(value, bool):
        raise ValueError(f"`{name}` must be True or False, but is {value!r}.")
    return value


def places(name: str, values: Any, num_states: int) -> tuple[int, ...]:
    """Refuse anything but a non-empty sequence of state numbers."""
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) == 0:
        raise ValueError(f"`{name}` must be a sequence of state numbers, but is {values!r}.")
    for value in values:
        if whole(name, value, 0) >= num_states:
            raise ValueError(
                f"`{name}` must hold state numbers from 0 to {num_states - 1}, but holds {value}. "
                "States are counted from 0."
            )
    return tuple(int(value) for value in values)
