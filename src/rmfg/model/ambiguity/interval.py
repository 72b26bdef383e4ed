"""Intervals of probabilities, given for every next state or around the nominal law."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.core import checks, inputs
from rmfg.core.precision import Array, Number, is_concrete
from rmfg.model.ambiguity.filling import bounds_around, fill, fill_around, softly_fill_between
from rmfg.model.ambiguity.projection import between
from rmfg.model.ambiguity.rowwise import GreedyAmbiguity, WorstRows
from rmfg.model.ambiguity.sizes import Size, checked_size, most, size_at
from rmfg.model.ambiguity.soft import SoftRows
from rmfg.model.ambiguity.support import checked_support, reach_of, reachable, support_may_move
from rmfg.model.kernel import Kernel
from rmfg.model.rows import Reach, Rows


class Interval(GreedyAmbiguity):
    """Laws with lower <= q <= upper, state by state.

    `lower` and `upper` are numbers, arrays (S,) or arrays (S, A, S); `Interval.around` gives bounds
    around the nominal law instead. Nature fills the lowest values first.
    Raises ValueError where the bounds cross or no law fits between them.

    @article{givan2000, title={Bounded-Parameter {Markov} Decision Processes}, author={Givan, Robert
      and Leach, Sonia and Dean, Thomas}, journal={Artificial Intelligence}, volume={122}, year={2000}}
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

    def worst_rows(self, rows: Rows, mean_field: Array | None) -> WorstRows:
        return fill(rows, *self._bounds(rows.law))

    def soft_rows(
        self, rows: Rows, sink: Float[Array, "..."], mean_field: Array | None
    ) -> SoftRows:
        return softly_fill_between(rows, *self._bounds(rows.law))

    def mass_outside(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"], mean_field: Array | None
    ) -> Float[Array, "S A"]:
        return between(law, *self._bounds(nominal))

    def _bounds(
        self, law: Float[Array, "K S A"]
    ) -> tuple[Float[Array, "K S A"], Float[Array, "K S A"]]:
        lower, upper = (_successors_first(bound) for bound in (self.lower, self.upper))
        return jnp.broadcast_to(lower, law.shape), jnp.broadcast_to(upper, law.shape)

    def support_lipschitz(self, spread: float, smallest: float) -> float | None:
        return 0.0

    def dobrushin(self, nominal: float, spread: float, num_states: int) -> float:
        shape = np.broadcast_shapes(np.shape(self.lower), (num_states,))
        lower = np.broadcast_to(self.lower, shape).reshape(-1, num_states)
        return 1 - float(lower.min(axis=0).sum())


class IntervalAround(GreedyAmbiguity):
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
        return reach_of(self.support, "everywhere")

    def worst_rows(self, rows: Rows, mean_field: Array | None) -> WorstRows:
        below = size_at("below", self.below, mean_field, rows)
        above = size_at("above", self.above, mean_field, rows)
        return fill_around(rows, below, above)

    def soft_rows(
        self, rows: Rows, sink: Float[Array, "..."], mean_field: Array | None
    ) -> SoftRows:
        below = size_at("below", self.below, mean_field, rows)
        above = size_at("above", self.above, mean_field, rows)
        return softly_fill_between(rows, *bounds_around(rows.law, rows.allowed, below, above))

    def mass_outside(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"], mean_field: Array | None
    ) -> Float[Array, "S A"]:
        below = size_at("below", self.below, mean_field, nominal)
        above = size_at("above", self.above, mean_field, nominal)
        allowed = reachable(nominal, self.support)
        return between(law, *bounds_around(nominal, allowed, below, above))

    def support_lipschitz(self, spread: float, smallest: float) -> float | None:
        return support_may_move(self.support, smallest, 1.0)

    def farthest_law(self, num_states: int) -> float:
        return num_states * min(most(self.below), most(self.above))


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
