"""Stationary laws of the chain that a policy and a kernel make, each entry to full precision.

A finite chain has one stationary law per recurrent class, a set of states that reach each other and
nothing else. They are found from the graph of positive probabilities, so transient states get
exactly zero, periodic chains are no special case, and several classes cannot go unnoticed. On a
class the law is the expected visits between two returns to one of its states, by elimination without
subtractions (`rmfg.operators.elimination`): parts that are joined by moves of probability 1e-8 or
1e-200 are weighed as precisely as any other. The shares of the classes from a starting law,
probabilities of absorption, are computed the same way. Runs on the host: the graph decides what is
computed.

What a chain is, its numbers say: each positive entry counts off the diagonal, however small, and
diagonals count for nothing (staying takes time, and shares of time are given by the rest). So a
move of probability 1e-20 beside moves of 1e-19 is a number like any other, and slowing all moves
down changes no digit. The price is that rounding debris, 1e-17 where zero was meant, is a way out of
a class that had none; nobody else can tell it from a rare move, so whoever makes kernels and policies
has to clear it away. Negative entries are taken as zero.
"""

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
from jaxtyping import Float, Int

from rmfg.core import checks
from rmfg.core.precision import Array
from rmfg.model.kernel import Kernel, as_kernel
from rmfg.operators.elimination import eliminate, scaled_visits
from rmfg.operators.ordering import one_table
from rmfg.operators.refined import refined_visits

# Powers of two this far down are zero in float64, from any other number.
LOST = 4000


def stationary_distribution(
    kernel: Kernel | Array,
    policy: Float[Array, "S A"],
    *,
    initial: Float[Array, " S"] | None = None,
) -> Float[np.ndarray, " S"]:
    """Return the stationary law (S,) of the policy under the kernel, each entry precisely.

    If the chain has several recurrent classes there are many stationary laws, and `initial` says
    where the population starts: the result is then its long-run average law.
    Raises ValueError, naming the classes, where there are several and no `initial` is given.
    """
    kernel = as_kernel(kernel)
    policy = checks.policy("policy", policy, kernel.num_states, kernel.num_actions)
    policy = np.asarray(policy)
    chain = kernel.chain(policy)
    if initial is None:
        moves = off_diagonal(chain)
        classes = recurrent_classes(moves)
        if len(classes) == 1:
            return _law_on(moves, classes[0])
        shown = "; ".join(
            str(states[:6].tolist())[:-1] + ", ...]" if states.size > 6 else str(states.tolist())
            for states in classes[:4]
        )
        raise ValueError(
            f"`policy` has {len(classes)} recurrent classes under this kernel, hence many stationary "
            f"laws: {shown}. Say where the population starts with `initial`."
        )
    start = checks.distribution("initial", initial, kernel.num_states)
    return long_run_law(chain, np.asarray(start))


def long_run_law(
    chain: scipy.sparse.csr_array, initial: Float[np.ndarray, " S"]
) -> Float[np.ndarray, " S"]:
    """Return the long-run average law of a chain that starts from a law (or from masses)."""
    moves = off_diagonal(chain)
    classes = recurrent_classes(moves)
    if len(classes) == 1:
        return _law_on(moves, classes[0])
    total = np.zeros(_size(moves))
    shares = absorbed(moves, classes, np.maximum(initial, 0))
    for share, states in zip(shares, classes, strict=True):
        if share > 0:
            total[states] = share * _mass_on(moves, states)
    return total / total.sum()


def off_diagonal(chain: scipy.sparse.csr_array) -> scipy.sparse.csr_array:
    """Return the positive moves of a chain to other states."""
    size = _size(chain)
    entries = chain.tocoo()
    source, target = entries.coords
    keep = (source != target) & (entries.data > 0)
    shape = (size, size)
    moves = scipy.sparse.csr_array((entries.data[keep], (source[keep], target[keep])), shape=shape)
    moves.sum_duplicates()
    return moves


def recurrent_classes(chain: scipy.sparse.csr_array) -> list[Int[np.ndarray, " _"]]:
    """Return the states of each recurrent class, classes ordered by their first state."""
    count, label = scipy.sparse.csgraph.connected_components(chain, connection="strong")
    source, target = chain.nonzero()
    leaving = label[source] != label[target]
    closed = np.ones(count, dtype=bool)
    closed[label[source[leaving]]] = False
    order = np.argsort(label, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(label))[:-1])
    return sorted(
        (members[number] for number in np.flatnonzero(closed)), key=lambda states: states[0]
    )


