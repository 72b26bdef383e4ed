"""Nature's problem with proof, set by set.

Each set says three things. `guess`: a law that is nearly the worst one, with multipliers (found by
plain search, believed by nobody). `inside`: an enclosure of a law that is in the set for certain,
near to a given one. `dual`: a lower bound of the support function that holds at any multipliers.

With p the nominal law, V the values and c any number near them, sums are taken of V - c.
"""

import abc
import dataclasses
from fractions import Fraction

import numpy as np
import scipy.optimize
import scipy.sparse
from jaxtyping import Float

from rmfg.rigorous import search
from rmfg.rigorous.claim import (
    Claim,
    Laws,
    Rows,
    UnprovedError,
    expected,
    first,
    normalized,
    spread,
)
from rmfg.rigorous.rounding import Array, Interval, log
from rmfg.rigorous.search import Guess


class Set(abc.ABC):
    """Laws that nature may pick, row by row."""

    reach: str = "support"

    @abc.abstractmethod
    def guess(self, rows: Rows, values: Array) -> Guess:
        """Return nearly the worst law."""

    @abc.abstractmethod
    def inside(self, rows: Rows, guess: Guess) -> Interval:
        """Enclose a law (K, S, A) that is in the set, the given one if that is."""

    @abc.abstractmethod
    def dual(self, rows: Rows, values: Array, center: Array, guess: Guess) -> Float[Array, "S A"]:
        """Return a lower bound of the support function."""

    def price(self, rows: Rows, law: Interval) -> Interval:
        """Enclose what nature pays for a law."""
        return Interval.of(np.zeros(rows.mass.shape[1:]))

    def support(self, rows: Rows, values: Array, guess: Guess) -> Interval:
        """Enclose the support function."""
        center = (rows.mass * values).sum(axis=0)
        law = self.inside(rows, guess)
        high = (expected(law, values, center) + self.price(rows, law)).high
        low = np.fmax(self.dual(rows, values, center, guess), search.lowest_of(rows, values))
        return Interval(low, high)


class Ball(Set):
    """Laws whose distance from p, convex in the law and zero at p, is at most a radius."""

    radius: Interval

    @abc.abstractmethod
    def distance(self, rows: Rows, law: Interval) -> Interval:
        """Enclose, at least from above, the distance of a law."""

    def inside(self, rows: Rows, guess: Guess) -> Interval:
        law = normalized(reachable(rows, guess.law))
        # A law that is too far is mixed with p: convexity bounds the distance of the mixture.
        share = share_within(self.radius, self.distance(rows, law))
        return (share * law + (1 - Interval.of(share)) * rows.law).clip(0, 1)


def reachable(rows: Rows, law: Array) -> Array:
    """The part of a law where nature may put mass; the nominal law where there is none."""
    kept = np.where(rows.usable, law, 0)
    return np.where(kept.sum(axis=0) > 0, kept, rows.mass)


def share_within(allowed: Interval, reached: Interval) -> Float[Array, "..."]:
    """A share t in [0, 1] with t * reached <= allowed for certain."""
    safe = np.where(reached.high > 0, reached.high, 1)
    ratio = (Interval.of(allowed.low) / safe).low
    share = np.where(reached.high <= allowed.low, 1.0, np.clip(ratio, 0, 1))
    return np.where(np.isnan(reached.high) | np.isinf(reached.high), 0.0, share)


class Nominal(Set):
    """The nominal law alone."""

    def guess(self, rows: Rows, values: Array) -> Guess:
        return Guess(rows.mass)

    def inside(self, rows: Rows, guess: Guess) -> Interval:
        return rows.law

    def dual(self, rows: Rows, values: Array, center: Array, guess: Guess) -> Array:
        return expected(rows.law, values, center).low


