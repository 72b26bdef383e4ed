"""Sets of laws that mass can be moved to within a budget, with proof."""

import abc
import dataclasses

import numpy as np
import scipy.optimize
import scipy.sparse
from jaxtyping import Float

from rmfg.rigorous.claim import Rows, expected, normalized
from rmfg.rigorous.rounding import Array, Interval
from rmfg.rigorous.search import Guess
from rmfg.rigorous.sets import Set, reachable, share_within


class Transport(Set):
    """Mass moves at a cost per unit, at most a budget.

    At any price, sigma >= <p, min over y of V(y) + price cost(., y)> - price budget. A law is inside
    if a plan that moves p into it is affordable.
    """

    @abc.abstractmethod
    def cost(self, source: Array, target: Array) -> Interval:
        """Enclose the cost between states; infinite where nothing can move."""

    @abc.abstractmethod
    def budget(self) -> Interval:
        """Enclose the budget."""

    def moves(self, rows: Rows, values: Array, price: Array, exact: bool) -> tuple[Array, ...]:
        """For each slot: the best target, its cost, and the lower bound of its price-laden value."""
        shape = rows.mass.shape
        slots, values = np.broadcast_to(rows.slots, shape), np.broadcast_to(values, shape)
        opened = np.broadcast_to(rows.usable, shape)
        price = np.broadcast_to(price, shape[1:])
        target, paid, least = np.zeros(shape, int), np.zeros(shape), np.zeros(shape)
        for slot in range(len(slots)):
            at = np.nonzero(rows.held[slot])
            here = (slice(None), *at)
            cost = self.cost(slots[slot][at], slots[here])
            never = np.isinf(cost.low) | ~opened[here]
            cost = cost.where(~never, 0.0)
            if exact:
                total = (cost * price[at] + values[here]).low
                least[slot][at] = np.where(never, np.inf, total).min(axis=0)
                continue
            total = np.where(never, np.inf, values[here] + price[at] * cost.low)
            best = total.argmin(axis=0)
            target[slot][at] = best
            paid[slot][at] = cost.high[best, np.arange(len(best))]
        return target, paid, least

    def guess(self, rows: Rows, values: Array) -> Guess:
        shape = rows.mass.shape[1:]
        budget = np.broadcast_to(self.budget().low, shape)
        spread_values = np.broadcast_to(values, rows.mass.shape)

        def plan(price: Array) -> tuple[Array, Array, Array]:
            target, paid, _ = self.moves(rows, values, price, exact=False)
            gain = spread_values - np.take_along_axis(spread_values, target, 0)
            return target, (rows.mass * paid).sum(axis=0), (rows.mass * gain).sum(axis=0)

        low = np.zeros(shape)
        free = plan(low)
        far = free[1] > budget
        high = np.where(far, 1.0, 0.0)
        dear = plan(high)
        while (costly := far & (dear[1] > budget)).any() and high.max() < 1e300:
            high = np.where(costly, 8 * high, high)
            dear = plan(high)
        low_plan, high_plan = free, dear
        for _ in range(100):
            run = low_plan[1] - high_plan[1]
            rise = high_plan[2] - low_plan[2]
            price = np.clip(-rise / np.where(run > 0, run, 1), low, high)
            going = far & (run > 0) & (price > low) & (price < high)
            if not going.any():
                break
            tried = plan(price)
            tangent = low_plan[2] + (budget - low_plan[1]) * price
            met = tried[2] + (budget - tried[1]) * price <= tangent * (1 + 4e-16)
            far = far & ~(going & met)
            costly, cheap = going & ~met & (tried[1] > budget), going & ~met & (tried[1] <= budget)
            low, high = np.where(costly, price, low), np.where(cheap, price, high)
            low_plan = tuple(np.where(costly, n, o) for n, o in zip(tried, low_plan, strict=True))
            high_plan = tuple(np.where(cheap, n, o) for n, o in zip(tried, high_plan, strict=True))
        run = low_plan[1] - high_plan[1]
        with np.errstate(all="ignore"):
            price = np.clip((low_plan[2] - high_plan[2]) / np.where(run > 0, run, 1), low, high)
            share = np.clip((budget - high_plan[1]) / np.where(run > 0, run, 1), 0, 1)
        affordable = free[1] <= budget
        price = np.where(affordable, 0, price)
        share = np.where(affordable, 1, np.where(run > 0, share, 0))
        targets = np.stack([low_plan[0], high_plan[0]])
        shares = np.stack([share, 1 - share])[:, None] * np.ones(rows.mass.shape)
        law = np.zeros(rows.mass.shape)
        for target, part in zip(targets, shares, strict=True):
            for slot in range(len(law)):
                places = (target[slot], *np.ogrid[: shape[0], : shape[1]])
                law[places] += rows.mass[slot] * part[slot]
        return Guess(law, price, (targets, shares))

    def inside(self, rows: Rows, guess: Guess) -> Interval:
        targets, shares = guess.plan or self.plan_to(rows, guess.law)
        parts = normalized(shares)
        shape = rows.mass.shape
        slots = np.broadcast_to(rows.slots, shape)
        spent = Interval.of(np.zeros(shape[1:]))
        for target, part in zip(targets, range(len(shares)), strict=True):
            cost = self.cost(slots, np.take_along_axis(slots, target, 0))
            used = (rows.law * parts[part]).where(rows.held & (shares[part] > 0), 0.0)
            spent = spent + (used * cost.where(used.high > 0, 0.0)).total()
        share = share_within(self.budget(), spent)
        low, high = (
            ((1 - Interval.of(share)) * rows.law).low,
            ((1 - Interval.of(share)) * rows.law).high,
        )
        result = Interval(low.copy(), high.copy())
        places = np.ogrid[: shape[1], : shape[2]]
        for part, target in enumerate(targets):
            for slot in range(shape[0]):
                at = (target[slot], *places)
                more = result[at] + share * (rows.law[slot] * parts[part][slot])
                result.low[at], result.high[at] = more.low, more.high
        return result.clip(0, 1)

    def plan_to(self, rows: Rows, law: Array) -> tuple[Array, Array]:
        """A plan that moves p into a law, nearly: by linear programs where the two differ."""
        size, shape = len(rows.mass), rows.mass.shape
        slots = np.broadcast_to(rows.slots, shape)
        after = reachable(rows, law)
        after = after / after.sum(axis=0)
        plans = np.zeros((size, *shape))  # target, source, s, a
        plans[np.arange(size), np.arange(size)] = rows.mass
        for s, a in np.argwhere((np.abs(after - rows.mass) > 0).any(axis=0)):
            states = slots[:, s, a]
            cost = self.cost(states[:, None], states[None, :]).high
            plans[:, :, s, a] = _cheapest(rows.mass[:, s, a], after[:, s, a], cost).T
        used = np.argsort(-plans, axis=0, kind="stable")
        width = max(int((plans > 0).sum(axis=0).max()), 1)
        targets = used[:width]
        shares = np.take_along_axis(plans, targets, 0)
        shares[0][~rows.held] = 1
        return targets, shares

    def dual(self, rows: Rows, values: Array, center: Array, guess: Guess) -> Array:
        price = np.asarray(guess.multiplier)
        least = self.moves(rows, values, price, exact=True)[2]
        kept = expected(rows.law, np.where(rows.held, least, center), center)
        return (kept - price * self.budget()).low


