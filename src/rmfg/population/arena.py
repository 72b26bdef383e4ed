"""Agents whose actions come from outside, moved all at once, and nature, who moves them.

Rewards and the kernel are those at the empirical law m of all N agents, where k_s of them are in s:

    m(s) = k_s / N,    reward(m)(s_i, a_i) to agent i,    s'_i ~ kernel(m)(s_i, a_i) independently.

In games whose mean field is a law over states and actions, m is the empirical law of both: the actions
are known when agents move (`rmfg.simulate` takes their expectation under the policy instead). An
agent too small to matter meets a crowd: a mean field that stays as it is, whatever it does.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from rmfg.core import checks
from rmfg.core.precision import Array
from rmfg.population.dynamics import Dynamics


class Arena:
    """The rules by which agents in states (N,) that take actions (N,) are rewarded and moved.

    Agents start independently from the law `initial`. With a `crowd`, a law over states, they meet
    that law under the dynamics's policy and not their own; nature then answers it at each start and
    holds on to her answer. Nothing else is remembered from step to step but the random generator
    and the values that nature plays against. Raises ValueError for states and actions that are none.
    """

    def __init__(
        self,
        dynamics: Dynamics,
        initial: Float[np.ndarray, " S"],
        crowd: Float[np.ndarray, " S"] | None = None,
    ):
        self.dynamics, self.initial, self.crowd = dynamics, initial, crowd
        self.num_states, self.num_actions = dynamics.policy.shape
        self.random = np.random.default_rng()
        self.values = dynamics.values
        self.met: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    def start(
        self, num_agents: int, seed: int | np.random.Generator | None = None
    ) -> Int[np.ndarray, " N"]:
        """Return the states of agents who begin anew; without a seed the generator goes on."""
        if seed is not None:
            self.random = np.random.default_rng(seed)
        self.values = self.dynamics.values
        if self.crowd is not None:
            self.met = self._answered(self.dynamics, self.crowd)
        below = np.cumsum(self.initial)
        draws = self.random.random(num_agents)
        return np.searchsorted(below[:-1] / below[-1], draws, side="right")

    def law(self, states: Int[np.ndarray, " N"]) -> Float[np.ndarray, " S"]:
        """Return the empirical law of agents in these states."""
        return np.bincount(states, minlength=self.num_states) / len(states)

    def step(
        self, states: Int[np.ndarray, " N"], actions: Int[np.ndarray, " N"]
    ) -> tuple[Int[np.ndarray, " N"], Float[np.ndarray, " N"]]:
        """Return the states of all agents after one step, and their rewards for it."""
        states, actions = np.asarray(states), np.asarray(actions)
        checked_numbers("states", states, len(states), self.num_states)
        checked_numbers("actions", actions, len(states), self.num_actions)
        met = self._empirical(states, actions) if self.met is None else self.met
        reward, slots, below = met
        draws = self.random.random(len(states))
        # The first slot whose distribution function exceeds the draw; it has mass, for it rises there.
        first, last = np.zeros((2, len(states)), dtype=np.int64)
        last += len(below) - 1
        for _ in range((len(below) - 1).bit_length()):
            middle = (first + last) // 2
            beyond = draws >= below[middle, states, actions]
            first, last = np.where(beyond, middle + 1, first), np.where(beyond, last, middle)
        return slots[last, states, actions].astype(np.int64), reward[states, actions]

    def _empirical(
        self, states: np.ndarray, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What the agents meet when the mean field is their own."""
        if self.dynamics.problem.game.mean_field == "state":
            return self._answered(self.dynamics, self.law(states))
        pairs = np.bincount(
            states * self.num_actions + actions, minlength=self.num_states * self.num_actions
        )
        shares = pairs.reshape(self.num_states, self.num_actions) / len(states)
        law, policy = disintegrated(shares)
        # Nature keeps playing against the policy that she was given; only the mean field is theirs.
        moving = eqx.tree_at(lambda dynamics: dynamics.policy, self.dynamics, policy)
        return self._answered(moving, law)

    def _answered(
        self, dynamics: Dynamics, law: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rewards, successors and their distribution functions (K, S, A) at a law over states."""
        with jax.enable_x64(True):
            key = jax.random.key(self.random.integers(2**32))
            found = _rows(dynamics, jnp.asarray(law), jnp.asarray(self.values), key)
        reward, slots, rows, values = (np.asarray(array) for array in found)
        self.values = values
        below = np.cumsum(rows, axis=0)
        return reward, slots, below / below[-1]


@eqx.filter_jit
def _rows(
    dynamics: Dynamics, law: Float[Array, " S"], values: Float[Array, " S"], key: Array
) -> tuple[Array, Array, Array, Array]:
    """Rewards, successors, their law, and nature's values."""
    return dynamics.rows(law, values, key)


def disintegrated(
    shares: Float[np.ndarray, "S A"], elsewhere: Float[np.ndarray, "S A"] | None = None
) -> tuple[Float[np.ndarray, " S"], Float[np.ndarray, "S A"]]:
    """A law over pairs as a law over states and a policy, uniform in the states without mass.

    Or what `elsewhere` plays there.
    """
    law = shares.sum(axis=1)
    there = law[:, None] > 0
    uniform = np.full(shares.shape, 1 / shares.shape[1]) if elsewhere is None else elsewhere
    return law, np.divide(shares, law[:, None], out=uniform.copy(), where=there)


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
