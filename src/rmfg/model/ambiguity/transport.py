"""Balls of optimal transport: nature moves probability over a ground metric on the states.

For a price lambda per unit of cost, a slot x with mass p(x) goes where V(y) + lambda cost(x, y) is
least. The reduction is at most

    f(lambda) = <p, V - min over y of V(y) + lambda cost(., y)> + lambda budget,

a convex piecewise-linear function whose least value is the answer. Two tangents, one on each side
of it, are intersected until the function meets them: that takes finitely many steps, 5 to 10 as a
rule, and no tolerance. Nature's law is the mixture of the two tangents' plans that uses the budget.

Mohajerin Esfahani & Kuhn, Mathematical Programming 171 (2018); Gao & Kleywegt, Mathematics of
Operations Research 48 (2023).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from rmfg.core.precision import Array
from rmfg.model.ambiguity.numerics import implicit_root, log_bracket, proportional, within
from rmfg.model.ambiguity.rowwise import WorstRows
from rmfg.model.ambiguity.soft import SoftRows
from rmfg.model.rows import Rows, summed

MAX_TANGENTS = 200

Cost = Callable[[Array, Array], Array]
"""What moving a unit of mass from state x to state y costs; cost(x, x) is zero; infinity: never."""


class Plan(NamedTuple):
    """What moving every slot to its best target at a price brings and costs."""

    gain: Float[Array, "S A"]
    cost: Float[Array, "S A"]


class Target(NamedTuple):
    """The best target of a source slot: its value, the cost of moving there, its state and slot."""

    value: Float[Array, "S A"]
    cost: Float[Array, "S A"]
    state: Int[Array, "S A"]
    slot: Int[Array, "S A"]


class Tangents(NamedTuple):
    """Two prices around the best one. The plan at the low price costs too much, the other not."""

    low: Float[Array, "S A"]
    high: Float[Array, "S A"]
    low_plan: Plan
    high_plan: Plan

    def meeting(self) -> Float[Array, "S A"]:
        run = self.low_plan.cost - self.high_plan.cost
        rise = self.low_plan.gain - self.high_plan.gain
        return jnp.clip(proportional(rise, run), self.low, self.high)


def transport(rows: Rows, budget: Float[Array, "S A"], cost: Cost) -> WorstRows:
    """Answer rows when nature may spend `budget` on moving mass between states."""
    market = _Market(rows, cost)
    zeros = jnp.zeros_like(budget)
    free = market.plan(zeros)
    affordable = free.cost <= budget
    highest = market.prohibitive_price()
    tangents = Tangents(zeros, highest, free, market.plan(highest))

    def unfinished(state: tuple[Array, Tangents, Array]) -> Array:
        step, _, done = state
        return (step < MAX_TANGENTS) & ~jnp.all(done)

    def body(state: tuple[Array, Tangents, Array]) -> tuple[Array, Tangents, Array]:
        step, tangents, done = state
        low, high, low_plan, high_plan = tangents
        price = tangents.meeting()
        tried = market.plan(price)
        tangent = low_plan.gain + (budget - low_plan.cost) * price
        value = tried.gain + (budget - tried.cost) * price
        slack = 8 * jnp.finfo(price.dtype).eps * (low_plan.gain + high_plan.gain)
        done = done | (value <= tangent + slack) | (price <= low) | (price >= high)
        costly, cheap = ~done & (tried.cost > budget), ~done & (tried.cost <= budget)

        def choose(condition: Array, new: Plan, old: Plan) -> Plan:
            return Plan(*(jnp.where(condition, n, o) for n, o in zip(new, old, strict=True)))

        closer = Tangents(
            jnp.where(costly, price, low),
            jnp.where(cheap, price, high),
            choose(costly, tried, low_plan),
            choose(cheap, tried, high_plan),
        )
        return step + 1, closer, done

    tangents = jax.lax.while_loop(unfinished, body, (jnp.array(0), tangents, affordable))[1]
    price = tangents.meeting()
    best = market.plan(price)
    bound = jnp.where(affordable, free.gain, best.gain + (budget - best.cost) * price)
    # The cheap plan goes with the high price; the mixture spends the budget to the last unit.
    low_cost, high_cost = tangents.low_plan.cost, tangents.high_plan.cost
    share = jnp.clip(proportional(budget - high_cost, low_cost - high_cost), 0, 1)
    share = jnp.where(affordable, 1, share)
    law = share * market.law(tangents.low) + (1 - share) * market.law(tangents.high)
    return WorstRows(jnp.maximum(bound, 0), law)


def softly_transport(rows: Rows, budget: Float[Array, "S A"], cost: Cost) -> SoftRows:
    r"""Answer rows softly: every slot's mass spreads over targets in proportion to
    exp(-value - price * cost), at the price that uses the budget, or zero.

    Minimizes <q, values> plus the negative entropy of the plan, each source's weighed by its mass.
    """
    shape = rows.law.shape
    values = jnp.broadcast_to(rows.values, shape)
    allowed = jnp.broadcast_to(rows.allowed, shape)
    states = jnp.broadcast_to(rows.successors, shape)
    law, sources, _ = rows.sources()
    low = jax.lax.stop_gradient(jnp.min(jnp.where(allowed, values, jnp.inf), axis=0))

    def weights(source: Array, price: Array, values: Array) -> tuple[Array, Array, Array]:
        """Of one source slot: log of the sum of its weights, its plan over slots, the plan's cost."""
        costs = jax.vmap(cost, (None, 0))(source, states)
        open_to = allowed & jnp.isfinite(costs)
        costs = jnp.where(open_to, costs, 0)
        exponent = jnp.where(open_to, low - values - price * costs, -jnp.inf)
        top = jax.lax.stop_gradient(jnp.max(exponent, axis=0))
        # A slot without mass may have nowhere to go.
        top = jnp.where(jnp.isfinite(top), top, 0)
        plan = jnp.exp(exponent - top)
        total = summed(plan)
        total = jnp.where(total > 0, total, 1)
        plan = plan / total
        return jnp.log(total) + top - low, plan, summed(plan * costs)

    def spent(price: Array, law: Array, values: Array) -> tuple[Array, Array, Array]:
        def add(
            sums: tuple[Array, ...], slot: tuple[Array, Array]
        ) -> tuple[tuple[Array, ...], None]:
            mass, source = slot
            log_total, plan, costs = weights(source, price, values)
            return (sums[0] - mass * log_total, sums[1] + mass * plan, sums[2] + mass * costs), None

        zeros = jnp.zeros(shape[1:], values.dtype)
        start = (zeros, jnp.zeros(shape, values.dtype), zeros)
        free, plan, paid = jax.lax.scan(add, start, (law, sources))[0]
        return free, plan, paid

    def excess(log_price: Array, given: tuple[Array, Array, Array]) -> Array:
        law, values, budget = given
        tiny = jnp.finfo(law.dtype).tiny
        paid = spent(jnp.exp(log_price), law, values)[2]
        return jnp.log(jnp.maximum(paid, tiny)) - jnp.log(jnp.maximum(budget, tiny))

    zeros = jnp.zeros_like(budget)
    costly = (budget > 0) & (spent(zeros, law, values)[2] > budget)
    low_end, high_end = log_bracket(budget)
    found = implicit_root(excess, (law, values, budget), low_end, high_end, zeros, -1.0, costly)
    price = jnp.where(costly, jnp.exp(jnp.where(costly, found, 0)), 0)
    free, plan, paid = spent(price, law, values)
    idle = ~(budget > 0)
    before = jnp.asarray(rows.law)
    plan = within(plan, before, paid, budget)
    cost_of_row = jnp.where(idle, summed(before * values), free - price * budget)
    return SoftRows(cost_of_row, jnp.where(idle, before, plan))


