"""The two solvers of programs, and the frame that all sets share."""

import contextlib
import warnings
from collections.abc import Callable
from typing import Any

import cvxpy as cp
import numpy as np
from scipy.optimize import linprog

Answer = tuple[float, np.ndarray]


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
