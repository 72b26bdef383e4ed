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
"""

from collections.abc import Sequence

import cvxpy as cp
import numpy as np
from scipy.special import rel_entr

from .duals import chi_square_dual as chi_square_dual
from .duals import entropy_penalty_dual as entropy_penalty_dual
from .duals import hellinger_dual as hellinger_dual
from .duals import kullback_leibler_dual as kullback_leibler_dual
from .duals import lp_dual as lp_dual
from .duals import reverse_kullback_leibler_dual as reverse_kullback_leibler_dual
from .duals import two_states as two_states
from .programs import Answer as Answer
from .programs import attain, conic_program, is_trivial, linear_program
from .programs import reachable as reachable

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
