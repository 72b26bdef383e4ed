"""Sets that nature fills greedily: total variation, CVaR, intervals.

Each moves mass to low values until a budget is used up; the value at which that happens, found by
`cut`, is the multiplier. The reduction is the dual function at this multiplier, so a wrong one
could only make the claim weaker, never false.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from rmfg.core import checks, inputs
from rmfg.core.precision import Array, Number, is_concrete
from rmfg.model.ambiguity.base import RowAnswer, RowwiseAmbiguity, SoftAnswer, proportional
from rmfg.model.ambiguity.numerics import cut, implicit_root
from rmfg.model.ambiguity.projection import between, off_support
from rmfg.model.ambiguity.sizes import (
    Size,
    checked_size,
    checked_support,
    least,
    most,
    size_at,
    support_may_move,
    taken_from_the_highest,
)
from rmfg.model.kernel import Kernel
from rmfg.model.rows import Reach, Rows, summed


class TotalVariation(RowwiseAmbiguity):
    """Laws with 1/2 sum |q - p| <= radius: nature moves a mass `radius` as it likes.

    sigma = max over eta of <p, min(V, eta)> - radius (eta - min V). With support "all" the mass may
    land in any state, however far: choose "nominal" where jumps are physically impossible.
    Iyengar, Robust dynamic programming, Mathematics of Operations Research 30 (2005).
    """

    radius: Size
    support: str

    def __init__(self, radius: Size, *, support: str = "all"):
        self.radius = checked_size("radius", radius, 1.0, "Total variation is at most 1.")
        self.support = checked_support(support)

    @property
    def reach(self) -> Reach:
        return "lowest" if self.support == "all" else "support"

    def answer(self, rows: Rows, mean_field: Array | None) -> RowAnswer:
        return move_mass(rows, size_at("radius", self.radius, mean_field, rows))

    def soft_answer(
        self, rows: Rows, sink: Float[Array, "..."], mean_field: Array | None
    ) -> SoftAnswer:
        return softly_move_mass(rows, size_at("radius", self.radius, mean_field, rows), sink)

    @property
    def excess_is_mass(self) -> bool:
        return True

    def excess(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"], mean_field: Array | None
    ) -> Float[Array, "S A"]:
        return outside_variation(
            nominal, law, size_at("radius", self.radius, mean_field, nominal), self.support
        )

    @property
    def by_order(self) -> bool:
        return True

    def support_lipschitz(self, spread: float, smallest: float) -> float | None:
        return support_may_move(self.support, smallest, 1.0)

    def dobrushin(self, nominal: float, spread: float, num_states: int) -> float:
        return taken_from_the_highest(nominal, self.radius, self.support)

    def kernel_lipschitz(self, nominal: float, values: float, spread: float) -> float | None:
        return math.inf  # from one corner of a polytope to another


def outside_variation(
    nominal: Float[Array, "K S A"], law: Float[Array, "K S A"], radius: Array, support: str
) -> Float[Array, "S A"]:
    """The total variation to the nearest law whose own from the nominal law is at most the radius."""
    outside = between(law, nominal, nominal) - radius
    return outside if support == "all" else jnp.maximum(outside, off_support(nominal, law))


def move_mass(rows: Rows, radius: Float[Array, "S A"]) -> RowAnswer:
    """Move the mass `radius` from the highest values to the lowest one."""
    lowest = rows.lowest()
    level = cut(rows.values, rows.law, radius)

    def parts(law: Array, values: Array, _: Array) -> tuple[Array, Array, Array]:
        gain = law * jnp.maximum(values - level, 0)
        return gain, jnp.where(values > level, law, 0), jnp.where(values == level, law, 0)

    gain, above, at_level = rows.total(parts)
    taken = jnp.clip(radius - above, 0, at_level)
    keep = 1 - proportional(taken, at_level)
    kept = jnp.where(rows.values > level, 0, jnp.where(rows.values == level, keep, 1)) * rows.law
    law = kept + (above + taken) * rows.lowest_slot()
    return RowAnswer(gain + radius * (level - lowest), law)


class CVaR(RowwiseAmbiguity):
    """Laws with q <= p / (1 - level): the mean over the worst (1 - level) share of outcomes.

    sigma = max over eta of eta - <p, (eta - V)+> / (1 - level). Believes that the possible outcomes
    are known and that bad ones come more often, up to a factor 1 / (1 - level).
    Chow, Tamar, Mannor & Pavone, Risk-sensitive and robust decision-making, NeurIPS 2015.
    """

    level: Size

    def __init__(self, level: Size):
        below_one = 1 - float(jnp.finfo(jnp.float32).eps)
        self.level = checked_size("level", level, below_one, "At level 1 the factor is infinite.")

    @property
    def reach(self) -> Reach:
        return "support"

    def answer(self, rows: Rows, mean_field: Array | None) -> RowAnswer:
        level = size_at("level", self.level, mean_field, rows)
        return fill(rows, jnp.zeros_like(rows.law), rows.law / (1 - level))

    def soft_answer(
        self, rows: Rows, sink: Float[Array, "..."], mean_field: Array | None
    ) -> SoftAnswer:
        level = size_at("level", self.level, mean_field, rows)
        return softly_fill(rows.values, rows.law / (1 - level), summed(rows.law))

    @property
    def excess_is_mass(self) -> bool:
        return True

    def excess(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"], mean_field: Array | None
    ) -> Float[Array, "S A"]:
        level = size_at("level", self.level, mean_field, nominal)
        return between(law, jnp.zeros(()), nominal / (1 - level))

    @property
    def by_order(self) -> bool:
        return True

    def support_lipschitz(self, spread: float, smallest: float) -> float | None:
        return 1 / (1 - most(self.level))

    def dobrushin(self, nominal: float, spread: float, num_states: int) -> float:
        uneven = most(self.level) - least(self.level)
        return min((nominal + uneven) / (1 - least(self.level)), 1.0)

    def kernel_lipschitz(self, nominal: float, values: float, spread: float) -> float | None:
        return math.inf  # from one corner of a polytope to another


class Interval(RowwiseAmbiguity):
    """Laws with lower <= q <= upper, state by state.

    `lower` and `upper` are numbers, arrays (S,) or arrays (S, A, S); `Interval.around` gives bounds
    around the nominal law instead. Nature fills the lowest values first.
    Givan, Leach & Dean, Bounded-parameter Markov decision processes, Artificial Intelligence 122
    (2000). Raises ValueError where the bounds cross or no law fits between them.
    """

    lower: Array
    upper: Array

    def __init__(self, lower: Array | Number, upper: Array | Number):
        self.lower = _checked_bound("lower", lower)
        self.upper = _checked_bound("upper", upper)
        shapes = (self.lower.shape, self.upper.shape)
        if any(
            one != other for one, other in zip(*(shape[::-1] for shape in shapes), strict=False)
        ):
            raise ValueError(
                f"`lower` and `upper` must have shapes that fit together, but have {shapes[0]} and "
                f"{shapes[1]}."
            )
        if is_concrete(self.lower, self.upper):
            _check_room(*np.broadcast_arrays(self.lower, self.upper))

    @staticmethod
    def around(below: Size, above: Size | None = None, *, support: str = "all") -> "IntervalAround":
        """Return the set p - below <= q <= p + above; above = below if not given."""
        return IntervalAround(below, above, support=support)

    @property
    def reach(self) -> Reach:
        return "everywhere"

    def check(self, kernel: Kernel) -> None:
        size, actions = kernel.num_states, kernel.num_actions
        for name, bound in (("lower", self.lower), ("upper", self.upper)):
            fitting = ((), (size,), (size, actions, size))
            if tuple(bound.shape) not in fitting:
                raise ValueError(
                    f"`{name}` must be a number or have shape {fitting[1]} or {fitting[2]} for this "
                    f"game, but has shape {tuple(bound.shape)}."
                )
        if is_concrete(self.lower, self.upper):
            shape = (size,)
            lower, upper = np.broadcast_arrays(self.lower, self.upper, np.empty(shape))[:2]
            _check_room(lower, upper)

    def answer(self, rows: Rows, mean_field: Array | None) -> RowAnswer:
        return fill(rows, *self._bounds(rows.law))

    def soft_answer(
        self, rows: Rows, sink: Float[Array, "..."], mean_field: Array | None
    ) -> SoftAnswer:
        return softly_fill_between(rows, *self._bounds(rows.law))

    @property
    def excess_is_mass(self) -> bool:
        return True

    def excess(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"], mean_field: Array | None
    ) -> Float[Array, "S A"]:
        return between(law, *self._bounds(nominal))

    def _bounds(
        self, law: Float[Array, "K S A"]
    ) -> tuple[Float[Array, "K S A"], Float[Array, "K S A"]]:
        lower, upper = (_successors_first(bound) for bound in (self.lower, self.upper))
        return jnp.broadcast_to(lower, law.shape), jnp.broadcast_to(upper, law.shape)

    @property
    def by_order(self) -> bool:
        return True

    def support_lipschitz(self, spread: float, smallest: float) -> float | None:
        return 0.0

    def dobrushin(self, nominal: float, spread: float, num_states: int) -> float:
        shape = np.broadcast_shapes(np.shape(self.lower), (num_states,))
        lower = np.broadcast_to(self.lower, shape).reshape(-1, num_states)
        return 1 - float(lower.min(axis=0).sum())

    def kernel_lipschitz(self, nominal: float, values: float, spread: float) -> float | None:
        return math.inf  # from one corner of a polytope to another


class IntervalAround(RowwiseAmbiguity):
    """Laws with p - below <= q <= p + above, state by state; margins are sizes like a radius."""

    below: Size
    above: Size
    support: str

    def __init__(self, below: Size, above: Size | None = None, *, support: str = "all"):
        self.below = checked_size("below", below, 1.0, "It is a probability.")
        up = below if above is None else above
        self.above = checked_size("above", up, 1.0, "It is a probability.")
        self.support = checked_support(support)

    @property
    def reach(self) -> Reach:
        return "everywhere" if self.support == "all" else "support"

    def answer(self, rows: Rows, mean_field: Array | None) -> RowAnswer:
        below = size_at("below", self.below, mean_field, rows)
        above = size_at("above", self.above, mean_field, rows)
        return fill_around(rows, below, above)

    def soft_answer(
        self, rows: Rows, sink: Float[Array, "..."], mean_field: Array | None
    ) -> SoftAnswer:
        below = size_at("below", self.below, mean_field, rows)
        above = size_at("above", self.above, mean_field, rows)
        return softly_fill_between(rows, *bounds_around(rows.law, rows.allowed, below, above))

    @property
    def excess_is_mass(self) -> bool:
        return True

    def excess(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"], mean_field: Array | None
    ) -> Float[Array, "S A"]:
        below = size_at("below", self.below, mean_field, nominal)
        above = size_at("above", self.above, mean_field, nominal)
        allowed = (nominal > 0) | (self.support == "all")
        return between(law, *bounds_around(nominal, allowed, below, above))

    @property
    def by_order(self) -> bool:
        return True

    def support_lipschitz(self, spread: float, smallest: float) -> float | None:
        return support_may_move(self.support, smallest, 1.0)

    def farthest_law(self, num_states: int) -> float:
        return num_states * min(most(self.below), most(self.above))

    def kernel_lipschitz(self, nominal: float, values: float, spread: float) -> float | None:
        return math.inf  # from one corner of a polytope to another


def fill_around(rows: Rows, below: Float[Array, "..."], above: Float[Array, "..."]) -> RowAnswer:
    """Fill the lowest values first between p - below and p + above."""
    return fill(rows, *bounds_around(rows.law, rows.allowed, below, above))


def bounds_around(
    nominal: Float[Array, "K S A"],
    allowed: Bool[Array, "..."],
    below: Float[Array, "..."],
    above: Float[Array, "..."],
) -> tuple[Float[Array, "K S A"], Float[Array, "K S A"]]:
    """The interval p - below <= q <= p + above, within what nature may reach."""
    lower = jnp.maximum(nominal - below, 0)
    return lower, jnp.where(allowed, jnp.minimum(nominal + above, 1), 0)


def fill(rows: Rows, lower: Float[Array, "K S A"], upper: Float[Array, "K S A"]) -> RowAnswer:
    """Start from `lower` and fill up to `upper`, the lowest values first, to a mass of one."""
    room = upper - lower
    missing = 1 - summed(lower)
    # Filling from below leaves what the total room exceeds the missing mass by, from the top.
    level = cut(rows.values, room, jnp.maximum(summed(room) - missing, 0))

    def parts(law: Array, values: Array, _: Array, low: Array, high: Array) -> tuple[Array, ...]:
        loss = (law - low) * jnp.maximum(values - level, 0)
        loss += (high - law) * jnp.maximum(level - values, 0)
        below = jnp.where(values < level, high - low, 0)
        return loss, below, jnp.where(values == level, high - low, 0)

    reduction, below, at_level = rows.total(parts, lower, upper)
    share = proportional(jnp.clip(missing - below, 0, at_level), at_level)
    filled = jnp.where(rows.values < level, 1, jnp.where(rows.values == level, share, 0))
    return RowAnswer(reduction, lower + filled * room)


def softly_move_mass(
    rows: Rows, radius: Float[Array, "S A"], sink: Float[Array, "..."]
) -> SoftAnswer:
    """Take the mass `radius` softly from the highest values, and leave it to the sink."""
    taken = softly_fill(-rows.values, rows.law, radius)
    return SoftAnswer(
        rows.mean() + taken.cost + radius * sink, rows.law - taken.law, summed(taken.law)
    )


def softly_fill_between(
    rows: Rows, lower: Float[Array, "K S A"], upper: Float[Array, "K S A"]
) -> SoftAnswer:
    """Start from `lower` and fill up softly to `upper`, the lowest values first."""
    filled = softly_fill(rows.values, upper - lower, 1 - summed(lower))
    return SoftAnswer(filled.cost + summed(lower * rows.values), lower + filled.law)


def softly_fill(
    values: Float[Array, "K ..."], room: Float[Array, "K S A"], mass: Float[Array, "S A"]
) -> SoftAnswer:
    r"""Distribute `mass` over slots with limited room, the lowest values first, with soft edges.

    The law is room / (1 + exp(values - level)), with the level at which its mass is right. It minimizes
    <f, values> plus the binary entropies room * [u log u + (1 - u) log(1 - u)] of u = f / room.
    """
    held, total = room > 0, summed(room)
    low = jnp.min(jnp.where(held, values, jnp.inf), axis=0)
    high = jnp.max(jnp.where(held, values, -jnp.inf), axis=0)
    partly = (mass > 0) & (mass < total)
    share = jnp.where(partly, mass / jnp.where(partly, total, 1), 0.5)
    offset = jnp.log(share) - jnp.log1p(-share)

    def excess(level: Array, given: tuple[Array, Array, Array]) -> Array:
        values, room, share = given
        filled = summed(room * jax.nn.sigmoid(level - values))
        part = filled / jnp.where(partly, summed(room), 1)
        # Both logarithms, so that neither a nearly empty nor a nearly full row loses digits.
        tiny = jnp.finfo(part.dtype).tiny
        missing = jnp.log(share) - jnp.log(jnp.maximum(part, tiny))
        left = jnp.log1p(-jnp.minimum(part, 1 - jnp.finfo(part.dtype).epsneg)) - jnp.log1p(-share)
        return jnp.where(share < 0.5, missing, left)

    frozen = jax.lax.stop_gradient((low + offset, high + offset))
    low_end, high_end = (jnp.where(partly, end, 0) for end in frozen)
    margin = 4 * jnp.finfo(mass.dtype).eps * (1 + jnp.maximum(jnp.abs(low_end), jnp.abs(high_end)))
    level = implicit_root(
        excess,
        (values, room, share),
        low_end - margin,
        high_end + margin,
        0.5 * (low_end + high_end),
        -1.0,
        partly,
    )
    height = values - jnp.where(partly, level, 0)
    part = jnp.where(partly, jax.nn.sigmoid(-height), jnp.where(mass > 0, 1, 0))
    law = room * part
    law = law * jnp.where(partly, mass / jnp.where(partly, summed(law), 1), 1)
    # Rounding must not fill more than there is room for: what is left would be negative. What is cut
    # off goes where room is left.
    law = jnp.minimum(law, room)
    left, missing = room - law, jnp.maximum(mass - summed(law), 0)
    law = law + left * jnp.where(partly, missing / jnp.where(partly, summed(left), 1), 0)
    # level * mass - sum room * softplus(level - values), without the cancellation.
    cost = summed(jnp.where(held & partly, _soft_edge(law, room, values, height), law * values))
    return SoftAnswer(cost, law)


def _soft_edge(law: Array, room: Array, values: Array, height: Array) -> Array:
    """F * value + room * (u log u + (1 - u) log(1 - u)), u = sigmoid(-height)."""
    rest = room * jax.nn.sigmoid(height)
    entropy = law * jax.nn.log_sigmoid(-height) + rest * jax.nn.log_sigmoid(height)
    return law * values + entropy


def _successors_first(bound: Array) -> Array:
    array = jnp.asarray(bound)
    return jnp.moveaxis(array, -1, 0) if array.ndim == 3 else array[..., None, None]


def _checked_bound(name: str, bound: Array | Number) -> Array:
    array = inputs.real(name, bound)
    if array.ndim not in (0, 1, 3):
        raise ValueError(
            f"`{name}` must be a number, an array (next states,) or an array (states, actions, next "
            f"states), but has shape {tuple(array.shape)}."
        )
    return checks.within(name, array, 0.0, 1.0, "Bounds of probabilities lie in [0, 1].")


def _check_room(lower: np.ndarray, upper: np.ndarray) -> None:
    if (lower > upper).any():
        index = np.argwhere(lower > upper)[0]
        raise ValueError(
            f"`lower` must not exceed `upper`, but {lower[tuple(index)]:.6g} > "
            f"{upper[tuple(index)]:.6g} at {checks.place(index, ('s', 'a', 'next')[-lower.ndim :])}."
        )
    if lower.ndim:
        slack = checks.ROW_SUM_SLACK
        bad = ~((lower.sum(-1) <= 1 + slack) & (upper.sum(-1) >= 1 - slack))
        if bad.any():
            raise ValueError(
                "`lower` must sum to at most one and `upper` to at least one over the next states, "
                f"but at {checks.place(np.argwhere(bad)[0], ('s', 'a')) if bad.ndim else 'all rows'} "
                "no law fits between them. Widen the interval there."
            )
