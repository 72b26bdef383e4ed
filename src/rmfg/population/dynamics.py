"""The dynamics of a finite population: a policy, nature's rule, and the kernel of the moment."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from rmfg.answer.equilibrium import Equilibrium
from rmfg.core.precision import Array
from rmfg.model.kernel import Kernel, SparseKernel, as_dense, as_kernel
from rmfg.model.leaking import Leaking
from rmfg.model.problem import Problem
from rmfg.operators.response import evaluate, value_scale
from rmfg.operators.robust_mdp import RobustMDP
from rmfg.population.natures import (
    AdversarialNature,
    FixedNature,
    Nature,
    NominalNature,
    RandomNature,
    WorstNature,
)

# Temperature at which nature mixes among what ties, in units of the range of values.
COLD = 1e-6
# What an adversary's values are found to, in the same units.
TOLERANCE = 1e-8
# Mixed answers spread sparse rows over all states: not beyond so many of them.
MOST_STATES = 500


class Dynamics(eqx.Module):
    """Everything by which a population moves: the policy, nature's rule, and what she begins with."""

    problem: Problem
    policy: Float[Array, "S A"]
    nature: Nature
    values: Float[Array, " S"]

    def rows(
        self, law: Float[Array, " S"], values: Float[Array, " S"], key: Array
    ) -> tuple[Float[Array, "S A"], Int[Array, "K S A"], Float[Array, "K S A"], Float[Array, " S"]]:
        """Return rewards, successors and their law at an empirical law, and nature's values."""
        game = self.problem.game
        mdp = RobustMDP.at(
            game, self.problem.ambiguity, game.mean_field_of(law, jnp.asarray(self.policy))
        )
        kernel, values = self.nature.answer(mdp, values, key)
        return mdp.reward, *spelled_out(kernel), values

    def chain(self, law: Float[Array, " S"]) -> Float[Array, "S S"]:
        """Return where an agent in each state goes who plays the policy, at an empirical law."""
        _, slots, rows, _ = self.rows(law, jnp.asarray(self.values), jax.random.key(0))
        chain = jnp.zeros((law.size, law.size), rows.dtype)
        return chain.at[jnp.arange(law.size)[:, None], slots].add(rows * jnp.asarray(self.policy))


def spelled_out(kernel: Kernel | Leaking) -> tuple[Int[Array, "K S A"], Float[Array, "K S A"]]:
    """The successors of a kernel and their law."""
    if isinstance(kernel, SparseKernel):
        return jnp.asarray(kernel.slots), jnp.asarray(kernel.law)
    if isinstance(kernel, Leaking):
        law = jnp.asarray(as_dense(kernel.kept).law)
        law = law + kernel.leak * jnp.asarray(kernel.sink)[:, None, None]
    else:
        law = jnp.asarray(as_dense(kernel).law)
    states = jnp.arange(law.shape[0])[:, None, None]
    return jnp.broadcast_to(states, law.shape), law


def leaving(kernel: Kernel, state: Int[Array, ""]) -> Float[Array, "A S"]:
    """The laws of the next state from one state, spread over all of them."""
    slots, law = (array[:, state] for array in spelled_out(kernel))
    actions = jnp.arange(law.shape[1])
    return jnp.zeros((law.shape[1], kernel.num_states), law.dtype).at[actions, slots].add(law)


def check_finite(laws: Float[np.ndarray, "... S"], *arrays: Float[np.ndarray, "..."]) -> None:
    """Refuse a game that is not finite at one of the empirical laws, which come first in arrays."""
    places = laws.shape[:-1]
    bad = np.zeros(places, dtype=bool)
    for array in arrays:
        bad |= ~np.isfinite(array.reshape(*places, -1)).all(axis=-1)
    if bad.any():
        law = np.array2string(laws[bad][0], precision=3, threshold=10)
        raise ValueError(
            f"`game` gave NaN or infinity at the empirical law {law}. A finite population leaves "
            "states empty: guard logarithms and divisions in the reward and the kernel."
        )


def dynamics(
    problem: Problem,
    policy: Float[Array, "S A"] | Equilibrium,
    nature: str | Kernel | Array,
    law: Float[np.ndarray, " S"],
) -> Dynamics:
    """Return how a population with this policy moves, nature's rule given by name or as a kernel.

    From an equilibrium nature takes its values, and how she mixes there; for a policy alone she
    takes the robust values that it has at `law`.
    """
    game, ambiguity = problem.game, problem.ambiguity
    equilibrium = policy if isinstance(policy, Equilibrium) else None
    plan = np.asarray(equilibrium.policy if equilibrium is not None else policy)
    zeros = np.zeros(game.num_states)
    if not isinstance(nature, str):
        kernel = as_kernel(nature, "nature")
        found = (kernel.num_states, kernel.num_actions)
        if found != plan.shape:
            raise ValueError(
                f"`nature` is a kernel with (states, actions) = {found}, but the game has {plan.shape}."
            )
        return Dynamics(problem, plan, FixedNature(kernel), zeros)
    if nature == "nominal":
        return Dynamics(problem, plan, NominalNature(), zeros)
    if nature == "random":
        return Dynamics(problem, plan, RandomNature(), zeros)
    field = np.asarray(game.mean_field_of(law, plan))
    with jax.enable_x64(True):
        scale = value_scale(RobustMDP.at(game, ambiguity, jnp.asarray(field))) or 1.0
    if equilibrium is not None:
        values = np.asarray(equilibrium.value)
    else:
        values = np.asarray(evaluate(game, ambiguity, plan, field))
    if nature == "adversary":
        tolerance = np.asarray(TOLERANCE * scale * (1 - game.discount))
        return Dynamics(problem, plan, AdversarialNature(plan, tolerance), values)
    potential = equilibrium.potential if equilibrium is not None else None
    if potential is not None and game.num_states > MOST_STATES:
        potential = None
    return Dynamics(problem, plan, WorstNature(potential, np.asarray(COLD * scale)), values)
