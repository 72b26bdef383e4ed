"""Stationary laws of the chain that a policy and a kernel make.

A finite chain has one stationary law per recurrent class, a set of states that reach each other and
nothing else. They are found from the graph of positive probabilities, so transient states get
exactly zero, periodic chains are no special case, and several classes cannot go unnoticed.
Probabilities below the rounding unit count as zero: what is lost is below any residual. On a class
the balance equations are solved with one state's mass fixed: the rest is a nonsingular
M-matrix. Runs on the host: the graph decides what is computed.
"""

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
import scipy.sparse.linalg
from jaxtyping import Float, Int

from rmfg.core import checks
from rmfg.core.precision import Array, as_float
from rmfg.model.kernel import Kernel, as_kernel

# Up to this many states a dense factorization is faster than a sparse one.
DENSE_UP_TO = 300


def stationary_distribution(
    kernel: Kernel | Array,
    policy: Float[Array, "S A"],
    *,
    initial: Float[Array, " S"] | None = None,
) -> Float[np.ndarray, " S"]:
    """Return the stationary law (S,) of the policy under the kernel.

    If the chain has several recurrent classes there are many stationary laws, and `initial` says
    where the population starts: the result is then its long-run average law.
    Raises ValueError, naming the classes, where there are several and no `initial` is given.
    """
    kernel = as_kernel(kernel)
    policy = np.asarray(as_float(policy))
    checks.policy("policy", policy, kernel.num_states, kernel.num_actions)
    chain = kernel.chain(policy)
    # A move less likely than rounding cannot be told from none, and would make balances singular.
    chain.data[chain.data < np.finfo(np.float64).eps] = 0
    chain.eliminate_zeros()
    classes = recurrent_classes(chain)
    if len(classes) == 1:
        return _law_on(chain, classes[0])
    if initial is None:
        shown = "; ".join(
            str(states[:6].tolist())[:-1] + ", ...]" if states.size > 6 else str(states.tolist())
            for states in classes[:4]
        )
        raise ValueError(
            f"`policy` has {len(classes)} recurrent classes under this kernel, hence many stationary "
            f"laws: {shown}. Say where the population starts with `initial`."
        )
    start = np.asarray(as_float(initial))
    checks.distribution("initial", start, kernel.num_states)
    shares = _absorbed(chain, classes, start)
    laws = (share * _law_on(chain, states) for share, states in zip(shares, classes, strict=True))
    return np.sum(list(laws), axis=0)


def recurrent_classes(chain: scipy.sparse.csr_array) -> list[Int[np.ndarray, " _"]]:
    """Return the states of each recurrent class, classes ordered by their first state."""
    count, label = scipy.sparse.csgraph.connected_components(chain, connection="strong")
    source, target = chain.nonzero()
    leaving = label[source] != label[target]
    closed = np.ones(count, dtype=bool)
    closed[label[source[leaving]]] = False
    members = (np.flatnonzero(label == number) for number in np.flatnonzero(closed))
    return sorted(members, key=lambda states: states[0])


def _law_on(chain: scipy.sparse.csr_array, states: np.ndarray) -> np.ndarray:
    """The stationary law that lives on one recurrent class."""
    law = np.zeros(_size(chain))
    block = chain[states][:, states]
    # The state fixed should hold much mass: one with many ways in.
    pivot = int(np.argmax(block.sum(axis=0)))
    rest = np.delete(np.arange(states.size), pivot)
    mass = np.ones(states.size)
    if rest.size:
        system = scipy.sparse.eye_array(rest.size) - block[rest][:, rest].T
        inflow = np.asarray(block[[pivot]][:, rest].todense()).ravel()
        try:
            mass[rest] = _solve(system.tocsc(), inflow)
        except (np.linalg.LinAlgError, RuntimeError):
            mass = _eliminated(block.toarray())
    mass = np.maximum(mass, 0)
    law[states] = mass / mass.sum()
    return law


def _eliminated(chain: Float[np.ndarray, "n n"]) -> Float[np.ndarray, " n"]:
    """The stationary law by state reduction, without a subtraction (Grassmann, Taksar & Heyman 1985).

    Slower than a factorization, but parts of a class joined by moves of probability 1e-16 are no
    singular system to it.
    """
    size = len(chain)
    for last in range(size - 1, 0, -1):
        chain[:last, last] /= chain[last, :last].sum()
        chain[:last, :last] += np.outer(chain[:last, last], chain[last, :last])
    mass = np.ones(size)
    for state in range(1, size):
        mass[state] = mass[:state] @ chain[:state, state]
        mass[: state + 1] /= mass[: state + 1].max()
    return mass


def _absorbed(
    chain: scipy.sparse.csr_array, classes: list[np.ndarray], start: np.ndarray
) -> np.ndarray:
    """How much of the starting law ends up in each class."""
    transient = np.setdiff1d(np.arange(_size(chain)), np.concatenate(classes))
    shares = np.array([start[states].sum() for states in classes])
    if transient.size and start[transient].any():
        inside = chain[transient][:, transient]
        visits = _solve(
            (scipy.sparse.eye_array(transient.size) - inside.T).tocsc(), start[transient]
        )
        leaving = chain[transient].T @ np.maximum(visits, 0)
        shares += np.array([leaving[states].sum() for states in classes])
    return shares / shares.sum()


def _size(chain: scipy.sparse.csr_array) -> int:
    return chain.indptr.size - 1


def _solve(matrix: scipy.sparse.csc_array, right: np.ndarray) -> np.ndarray:
    if right.size <= DENSE_UP_TO:
        return np.linalg.solve(matrix.toarray(), right)
    return scipy.sparse.linalg.splu(matrix).solve(right)
