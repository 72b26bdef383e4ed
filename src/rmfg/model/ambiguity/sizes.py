"""Sizes of ambiguity sets: radii, levels, strengths and margins, fixed or moving with the population.

A size is checked where it is given, and one that is a function of the mean field again wherever it is
used: numbers that can be seen are refused by name, traced ones that leave the range become NaN, and
rows whose size is NaN are NaN.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from rmfg.core import checks, inputs
from rmfg.core.precision import Array, Number, is_concrete
from rmfg.model.rows import Rows

Size = Number | Array | Callable[[Any], Any]
"""A radius: a number, an array (S, A), or a function of the mean field."""


class Moving(eqx.Module):
    """A size that is a function of the mean field, with the range that it must keep."""

    function: Callable[[Any], Any]
    low: float = eqx.field(static=True)
    high: float = eqx.field(static=True)
    way_out: str = eqx.field(static=True)

    def __call__(self, mean_field: Any) -> Any:
        """Return the size at a mean field, as the function says it."""
        return self.function(mean_field)


def checked_size(name: str, size: Size, high: float, way_out: str, low: float = 0.0) -> Size:
    """Refuse a size that is NaN or outside the set's range; numbers become arrays."""
    if isinstance(size, Moving):
        return size
    if callable(size):
        return Moving(inputs.function_of(name, size, "mean_field"), low, high, way_out)
    if isinstance(size, bool | np.bool_):
        raise TypeError(f"`{name}` must be a number, but is {size}. {way_out}".rstrip())
    return _in_range(name, _shaped(name, inputs.real(name, size)), low, high, way_out)


def size_at(name: str, size: Size, mean_field: Array | None, rows: Rows | Array) -> Array:
    """The size (S, A) of rows at the mean field."""
    law = rows.law if isinstance(rows, Rows) else rows
    if callable(size):
        if mean_field is None:
            raise ValueError(
                f"`mean_field` must be given, because `{name}` is a function of the mean field."
            )
        found = inputs.called(name, size, jnp.asarray(mean_field))
        array = _shaped(name, inputs.real(name, found))
        if isinstance(size, Moving):
            array = _in_range(name, array, size.low, size.high, size.way_out)
    else:
        array = size
    array = jnp.asarray(array, law.dtype)
    if array.ndim == 2 and array.shape != law.shape[1:]:
        raise ValueError(
            f"`{name}` must have shape {tuple(law.shape[1:])} = (states, actions), but has shape "
            f"{tuple(array.shape)}."
        )
    return jnp.broadcast_to(array, law.shape[1:])


traced_size_at = eqx.filter_jit(size_at)
"""`size_at` where numbers are there to be seen, but an answer must not be lost by an error: NaN."""


def sizes_of(ambiguity: eqx.Module) -> dict[str, Size]:
    """The fields of a set that are annotated as sizes."""
    fields = (field for field in dataclasses.fields(ambiguity) if field.type == Size)
    return {field.name: getattr(ambiguity, field.name) for field in fields}


def check_moving_sizes(
    ambiguity: eqx.Module, law: Float[Array, "K S A"], mean_field: Array | None
) -> None:
    """Refuse sizes that are functions and leave their range at a mean field that can be seen."""
    for name, size in sizes_of(ambiguity).items():
        if callable(size) and is_concrete(law, mean_field):
            size_at(name, size, mean_field, law)


def has_no_size(
    ambiguity: eqx.Module, law: Float[Array, "K S A"], mean_field: Array | None
) -> Bool[Array, "S A"]:
    """Where a size of the set is NaN: loops and comparisons would hide it."""
    nowhere = jnp.zeros(law.shape[1:], bool)
    for name, size in sizes_of(ambiguity).items():
        nowhere = nowhere | jnp.isnan(size_at(name, size, mean_field, law))
    return nowhere


def _shaped(name: str, array: Array) -> Array:
    if array.ndim not in (0, 2):
        raise ValueError(
            f"`{name}` must be a number, an array (states, actions) or a function of the mean "
            f"field that returns one of them, but has shape {tuple(array.shape)}."
        )
    return array


def _in_range(name: str, array: Array, low: float, high: float, way_out: str) -> Array:
    if is_concrete(array):
        return checks.within(name, array, low, high, way_out)
    return jnp.where((array >= low) & (array <= high), array, jnp.nan)


def least(size: Any) -> float:
    """The least of fixed sizes."""
    return float(np.min(np.asarray(size)))


def most(size: Any) -> float:
    """The largest of fixed sizes."""
    return float(np.max(np.asarray(size)))


def taken_from_the_highest(nominal: float, radius: Any, support: str) -> float:
    """The coefficient where a mass `radius` is taken from the highest values, for one state if any."""
    given = least(radius) if support == "all" else 0.0
    return min(nominal + most(radius) - given, 1.0)
