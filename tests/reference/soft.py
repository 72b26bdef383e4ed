"""Nature's smooth answers for one row, by convex programs that share nothing with the library.

Every function minimizes <q, cost> + h(q) over a set around the law p and returns the law q, where
cost = V / T + potential. The strictly convex h is the set's own: entropies of what is moved and
of where it goes, of how full each bounded state is, of a transport plan, or the divergence itself.
`support` is as in `worst_case`. Conic solvers (Clarabel) give laws to about 1e-6.
"""

import cvxpy as cp
import numpy as np

from .programs import conic_program, reachable


def filling(part: cp.Expression, room: np.ndarray) -> cp.Expression:
    """Return the sum of room * (u log u + (1 - u) log(1 - u)), where u = part / room."""
    return cp.sum(cp.rel_entr(part, room) + cp.rel_entr(room - part, room))


def solve(
    p: np.ndarray, objective: cp.Expression, law: cp.Variable, states: np.ndarray, limits: list
) -> np.ndarray:
    """Return the minimizing law, spread over all states."""
    found = np.zeros(len(p))
    found[states] = conic_program(objective, law, limits)
    return found


def sink(law: cp.Expression, p: np.ndarray, mass: float, support: str) -> cp.Expression:
    """Return what spreading `mass` costs: entropy, relative to p where only p's states are left."""
    return cp.sum(cp.rel_entr(law, mass * (p if support == "nominal" else np.ones(len(p)))))


def contamination(p: np.ndarray, cost: np.ndarray, radius: float, support: str) -> np.ndarray:
    """Let a mass `radius` go anywhere."""
    states = reachable(p, support)
    p, cost, whole = p[states], cost[states], p
    law = cp.Variable(len(p))
    added = law - (1 - radius) * p
    return solve(whole, cost @ law + sink(added, p, radius, support), law, states, [added >= 0])


def total_variation(p: np.ndarray, cost: np.ndarray, radius: float, support: str) -> np.ndarray:
    """Take a mass `radius` from p, and let it go anywhere."""
    states = reachable(p, support)
    p, cost, whole = p[states], cost[states], p
    law, held = cp.Variable(len(p)), np.flatnonzero(p > 0)
    taken = cp.Variable(len(held))
    added = law - p + np.eye(len(p))[:, held] @ taken
    objective = cost @ law + filling(taken, p[held]) + sink(added, p, radius, support)
    return solve(whole, objective, law, states, [cp.sum(taken) == radius, added >= 0])


def interval(p: np.ndarray, cost: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Fill between bounds."""
    open_states = np.flatnonzero(upper - lower > 0)
    law = cp.Variable(len(p))
    filled = (law - lower)[open_states]
    objective = cost @ law + filling(filled, (upper - lower)[open_states])
    limits = [lower <= law, law <= upper]
    return solve(p, objective, law, np.arange(len(p)), limits)


def cvar(p: np.ndarray, cost: np.ndarray, level: float) -> np.ndarray:
    """Fill below p / (1 - level)."""
    return interval(p, cost, np.zeros(len(p)), p / (1 - level))


def divergence(p: np.ndarray, cost: np.ndarray, radius: float, kind: str) -> np.ndarray:
    """Stay on p's states, within a ball of the divergence, which is paid for."""
    states = np.flatnonzero(p > 0)
    p, cost, whole = p[states], cost[states], p
    law = cp.Variable(len(p))
    distance, unit = {
        "KL": lambda: (cp.sum(cp.rel_entr(law, p)), 1.0),
        "reverse KL": lambda: (cp.sum(cp.rel_entr(p, law)), 1.0),
        "chi-square": lambda: (cp.sum_squares(cp.multiply(law - p, 1 / np.sqrt(p))), 0.5),
        "Hellinger": lambda: (1 - np.sqrt(p) @ cp.sqrt(law), 2.0),
    }[kind]()
    return solve(whole, cost @ law + unit * distance, law, states, [distance <= radius])


def euclidean(p: np.ndarray, cost: np.ndarray, radius: float) -> np.ndarray:
    """Stay within a Euclidean ball, half the squared distance being paid for."""
    law = cp.Variable(len(p))
    objective = cost @ law + 0.5 * cp.sum_squares(law - p)
    return solve(p, objective, law, np.arange(len(p)), [cp.norm(law - p, 2) <= radius])


def wasserstein(
    p: np.ndarray, cost: np.ndarray, radius: float, metric: np.ndarray, order: float
) -> np.ndarray:
    """Move mass by a plan whose entropy is paid for, the mean of metric^order being bounded."""
    law, held = cp.Variable(len(p)), np.flatnonzero(p > 0)
    plan = cp.Variable((len(held), len(p)))
    masses = np.repeat(p[held][:, None], len(p), axis=1)
    limits = [
        cp.sum(plan, axis=1) == p[held],
        cp.sum(plan, axis=0) == law,
        cp.sum(cp.multiply(metric[held] ** order, plan)) <= radius**order,
    ]
    objective = cost @ law + cp.sum(cp.rel_entr(plan, masses))
    return solve(p, objective, law, np.arange(len(p)), limits)


def scenarios(p: np.ndarray, cost: np.ndarray, laws: np.ndarray) -> np.ndarray:
    """Mix laws (N, S), the entropy of the weights being paid for."""
    law, weights = cp.Variable(len(p)), cp.Variable(len(laws))
    objective = cost @ law - cp.sum(cp.entr(weights))
    return solve(p, objective, law, np.arange(len(p)), [weights @ laws == law])
