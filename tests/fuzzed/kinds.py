"""What may be accepted for an argument, judged by what its kind allows: not by the library."""

import math
import numbers
import sys
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import rmfg


def numeric(value: Any) -> np.ndarray | None:
    """The numbers of what is an array of real numbers; None for anything else."""
    if isinstance(value, str | bytes | dict | set | type(None)) or callable(value):
        return None
    if np.ma.is_masked(value):
        return None
    try:
        array = np.asarray(value)
    except Exception:
        return None
    floating = array.dtype.kind in "biuf" or jnp.issubdtype(array.dtype, jnp.floating)
    return array.astype(float) if floating else None


def is_array(value: Any) -> bool:
    found = numeric(value)
    return found is not None and bool(np.isfinite(found).all())


def is_law(value: Any) -> bool:
    found = numeric(value)
    if found is None or not found.ndim or not found.size or not np.isfinite(found).all():
        return False
    narrow = getattr(value, "dtype", None) == np.float16
    slack = 1e-2 if narrow else 1e-6
    return bool(np.abs(found.sum(-1) - 1).max() <= slack and found.min() >= -slack)


def is_joint_law(value: Any) -> bool:
    found = numeric(value)
    return found is not None and found.ndim > 0 and is_law(np.asarray(value).reshape(-1))


def is_number(value: Any) -> bool:
    if isinstance(value, bool | np.bool_ | np.timedelta64) or np.ma.is_masked(value):
        return False
    if isinstance(value, np.ndarray | jax.Array):
        return value.ndim == 0 and value.dtype.kind in "iuf" and bool(np.isfinite(value))
    return isinstance(value, numbers.Real) and abs(value) <= sys.float_info.max


def is_order(value: Any) -> bool:
    """A number, or infinity."""
    found = numeric(value)
    return is_number(value) or (found is not None and found.ndim == 0 and found == math.inf)


def is_integer(value: Any) -> bool:
    return is_number(value) and float(value).is_integer() and abs(float(value)) < 2**63


def is_size(value: Any) -> bool:
    return callable(value) or (is_array(value) and not isinstance(value, bool | np.bool_))


def optional(kind: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or kind(value)


def one_of(*words: Any) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in words


def instance(*kinds: Any) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kinds)


def is_flag(value: Any) -> bool:
    return isinstance(value, bool | np.bool_)


def is_kernel(value: Any) -> bool:
    return isinstance(value, rmfg.Kernel) or is_law(value)


def anything(value: Any) -> bool:
    return True


def kind_of(default: Any) -> Callable[[Any], bool]:
    """What may be accepted in place of a default value."""
    kinds = {bool: is_switch, int: is_integer, float: is_number, str: instance(str)}
    return kinds.get(type(default), anything)


def is_switch(value: Any) -> bool:
    """The zoo takes arrays without axes for what they hold."""
    return is_flag(value) or (
        isinstance(value, np.ndarray | jax.Array) and value.ndim == 0 and value.dtype.kind == "b"
    )


def no(value: Any) -> bool:
    """Nothing may be accepted."""
    return False