class _Market:
    """All rows with what moves cost between their slots."""

    def __init__(self, rows: Rows, cost: Cost):
        shape = rows.law.shape
        self.rows, self.sources, self.cost = rows, rows.sources(), cost
        self.values = jnp.broadcast_to(rows.values, shape)
        self.allowed = jnp.broadcast_to(rows.allowed, shape)
        self.states = jnp.broadcast_to(rows.successors, shape)
        self.zeros = jnp.zeros_like(jnp.asarray(rows.law)[0])

    def prohibitive_price(self) -> Float[Array, "S A"]:
        """A price at which only moves of cost zero pay: no slope of the values is steeper."""

        def visit(least: Array, slot: tuple[Array, Array]) -> tuple[Array, None]:
            mass, state = slot
            costs = jax.vmap(self.cost, (None, 0))(state, self.states)
            paid = self.allowed & (costs > 0) & (mass > 0)
            return jnp.minimum(least, jnp.min(jnp.where(paid, costs, jnp.inf), axis=0)), None

        slots = (self.sources.mass, self.sources.states)
        least = jax.lax.scan(visit, self.zeros + jnp.inf, slots)[0]
        span = self.rows.highest() - self.rows.lowest()
        return jnp.maximum(2 * span / least, 0)

    def target(self, source: Array, price: Array) -> Target:
        """Where a source slot's mass goes at the price; of equals the cheapest, then the first."""

        def visit(best: Target, slot: tuple[Array, ...]) -> tuple[Target, None]:
            number, state, value, allowed = slot
            move = self.cost(source, state)
            # Infinite cost is no move at all, also at price zero.
            allowed = allowed & jnp.isfinite(move)
            move = jnp.where(allowed, move, 0)
            score, best_score = value + price * move, best.value + price * best.cost
            first = (move < best.cost) | ((move == best.cost) & (state < best.state))
            better = (score < best_score) | ((score == best_score) & first)
            new = Target(value, move, state, number)
            pairs = zip(new, best, strict=True)
            return Target(*(jnp.where(allowed & better, n, o) for n, o in pairs)), None

        none = jnp.zeros(price.shape, self.states.dtype)
        nowhere = Target(price + jnp.inf, jnp.zeros_like(price), none, none)
        numbers = jnp.arange(self.states.shape[0], dtype=self.states.dtype)
        slots = (numbers, self.states, self.values, self.allowed)
        return jax.lax.scan(visit, nowhere, slots)[0]

    def plan(self, price: Float[Array, "S A"]) -> Plan:
        def add(sums: Plan, slot: tuple[Array, ...]) -> tuple[Plan, None]:
            mass, state, value = slot
            target = self.target(state, price)
            gain = jnp.where(mass > 0, mass * (value - target.value), 0)
            cost = jnp.where(mass > 0, mass * target.cost, 0)
            return Plan(sums.gain + gain, sums.cost + cost), None

        return jax.lax.scan(add, Plan(self.zeros, self.zeros), tuple(self.sources))[0]

    def law(self, price: Float[Array, "S A"]) -> Float[Array, "K S A"]:
        _, num_states, num_actions = self.rows.law.shape
        row, column = jnp.arange(num_states)[:, None], jnp.arange(num_actions)

        def add(law: jax.Array, slot: tuple[Array, Array]) -> tuple[jax.Array, None]:
            mass, state = slot
            return law.at[self.target(state, price).slot, row, column].add(mass), None

        zeros = jnp.zeros_like(jnp.asarray(self.rows.law))
        return jax.lax.scan(add, zeros, (self.sources.mass, self.sources.states))[0]