@dataclasses.dataclass(frozen=True)
class Contamination(Ball):
    """(1 - radius) p + radius q: the distance is the largest (p - q) / p."""

    radius: Interval
    reach: str

    def guess(self, rows: Rows, values: Array) -> Guess:
        share = self.radius.high
        return Guess((1 - share) * rows.mass + share * search.is_lowest(rows, values))

    def distance(self, rows: Rows, law: Interval) -> Interval:
        safe = rows.law.where(rows.held, 1.0)
        return ((rows.law - law) / safe).where(rows.held, 0.0).largest(axis=0).clip(0)

    def dual(self, rows: Rows, values: Array, center: Array, guess: Guess) -> Array:
        low = search.lowest_of(rows, values)
        above = expected(rows.law, values, center) - low
        return (low + (1 - self.radius) * above.clip(0)).low


@dataclasses.dataclass(frozen=True)
class TotalVariation(Ball):
    """1/2 sum |q - p| <= radius. At any level, sigma >= <p, min(V, level)> - radius (level - min V)."""

    radius: Interval
    reach: str

    def guess(self, rows: Rows, values: Array) -> Guess:
        taken, level = search.filled(-values, rows.mass, self.radius.high)
        law = rows.mass - taken + taken.sum(axis=0) * search.is_lowest(rows, values)
        return Guess(law, -level)

    def distance(self, rows: Rows, law: Interval) -> Interval:
        return (law - rows.law).magnitude().total() * 0.5

    def dual(self, rows: Rows, values: Array, center: Array, guess: Guess) -> Array:
        low = search.lowest_of(rows, values)
        level = np.maximum(np.asarray(guess.multiplier), low)
        kept = expected(rows.law, np.minimum(values, level), np.minimum(center, level))
        return (kept - self.radius * (Interval.of(level) - low)).low


class Divergence(Ball):
    """sum p f(q / p) <= radius for a convex f with f(1) = f'(1) = 0, and slope f'(inf)."""

    slope: float

    @abc.abstractmethod
    def generator(self, change: Array, ratio: Array) -> Interval:
        """Enclose f at 1 + change, or at a small ratio."""

    def distance(self, rows: Rows, law: Interval) -> Interval:
        held = rows.held
        before = rows.law.where(held, 1.0)
        ratio = (law / before).where(held, 1.0).clip(0)
        change = ((law - before) / before).where(held, 0.0).clip(-1)
        # f falls to zero at one and rises from there: its ends are at the ends.
        low, high = (self.generator(getattr(change, e), getattr(ratio, e)) for e in ("low", "high"))
        least = np.where((change.low <= 0) & (change.high >= 0), 0, np.minimum(low.low, high.low))
        inner = rows.law * Interval(np.maximum(least, 0), np.maximum(low.high, high.high))
        outside = (~held & (law.high > 0)).any(axis=0)
        created = law.where(~held, 0.0).total()
        outer = (Interval.of(self.slope) * created).where(outside, 0.0)
        return (inner.where(held, 0.0).total() + outer).clip(0)


def logarithm(change: Array, ratio: Array) -> Interval:
    """log(1 + change), by whichever of the two numbers has more digits."""
    small = change < -0.5
    near = Interval.of(np.where(small, 0, change)).log1p()
    return log(Interval.of(np.where(small, ratio, 1))).where(small, near)


@dataclasses.dataclass(frozen=True)
class KullbackLeibler(Divergence):
    """KL(q, p) <= radius: sigma >= -s log <p, exp(-V / s)> - s radius for every s > 0."""

    radius: Interval
    slope: float = np.inf

    def generator(self, change: Array, ratio: Array) -> Interval:
        # x log x - x + 1, one at zero
        value = (Interval.of(change) + 1) * logarithm(change, ratio) - change
        return value.where(ratio > 0, 1.0)

    def guess(self, rows: Rows, values: Array) -> Guess:
        law, gentleness, _ = search.tilted(
            rows,
            values,
            self.radius.high,
            lambda height, s: np.exp(-height / s),
            lambda x: x * search.logarithm(x) - (x - 1),
            self.slope,
            np.zeros_like,
        )
        return Guess(law, gentleness)

    def dual(self, rows: Rows, values: Array, center: Array, guess: Guess) -> Array:
        return free_energy(rows, values, center, np.asarray(guess.multiplier), self.radius).low


