"""Duals of nature's worst case: each is a concave function of one multiplier u > 0.

With min V = 0, E the mean under p and h the multiplier of sum q = 1, the Lagrangian splits over
states. Where the divergence is steep at q = 0 (reverse KL, Hellinger) h = -u < 0 is needed; at
u -> 0 the sum of the stationary law may stay below one, and what is missing goes to the lowest
state, which p does not reach. The multiplier of the radius has been maximized out by hand.
Each comes with the law at u. It is maximized by golden section in 50 decimal digits.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal, localcontext

import numpy as np
from scipy.optimize import root_scalar

from .programs import Answer, attain, is_trivial, reachable

DIGITS = 50
Numbers = list[Decimal]
Dual = tuple[Callable[[Decimal], Decimal], Callable[[Decimal], Numbers]]


def mean(mass: Numbers, terms: Iterable[Decimal]) -> Decimal:
    """Return the mean of the terms."""
    return sum((m * t for m, t in zip(mass, terms, strict=True)), Decimal(0))


def maximize(dual: Callable[[Decimal], Decimal]) -> Decimal:
    """Return the maximizer u in [1e-30, 1e20] of a concave function, by golden section in log u."""
    ratio = (Decimal(5).sqrt() - 1) / 2
    left, right = Decimal("1e-30").ln(), Decimal("1e20").ln()
    low, high = right - ratio * (right - left), left + ratio * (right - left)
    at_low, at_high = dual(low.exp()), dual(high.exp())
    for _ in range(130):  # shrinks the interval by 1e-27
        if at_low < at_high:
            left, low, at_low = low, high, at_high
            high = left + ratio * (right - left)
            at_high = dual(high.exp())
        else:
            right, high, at_high = high, low, at_low
            low = right - ratio * (right - left)
            at_low = dual(low.exp())
    return ((low + high) / 2).exp()


def attain_dual(
    p: np.ndarray, values: np.ndarray, support: str, build: Callable[[Numbers, Numbers], Dual]
) -> Answer:
    """Maximize the dual of `build(p, (V - min V) / span V)` on the states in reach."""
    states = reachable(p, support)
    with localcontext() as context:
        context.prec = DIGITS
        mass, cost = ([Decimal(float(x)) for x in row[states]] for row in (p, values))
        lowest, span, total = min(cost), max(cost) - min(cost), sum(mass)
        if span == 0:
            return float(lowest), p.copy()
        mass, cost = [m / total for m in mass], [(c - lowest) / span for c in cost]
        dual, law_at = build(mass, cost)
        multiplier = maximize(dual)
        reached = law_at(multiplier)
        reached[cost.index(min(cost))] += 1 - sum(reached)
        law = np.zeros(len(p))
        law[states] = [max(float(q), 0.0) for q in reached]
        return float(lowest + span * max(dual(multiplier), Decimal(0))), law


def kullback_leibler_dual(p: np.ndarray, values: np.ndarray, radius: float) -> Answer:
    """Maximize -u log E exp(-V / u) - u radius; q is proportional to p exp(-V / u)."""

    def build(mass: Numbers, cost: Numbers) -> Dual:
        def dual(u: Decimal) -> Decimal:
            return -u * (mean(mass, [(-c / u).exp() for c in cost]).ln() + Decimal(float(radius)))

        def law(u: Decimal) -> Numbers:
            tilted = [m * (-c / u).exp() for m, c in zip(mass, cost, strict=True)]
            total = sum(tilted)
            return [t / total for t in tilted]

        return dual, law

    return attain_dual(p, values, "nominal", build)


def reverse_kullback_leibler_dual(
    p: np.ndarray, values: np.ndarray, radius: float, support: str = "all"
) -> Answer:
    """Maximize exp(E log(V + u) - radius) - u; q = p exp(E log(V + u) - radius) / (V + u)."""

    def build(mass: Numbers, cost: Numbers) -> Dual:
        def scale(u: Decimal) -> Decimal:
            return (mean(mass, [(c + u).ln() for c in cost]) - Decimal(float(radius))).exp()

        def law(u: Decimal) -> Numbers:
            factor = scale(u)
            return [m * factor / (c + u) for m, c in zip(mass, cost, strict=True)]

        return lambda u: scale(u) - u, law

    return attain_dual(p, values, support, build)


def chi_square_dual(p: np.ndarray, values: np.ndarray, radius: float) -> Answer:
    """Maximize u - sqrt((1 + radius) E max(0, u - V)^2); q is proportional to p max(0, u - V)."""

    def build(mass: Numbers, cost: Numbers) -> Dual:
        def below(u: Decimal) -> Numbers:
            return [max(u - c, Decimal(0)) for c in cost]

        def dual(u: Decimal) -> Decimal:
            return u - ((1 + Decimal(float(radius))) * mean(mass, [b * b for b in below(u)])).sqrt()

        def law(u: Decimal) -> Numbers:
            total = mean(mass, below(u))
            return [m * b / total for m, b in zip(mass, below(u), strict=True)]

        return dual, law

    return attain_dual(p, values, "nominal", build)


def hellinger_dual(
    p: np.ndarray, values: np.ndarray, radius: float, support: str = "all"
) -> Answer:
    """Maximize (1 - radius)^2 / E[1 / (V + u)] - u; q is proportional to p / (V + u)^2."""

    def build(mass: Numbers, cost: Numbers) -> Dual:
        affinity = max(1 - Decimal(float(radius)), Decimal(0))

        def scale(u: Decimal) -> Decimal:
            return affinity / mean(mass, [1 / (c + u) for c in cost])

        def law(u: Decimal) -> Numbers:
            factor = scale(u)
            return [m * (factor / (c + u)) ** 2 for m, c in zip(mass, cost, strict=True)]

        return lambda u: affinity * scale(u) - u, law

    return attain_dual(p, values, support, build)


def entropy_penalty_dual(p: np.ndarray, values: np.ndarray, strength: float) -> Answer:
    """Return -strength log E exp(-V / strength); q is proportional to p exp(-V / strength)."""
    states = np.flatnonzero(p > 0)
    with localcontext() as context:
        context.prec = DIGITS
        mass, cost = ([Decimal(float(x)) for x in row[states]] for row in (p, values))
        lowest, beta = min(cost), Decimal(float(strength))
        tilted = [m * ((lowest - c) / beta).exp() for m, c in zip(mass, cost, strict=True)]
        total = sum(tilted, Decimal(0))
        law = np.zeros(len(p))
        law[states] = [float(t / total) for t in tilted]
        return float(lowest - beta * (total / sum(mass)).ln()), law


def lp_dual(
    p: np.ndarray,
    values: np.ndarray,
    radius: float,
    order: float,
    weights: np.ndarray | None = None,
    support: str = "all",
) -> Answer:
    """Solve the optimality conditions of `lp` for an order in [1.5, inf), in float64.

    q = max(0, p + t sign(h - V) (|h - V| / w^order)^(1 / (order - 1))), where h makes q sum to one
    and t puts q on the sphere; if no t does, the ball holds the limit, which attains min V.
    """
    scale = (np.ones(len(p)) if weights is None else weights)[reachable(p, support)]
    largest = 100.0  # of log t

    def program(p: np.ndarray, cost: np.ndarray) -> np.ndarray:
        def law(step: float, height: float) -> np.ndarray:
            pull = (np.abs(height - cost) / scale**order) ** (1 / (order - 1))
            return np.maximum(0.0, p + step * np.sign(height - cost) * pull)

        def balanced(log_step: float) -> np.ndarray:
            def surplus(height: float) -> float:
                return law(np.exp(log_step), height).sum() - p.sum()

            found = root_scalar(surplus, bracket=(0.0, 1.0), xtol=1e-300, maxiter=2000)
            return law(np.exp(log_step), found.root)

        def excess(log_step: float) -> float:
            return float(np.linalg.norm(scale * (balanced(log_step) - p), order)) - radius

        if is_trivial(cost, radius):
            return p
        if excess(largest) <= 0:
            return balanced(largest)
        return balanced(root_scalar(excess, bracket=(-largest, largest), xtol=1e-15).root)

    return attain(p, values, support, program)


# Two states, one of them nearly impossible -------------------------------------------------------


def two_states(divergence: str, tiny: float, radius: float) -> float:
    """The largest mass on the second state of p = (1 - tiny, tiny), by bisection in many digits.

    The divergence of (1 - x, x) rises with x beyond `tiny`, so that the ball is an interval.
    """
    with localcontext() as context:
        context.prec = 400
        small, allowed = Decimal(tiny), Decimal(radius)

        def distance(x: Decimal) -> Decimal:
            laws = ((1 - small, 1 - x), (small, x))
            match divergence:
                case "KL":
                    return sum((q * (q / p).ln() for p, q in laws if q > 0), Decimal(0))
                case "reverse KL":
                    return sum((p * (p / q).ln() for p, q in laws), Decimal(0))
                case "chi-square":
                    return sum(((q - p) ** 2 / p for p, q in laws), Decimal(0))
                case "Hellinger":
                    return 1 - sum(((p * q).sqrt() for p, q in laws), Decimal(0))
            raise ValueError(divergence)

        # Bisection of the ratio of the two masses: x may be of any size.
        low, high = (small / (1 - small)).ln(), Decimal(60)
        for _ in range(70):
            middle = (low + high) / 2
            odds = middle.exp()
            inside = distance(odds / (1 + odds)) <= allowed
            low, high = (middle, high) if inside else (low, middle)
        odds = low.exp()
        return float(odds / (1 + odds))
