"""Checks of numbers. Each returns its input, laws normalized, and raises one error that names the
argument, the place, the value and the way out. Traced arrays are checked by shape alone.
"""

import math
import sys
from collections.abc import Iterable

import jax.numpy as jnp
import numpy as np

from rmfg.core import inputs
from rmfg.core.precision import Array, is_concrete

# Rows that sum to one within this much, and entries that are this little below zero, are a law up to
# the rounding of what made them.
ROW_SUM_SLACK = 1e-9
# However narrow the type and long the row: a law that is further off was no law before rounding.
LARGEST_SLACK = 1e-2


def place(index: Iterable[int | np.integer], axes: Iterable[str]) -> str:
    """Where in an array: `(s=3, a=1)`."""
    return "(" + ", ".join(f"{axis}={int(i)}" for axis, i in zip(axes, index, strict=False)) + ")"


def finite(name: str, array: Array, axes: Iterable[str] = ("s", "a", "next")) -> Array:
    """Refuse NaN and infinity."""
    if is_concrete(array):
        bad = ~np.isfinite(np.asarray(array))
        if bad.any():
            index = np.argwhere(bad)[0]
            where = f" at {place(index, axes)}" if index.size else ""
            raise ValueError(
                f"`{name}` must be finite, but is {np.asarray(array)[tuple(index)]}{where}. "
                "Guard divisions and logarithms, or drop the entry."
            )
    return array


def shaped(name: str, array: Array, shape: tuple[int, ...], meaning: str) -> Array:
    """Refuse any other shape."""
    if tuple(array.shape) != shape:
        raise ValueError(
            f"`{name}` must have shape {shape} = {meaning}, but has shape {tuple(array.shape)}. "
            "Check the order of the axes."
        )
    return array


def laws(
    name: str, array: Array, axes: tuple[str, ...] = ("s", "a"), precision: float = 0.0
) -> Array:
    """Refuse rows (over the last axis) that are no laws up to the rounding of their own type.

    Returns them in float64, normalized: rounding below zero is zero, and rows sum to one. Data of
    single precision has the rounding of single precision, in arrays of whatever type; `precision` is
    the round-off of a narrower type that they came from.
    """
    if not is_concrete(array):
        return array
    finite(name, array, (*axes, "next"))
    rows = np.asarray(array)
    width, precision = rows.shape[-1], max(precision, float(jnp.finfo(rows.dtype).eps))
    rows = rows.astype(np.float64, copy=False)
    totals = rows.sum(-1, dtype=np.longdouble)
    slack = max(ROW_SUM_SLACK, min(width * precision, LARGEST_SLACK))
    off = max(float(np.abs(totals - 1).max(initial=0)), -float(rows.min(initial=0)))
    with np.errstate(over="ignore"):
        single = off > slack and np.array_equal(rows, rows.astype(np.float32))
    if single:
        slack = max(slack, min(width * float(np.finfo(np.float32).eps), LARGEST_SLACK))
    if (rows < -slack).any():
        index = np.argwhere(rows < -slack)[0]
        raise ValueError(
            f"`{name}` must not be negative, but is {rows[tuple(index)]:.6g} at "
            f"{place(index, (*axes, 'next'))}. Probabilities lie between 0 and 1."
        )
    bad = ~(np.abs(totals - 1) <= slack)
    if bad.any():
        index = np.argwhere(bad)[0]
        where = f"row {place(index, axes)}" if axes else "it"
        raise ValueError(
            f"`{name}` must sum to one over its last axis, but {where} sums to "
            f"{float(totals[tuple(index)]):.10g}. For counts, divide by `.sum(-1, keepdims=True)`; "
            "for agents who leave, add a sink state; if the axes are swapped, the next state is last."
        )
    return normalized(rows)