def _cheapest(before: Array, after: Array, cost: Array) -> Array:
    """A cheap plan (source, target) between two laws; nothing moves where none is found."""
    stay = np.diag(before)
    finite = np.where(np.isinf(cost), np.inf, cost)
    # Where a detour never pays, mass that both laws hold can stay.
    direct = all((finite <= finite[:, [k]] + finite[[k]]).all() for k in range(len(cost)))
    shared = np.minimum(before, after) if direct else np.zeros_like(before)
    source, target = before - shared, after - shared
    rows, columns = np.flatnonzero(source > 0), np.flatnonzero(target > 0)
    if not (rows.size and columns.size):
        return stay
    part = finite[np.ix_(rows, columns)]
    left, right = np.nonzero(np.isfinite(part))
    if not left.size:
        return stay
    count = np.arange(len(left))
    ones = np.ones(len(left))
    laws = np.concatenate([source[rows] / source.sum(), target[columns] / target.sum()])
    equations = scipy.sparse.vstack(
        [
            scipy.sparse.csr_array((ones, (left, count)), shape=(rows.size, len(left))),
            scipy.sparse.csr_array((ones, (right, count)), shape=(columns.size, len(left))),
        ]
    ).tocsr()[:-1]
    found = scipy.optimize.linprog(
        part[left, right], A_eq=equations, b_eq=laws[:-1], method="highs"
    )
    if found.status != 0:
        return stay
    plan = np.diag(shared)
    plan[rows[left], columns[right]] += np.maximum(found.x, 0) * source.sum()
    return plan


@dataclasses.dataclass(frozen=True)
class Wasserstein(Transport):
    """The least mean of distance^order is at most radius^order."""

    radius: Interval
    metric: Float[Array, "S S"]
    order: float
    reach: str

    def cost(self, source: Array, target: Array) -> Interval:
        distance = self.metric[source, target]
        infinite = np.isinf(distance)
        return (
            Interval.of(np.where(infinite, 1, distance)).power(self.order).where(~infinite, np.inf)
        )

    def budget(self) -> Interval:
        return self.radius.power(self.order)


@dataclasses.dataclass(frozen=True)
class Star(Transport):
    """Weighted L1: moving from x to y costs w(x) + w(y)."""

    radius: Interval
    weights: Float[Array, " S"]

    def cost(self, source: Array, target: Array) -> Interval:
        both = Interval.of(self.weights[source]) + self.weights[target]
        return both.where(source != target, 0.0)

    def budget(self) -> Interval:
        return self.radius