def free_energy(
    rows: Rows, values: Array, center: Array, gentleness: Array, radius: Interval
) -> Interval:
    """-s log <p, exp(-V / s)> - s radius."""
    # Taken from the number itself as it is found in plain arithmetic, the terms sum to about one.
    gentleness = np.where(gentleness > 0, gentleness, 1.0)
    low = np.where(rows.held, values, np.inf).min(axis=0)
    weights = rows.mass * np.exp(np.where(rows.held, low - values, 0) / gentleness)
    center = np.where(gentleness < np.inf, low - gentleness * np.log(weights.sum(axis=0)), center)
    exponent = ((center - Interval.of(values)) / gentleness).where(rows.held, 0.0)
    log_mean = (rows.law * exponent.expm1()).where(rows.held, 0.0).total().log1p()
    return center - gentleness * (log_mean + radius)


@dataclasses.dataclass(frozen=True)
class EntropyPenalty(Set):
    """Any law on the support of p, for strength * KL(q, p); sigma is KL's dual function at one s."""

    strength: Interval

    def guess(self, rows: Rows, values: Array) -> Guess:
        strength = self.strength.high
        low = search.lowest_of(rows, values)
        with np.errstate(all="ignore"):
            weights = rows.mass * np.exp(-np.where(rows.held, values - low, 0) / strength)
            total = weights.sum(axis=0)
            law = np.nan_to_num(weights / total)
            worst = low - strength * np.log(total)
        return Guess(law, price=worst - (law * values).sum(axis=0))

    def inside(self, rows: Rows, guess: Guess) -> Interval:
        return normalized(reachable(rows, guess.law))

    def dual(self, rows: Rows, values: Array, center: Array, guess: Guess) -> Array:
        return self.support(rows, values, guess).low

    def price(self, rows: Rows, law: Interval) -> Interval:
        entropies = KullbackLeibler(self.strength).distance(rows, law)
        return self.strength * entropies

    def support(self, rows: Rows, values: Array, guess: Guess) -> Interval:
        center = (rows.mass * values).sum(axis=0)
        strength = np.broadcast_to(self.strength.low, center.shape)
        found = free_energy(rows, values, center, strength, Interval.of(0.0))
        law = self.inside(rows, guess)
        bound = (expected(law, values, center) + self.price(rows, law)).high
        lowest = search.lowest_of(rows, values)
        return Interval(np.fmax(found.low, lowest), np.fmin(found.high, bound))


@dataclasses.dataclass(frozen=True)
class ReverseKullbackLeibler(Divergence):
    """KL(p, q) <= radius: sigma >= exp(<p, log(V - c + a)> - radius) - a + c where V - c + a >= 0."""

    radius: Interval
    reach: str
    slope: float = 1.0

    def generator(self, change: Array, ratio: Array) -> Interval:
        return change - logarithm(change, ratio)  # x - 1 - log x

    def guess(self, rows: Rows, values: Array) -> Guess:
        law, gentleness, low = search.tilted(
            rows,
            values,
            self.radius.high,
            lambda height, s: 1 / (height + s),
            lambda x: (x - 1) - search.logarithm(x),
            self.slope,
            lambda reached: -np.expm1(reached - self.radius.high),
        )
        return Guess(law, (gentleness, low))

    def dual(self, rows: Rows, values: Array, center: Array, guess: Guess) -> Array:
        center, above = raised(rows, values, center, guess)
        height = ((Interval.of(values) - center) / above).where(rows.held, 0.0)
        mean = (rows.law * height.log1p()).where(rows.held, 0.0).total()
        return (center + above * (mean - self.radius).expm1()).low


