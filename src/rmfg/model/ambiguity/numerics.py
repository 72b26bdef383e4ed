"""Two searches that all ambiguity sets share, vectorized over rows.

`cut` finds where a budget is used up when slots are bought in order of a key; `root` finds where
a decreasing function crosses zero. Both touch all rows at once and never leave a row unsolved:
`cut` is exact, `root` is a secant method inside a bracket that bisection keeps shrinking.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from rmfg.core.precision import Array

# A bracket for logarithms of multipliers: squares of both ends, and ratios, stay finite numbers.
SHARE_OF_EXPONENTS = 0.35

# How far, relatively, a Newton step may move what a root search has found.
NEAR = 1e-6

# Up to this many slots, comparing all pairs beats a sort along the leading axis.
ALL_PAIRS = 32


def cut(
    keys: Float[Array, "K ..."], weights: Float[Array, "K S A"], budget: Float[Array, "S A"]
) -> Float[Array, "S A"]:
    """The highest key at which the weight from the highest key down to it exceeds the budget.

    Where the whole weight does not exceed the budget, the lowest key of positive weight (or the
    highest, where no weight is positive).
    Keys (K, 1, 1) are shared by all rows: they are sorted once, and the loop stops early.
    """
    if keys.shape[1:] == (1, 1):
        return _shared_cut(keys[:, 0, 0], weights, budget)
    if keys.shape[0] > ALL_PAIRS:
        return _sorted_cut(keys, weights, budget)

    def body(best: Crossing, slot: tuple[Array, Array]) -> tuple[Crossing, None]:
        key, weight = slot

        def add(total: Array, other: tuple[Array, Array]) -> tuple[Array, None]:
            return total + jnp.where(other[0] >= key, other[1], 0), None

        total, _ = jax.lax.scan(add, jnp.zeros_like(budget), (keys, weights))
        found = jnp.where(total > budget, jnp.maximum(best.found, key), best.found)
        lowest = jnp.where(weight > 0, jnp.minimum(best.lowest, key), best.lowest)
        return Crossing(best.spent, found, lowest), None

    return jax.lax.scan(body, Crossing.start(budget, keys), (keys, weights))[0].key()


class Crossing(NamedTuple):
    """How far slots have been bought, where the budget was used up, and the lowest key so far."""

    spent: Float[Array, "S A"]
    found: Float[Array, "S A"]
    lowest: Float[Array, "S A"]

    @classmethod
    def start(cls, budget: Array, keys: Array) -> "Crossing":
        highest = jnp.broadcast_to(jnp.max(keys, axis=0), budget.shape)
        return cls(jnp.zeros_like(budget), jnp.full_like(budget, -jnp.inf), highest)

    def buy(self, key: Array, weight: Array, budget: Array) -> "Crossing":
        """Buy the next slot; keys fall from call to call."""
        total = self.spent + weight
        crossing = (self.spent <= budget) & (total > budget)
        lowest = jnp.where(weight > 0, key, self.lowest)
        return Crossing(total, jnp.where(crossing, key, self.found), lowest)

    def key(self) -> Float[Array, "S A"]:
        return jnp.where(jnp.isfinite(self.found), self.found, self.lowest)


def _shared_cut(keys: Array, weights: Array, budget: Array) -> Array:
    order = jnp.argsort(-keys)

    def unfinished(state: tuple[Array, Crossing]) -> Array:
        step, crossing = state
        return (step < keys.size) & jnp.any(crossing.spent <= budget)

    def body(state: tuple[Array, Crossing]) -> tuple[Array, Crossing]:
        step, crossing = state
        slot = order[step]
        return step + 1, crossing.buy(keys[slot], weights[slot], budget)

    start = (jnp.array(0), Crossing.start(budget, keys))
    return jax.lax.while_loop(unfinished, body, start)[1].key()


def _sorted_cut(keys: Array, weights: Array, budget: Array) -> Array:
    falling, sorted_weights = jax.lax.sort(
        (jnp.asarray(-keys), jnp.asarray(weights)), dimension=0, num_keys=1
    )

    def body(crossing: Crossing, slot: tuple[Array, Array]) -> tuple[Crossing, None]:
        return crossing.buy(-slot[0], slot[1], budget), None

    start = Crossing.start(budget, keys)
    return jax.lax.scan(body, start, (falling, sorted_weights))[0].key()


def log_bracket(like: Array) -> tuple[Array, Array]:
    """The ends of a search over the logarithm of a multiplier, in the array's precision."""
    end = SHARE_OF_EXPONENTS * jnp.log(jnp.finfo(like.dtype).max)
    return jnp.full_like(like, -end), jnp.full_like(like, end)


