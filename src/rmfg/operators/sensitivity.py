"""How sensitive the stationary law of a chain is, and which parts of the chain are nearly closed.

A law m that is off balance by e = m - m K is off the stationary law mu by e times the group inverse
of I - K. The condition number is the largest factor,

    |m - mu|_1 <= kappa |m - m K|_1,     kappa = 1/2 max over i, k of |X_i - X_k|_1,

with X_i = G_i - h_i mu, where G_i are the expected visits from state i until a state z is hit, and
h_i their number, the passage time (X_i - X_k is a difference of rows of the group inverse). Since
|X_i - X_k|_1 <= h_i + h_k + |h_i - h_k|, also kappa <= max over i of h_i, whatever z is: the bound for
large chains, too large by up to a factor of the number of states where the chain mixes fast.

With several closed classes mu is the law in the long run from m. Off-balance mass on a transient state
t, sent to the states z of the classes, costs at most 2 h_t, and what is left is inside the classes:

    kappa <= max over t of 2 h_t + max over classes of their kappa.

Visits and passage times come from elimination without subtractions, so two wells joined by moves of
probability 1e-6 both ways have a condition number of 1e6 to all but the last digits.

    @article{choMeyer2001, author = {Cho, G. E. and Meyer, C. D.}, title = {Comparison of
      perturbation bounds for the stationary distribution of a Markov chain}, journal = {Linear
      Algebra and its Applications}, volume = {335}, pages = {137--150}, year = {2001}}
"""

from typing import NamedTuple

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
from jaxtyping import Float, Int

from rmfg.operators.elimination import costs, eliminate, visits
from rmfg.operators.refined import ROUGH, rough_costs
from rmfg.operators.stationary import as_table, off_diagonal, per_jump, recurrent_classes

# Up to this many states all pairs of states are compared; a tenth of a second.
EXACT_UP_TO = 500
# Parts count as nearly closed where they are left this many times more rarely than the bottlenecks
# inside them are passed; without a gap of this kind a slow chain is just slow.
SEPARATION = 100
# More parts are not looked for: nobody reads a longer list.
MOST_GROUPS = 8


def sensitivity(chain: scipy.sparse.csr_array, law: Float[np.ndarray, " S"]) -> float:
    """Return kappa with |m - long run of m|_1 <= kappa |m - m K|_1 for every law m.

    Exact for one recurrent class up to `EXACT_UP_TO` states, else a proved upper bound; inf where
    it leaves the range of float64. `law` says where the mass is: passage times are measured to the
    heaviest state of each class.
    """
    moves = off_diagonal(chain)
    classes = recurrent_classes(moves)
    targets = np.array([states[np.argmax(law[states])] for states in classes])
    rest = np.setdiff1d(np.arange(law.size), targets)
    if rest.size == 0:
        return 0.0
    jumps, moving = per_jump(moves)
    if len(classes) == 1 and law.size <= EXACT_UP_TO:
        return _exact(jumps, moving, int(targets[0]), rest)
    passage = np.zeros(law.size)
    passage[rest] = _passage(jumps, rest, targets, 1 / moving[rest])
    if len(classes) == 1:
        return float(passage.max())
    inside = [sensitivity(moves[states][:, states], law[states]) for states in classes]
    transient = np.setdiff1d(rest, np.concatenate(classes))
    return float(2 * passage[transient].max(initial=0) + max(inside))


def _exact(
    jumps: scipy.sparse.csr_array | np.ndarray, moving: np.ndarray, target: int, rest: np.ndarray
) -> float:
    """The condition number itself, from all rows X_i."""
    factors = eliminate(jumps[rest][:, rest], as_table(jumps[rest][:, [target]])[:, 0])
    if factors.logarithms:
        return np.inf
    starts = np.eye(rest.size, rest.size + 1)
    starts[:, -1] = as_table(jumps[[target]][:, rest])[0]  # a round trip from the target
    with np.errstate(over="ignore", invalid="ignore"):
        visited = np.insert(visits(factors, starts) / moving[rest][:, None], target, 0, axis=0)
        visited[target, -1] = 1 / moving[target]
        law = visited[:, -1] / visited[:, -1].sum()
        from_rest = visited[:, :-1]
        deviations = from_rest.T - from_rest.sum(axis=0)[:, None] * law
    if not np.isfinite(deviations).all():
        return np.inf
    return _widest(np.append(deviations, np.zeros((1, law.size)), axis=0)) / 2


