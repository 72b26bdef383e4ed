"""Nature's worst case for one row, by programs that share nothing with the library.

For a nominal law p and values V, both of shape (S,), every function returns the pair

    (min over q in U of <q, V>,  a law q that attains it)

and there are three kinds of them:

- **linear programs** (HiGHS): contamination, total_variation, lp of order 1 and inf, interval,
  cvar, wasserstein, scenarios; exact up to rounding;
- **conic programs** (Clarabel): lp of the other orders and the smooth divergences; off by at most
  1e-8 of the span of V for a radius from 1e-2 up, by up to 1e-6 below that;
- **duals** (names end in `_dual`): no solver at all. The concave dual in one multiplier is
  maximized by golden section in 50 decimal digits, so that the value is the exact one, rounded
  once, for every radius from 0 up. (`lp_dual` is a nested root search in float64.)

`support` is "all" (q is any law) or "nominal" (q lives where p > 0); sets with q << p do not ask.
The duals normalize p exactly, since at a tiny radius the last digit of its sum would be seen.

The file is long because it says every set two or three times; each function can be read alone.
"""

import contextlib
import warnings
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal, localcontext
from typing import Any

import cvxpy as cp
import numpy as np
from scipy.optimize import linprog, root_scalar
from scipy.special import rel_entr

Answer = tuple[float, np.ndarray]
DIGITS = 50


# The two solvers, and the frame that all sets share ---------------------------------------------


def linear_program(cost: np.ndarray, **constraints: Any) -> np.ndarray:
    """Return a minimizer of <cost, x>; the constraints are those of `scipy.optimize.linprog`."""
    answer = linprog(
        cost,
        **constraints,
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if answer.status != 0:
        raise RuntimeError(f"HiGHS found no optimum: {answer.message}")
    return answer.x


def conic_program(objective: cp.Expression, law: cp.Variable, constraints: list) -> np.ndarray:
    """Return the law that minimizes the objective, at the tightest tolerance Clarabel reaches."""
    problem = cp.Problem(cp.Minimize(objective), [*constraints, cp.sum(law) == 1, law >= 0])
    for tolerance in (1e-11, 1e-10, 1e-9, 1e-8):
        settings = dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), tolerance)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an inaccurate answer, which is not accepted
            with contextlib.suppress(cp.SolverError):
                problem.solve(solver=cp.CLARABEL, **settings)
        if problem.status == cp.OPTIMAL:
            return np.asarray(law.value)
    raise RuntimeError(f"Clarabel found no optimum, even at tolerance 1e-8: {problem.status}")


