"""One border between the caller's arrays and the float64 inside.

Importing the package changes no global JAX setting. A public function is wrapped in `boundary`:
NumPy arrays go in, the work is done in float64, float64 NumPy arrays come out. For JAX arrays the
answer comes back as JAX arrays in their own precision; tracers pass through, so the function can be
traced, and then all of it runs in the caller's precision.
"""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

Array = jax.Array | np.ndarray
Number = float | int | np.number

P = ParamSpec("P")
R = TypeVar("R")


def is_concrete(*arrays: object) -> bool:
    """Whether none of the arrays is being traced, so that its numbers can be looked at."""
    return not any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(arrays))


def boundary(function: Callable[P, R]) -> Callable[P, R]:
    """Compute in float64 for NumPy callers, in the caller's precision for JAX callers."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        leaves = [leaf for leaf in _leaves((args, kwargs)) if isinstance(leaf, jax.Array)]
        if not leaves:
            with jax.enable_x64(True):
                return to_numpy(function(*args, **kwargs))
        wide = any(leaf.dtype == jnp.float64 for leaf in leaves)
        dtype = jnp.float64 if wide else jnp.float32
        if not is_concrete(leaves):
            # NumPy's float64 beside float32 tracers would have one compiled function see both.
            args, kwargs = _cast((args, kwargs), dtype, np.ndarray | np.floating)
            return function(*args, **kwargs)
        # Outside of the caller's own compilation the work is done in float64 all the same.
        with jax.enable_x64(True):
            args, kwargs = _cast((args, kwargs), jnp.float64, jax.Array)
            return _cast(function(*args, **kwargs), dtype, jax.Array)

    return wrapped


def _leaves(tree: Any) -> list[Any]:
    try:
        return jax.tree.leaves(tree)
    except ValueError:  # a dictionary whose keys have no order: whoever checks it will say more
        return []


def _cast(tree: Any, dtype: Any, kinds: Any) -> Any:
    """Turn floating-point arrays of some kinds into another type; other leaves stay."""

    def cast(leaf: Any) -> Any:
        is_float = isinstance(leaf, kinds) and jnp.issubdtype(leaf.dtype, jnp.floating)
        return leaf.astype(dtype) if is_float else leaf

    return jax.tree.map(cast, tree)


def to_numpy(tree: R) -> R:
    """Replace every JAX array with numbers by a NumPy array; other leaves, also tracers, stay."""

    def plain(leaf: Any) -> Any:
        # Functions may hold tracers that no argument shows.
        return np.asarray(leaf) if isinstance(leaf, jax.Array) and is_concrete(leaf) else leaf

    return jax.tree.map(plain, tree)


def as_float(array: object) -> Array:
    """The array in floating point: JAX arrays as they are, everything else as float64 NumPy."""
    if isinstance(array, jax.Array):
        return array if jnp.issubdtype(array.dtype, jnp.floating) else array.astype(float)
    return np.asarray(array, dtype=np.float64)


def round_off(*arrays: Array) -> float:
    """The unit round-off of the arrays' common floating-point type."""
    return float(jnp.finfo(jnp.result_type(*arrays)).eps)
