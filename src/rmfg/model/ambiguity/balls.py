"""How nature answers a ball in a norm: one rule for each kind of order and weights.

Order one is total variation with half the radius, or, weighted, a transport with cost w(x) + w(y).
Order infinity is an interval around the nominal law. The orders between spread mass (see `spreading`).
"""

import abc
import math
from typing import ClassVar, NamedTuple

import jax.numpy as jnp
from jaxtyping import Float

from rmfg.core import checks
from rmfg.core.precision import Array
from rmfg.model.ambiguity.filling import (
    bounds_around,
    fill_around,
    move_mass,
    outside_variation,
    softly_fill_between,
    softly_move_mass,
)
from rmfg.model.ambiguity.numerics import SHARE_OF_EXPONENTS, proportional
from rmfg.model.ambiguity.projection import between, mass_to_move
from rmfg.model.ambiguity.rowwise import WorstRows
from rmfg.model.ambiguity.soft import SoftRows
from rmfg.model.ambiguity.spreading import softly_spread_mass, spread_mass
from rmfg.model.ambiguity.support import reachable
from rmfg.model.ambiguity.transport import softly_transport, transport
from rmfg.model.rows import Reach, Rows


class Ball(NamedTuple):
    """A ball around every row: norm of weights * (q - p) at most the radius."""

    radius: Float[Array, "S A"]
    order: float
    weights: Float[Array, " S"] | None
    support: str

    def of_states(self) -> Float[Array, "..."]:
        """The weights along the slots of rows that are spread over all states."""
        return jnp.ones(()) if self.weights is None else jnp.asarray(self.weights)[:, None, None]

    def of_slots(self, rows: Rows) -> Float[Array, "..."]:
        """The weights of the slots of rows."""
        if self.weights is None:
            return jnp.ones(())
        # A gather beyond the end would silently take the last weight.
        checks.shaped("weights", self.weights, rows.law.shape[1:2], "(states,)")
        return jnp.asarray(self.weights)[rows.successors]

    def star(self, source: Array, target: Array) -> Array:
        """Moving a unit from x to y changes two entries: the weights of both are paid."""
        weights = jnp.asarray(self.weights)
        return jnp.where(source == target, 0, weights[source] + weights[target])


class Rule(abc.ABC):
    """Nature's answers to balls of one kind, and how far laws lie outside of them."""

    beyond: ClassVar[Reach] = "everywhere"
    by_order: ClassVar[bool] = False
    curved: ClassVar[bool] = False

    @abc.abstractmethod
    def worst(self, ball: Ball, rows: Rows) -> WorstRows:
        """Solve nature's problem on rows."""

    @abc.abstractmethod
    def soft(self, ball: Ball, rows: Rows, sink: Float[Array, "..."]) -> SoftRows:
        """Solve it softly."""

    @abc.abstractmethod
    def outside(
        self, ball: Ball, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"]
    ) -> Float[Array, "S A"]:
        """Return the total variation from the law to the nearest one of the ball."""


class Move(Rule):
    """Order one: move half the radius from the highest values to the lowest."""

    beyond: ClassVar[Reach] = "lowest"
    by_order: ClassVar[bool] = True

    def worst(self, ball: Ball, rows: Rows) -> WorstRows:
        return move_mass(rows, jnp.minimum(ball.radius / 2, 1))

    def soft(self, ball: Ball, rows: Rows, sink: Float[Array, "..."]) -> SoftRows:
        return softly_move_mass(rows, jnp.minimum(ball.radius / 2, 1), sink)

    def outside(
        self, ball: Ball, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"]
    ) -> Float[Array, "S A"]:
        return outside_variation(nominal, law, ball.radius / 2, ball.support)


class Bound(Rule):
    """Order infinity: fill between bounds around the nominal law, the lowest values first."""

    by_order: ClassVar[bool] = True

    def worst(self, ball: Ball, rows: Rows) -> WorstRows:
        margin = ball.radius / ball.of_slots(rows)
        return fill_around(rows, margin, margin)

    def soft(self, ball: Ball, rows: Rows, sink: Float[Array, "..."]) -> SoftRows:
        margin = ball.radius / ball.of_slots(rows)
        return softly_fill_between(rows, *bounds_around(rows.law, rows.allowed, margin, margin))

    def outside(
        self, ball: Ball, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"]
    ) -> Float[Array, "S A"]:
        margin, allowed = ball.radius / ball.of_states(), reachable(nominal, ball.support)
        return between(law, *bounds_around(nominal, allowed, margin, margin))


class Pay(Rule):
    """Order one with weights: move mass at the price of the weights at both ends."""

    def worst(self, ball: Ball, rows: Rows) -> WorstRows:
        return transport(rows, ball.radius, ball.star)

    def soft(self, ball: Ball, rows: Rows, sink: Float[Array, "..."]) -> SoftRows:
        return softly_transport(rows, ball.radius, ball.star)

    def outside(
        self, ball: Ball, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"]
    ) -> Float[Array, "S A"]:
        # The heaviest go first.
        return _norm_outside(ball, nominal, law, math.inf)


class Spread(Rule):
    """Orders between: spread mass over many states."""

    curved: ClassVar[bool] = True

    def worst(self, ball: Ball, rows: Rows) -> WorstRows:
        return spread_mass(rows, ball.radius, ball.order, ball.of_slots(rows))

    def soft(self, ball: Ball, rows: Rows, sink: Float[Array, "..."]) -> SoftRows:
        return softly_spread_mass(rows, ball.radius, ball.order, ball.of_slots(rows))

    def outside(
        self, ball: Ball, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"]
    ) -> Float[Array, "S A"]:
        return _norm_outside(ball, nominal, law, ball.order / (ball.order - 1))


MOVE, BOUND, PAY, SPREAD = Move(), Bound(), Pay(), Spread()


def rule_of(order: float, weighted: bool) -> Rule:
    """The rule for an order and weights."""
    if order == 1:
        return PAY if weighted else MOVE
    return BOUND if order == math.inf else SPREAD


def _norm_outside(
    ball: Ball,
    nominal: Float[Array, "K S A"],
    law: Float[Array, "K S A"],
    exponent: float,
) -> Float[Array, "S A"]:
    """The mass that brings a law inside, taken in proportion to weights^(-exponent)."""
    weights = ball.of_states()
    kept = reachable(nominal, ball.support)

    def excess(law: Array) -> Array:
        # Scaled by the largest entry: a tiny change to a high power must not underflow.
        change = weights * jnp.abs(law - nominal)
        largest = jnp.max(change, axis=0)
        powers = proportional(change, largest) ** ball.order
        return largest * jnp.sum(powers, axis=0) ** (1 / ball.order) - ball.radius

    return mass_to_move(excess, nominal, law, _scale(ball, nominal, exponent), kept)


def _scale(ball: Ball, nominal: Float[Array, "K S A"], exponent: float) -> Float[Array, "K S A"]:
    if ball.weights is None:
        return jnp.ones_like(nominal)
    weights = ball.of_states()
    heavier = jnp.log(weights / jnp.min(weights))
    # At most as steep as the numbers' range of exponents allows.
    steepest = SHARE_OF_EXPONENTS * jnp.log(jnp.finfo(nominal.dtype).max)
    steepest = 2 * steepest / jnp.maximum(jnp.max(heavier), 1e-3)
    return jnp.broadcast_to(jnp.exp(-jnp.minimum(exponent, steepest) * heavier), nominal.shape)
