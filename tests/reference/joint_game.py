"""The robust N-agent game by enumeration of joint states: what programs on counts must agree with.

A joint state x = (x_1, ..., x_N) says where every agent is, and all arrays over joint states have
shape (S,) * N, agent 1 first. With m the empirical law of all N agents at x,

- agent 1 in x_1 plays a, earns reward(m)[x_1, a], and moves by the law that nature picks around
  kernel(m)[x_1, a];
- every other agent j moves from x_j by sum_a policy[x_j, a] others(m)[x_j, a], independently.

Nature knows a, but not where the others go next, so she lowers the mean of

    W(s') = expected V(s', where the others go next),

and the robust value of an action at x is reward(m)[x_1, a] + discount * worst(kernel(m)[x_1, a], W).
Nature is a callable `worst(row, values, law, state, action) -> number`; those offered here are
closed forms, and `everywhere` takes the programs of `worst_case`, each of which costs a millisecond
and is asked S^N * A times in every sweep.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .games import SupportFunction
from .programs import reachable

ArrayOf = Callable[[np.ndarray], np.ndarray]  # of the law (S,): a kernel (S, A, S), or a reward
Worst = Callable[[np.ndarray, np.ndarray, np.ndarray, int, int], float]


# Nature -----------------------------------------------------------------------------------------


def everywhere(sigma: SupportFunction) -> Worst:
    """Let nature answer by `sigma(row, values)`, whatever the law, the state and the action."""
    return lambda row, values, law, state, action: sigma(row, values)


def nominal(row: np.ndarray, values: np.ndarray, *_: object) -> float:
    """Leave the row as it is."""
    return float(row @ values)


def contamination(radius: float, support: str = "all") -> Worst:
    """Let q = (1 - radius) row + radius x, where x is any law on the support."""

    def sigma(row: np.ndarray, values: np.ndarray) -> float:
        return float((1 - radius) * (row @ values) + radius * values[reachable(row, support)].min())

    return everywhere(sigma)


def total_variation(radius: float, support: str = "all") -> Worst:
    """Let 1/2 sum |q - row| <= radius: that mass moves from the highest values to the lowest."""

    def sigma(row: np.ndarray, values: np.ndarray) -> float:
        lowest = values[reachable(row, support)].min()
        left, total = radius, row @ values
        for state in np.argsort(-values):
            moved = min(left, row[state])
            left, total = left - moved, total - moved * (values[state] - lowest)
        return float(total)

    return everywhere(sigma)


# Joint states -----------------------------------------------------------------------------------


def empirical_law(joint: tuple[int, ...], num_states: int) -> np.ndarray:
    """Return the share of agents in every state, shape (S,)."""
    return np.bincount(joint, minlength=num_states) / len(joint)


def independent(rows: list[np.ndarray]) -> np.ndarray:
    """Return the joint law of agents that go their own ways, one row (S,) each: shape (S,) * N."""
    joint_law = np.ones([len(row) for row in rows])
    for joint in np.ndindex(joint_law.shape):
        for row, state in zip(rows, joint, strict=True):
            joint_law[joint] *= row[state]
    return joint_law


def policy_rows(policy: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Return the chain (S, S) of one agent that plays the policy."""
    return np.einsum("sa,sat->st", policy, kernel)


# The game of agent 1 ----------------------------------------------------------------------------


class Solution(NamedTuple):
    """Agent 1's robust values at all joint states, if it may deviate and if it plays the policy."""

    best: np.ndarray
    played: np.ndarray

    def gap(self, distribution: np.ndarray) -> float:
        """Return what deviating is worth if all agents start independently from the law (S,)."""
        starts = independent([np.asarray(distribution)] * self.best.ndim)
        return float(np.sum(starts * (self.best - self.played)))


def solve(
    kernel: ArrayOf,
    reward: ArrayOf,
    discount: float,
    num_agents: int,
    policy: np.ndarray,
    others: ArrayOf,
    worst: Worst = nominal,
) -> Solution:
    """Return agent 1's optimal robust values, and those of the policy, at all joint states.

    Both are off by at most 1e-13 / (1 - discount) of the range of the reward at all laws met,
    and as much again of rounding. With an axis more, a policy (S, A) comes for each joint state:
    `policy[x][s, a]` of shape (S,) * N + (S, A).
    """
    num_states, num_actions = policy.shape[-2:]
    shape = (num_states,) * num_agents
    plans = np.broadcast_to(policy, (*shape, num_states, num_actions))
    laws, rows, rewards, others_next = {}, {}, {}, {}
    for joint in np.ndindex(shape):
        law = laws[joint] = empirical_law(joint, num_states)
        rows[joint] = np.asarray(kernel(law))[joint[0]]
        rewards[joint] = np.asarray(reward(law), dtype=float)[joint[0]]
        chain = policy_rows(plans[joint], np.asarray(others(law)))
        others_next[joint] = independent([chain[state] for state in joint[1:]])
    lowest = min(earned.min() for earned in rewards.values())
    reward_range = max(earned.max() for earned in rewards.values()) - lowest

    def action_values(joint: tuple[int, ...], values: np.ndarray) -> np.ndarray:
        """Return the robust value of every action, rewards being counted from the lowest one."""
        mean = np.array([np.sum(others_next[joint] * values[state]) for state in range(num_states)])
        earned = rewards[joint] - lowest
        for action in range(num_actions):
            row = rows[joint][action]
            earned[action] += discount * worst(row, mean, laws[joint], joint[0], action)
        return earned

    def fixed_point(choose: Callable[[np.ndarray, tuple[int, ...]], float]) -> np.ndarray:
        values = np.zeros(shape)
        for _ in range(100_000):
            image = np.zeros(shape)
            for joint in np.ndindex(shape):
                image[joint] = choose(action_values(joint, values), joint)
            if np.abs(image - values).max() <= 1e-13 * reward_range:
                return image + lowest / (1 - discount)
            values = image
        raise RuntimeError(f"value iteration at discount {discount} did not reach its fixed point")

    best = fixed_point(lambda earned, _: earned.max())
    return Solution(best, fixed_point(lambda earned, joint: plans[joint][joint[0]] @ earned))


# A population that plays the policy -------------------------------------------------------------


def simulate_law(
    others: ArrayOf, policy: np.ndarray, distribution: np.ndarray, num_agents: int, steps: int
) -> np.ndarray:
    """Return the law of the joint state after `steps`, shape (S,) * N, all N agents being alike.

    They start independently from `distribution`, play the policy and move by `others`.
    """
    joint_law = independent([np.asarray(distribution)] * num_agents)
    for _ in range(steps):
        following = np.zeros_like(joint_law)
        for joint in np.ndindex(joint_law.shape):
            law = empirical_law(joint, len(policy))
            chain = policy_rows(policy, np.asarray(others(law)))
            following += joint_law[joint] * independent([chain[state] for state in joint])
        joint_law = following
    return joint_law


def expected(joint_law: np.ndarray, function: ArrayOf = np.asarray) -> np.ndarray:
    """Return the mean of a function of the empirical law; without one, of that law itself."""
    laws = {joint: empirical_law(joint, len(joint_law)) for joint in np.ndindex(joint_law.shape)}
    return sum(joint_law[joint] * np.asarray(function(law)) for joint, law in laws.items())