def raised(rows: Rows, values: Array, center: Array, guess: Guess) -> tuple[Array, Array]:
    """A center, and a number above zero that lifts every reachable value to it or more."""
    gentleness, low = guess.multiplier
    above = np.maximum(gentleness + (center - low), 0)
    lifted = (Interval.of(center) - search.lowest_of(rows, values)).high
    above = np.maximum(above, lifted)
    return center, np.where(above > 0, above, 1.0)


@dataclasses.dataclass(frozen=True)
class ChiSquare(Divergence):
    """sum (q - p)^2 / p <= radius: sigma >= s - sqrt((1 + radius) <p, ((s - V)+)^2>) for every s."""

    radius: Interval
    slope: float = np.inf

    def generator(self, change: Array, ratio: Array) -> Interval:
        return Interval.of(change).square()

    def guess(self, rows: Rows, values: Array) -> Guess:
        law, gentleness, low = search.tilted(
            rows,
            values,
            self.radius.high,
            lambda height, s: np.maximum(1 - height / s, 0),
            lambda x: (x - 1) ** 2,
            self.slope,
            np.zeros_like,
        )
        return Guess(law, (gentleness, low))

    def dual(self, rows: Rows, values: Array, center: Array, guess: Guess) -> Array:
        gentleness, low = guess.multiplier
        level = low + gentleness
        held = np.where(rows.held, values, -np.inf).max(axis=0)
        # The level is the center plus `above`, whatever rounding makes of that.
        center = np.where(level > held, center, low)
        above = np.where(level - center > 0, level - center, 1.0)
        height = ((Interval.of(values) - center) / above).where(rows.held, 0.0)
        capped = height.clip(-np.inf, 1)
        # (1 + radius) <p, ((1 - h)+)^2> as it stands, and less one: the first where it is small.
        second = (rows.law * (1 - capped).square()).where(rows.held, 0.0).total()
        shift = (rows.law * capped * (capped - 2)).where(rows.held, 0.0).total()
        gain = self.radius + shift + self.radius * shift
        near = center - above * gain / ((gain + 1).sqrt() + 1)
        far = center + above * (1 - ((self.radius + 1) * second).sqrt())
        return np.fmax(near.low, far.low)


@dataclasses.dataclass(frozen=True)
class Hellinger(Divergence):
    """1 - sum sqrt(p q) <= radius: sigma >= (1 - radius)^2 / <p, 1 / (V - c + a)> - a + c."""

    radius: Interval
    reach: str
    slope: float = 0.5

    def generator(self, change: Array, ratio: Array) -> Interval:
        return (change / (Interval.of(ratio).sqrt() + 1)).square() * 0.5  # (sqrt(x) - 1)^2 / 2

    def guess(self, rows: Rows, values: Array) -> Guess:
        law, gentleness, low = search.tilted(
            rows,
            values,
            self.radius.high,
            lambda height, s: 1 / (height + s) ** 2,
            lambda x: 0.5 * ((x - 1) / (np.sqrt(x) + 1)) ** 2,
            self.slope,
            lambda reached: 1 - ((1 - self.radius.high) / (1 - reached)) ** 2,
        )
        return Guess(law, (gentleness, low))

    def dual(self, rows: Rows, values: Array, center: Array, guess: Guess) -> Array:
        center, above = raised(rows, values, center, guess)
        height = ((Interval.of(values) - center) / above).where(rows.held, 0.0)
        # <p, 1 / (1 + h)> = 1 - share
        share = (rows.law * (height / (height + 1))).where(rows.held, 0.0).total()
        gain = share - self.radius * (2 - self.radius)
        return (center + above * (gain / (1 - share))).low


