"""Checks of the values that builders take. Each returns its input as a plain Python value."""

import math
import numbers
from collections.abc import Sequence
from typing import Any


def whole(name: str, value: Any, minimum: int = 1) -> int:
    """Refuse anything but an integer of at least `minimum`."""
    integral = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not integral or value < minimum:
        kind = "a positive integer" if minimum == 1 else f"an integer of at least {minimum}"
        raise ValueError(f"`{name}` must be {kind}, but is {value!r}.")
    return int(value)


def number(
    name: str, value: Any, low: int | float = -math.inf, high: int | float = math.inf
) -> float:
    """Refuse anything but a finite number in [low, high]."""
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not real or not math.isfinite(value):
        raise ValueError(f"`{name}` must be a finite number, but is {value!r}.")
    plain = float(value)
    if not low <= plain <= high:
        bounds = f"at least {low:g}" if high == math.inf else f"in [{low:g}, {high:g}]"
        raise ValueError(f"`{name}` must be {bounds}, but is {plain:g}.")
    return plain


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
