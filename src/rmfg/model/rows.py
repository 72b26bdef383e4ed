"""All rows of a kernel at once, as nature sees them when values are given.

A row is the law of the next state after one (s, a). Nature's problem is solved for every row at
the same time, and every support function is built from one loop over the successors, whose axis
comes first: each step of the loop is then one contiguous, vectorized pass over (S, A). On a CPU
this loop is 5 to 10 times faster than a sum over the trailing or the leading axis of the whole
array (`benchmarks/layout.py`), and it is the same code for dense and for padded sparse kernels.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from rmfg.core.precision import Array

Reach = Literal["support", "lowest", "everywhere"]
"""Which successors nature's answer can need: those of the row, these and the state of lowest
value, or all states."""


class Held(NamedTuple):
    """Mass (K, S, A), the states that hold it, and their values."""

    mass: Float[Array, "K S A"]
    states: Int[Array, "K S A"]
    values: Float[Array, "K S A"]


class Rows(eqx.Module):
    """Rows (K, S, A) beside the values of their successors; K comes first."""

    law: Float[Array, "K S A"]
    values: Float[Array, "K ..."]  # (K, S, A), or (K, 1, 1) where all rows share the successors
    allowed: Bool[Array, "K ..."]
    successors: Int[Array, "K ..."]
    held: Held | None = None  # of a sparse row that is spread over all states

    def sources(self) -> Held:
        """The slots that may hold mass: as few as are known to do."""
        if self.held is not None:
            return self.held
        law = jnp.asarray(self.law)
        spread = (jnp.broadcast_to(array, law.shape) for array in (self.successors, self.values))
        return Held(law, *spread)

    def total(self, integrand: Callable[..., Any], *arrays: Array) -> Any:
        """Sum integrand(law, values, allowed, *arrays) over successors; all are given per slot."""

        def body(sums: Any, slot: Any) -> tuple[Any, None]:
            return jax.tree.map(jnp.add, sums, integrand(*slot)), None

        slots = (self.law, self.values, self.allowed, *arrays)
        first = jax.eval_shape(integrand, *jax.tree.map(lambda leaf: leaf[0], slots))
        zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), first)
        return jax.lax.scan(body, zeros, slots)[0]

    def mean(self) -> Float[Array, "S A"]:
        """The expectation of the values under the nominal law."""
        return self.total(lambda law, values, _: law * values)

    def lowest(self) -> Float[Array, "..."]:
        """The lowest value that nature may reach: (S, A), or (1, 1) where all rows share it."""

        def body(low: Array, slot: tuple[Array, Array]) -> tuple[Array, None]:
            return jnp.minimum(low, jnp.where(slot[1], slot[0], jnp.inf)), None

        shape = jnp.broadcast_shapes(self.values.shape, self.allowed.shape)[1:]
        start = jnp.full(shape, jnp.inf, self.values.dtype)
        return jax.lax.scan(body, start, (self.values, self.allowed))[0]

    def lowest_held(self) -> Float[Array, "S A"]:
        """The lowest value in the row's own support."""

        def body(low: Array, slot: tuple[Array, Array]) -> tuple[Array, None]:
            return jnp.minimum(low, jnp.where(slot[1] > 0, slot[0], jnp.inf)), None

        start = jnp.full(self.law.shape[1:], jnp.inf, self.values.dtype)
        return jax.lax.scan(body, start, (self.values, self.law))[0]

    def highest(self) -> Float[Array, "S A"]:
        """The highest value in the row's own support."""

        def body(high: Array, slot: tuple[Array, Array]) -> tuple[Array, None]:
            return jnp.maximum(high, jnp.where(slot[1] > 0, slot[0], -jnp.inf)), None

        start = jnp.full(self.law.shape[1:], -jnp.inf, self.values.dtype)
        return jax.lax.scan(body, start, (self.values, self.law))[0]

    def lowest_slot(self) -> Float[Array, "K ..."]:
        """One where nature's preferred successor is (the first state of lowest value), else zero."""
        candidates = self.allowed & (self.values <= self.lowest())
        far = jnp.iinfo(self.successors.dtype).max
        state = jnp.min(jnp.where(candidates, self.successors, far), axis=0)
        hit = candidates & (self.successors == state)
        # A padded slot may repeat the state: take the first slot only.
        return (hit & (jnp.cumsum(hit, axis=0) == 1)).astype(self.law.dtype)


def summed(array: Float[Array, "K S A"]) -> Float[Array, "S A"]:
    """The sum over successors, as the loop that a CPU likes."""
    start = jnp.zeros(array.shape[1:], array.dtype)
    return jax.lax.scan(lambda total, slot: (total + slot, None), start, array)[0]