def normalized(rows: np.ndarray, axis: int = -1) -> np.ndarray:
    """Laws along an axis: what is negative becomes zero, and rows are divided by their sum.

    Rows that sum to one to the last digit stay as they are, so that twice is the same as once.
    """
    if (rows < 0).any():
        rows = np.maximum(rows, 0)
    totals = rows.sum(axis, keepdims=True, dtype=np.longdouble)
    exact = np.abs(totals - 1) <= 2 * np.finfo(np.float64).eps
    if exact.all():
        return rows
    return np.where(exact, rows, rows / totals.astype(np.float64))


def within(name: str, array: Array, low: float, high: float, way_out: str) -> Array:
    """Refuse numbers outside [low, high]."""
    finite(name, array, ("s", "a"))
    if is_concrete(array):
        numbers = np.asarray(array)
        bad = ~((numbers >= low) & (numbers <= high))
        if bad.any():
            index = np.argwhere(bad)[0]
            where = f" at {place(index, ('s', 'a'))}" if numbers.ndim else ""
            raise ValueError(
                f"`{name}` must lie in [{low:g}, {high:g}], but is "
                f"{numbers[tuple(index)]:.6g}{where}. {way_out}"
            )
    return array


def discount(value: object) -> float:
    """Refuse a discount outside [0, 1)."""
    number = inputs.any_number("discount", value)
    if not 0 <= number < 1:
        raise ValueError(
            f"`discount` must lie in [0, 1), but is {number:g}. The guarantees of the discounted "
            "game fail at 1; a long horizon is 0.99 or 0.999."
        )
    return number


def tolerance(tol: object, smallest: float) -> float:
    """Refuse a tolerance that the floating-point type cannot promise."""
    number = inputs.any_number("tol", tol)
    if not smallest <= number <= 1:
        raise ValueError(
            f"`tol` must lie in [{smallest:.1g}, 1], but is {number:g}. It is relative to "
            "(max reward - min reward) / (1 - discount), and float64 supports no less."
        )
    return number


def positive(name: str, value: object) -> np.ndarray:
    """Refuse zero, negative numbers, infinity and NaN; the number as an array that can be swept.

    Numbers below what float64 holds with all its digits count as zero: nothing can be divided by them.
    """
    number = inputs.any_number(name, value, kind="a positive number")
    if not sys.float_info.min <= number < math.inf:
        raise ValueError(f"`{name}` must be a positive number, but is {number:g}.")
    return np.asarray(number, dtype=np.float64)


def known(kind: str, name: str, names: Iterable[str]) -> str:
    """Refuse an unknown name and suggest the nearest."""
    choices = list(names)
    if name in choices:
        return name
    if not isinstance(name, str):
        raise TypeError(f"the name of a {kind} must be a string, but is a {type(name).__name__}.")
    near = inputs.closest(name, choices)
    raise ValueError(
        f"unknown {kind} {name!r}. {near}{' ' * bool(near)}Known: {', '.join(choices)}."
    )


def distribution(name: str, array: object, num_states: int) -> Array:
    """Refuse anything but a law over states; return it normalized."""
    numbers = inputs.real(name, array)
    shaped(name, numbers, (num_states,), "(states,)")
    return laws(name, numbers, (), inputs.precision_of(array))


def policy(name: str, array: object, num_states: int, num_actions: int) -> Array:
    """Refuse anything but one law over actions per state; return them normalized."""
    numbers = inputs.real(name, array)
    shaped(name, numbers, (num_states, num_actions), "(states, actions)")
    return laws(name, numbers, ("s",), inputs.precision_of(array))


def has_nan(*arrays: Array) -> bool:
    """Whether any entry is NaN; traced arrays are taken to have none."""
    return is_concrete(*arrays) and any(np.isnan(np.asarray(array)).any() for array in arrays)


def share(name: str, value: object) -> np.ndarray:
    """Refuse a number outside (0, 1]."""
    number = positive(name, value)
    if number > 1:
        raise ValueError(f"`{name}` must lie in (0, 1], but is {float(number):g}.")
    return number
