"""Trajectories of a simulated population: the loop over time, whichever engine moves the agents."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from rmfg.core.meter import report
from rmfg.core.precision import Array
from rmfg.population.dynamics import Dynamics, check_finite, dynamics
from rmfg.population.engines import AgentEngine, CountEngine, Engine
from rmfg.population.setting import Setting


class Trajectories(NamedTuple):
    """What is kept of R runs of T steps, at the M = T + 1 moments before each step and after the last.

    `distributions` are the empirical laws at the moments, `actions` the shares
    of agents who took each action, `returns` the mean agent's discounted returns, and `agents` all
    agents' states and actions, if they were kept.
    """

    distributions: Float[np.ndarray, "R M S"]
    actions: Float[np.ndarray, "R T A"]
    returns: Float[np.ndarray, " R"]
    agents: tuple[Int[np.ndarray, "R M N"], Int[np.ndarray, "R T N"]] | None

    def distance(self, distribution: Float[np.ndarray, " S"]) -> Float[np.ndarray, "R M"]:
        """Return the L1 distances of the empirical laws from a law."""
        return np.abs(self.distributions - distribution).sum(axis=-1)


def trajectories(
    given: Setting,
    agents: int,
    steps: int,
    runs: int,
    seed: int,
    method: str,
    keep_agents: bool = False,
) -> Trajectories:
    """Simulate a population that was checked; `method` is "agents" or "counts".

    Raises ValueError where the game is not finite at an empirical law.
    """
    discount, size = float(given.game.discount), given.game.num_states
    engine: Engine = CountEngine(given.policy)
    if method == "agents":
        engine = AgentEngine(given.policy, keep_agents)
    with jax.enable_x64(True):
        moving = dynamics(given)
        population = engine.start(given.distribution, agents, runs, seed)
        values = jnp.broadcast_to(jnp.asarray(moving.values), (runs, size))
        key = jax.random.fold_in(jax.random.key(seed), 1)
        distributions = [engine.counts(population) / agents]
        actions, returns = [], np.zeros(runs)
        for step in range(steps):
            report(step, {"of": steps, "agents": agents})
            here = distributions[-1]
            keys = jax.random.split(jax.random.fold_in(key, step), runs)
            reward, slots, rows, values = _rows(moving, jnp.asarray(here), values, keys)
            # What a game says of states where nobody is does not matter.
            there = here[:, :, None] > 0
            reward = np.where(there, np.asarray(reward), 0.0)
            mass = np.asarray(rows).sum(axis=1)
            check_finite(here, reward, np.where(there, mass, 1.0))
            if not np.isfinite(mass).all():
                rows = np.where(there[:, None], np.asarray(rows), 1.0)
            population, pairs = engine.step(population, slots, rows, step + 2)
            shares = pairs / agents
            returns += discount**step * np.einsum("rsa,rsa->r", shares, reward)
            actions.append(shares.sum(axis=1))
            distributions.append(engine.counts(population) / agents)
    kept = np.stack(distributions, 1), np.stack(actions, 1)
    return Trajectories(*kept, returns, engine.record())


@eqx.filter_jit
def _rows(
    dynamics: Dynamics, distributions: Float[Array, "R S"], values: Float[Array, "R S"], keys: Array
) -> tuple[Array, Array, Array, Array]:
    """Rewards, successors, their probabilities, and nature's values, for every run."""
    return jax.vmap(dynamics.rows)(distributions, values, keys)