def _passage(
    jumps: scipy.sparse.csr_array | np.ndarray,
    rest: np.ndarray,
    targets: np.ndarray,
    cost: np.ndarray,
) -> np.ndarray:
    """Expected costs from the other states to the targets, never too small; inf out of range."""
    inside, excess = jumps[rest][:, rest], jumps[rest][:, targets].sum(axis=1)
    if isinstance(inside, scipy.sparse.csr_array):
        found = rough_costs(inside, excess, cost)
        if found is not None:
            return found + ROUGH * found.max()
    factors = eliminate(inside, excess)
    if factors.logarithms:
        return np.full(rest.size, np.inf)
    with np.errstate(over="ignore", invalid="ignore"):
        return costs(factors, cost[:, None])[:, 0]


def _widest(rows: Float[np.ndarray, "n S"]) -> float:
    """The largest distance in L1 between two rows."""
    center = (rows.max(axis=0) + rows.min(axis=0)) / 2
    radius = np.abs(rows - center).sum(axis=1)
    sorting = np.argsort(-radius)
    rows, radius, widest = rows[sorting], radius[sorting], 0.0
    for number, row in enumerate(rows):
        # Only rows that are far enough out can be further apart than the widest pair so far.
        stop = int(np.searchsorted(-radius, radius[number] - widest))
        if stop <= number + 1:
            continue
        distance = np.abs(rows[number + 1 : stop] - row).sum(axis=1)
        widest = max(widest, float(distance.max()))
    return widest


def nearly_closed(
    chain: scipy.sparse.csr_array, law: Float[np.ndarray, " S"]
) -> list[Int[np.ndarray, " _"]]:
    """Return the parts of the chain that hardly exchange mass, or no part where there are none.

    Parts are cut where little flows beside what the smaller side holds: one bottleneck after
    another, each the best cut along the passage times to the heaviest state. They are named if
    the next bottleneck passes `SEPARATION` times more. Classes that are closed count as parts.
    States without mass belong to none.
    """
    moves = off_diagonal(chain)
    held = np.flatnonzero(law > 0)
    flow = scipy.sparse.diags_array(law[held]) @ moves[held][:, held]
    flow = scipy.sparse.csr_array((flow + flow.T) / 2)
    flow.eliminate_zeros()
    # Parts with their best cut, split at the narrowest one as long as there is a narrow one.
    parts = [_cut(flow, law[held], np.arange(held.size))]
    widths: list[float] = []
    answer: list[np.ndarray] = []
    while len(parts) <= MOST_GROUPS:
        parts.sort(key=lambda part: part.width)
        narrowest = parts[0]
        if widths and narrowest.width >= SEPARATION * widths[-1]:
            answer = [part.states for part in parts]
        if not narrowest.width <= 1 / SEPARATION:
            break
        widths.append(max([narrowest.width, *widths]))
        near = np.setdiff1d(narrowest.states, narrowest.far)
        parts = [*parts[1:], _cut(flow, law[held], near), _cut(flow, law[held], narrowest.far)]
    return sorted((held[states] for states in answer), key=lambda states: states[0])


class _Part(NamedTuple):
    """A part of the chain, and how much of its smaller side passes its best cut in one step."""

    states: np.ndarray
    far: np.ndarray
    width: float


def _cut(flow: scipy.sparse.csr_array, law: np.ndarray, states: np.ndarray) -> _Part:
    """Find the best cut of a part along the passage times to its heaviest state."""
    if states.size == 1:
        return _Part(states, states[:0], np.inf)
    inner, mass = flow[states][:, states], law[states]
    label = scipy.sparse.csgraph.connected_components(inner, directed=False)[1]
    apart = label != label[np.argmax(mass)]
    if apart.any():
        return _Part(states, states[apart], 0.0)
    target = int(np.argmax(mass))
    rest = np.delete(np.arange(states.size), target)
    jumps, moving = per_jump(inner)
    passage = _passage(jumps, rest, np.array([target]), mass[rest] / moving[rest])
    order = np.append(rest[np.argsort(-passage)], target)
    rank = np.empty(states.size, np.int64)
    rank[order] = np.arange(states.size)
    source, sink = inner.nonzero()
    low, high = np.minimum(rank[source], rank[sink]), np.maximum(rank[source], rank[sink])
    across = np.zeros(states.size + 1)
    np.add.at(across, low, inner.data / 2)
    np.add.at(across, high, -inner.data / 2)
    far_mass = np.cumsum(mass[order])[:-1]
    width = np.cumsum(across)[: states.size - 1] / np.minimum(
        far_mass, far_mass[-1] + mass[target] - far_mass
    )
    best = int(np.argmin(width))
    return _Part(states, np.sort(states[order[: best + 1]]), float(width[best]))
