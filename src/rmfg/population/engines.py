"""Two ways to move a simulated population: agent by agent, or by how many of them are in each state.

Since agents are exchangeable, their numbers in the states are a Markov chain of their own: the agents
of a state divide by a multinomial over actions, and those of a state and action by one over successors.
That costs the same for a thousand agents and for 10^9. Both ways give the same law.
"""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from rmfg.core.precision import Array
from rmfg.population.counts import normalized

METHODS = ("auto", "agents", "counts")
# Agents cost memory one by one: for more agents than these, in all runs, "auto" moves their numbers.
MOST_AGENTS = 100_000


class Engine(abc.ABC):
    """Draws how agents start and move; what stands for them from step to step is its own affair."""

    @abc.abstractmethod
    def start(
        self, distribution: Float[np.ndarray, " S"], agents: int, runs: int, seed: int
    ) -> Any:
        """Return agents who start independently from a law, in each of the runs."""

    @abc.abstractmethod
    def counts(self, population: Any) -> Int[np.ndarray, "R S"]:
        """Return how many agents are in each state."""

    @abc.abstractmethod
    def step(
        self, population: Any, slots: Array, rows: Array, number: int
    ) -> tuple[Any, Int[np.ndarray, "R S A"]]:
        """Return the agents after a step, and how many took which action in which state.

        `slots` and `rows` (R, K, S, A) are the successors and their probabilities, and `number` tells
        one step's draws from another's.
        """

    @abc.abstractmethod
    def record(self) -> tuple[Int[np.ndarray, "R M N"], Int[np.ndarray, "R T N"]] | None:
        """Return all agents' states, before each step and after the last, and actions; or nothing."""


class AgentEngine(Engine):
    """Every agent has a state of its own, (R, N) in all; JAX draws."""

    def __init__(self, policy: Float[Array, "S A"], keep: bool):
        self.policy, self.keep = policy, keep
        self.history: list[np.ndarray] = []
        self.taken: list[np.ndarray] = []

    def start(
        self, distribution: Float[np.ndarray, " S"], agents: int, runs: int, seed: int
    ) -> Any:
        self.key = jax.random.key(seed)
        draws = jax.random.uniform(jax.random.fold_in(self.key, 0), (runs, agents))
        cumulative = jnp.cumsum(distribution)
        states = jnp.searchsorted(cumulative[:-1], draws, side="right").astype(jnp.int32)
        if self.keep:
            self.history.append(np.asarray(states))
        return states

    def counts(self, population: Any) -> Int[np.ndarray, "R S"]:
        return np.asarray(_counted(population, self.policy.shape[0]))

    def step(
        self, population: Any, slots: Array, rows: Array, number: int
    ) -> tuple[Any, Int[np.ndarray, "R S A"]]:
        keys = jax.random.split(jax.random.fold_in(self.key, number), population.shape[0])
        states, actions, pairs = _moved(keys, population, jnp.asarray(self.policy), slots, rows)
        if self.keep:
            self.history.append(np.asarray(states))
            self.taken.append(np.asarray(actions))
        return states, np.asarray(pairs)

    def record(self) -> tuple[Int[np.ndarray, "R M N"], Int[np.ndarray, "R T N"]] | None:
        return (np.stack(self.history, 1), np.stack(self.taken, 1)) if self.keep else None


class CountEngine(Engine):
    """Numbers of agents in states, (R, S); NumPy's multinomials draw, exactly, up to 2^63 agents."""

    def __init__(self, policy: Float[Array, "S A"]):
        self.policy = policy

    def start(
        self, distribution: Float[np.ndarray, " S"], agents: int, runs: int, seed: int
    ) -> Any:
        self.random = np.random.default_rng(seed)
        return self.random.multinomial(agents, distribution, size=runs)

    def counts(self, population: Any) -> Int[np.ndarray, "R S"]:
        return population

    def step(
        self, population: Any, slots: Array, rows: Array, number: int
    ) -> tuple[Any, Int[np.ndarray, "R S A"]]:
        del number  # the generator goes on by itself
        pairs = self.random.multinomial(population, normalized(np.asarray(self.policy)))
        moved = self.random.multinomial(pairs, normalized(np.moveaxis(np.asarray(rows), 1, -1)))
        following = np.zeros_like(population)
        runs = np.arange(len(population))[:, None, None, None]
        np.add.at(following, (runs, np.moveaxis(np.asarray(slots), 1, -1)), moved)
        return following, pairs

    def record(self) -> None:
        return None


def cheapest(agents: int, runs: int) -> str:
    """The method that "auto" stands for."""
    return "agents" if agents * runs <= MOST_AGENTS else "counts"


@eqx.filter_jit
def _counted(states: Int[Array, "R N"], size: int) -> Int[Array, "R S"]:
    return jax.vmap(lambda row: jnp.bincount(row, length=size))(states)


@eqx.filter_jit
def _moved(
    keys: Array,
    states: Int[Array, "R N"],
    policy: Float[Array, "S A"],
    slots: Int[Array, "R K S A"],
    rows: Float[Array, "R K S A"],
) -> tuple[Int[Array, "R N"], Int[Array, "R N"], Int[Array, "R S A"]]:
    """Draw everybody's action and next state by inverting the distribution functions."""
    chances = jnp.cumsum(policy, axis=1)
    chances = chances / chances[:, -1:]

    def one(key: Array, states: Array, slots: Array, rows: Array) -> tuple[Array, Array, Array]:
        for_action, for_state = jax.random.uniform(key, (2, *states.shape), rows.dtype)
        cumulative = jnp.cumsum(rows, axis=0)
        cumulative = cumulative / cumulative[-1]
        # Something without mass is never drawn: what comes before it ends where it ends.
        actions = jnp.sum(for_action[:, None] >= chances[states][:, :-1], axis=1)
        places = jnp.sum(for_state >= cumulative[:-1, states, actions], axis=0)
        pairs = jnp.zeros(policy.shape, jnp.int64).at[states, actions].add(1)
        return slots[places, states, actions].astype(states.dtype), actions, pairs

    return jax.vmap(one)(keys, states, slots, rows)