class Box(Set):
    """Laws between bounds.

    At any level, sigma >= level + sum lower (V - level)+ - upper (level - V)+.
    """

    @abc.abstractmethod
    def bounds(self, rows: Rows) -> tuple[Interval, Interval]:
        """Enclose the bounds (K, S, A), of which it is known that a law fits between them."""

    def guess(self, rows: Rows, values: Array) -> Guess:
        lower, upper = (bound.low for bound in self.bounds(rows))
        room = np.maximum(upper - lower, 0)
        added, level = search.filled(values, room, np.maximum(1 - lower.sum(axis=0), 0))
        return Guess(lower + added, level)

    def inside(self, rows: Rows, guess: Guess) -> Interval:
        lower, upper = self.bounds(rows)
        room = (upper - lower).clip(0)
        law = guess.law / guess.law.sum(axis=0)
        safe = np.where(room.low > 0, room.low, 1)
        part = np.where(room.low > 0, np.clip((law - lower.low) / safe, 0, 1), 0)
        # The shares of the rooms that are used are moved up, or down, to fill what is missing.
        missing, used = (1 - lower.total()).clip(0), (part * room).total().clip(0)
        rest = ((missing - used) / (room.total() - used)).clip(0, 1)
        rest = Interval(np.nan_to_num(rest.low, nan=0.0), np.nan_to_num(rest.high, nan=1.0))
        less = (missing / used).clip(0, 1)
        less = Interval(np.nan_to_num(less.low, nan=0.0), np.nan_to_num(less.high, nan=1.0))
        more = part + rest * (1 - Interval.of(part))
        fewer = part * less
        short, long = used.high <= missing.low, used.low >= missing.high
        low = np.where(short, more.low, np.where(long, fewer.low, np.minimum(more.low, fewer.low)))
        high = np.where(
            short, more.high, np.where(long, fewer.high, np.maximum(more.high, fewer.high))
        )
        return (lower + Interval(low, high).clip(0, 1) * room).clip(0, 1)

    def dual(self, rows: Rows, values: Array, center: Array, guess: Guess) -> Array:
        lower, upper = self.bounds(rows)
        level = np.asarray(guess.multiplier)
        height = Interval.of(values) - level
        return (level + (lower * height.clip(0) - upper * (-height).clip(0)).total()).low


@dataclasses.dataclass(frozen=True)
class CVaR(Box):
    """q <= p / (1 - level)."""

    level: Interval

    def bounds(self, rows: Rows) -> tuple[Interval, Interval]:
        return Interval.of(np.zeros(rows.mass.shape)), rows.law / (1 - self.level)


@dataclasses.dataclass(frozen=True)
class Around(Box):
    """p - below <= q <= p + above; margins (S, A), or one for each slot."""

    below: Interval
    above: Interval
    reach: str
    weights: Float[Array, " S"] | None = None  # margins are divided by those of the states

    def bounds(self, rows: Rows) -> tuple[Interval, Interval]:
        below, above = self.below, self.above
        if self.weights is not None:
            weights = self.weights[rows.slots]
            below, above = below / weights, above / weights
        upper = (rows.law + above).clip(0, 1).where(rows.usable, 0.0)
        return (rows.law - below).clip(0), upper


@dataclasses.dataclass(frozen=True)
class Within(Box):
    """Fixed bounds, whatever p is."""

    lower: Float[Array, "K S A"]
    upper: Float[Array, "K S A"]
    reach: str = "everywhere"

    def bounds(self, rows: Rows) -> tuple[Interval, Interval]:
        shape = rows.mass.shape
        lower, upper = np.broadcast_to(self.lower, shape), np.broadcast_to(self.upper, shape)
        doubtful = ~((Interval.of(lower).total().high <= 1) & (Interval.of(upper).total().low >= 1))
        for s, a in np.argwhere(doubtful):
            sums = [sum(map(Fraction, bound[:, s, a].tolist())) for bound in (lower, upper)]
            if not sums[0] <= 1 <= sums[1]:
                raise UnprovedError(
                    f"in real arithmetic no law lies between the bounds at (s={s}, a={a}): they sum "
                    f"to {float(sums[0]):.17g} and {float(sums[1]):.17g}"
                )
        return Interval.of(lower), Interval.of(upper)


