"""Brute force for tiny games at a fixed mean field: what the library must agree with.

A game is a kernel (S, A, S), a reward (S, A) and a discount. Nature enters as a callable
`sigma(p, values) -> number`, the support function of its set around the row p, for example

    lambda p, values: worst_case.total_variation(p, values, 0.1)[0]

Sets are (s, a)-rectangular, so some deterministic stationary policy is optimal at all states at
once, and enumerating those policies is enough.
"""

import itertools
from collections.abc import Callable

import numpy as np
from scipy.linalg import null_space

from .programs import linear_program

SupportFunction = Callable[[np.ndarray, np.ndarray], float]


def robust_value(
    kernel: np.ndarray,
    reward: np.ndarray,
    discount: float,
    policy: np.ndarray,
    sigma: SupportFunction,
) -> np.ndarray:
    """Iterate V(s) <- sum_a pi(a|s) (r(s, a) + discount sigma(kernel(s, a), V)) to its fixed point.

    Stops when the two sides differ by 1e-13 of the largest number in play, so the error is below
    1e-13 / (1 - discount) of it.
    """
    values = np.zeros(len(reward))
    played = np.argwhere(policy > 0)
    for _ in range(100_000):
        image = np.zeros_like(values)
        for state, action in played:
            nature = sigma(kernel[state, action], values)
            image[state] += policy[state, action] * (reward[state, action] + discount * nature)
        if np.abs(image - values).max() <= 1e-13 * max(np.abs(image).max(), np.abs(reward).max()):
            return image
        values = image
    raise RuntimeError(f"value iteration at discount {discount} did not reach its fixed point")


def deterministic_policies(num_states: int, num_actions: int) -> list[np.ndarray]:
    """Return all of the num_actions^num_states deterministic policies, each of shape (S, A)."""
    choices = itertools.product(range(num_actions), repeat=num_states)
    return [np.eye(num_actions)[list(choice)] for choice in choices]


def optimal_robust_value(
    kernel: np.ndarray, reward: np.ndarray, discount: float, sigma: SupportFunction
) -> np.ndarray:
    """Return the componentwise maximum of the robust values of all deterministic policies."""
    policies = deterministic_policies(*reward.shape)
    return np.max([robust_value(kernel, reward, discount, pi, sigma) for pi in policies], axis=0)


def exploitability(
    kernel: np.ndarray,
    reward: np.ndarray,
    discount: float,
    policy: np.ndarray,
    sigma: SupportFunction,
) -> float:
    """Return max over s of the optimal robust value minus the policy's, at the same mean field."""
    best = optimal_robust_value(kernel, reward, discount, sigma)
    return float(np.max(best - robust_value(kernel, reward, discount, policy, sigma)))


def stationary_laws(chain: np.ndarray) -> np.ndarray:
    """Return the stationary law of every recurrent class of a chain (S, S), shape (classes, S).

    A state is recurrent if all that it reaches can reach it; each closed class has one law, the
    left null vector of (chain - identity) restricted to it.
    """
    size = len(chain)
    reaches = (np.eye(size) + chain > 0).astype(int)
    for _ in range(size.bit_length()):  # squares: paths of length 2, 4, ... up to at least S
        reaches = (reaches @ reaches > 0).astype(int)
    laws = []
    for state in range(size):
        members = np.flatnonzero(reaches[state])
        closed = reaches[members, state].all()
        if closed and state == members[0]:
            block = chain[np.ix_(members, members)]
            (vector,) = null_space(block.T - np.eye(len(members)), rcond=1e-10).T
            law = np.zeros(size)
            law[members] = vector / vector.sum()
            laws.append(law)
    return np.array(laws)


def transport_distance(p: np.ndarray, q: np.ndarray, cost: np.ndarray) -> float:
    """Return the least <plan, cost> over plans with row sums p and column sums q."""
    size = len(p)
    rows, columns = np.kron(np.eye(size), np.ones(size)), np.kron(np.ones(size), np.eye(size))
    plan = linear_program(
        cost.reshape(-1),
        A_eq=np.vstack([rows, columns[:-1]]),  # the last column sum follows from the others
        b_eq=np.concatenate([p, q[:-1]]),
        bounds=(0, None),
    )
    return float(plan @ cost.reshape(-1))