def attain(
    p: np.ndarray,
    values: np.ndarray,
    support: str,
    program: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> Answer:
    """Run `program(p, cost) -> law` on the states in reach, with cost = (V - min V) / span V."""
    states = reachable(p, support)
    lowest, span = values[states].min(), np.ptp(values[states])
    cost = (values[states] - lowest) / (span if span > 0 else 1.0)
    mass = np.clip(program(p[states], cost), 0.0, None)
    mass /= mass.sum()
    law = np.zeros(len(p))
    law[states] = mass
    return float(lowest + span * (mass @ cost)), law


def reachable(p: np.ndarray, support: str) -> np.ndarray:
    """Return the indices of the states that nature may use."""
    if support not in ("all", "nominal"):
        raise ValueError(f"`support` is 'all' or 'nominal', not {support!r}")
    return np.flatnonzero(p > 0) if support == "nominal" else np.arange(len(p))


def is_trivial(cost: np.ndarray, radius: float) -> bool:
    """Tell whether p itself is an answer; a conic program without interior would stall there."""
    return radius == 0 or not np.any(cost)


# Linear programs --------------------------------------------------------------------------------


def contamination(p: np.ndarray, values: np.ndarray, radius: float, support: str = "all") -> Answer:
    """Worst q = (1 - radius) p + radius x, where x is any law."""

    def program(p: np.ndarray, cost: np.ndarray) -> np.ndarray:
        added = linear_program(cost, A_eq=np.ones((1, len(p))), b_eq=[1.0], bounds=(0, None))
        return (1 - radius) * p + radius * added

    return attain(p, values, support, program)


def total_variation(
    p: np.ndarray, values: np.ndarray, radius: float, support: str = "all"
) -> Answer:
    """Worst q with 1/2 sum |q - p| <= radius."""
    return lp(p, values, 2 * radius, order=1, support=support)


def lp(
    p: np.ndarray,
    values: np.ndarray,
    radius: float,
    order: float,
    weights: np.ndarray | None = None,
    support: str = "all",
) -> Answer:
    """Worst q with norm(weights * (q - p), order) <= radius, weights > 0.

    That is sum w |q - p| for order 1, sqrt(sum w^2 (q - p)^2) for order 2, max w |q - p| for inf.
    """
    scale = (np.ones(len(p)) if weights is None else weights)[reachable(p, support)]

    def linear(p: np.ndarray, cost: np.ndarray) -> np.ndarray:
        """Write q = p + gain - loss, so that |q - p| <= gain + loss."""
        size = len(p)
        balance = np.concatenate([np.ones(size), -np.ones(size)])[None]
        if order == 1:
            budget = {"A_ub": np.concatenate([scale, scale])[None], "b_ub": [radius]}
        else:
            budget = {"A_ub": np.hstack([np.diag(scale)] * 2), "b_ub": np.full(size, radius)}
        change = linear_program(
            np.concatenate([cost, -cost]),
            A_eq=balance,
            b_eq=[0.0],
            bounds=[(0, None)] * size + [(0, mass) for mass in p],
            **budget,
        )
        return p + change[:size] - change[size:]

    def conic(p: np.ndarray, cost: np.ndarray) -> np.ndarray:
        if is_trivial(cost, radius):
            return p
        law = cp.Variable(len(p))
        change = cp.multiply(scale, law - p)
        norm = cp.norm(change, 2) if order == 2 else cp.pnorm(change, order)
        return conic_program(cost @ law, law, [norm <= radius])

    return attain(p, values, support, linear if order in (1, np.inf) else conic)


def interval(
    p: np.ndarray, values: np.ndarray, lower: np.ndarray | float, upper: np.ndarray | float
) -> Answer:
    """Worst law q with lower <= q <= upper; p only gives the size."""
    lower, upper = np.broadcast_to(lower, p.shape), np.broadcast_to(upper, p.shape)

    def program(p: np.ndarray, cost: np.ndarray) -> np.ndarray:
        bounds = np.column_stack([np.maximum(lower, 0.0), upper])
        return linear_program(cost, A_eq=np.ones((1, len(p))), b_eq=[1.0], bounds=bounds)

    return attain(p, values, "all", program)


def cvar(p: np.ndarray, values: np.ndarray, level: float) -> Answer:
    """Worst law q with q <= p / (1 - level), level < 1."""

    def program(p: np.ndarray, cost: np.ndarray) -> np.ndarray:
        bounds = np.column_stack([np.zeros(len(p)), p / (1 - level)])
        return linear_program(cost, A_eq=np.ones((1, len(p))), b_eq=[1.0], bounds=bounds)

    return attain(p, values, "nominal", program)


def wasserstein(
    p: np.ndarray,
    values: np.ndarray,
    radius: float,
    metric: np.ndarray,
    order: float = 1,
    support: str = "all",
) -> Answer:
    """Worst q with a plan from p to q whose mean of metric^order is at most radius^order."""
    states = reachable(p, support)
    distance = metric[np.ix_(states, states)]
    largest = distance.max() or 1.0  # costs of order one, since HiGHS drops entries below 1e-9

    def program(p: np.ndarray, cost: np.ndarray) -> np.ndarray:
        size = len(p)
        plan = linear_program(
            np.tile(cost, size),
            A_ub=(distance / largest).reshape(1, -1) ** order,
            b_ub=[(radius / largest) ** order],
            A_eq=np.kron(np.eye(size), np.ones(size)),
            b_eq=p,
            bounds=(0, None),
        )
        return plan.reshape(size, size).sum(0)

    return attain(p, values, support, program)


def scenarios(p: np.ndarray, values: np.ndarray, laws: Sequence[np.ndarray]) -> Answer:
    """Worst law in the convex hull of the given ones; p only gives the size."""
    hull = np.asarray(laws, dtype=float)

    def program(p: np.ndarray, cost: np.ndarray) -> np.ndarray:
        ones = np.ones((1, len(hull)))
        return linear_program(hull @ cost, A_eq=ones, b_eq=[1.0], bounds=(0, None)) @ hull

    return attain(p, values, "all", program)


# Conic programs ---------------------------------------------------------------------------------


def kullback_leibler(p: np.ndarray, values: np.ndarray, radius: float) -> Answer:
    """Worst q with sum q log(q / p) <= radius."""

    def program(p: np.ndarray, cost: np.ndarray) -> np.ndarray:
        if is_trivial(cost, radius):
            return p
        law = cp.Variable(len(p))
        return conic_program(cost @ law, law, [cp.sum(cp.rel_entr(law, p)) <= radius])

    return attain(p, values, "nominal", program)


def reverse_kullback_leibler(
    p: np.ndarray, values: np.ndarray, radius: float, support: str = "all"
) -> Answer:
    """Worst q with sum p log(p / q) <= radius."""

    def program(p: np.ndarray, cost: np.ndarray) -> np.ndarray:
        if is_trivial(cost, radius):
            return p
        law, seen = cp.Variable(len(p)), np.flatnonzero(p > 0)
        return conic_program(cost @ law, law, [cp.sum(cp.rel_entr(p[seen], law[seen])) <= radius])

    return attain(p, values, support, program)


def chi_square(p: np.ndarray, values: np.ndarray, radius: float) -> Answer:
    """Worst q with sum (q - p)^2 / p <= radius, q = 0 where p = 0."""

    def program(p: np.ndarray, cost: np.ndarray) -> np.ndarray:
        if is_trivial(cost, radius):
            return p
        law = cp.Variable(len(p))
        distance = cp.norm(cp.multiply(law - p, 1 / np.sqrt(p)), 2)
        return conic_program(cost @ law, law, [distance <= np.sqrt(radius)])

    return attain(p, values, "nominal", program)


def hellinger(p: np.ndarray, values: np.ndarray, radius: float, support: str = "all") -> Answer:
    """Worst q with 1 - sum sqrt(p q) <= radius."""

    def program(p: np.ndarray, cost: np.ndarray) -> np.ndarray:
        if is_trivial(cost, radius):
            return p
        law = cp.Variable(len(p))
        return conic_program(cost @ law, law, [np.sqrt(p) @ cp.sqrt(law) >= 1 - radius])

    return attain(p, values, support, program)


def entropy_penalty(p: np.ndarray, values: np.ndarray, strength: float) -> Answer:
    """Minimize <q, V> + strength sum q log(q / p); the value returned includes the penalty."""
    span = np.ptp(values[p > 0])

    def program(p: np.ndarray, cost: np.ndarray) -> np.ndarray:
        if is_trivial(cost, radius=1.0):
            return p
        law = cp.Variable(len(p))
        penalty = strength / span * cp.sum(cp.rel_entr(law, p))
        return conic_program((cost @ law + penalty) / (1 + strength / span), law, [])

    mean, law = attain(p, values, "nominal", program)
    return mean + strength * float(np.sum(rel_entr(law, p))), law


# Duals: each is a concave function of one multiplier u > 0, and comes with the law at u ----------
#
# With min V = 0, E the mean under p and h the multiplier of sum q = 1, the Lagrangian splits over
# states. Where the divergence is steep at q = 0 (reverse KL, Hellinger) h = -u < 0 is needed; at
# u -> 0 the sum of the stationary law may stay below one, and what is missing goes to the lowest
# state, which p does not reach. The multiplier of the radius has been maximized out by hand.

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
