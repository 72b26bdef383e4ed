"""Agents whose actions come from outside, moved all at once by nature's kernel.

Rewards and the kernel are those at the empirical law m of all N agents, where k_s of them are in s:

    m(s) = k_s / N,    reward(m)(s_i, a_i) to agent i,    s'_i ~ kernel(m)(s_i, a_i) independently.

In games whose mean field is a law over states and actions, m is the empirical law of both: the actions
are known when agents move (`rmfg.simulate` takes their expectation under the policy instead). One agent
alone, who is too small to matter, faces a population at a fixed law, whatever it does.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from rmfg.core import checks
from rmfg.population.disintegration import disintegrated
from rmfg.population.dynamics import Dynamics

_rows = eqx.filter_jit(Dynamics.rows)


class Transitions(NamedTuple):
    """Rewards at a mean field, successors, and the distribution functions to draw them by."""

    reward: Float[np.ndarray, "S A"]
    successors: Int[np.ndarray, "K S A"]
    cumulative: Float[np.ndarray, "K S A"]


class ControlledPopulation:
    """A population in states (N,) that takes actions (N,) from outside, is rewarded and moved.

    Agents start independently from the law `initial`. With `fixed`, a law over states, they face a
    population that stays at this law and plays the policy of the dynamics; nature then answers it at
    each start, and her kernel stays until the next one. From step to step only the random generator
    and the values that nature plays against are remembered.
    """

    def __init__(
        self,
        dynamics: Dynamics,
        initial: Float[np.ndarray, " S"],
        fixed: Float[np.ndarray, " S"] | None = None,
    ):
        self.dynamics, self.initial, self.fixed = dynamics, initial, fixed
        self.num_states, self.num_actions = dynamics.policy.shape
        self.random = np.random.default_rng()
        self.values = dynamics.values
        self.transitions: Transitions | None = None

    def start(
        self, num_agents: int, seed: int | np.random.Generator | None = None
    ) -> Int[np.ndarray, " N"]:
        """Return the states of agents who begin anew; without a seed the generator goes on."""
        if seed is not None:
            self.random = np.random.default_rng(seed)
        self.values = self.dynamics.values
        if self.fixed is not None:
            self.transitions = self._transitions(self.dynamics, self.fixed)
        cumulative = np.cumsum(self.initial)
        draws = self.random.random(num_agents)
        return np.searchsorted(cumulative[:-1] / cumulative[-1], draws, side="right")

    def empirical_law(self, states: Int[np.ndarray, " N"]) -> Float[np.ndarray, " S"]:
        """Return the empirical law of agents in these states."""
        return np.bincount(states, minlength=self.num_states) / len(states)

    def step(
        self, states: Int[np.ndarray, " N"], actions: Int[np.ndarray, " N"]
    ) -> tuple[Int[np.ndarray, " N"], Float[np.ndarray, " N"]]:
        """Return the states of all agents after one step, and their rewards for it.

        Raises ValueError or TypeError for states and actions that are none.
        """
        states, actions = np.asarray(states), np.asarray(actions)
        checked_numbers("states", states, len(states), self.num_states)
        checked_numbers("actions", actions, len(states), self.num_actions)
        found = self.transitions
        if found is None:
            found = self._transitions_among(states, actions)
        draws = self.random.random(len(states))
        # Bisect for the first slot whose distribution function exceeds the draw. It has mass, since the
        # function rises there.
        last_slot = len(found.cumulative) - 1
        first, last = np.zeros((2, len(states)), dtype=np.int64)
        last += last_slot
        for _ in range(last_slot.bit_length()):
            middle = (first + last) // 2
            beyond = draws >= found.cumulative[middle, states, actions]
            first, last = np.where(beyond, middle + 1, first), np.where(beyond, last, middle)
        following = found.successors[last, states, actions].astype(np.int64)
        return following, found.reward[states, actions]

    def _transitions_among(self, states: np.ndarray, actions: np.ndarray) -> Transitions:
        """The transitions at the agents' own empirical law."""
        if self.dynamics.problem.game.mean_field == "state":
            return self._transitions(self.dynamics, self.empirical_law(states))
        pairs = np.bincount(
            states * self.num_actions + actions, minlength=self.num_states * self.num_actions
        )
        joint = pairs.reshape(self.num_states, self.num_actions) / len(states)
        distribution, policy = disintegrated(joint)
        # Nature keeps playing against the policy that she was given; only the mean field is theirs.
        moving = eqx.tree_at(lambda dynamics: dynamics.policy, self.dynamics, policy)
        return self._transitions(moving, distribution)

    def _transitions(self, dynamics: Dynamics, distribution: np.ndarray) -> Transitions:
        """The transitions at a law over states; nature's values become those of the next step."""
        with jax.enable_x64(True):
            key = jax.random.key(self.random.integers(2**32))
            found = _rows(dynamics, jnp.asarray(distribution), jnp.asarray(self.values), key)
        reward, successors, rows, values = (np.asarray(array) for array in found)
        self.values = values
        cumulative = np.cumsum(rows, axis=0)
        return Transitions(reward, successors, cumulative / cumulative[-1])


def checked_numbers(name: str, numbers: np.ndarray, count: int, size: int) -> np.ndarray:
    """Refuse anything but one whole number from 0 to size - 1 for each agent."""
    checks.shaped(name, numbers, (count,), "(agents,)")
    if numbers.dtype.kind not in "iu":
        raise TypeError(f"`{name}` must be integers, but has type {numbers.dtype}.")
    bad = (numbers < 0) | (numbers >= size)
    if bad.any():
        agent = int(np.argmax(bad))
        raise ValueError(
            f"`{name}` must be whole numbers from 0 to {size - 1}, but is {numbers[agent]} for agent "
            f"{agent}. Count from zero."
        )
    return numbers