@dataclasses.dataclass(frozen=True)
class Lp(Ball):
    """The norm of weights * (q - p), of an order between one and infinity.

    At any level and multiplier t > 0, sigma >= <p, V> + sum over slots of the least value of
    (q - p) (V - level) + t / k |w (q - p)|^k over q >= 0, less t / k radius^k.
    """

    radius: Interval
    order: float
    weights: Float[Array, " S"]
    reach: str

    def guess(self, rows: Rows, values: Array) -> Guess:
        if not self.order > 1:
            return Star(self.radius, self.weights).guess(rows, values)
        weights = self.weights[rows.slots]
        found = search.spread_mass(rows, values, self.radius.high, self.order, weights)
        law, level, multiplier = found
        return Guess(np.where(self.radius.high > 0, law, rows.mass), (level, multiplier))

    def distance(self, rows: Rows, law: Interval) -> Interval:
        change = (law - rows.law).magnitude() * self.weights[rows.slots]
        if not self.order > 1:
            return change.total()
        largest = np.where(change.high.max(axis=0) > 0, change.high.max(axis=0), 1)
        powers = (change / largest).power(self.order).total()
        return largest * _root_of(powers, Interval.of(1.0) / self.order)

    def dual(self, rows: Rows, values: Array, center: Array, guess: Guess) -> Array:
        if not self.order > 1:
            return Star(self.radius, self.weights).dual(rows, values, center, guess)
        weights = self.weights[rows.slots]
        order, (level, multiplier) = self.order, guess.multiplier
        inverse = Interval.of(1.0) / (Interval.of(order) - 1)
        pull = level - Interval.of(values)
        scale = multiplier * Interval.of(weights).power(order)
        size = pull.magnitude()
        free = -(size * _root_of(size / scale, inverse) / (inverse + 1))
        # Where the derivative at q = 0 is not negative, q = 0 is the least value.
        moved = scale * rows.law.power(order - 1)
        emptied = (pull.high <= 0) & (size.low >= moved.high)
        at_zero = pull * rows.law + moved * rows.law / order
        least = at_zero.where(emptied, free).where(rows.usable, 0.0)
        cost = multiplier * self.radius.power(order) / order
        return (expected(rows.law, values, center) + least.total() - cost).low


def _root_of(x: Interval, exponent: Interval) -> Interval:
    """Powers with an exponent that is itself enclosed."""
    ends = [x.power(float(end)) for end in (exponent.low, exponent.high)]
    return Interval(np.minimum(ends[0].low, ends[1].low), np.maximum(ends[0].high, ends[1].high))


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


@dataclasses.dataclass(frozen=True)
class Scenarios(Set):
    """Mixtures of kernels (N, K, S, A): sigma = min over i of <P_i, V>."""

    laws: tuple[Float[Array, "K S A"], ...]
    reach: str = "everywhere"

    def guess(self, rows: Rows, values: Array) -> Guess:
        means = np.stack([(law / law.sum(axis=0) * values).sum(axis=0) for law in self.laws])
        worst = means.argmin(axis=0)
        weights = (np.arange(len(self.laws))[:, None, None] == worst).astype(float)
        law = sum(w * x / x.sum(axis=0) for w, x in zip(weights, self.laws, strict=True))
        return Guess(law, weights)

    def inside(self, rows: Rows, guess: Guess) -> Interval:
        weights = np.asarray(guess.multiplier)
        if not weights.ndim:
            weights = self.weights_for(guess.law)
        shares = normalized(weights)
        parts = [shares[number] * normalized(law) for number, law in enumerate(self.laws)]
        ends = (np.stack([getattr(part, end) for part in parts]) for end in ("low", "high"))
        return Interval(*ends).total().clip(0, 1)

    def weights_for(self, law: Array) -> Array:
        """The weights of a mixture near a law."""
        laws = np.stack([scenario / scenario.sum(axis=0) for scenario in self.laws])
        after = law / law.sum(axis=0)
        off = np.abs(laws - after).sum(axis=1)
        weights = (np.arange(len(laws))[:, None, None] == off.argmin(axis=0)).astype(float)
        for s, a in np.argwhere(off.min(axis=0) > 1e-15):
            corners, size = laws[:, :, s, a].T, laws.shape[1]
            equations = np.hstack([corners, np.eye(size), -np.eye(size)])
            objective = np.concatenate([np.zeros(len(laws)), np.ones(2 * size)])
            one = np.concatenate([np.ones(len(laws)), np.zeros(2 * size)])
            found = scipy.optimize.linprog(
                objective,
                A_eq=np.vstack([equations, one]),
                b_eq=np.append(after[:, s, a], 1),
                method="highs",
            )
            if found.status == 0:
                weights[:, s, a] = np.maximum(found.x[: len(laws)], 0)
        return weights

    def dual(self, rows: Rows, values: Array, center: Array, guess: Guess) -> Array:
        lows = [expected(normalized(law), values, center).low for law in self.laws]
        return np.min(lows, axis=0)