def _law_on(moves: scipy.sparse.csr_array, states: np.ndarray) -> np.ndarray:
    """The stationary law that lives on one recurrent class."""
    law = np.zeros(_size(moves))
    law[states] = _mass_on(moves, states)
    return law


def _mass_on(moves: scipy.sparse.csr_array, states: np.ndarray) -> np.ndarray:
    """The law of the states of a recurrent class."""
    if states.size == 1:
        return np.ones(1)
    block = moves if states.size == _size(moves) else moves[states][:, states]
    jumps, moving = per_jump(block)
    # Rounds end in a state that many others jump to: they are short.
    hub = int(np.argmax(jumps.sum(axis=0)))
    others = np.delete(np.arange(states.size), hub)
    number, power = _visits(
        jumps[others][:, others],
        as_table(jumps[others][:, [hub]])[:, 0],
        as_table(jumps[[hub]][:, others])[0],
    )
    number, power = np.insert(number, hub, 1.0), np.insert(power, hub, 0)
    # Jumps into a state, times how long it is kept: a quotient that may leave the range.
    share, shift = np.frexp(moving)
    power = power - shift
    mass = np.ldexp(number / share, np.maximum(power - power.max(), -LOST).astype(np.int32))
    return mass / mass.sum()


def absorbed(
    moves: scipy.sparse.csr_array, classes: list[Int[np.ndarray, " _"]], start: np.ndarray
) -> Float[np.ndarray, " C"]:
    """Return how much of the starting masses ends up in each class, as shares of one."""
    size = _size(moves)
    label = np.full(size, len(classes))
    for number, states in enumerate(classes):
        label[states] = number
    shares = np.bincount(label, start, len(classes) + 1)[:-1]
    transient = _reached(moves, np.flatnonzero((label == len(classes)) & (start > 0)))
    transient = transient[label[transient] == len(classes)]
    if transient.size:
        jumps, _ = per_jump(moves[transient])
        source, target = jumps.nonzero()
        leaving = label[target] < len(classes)
        source, target = source[leaving], target[leaving]
        chance = as_table(jumps[source, target])
        excess = np.bincount(source, chance, transient.size)
        number, power = _visits(jumps[:, transient], excess, start[transient])
        # Visits and chances may leave the range, their products are probabilities.
        digits, shift = np.frexp(chance)
        arrived = np.ldexp(number[source] * digits, power[source] + shift)
        shares = shares + np.bincount(label[target], arrived, len(classes))
    return shares / shares.sum()


def _visits(
    inside: scipy.sparse.csr_array | np.ndarray, excess: np.ndarray, start: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Expected visits as numbers times powers of two, by the fastest way that is precise."""
    if isinstance(inside, scipy.sparse.csr_array):
        found = refined_visits(inside, excess, start)
        if found is not None:
            return np.frexp(found)
    return scaled_visits(eliminate(inside, excess), start)


def _reached(moves: scipy.sparse.csr_array, sources: np.ndarray) -> np.ndarray:
    """All states that the sources reach, themselves included, in increasing order."""
    if sources.size == 0:
        return sources
    size = _size(moves)
    # One more state that leads to all sources: a single search from there.
    first = scipy.sparse.csr_array(
        (np.ones(sources.size), (np.zeros_like(sources), sources)), shape=(1, size)
    )
    graph = scipy.sparse.block_array([[moves, None], [first, scipy.sparse.csr_array((1, 1))]])
    found = scipy.sparse.csgraph.breadth_first_order(graph, size, return_predecessors=False)
    return np.sort(found[found < size])


def per_jump(
    moves: scipy.sparse.csr_array,
) -> tuple[scipy.sparse.csr_array | np.ndarray, np.ndarray]:
    """Return each row divided by its sum, so that tiny rates are as good as any, and the sums.

    A table where the chain is small or full.
    """
    if one_table(_size(moves), moves.nnz):
        table = moves.toarray()
        moving = _or_one(table.sum(axis=1))
        return table / moving[:, None], moving
    moving = _or_one(moves.sum(axis=1))
    jumps = moves.copy()
    jumps.data /= np.repeat(moving, np.diff(moves.indptr))
    return jumps, moving


def _or_one(moving: np.ndarray) -> np.ndarray:
    """States that are never left count as left once a step: it is not asked how often."""
    return np.where(moving > 0, moving, 1.0)


def as_table(block: scipy.sparse.csr_array | np.ndarray) -> np.ndarray:
    return block if isinstance(block, np.ndarray) else block.toarray()


def _size(chain: scipy.sparse.csr_array) -> int:
    return chain.indptr.size - 1
