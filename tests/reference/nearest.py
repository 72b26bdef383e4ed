"""The nearest law of a set in total variation, by conic and linear programs.

The distance is half the sum of |x - q|, which for two laws is the mass that must move. Every function
here returns the constraints that say "x is in the set", from the definition of the set; what is laid
down for a row `p` shares nothing with the library.
"""

import contextlib
import warnings
from collections.abc import Callable

import cvxpy as cp
import numpy as np

Constraints = Callable[[cp.Variable], list]


def variation(q: np.ndarray, inside: Constraints) -> float:
    """Return the total variation between q and the nearest law that satisfies the constraints."""
    law = cp.Variable(len(q))
    objective = cp.Minimize(cp.sum(cp.pos(law - q)))
    problem = cp.Problem(objective, [*inside(law), cp.sum(law) == 1, law >= 0])
    for tolerance in (1e-10, 1e-9, 1e-8, 1e-7):
        settings = dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), tolerance)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an inaccurate answer, which is not accepted
            with contextlib.suppress(cp.SolverError):
                problem.solve(solver=cp.CLARABEL, **settings)
        if problem.status == cp.OPTIMAL:
            return float(np.maximum(np.asarray(law.value) - q, 0).sum())
    raise RuntimeError(f"Clarabel found no optimum: {problem.status}")


def reached(p: np.ndarray, support: str) -> Constraints:
    """Mass stays on the support of p, where it must."""
    if support == "all" or (p > 0).all():
        return lambda x: []
    return lambda x: [x[p <= 0] == 0]


def bounds(lower: np.ndarray | float, upper: np.ndarray | float) -> Constraints:
    """lower <= x <= upper."""
    return lambda x: [x >= lower, x <= upper]


def norm_ball(
    p: np.ndarray, radius: float, order: float, weights: np.ndarray | float = 1.0
) -> Constraints:
    """norm(weights (x - p), order) <= radius."""

    def inside(x: cp.Variable) -> list:
        change = cp.multiply(np.broadcast_to(weights, p.shape), x - p)
        norm = cp.norm(change, order) if order in (1, 2, np.inf) else cp.pnorm(change, order)
        return [norm <= radius]

    return inside


def kullback_leibler(p: np.ndarray, radius: float) -> Constraints:
    """Sum x log(x / p) <= radius."""
    on = p > 0
    return lambda x: [cp.sum(cp.rel_entr(x[on], p[on])) <= radius]


def reverse_kullback_leibler(p: np.ndarray, radius: float) -> Constraints:
    """Sum p log(p / x) <= radius."""
    on = p > 0
    return lambda x: [cp.sum(cp.rel_entr(p[on], x[on])) <= radius]


def chi_square(p: np.ndarray, radius: float) -> Constraints:
    """Sum (x - p)^2 / p <= radius."""
    on = p > 0
    root = np.sqrt(p[on])
    return lambda x: [cp.norm(cp.multiply(x[on] - p[on], 1 / root), 2) <= np.sqrt(radius)]


def hellinger(p: np.ndarray, radius: float) -> Constraints:
    """1 - sum sqrt(p x) <= radius."""
    return lambda x: [np.sqrt(p) @ cp.sqrt(x) >= 1 - radius]


def transport(p: np.ndarray, radius: float, metric: np.ndarray, order: float) -> Constraints:
    """A plan from p to x costs at most radius^order; infinite distances are not travelled."""

    def inside(x: cp.Variable) -> list:
        plan = cp.Variable(metric.shape, nonneg=True)
        finite = np.isfinite(metric)
        cost = np.where(finite, metric, 0) ** order
        return [
            cp.sum(plan, axis=1) == p,
            cp.sum(plan, axis=0) == x,
            cp.sum(cp.multiply(cost, plan)) <= radius**order,
            cp.multiply(~finite, plan) == 0,
        ]

    return inside


def mixture(laws: np.ndarray) -> Constraints:
    """X = weights @ laws."""

    def inside(x: cp.Variable) -> list:
        weights = cp.Variable(len(laws), nonneg=True)
        return [weights @ laws == x, cp.sum(weights) == 1]

    return inside