def set_of(claim: Claim) -> Set:
    """The set that a claim names."""
    given = dict(claim.fields)
    size = len(claim.distribution)
    lowest = "support" if given.get("support", "all") == "nominal" else "lowest"
    everywhere = "support" if given.get("support", "all") == "nominal" else "everywhere"

    def number(name: str) -> Interval:
        array = np.asarray(given[name], np.float64)
        if not (array >= 0).all():
            raise UnprovedError(f"`{name}` is not a size: it is negative or NaN")
        return Interval.of(array)

    match claim.ambiguity:
        case "nominal":
            return Nominal()
        case "contamination":
            return Contamination(number("radius").clip(0, 1), lowest)
        case "total-variation":
            return TotalVariation(number("radius").clip(0, 1), lowest)
        case "kl":
            return KullbackLeibler(number("radius"))
        case "reverse-kl":
            return ReverseKullbackLeibler(number("radius"), lowest)
        case "chi-square":
            return ChiSquare(number("radius"))
        case "hellinger":
            return Hellinger(number("radius").clip(0, 1), lowest)
        case "entropy-penalty":
            return EntropyPenalty(number("strength"))
        case "cvar":
            return CVaR(number("level"))
        case "interval-around":
            return Around(number("below"), number("above"), everywhere)
        case "interval":
            return Within(*(_bound(given[name]) for name in ("lower", "upper")))
        case "scenarios":
            kernels = given["kernels"]
            laws = [k if isinstance(k, Laws) else Laws(np.asarray(k, np.float64)) for k in kernels]
            return Scenarios(tuple(first(spread(law).weights) for law in laws))
        case "wasserstein":
            metric = np.asarray(given["metric"], np.float64)
            if not ((metric >= 0).all() and (np.diagonal(metric) == 0).all()):
                raise UnprovedError(
                    "`metric` has distances that are negative, or no zeros on its diagonal"
                )
            return Wasserstein(number("radius"), metric, float(given.get("order", 1)), everywhere)
        case "lp":
            return _ball_of(number("radius"), given, size, lowest, everywhere)
    raise UnprovedError(f"the set {claim.ambiguity!r} is not one that this checker knows")


def _bound(bound: Array) -> Array:
    array = np.asarray(bound, np.float64)
    return first(array) if array.ndim == 3 else array[..., None, None]


def _ball_of(radius: Interval, given: dict, size: int, lowest: str, everywhere: str) -> Set:
    order, weights = float(given.get("p", 2)), given.get("weights")
    if order == 1 and weights is None:
        return TotalVariation(Interval(radius.low / 2, radius.high / 2).clip(0, 1), lowest)
    weights = np.ones(size) if weights is None else np.asarray(weights, np.float64)
    if order == np.inf:
        return Around(radius, radius, everywhere, weights)
    return Lp(radius, order, weights, everywhere)