def root(
    function: Callable[[Array], Array],
    low: Array,
    high: Array,
    start: Array,
    slope: float,
    active: Any = True,
    tolerance: float = 1e-11,
    max_steps: int = 200,
) -> Array:
    """Where a decreasing function crosses zero, one crossing per row.

    Steps are secant steps, the first with the given slope; a step that leaves the bracket, or that
    did not halve the function, is replaced by the bracket's middle. Rows stop where |function| is at
    most `tolerance` or the bracket has no room left. Rows that are not `active` are left alone.
    """
    eps = jnp.finfo(start.dtype).eps
    tolerance = max(tolerance, 16 * float(eps))

    def unfinished(state: tuple[Array, ...]) -> Array:
        step, *_, done = state
        return (step < max_steps) & ~jnp.all(done)

    def body(state: tuple[Array, ...]) -> tuple[Array, ...]:
        step, low, high, point, value, last_point, last_value, done = state
        low = jnp.where(value > 0, point, low)
        high = jnp.where(value <= 0, point, high)
        fresh = last_point == point
        rise = jnp.where(fresh, slope, (value - last_value) / (point - last_point))
        proposal = point - value / rise
        progress = fresh | (jnp.abs(value) <= 0.5 * jnp.abs(last_value))
        safe = jnp.isfinite(proposal) & (proposal > low) & (proposal < high) & progress
        following = jnp.where(done, point, jnp.where(safe, proposal, 0.5 * (low + high)))
        found = function(following)
        narrow = high - low <= 4 * eps * jnp.maximum(jnp.abs(low), jnp.abs(high))
        finished = done | (jnp.abs(found) <= tolerance) | narrow
        return step + 1, low, high, following, found, point, value, finished

    first = function(start)
    done = jnp.logical_not(active) | (jnp.abs(first) <= tolerance)
    state = (jnp.array(0), low, high, start, first, start, first, done)
    return jax.lax.while_loop(unfinished, body, state)[3]


def implicit_root(
    function: Callable[[Array, Any], Array],
    parameters: Any,
    low: Array,
    high: Array,
    start: Array,
    slope: float,
    active: Any = True,
) -> Array:
    """`root` of function(., parameters), differentiable in the parameters.

    The search sees the parameters as constants; one Newton step after it carries their derivatives,
    which is the implicit function theorem, and squares what is left of the error.
    """
    frozen = jax.lax.stop_gradient(parameters)
    found = root(lambda x: function(x, frozen), low, high, start, slope, active)
    found = jax.lax.stop_gradient(found)
    value, rise = jax.jvp(lambda x: function(x, parameters), (found,), (jnp.ones_like(found),))
    rise = jax.lax.stop_gradient(rise)
    usable = active & jnp.isfinite(rise) & (jnp.abs(rise) > jnp.finfo(rise.dtype).tiny)
    rise = jnp.where(usable, rise, 1)
    left = jax.lax.stop_gradient(value)
    # Where the function is flat at its root the step is noise over noise: it must not move the root.
    step = left / rise
    step = jnp.where(jnp.abs(step) <= NEAR * (1 + jnp.abs(found)), step, 0)
    return found - jnp.where(usable, (value - left) / rise + step, 0)


def within(law: Array, nominal: Array, reached: Array, allowed: Array) -> Array:
    """The law, mixed with the nominal one where rounding took its distance beyond what is allowed."""
    share = jax.lax.stop_gradient(jnp.minimum(1, proportional(allowed, reached)))
    return share * law + (1 - share) * nominal


def proportional(part: Array, whole: Array) -> Array:
    """Part / whole, and zero where the whole is zero."""
    return jnp.where(whole > 0, part / jnp.where(whole > 0, whole, 1), 0)
