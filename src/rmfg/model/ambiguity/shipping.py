"""Which part of a row's mass cannot be shipped within a budget, row by row and on the host.

Mass goes from one law to another along successive cheapest paths (Busacker & Gowen 1960). Along the way
costs per unit rise, so that what has been shipped when the budget ends is the most that it can ship.
No tolerance of a solver is involved, no unit matters, and a move of infinite cost is never made.
"""

import numpy as np
from jaxtyping import Bool, Float

# Paths per state; a plan needs about two of them.
PATHS = 50


def unaffordable_mass(
    before: Float[np.ndarray, "K S A"],
    after: Float[np.ndarray, "K S A"],
    cost: Float[np.ndarray, "K K"],
    budget: Float[np.ndarray, "S A"],
    reachable: Bool[np.ndarray, "K S A"],
) -> Float[np.ndarray, "S A"]:
    """The mass of `after` that the budget cannot bring there from `before`, at best.

    That is the total variation between `after` and the nearest law within the budget. Nothing may
    arrive where it is not reachable.
    """
    missing = np.where(np.isnan(budget), np.nan, 0.0)
    # Where a detour never pays, mass that both laws hold can stay: only the difference moves.
    direct = all((cost <= via[:, None] + cost[k]).all() for k, via in enumerate(cost.T))
    for s, a in np.argwhere(~(before == after).all(axis=0)):
        source, target = before[:, s, a], after[:, s, a]
        if np.isnan(budget[s, a]) or not np.isfinite(target).all():
            missing[s, a] = np.nan
            continue
        kept = np.minimum(source, target)
        rows = source > (kept if direct else 0)
        columns = target > (kept if direct else 0)
        prices = np.where(reachable[:, s, a], cost, np.inf)[np.ix_(rows, columns)]
        stay = np.diag(kept)[np.ix_(rows, columns)]
        supply, demand = (source - kept)[rows], (target - kept)[columns]
        missing[s, a] = _unshipped(supply, demand, prices, stay, float(budget[s, a]))
    return missing


def _unshipped(
    supply: np.ndarray, demand: np.ndarray, cost: np.ndarray, flow: np.ndarray, budget: float
) -> float:
    """Ship along cheapest paths on top of a flow that costs nothing; return the demand that is left."""
    for _ in range(PATHS * (supply.size + demand.size)):
        found = _cheapest_path(supply, demand, cost, flow)
        if found is None:
            break
        price, starts, ends = found
        # The path alternates: forward to ends[k] from starts[k], back along what ends[k + 1] got.
        backward = flow[starts[:-1], ends[1:]]
        most = min(supply[starts[-1]], demand[ends[0]], backward.min(initial=np.inf))
        amount = most if price * most <= budget else budget / price
        flow[starts, ends] += amount
        flow[starts[:-1], ends[1:]] -= amount
        supply[starts[-1]] -= amount
        demand[ends[0]] -= amount
        budget = max(float(budget - price * amount), 0.0)
        if amount < most:
            break
    return float(demand.sum())


def _cheapest_path(
    supply: np.ndarray, demand: np.ndarray, cost: np.ndarray, flow: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray] | None:
    """Price, sources and targets of the cheapest path, from its end to its start (Bellman & Ford)."""
    if not (supply.any() and demand.any()):
        return None
    reached = np.where(supply > 0, 0.0, np.inf)
    arrived = np.full(demand.size, np.inf)
    previous, parent = np.full(supply.size, -1), np.full(demand.size, -1)
    refund = np.where(flow > 0, np.where(np.isfinite(cost), cost, 0), -np.inf)
    for _ in range(supply.size + 1):
        arrived, parent, _ = _nearer(arrived, parent, reached[:, None] + cost, reached)
        reached, previous, changed = _nearer(reached, previous, (arrived - refund).T, arrived)
        if not changed:
            break
    end = int(np.where(demand > 0, arrived, np.inf).argmin())
    price = float(arrived[end])
    if not (demand[end] > 0 and np.isfinite(price)):
        return None
    starts, ends = [int(parent[end])], [end]
    while previous[starts[-1]] >= 0:
        if len(starts) > supply.size:
            return None
        ends.append(int(previous[starts[-1]]))
        starts.append(int(parent[ends[-1]]))
    return max(price, 0.0), np.array(starts), np.array(ends)


def _nearer(
    known: np.ndarray, origin: np.ndarray, offers: np.ndarray, size: np.ndarray
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Prices where the best of the offers (over the first axis) is lower, and whose offer it was."""
    best = offers.argmin(axis=0)
    price = offers[best, np.arange(known.size)]
    # A gain within rounding is none: two of them could close a cycle.
    finite = np.isfinite(known) & np.isfinite(price)
    sizes = np.where(finite, np.abs(known) + np.abs(size[best]), 0)
    lower = price < known - 8 * np.finfo(float).eps * sizes
    return np.where(lower, price, known), np.where(lower, best, origin), bool(lower.any())
