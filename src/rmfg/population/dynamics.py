"""How a finite population moves: its policy, nature's rule, and the kernel at the empirical law."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from rmfg.core.precision import Array
from rmfg.model.actions import substituted
from rmfg.model.kernel import Kernel, SparseKernel, as_dense
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
from rmfg.population.setting import Setting

# The temperature at which nature mixes kernels that are equally bad, in units of the range of values.
COLD = 1e-6
# How accurately an adversary finds the policy's values, in the same units.
TOLERANCE = 1e-8
# Such mixtures spread sparse rows over all states, which is too much for more states than these.
MOST_STATES = 500


class Dynamics(eqx.Module):
    """The rules by which a population moves.

    `values` (S,) are what nature plays against in the first step; some natures find new ones later.
    """

    problem: Problem
    policy: Float[Array, "S A"]
    nature: Nature
    values: Float[Array, " S"]

    def rows(
        self, distribution: Float[Array, " S"], values: Float[Array, " S"], key: Array
    ) -> tuple[Float[Array, "S A"], Int[Array, "K S A"], Float[Array, "K S A"], Float[Array, " S"]]:
        """Return rewards, successors, their probabilities, and nature's values at an empirical law."""
        mdp = mdp_at(self.problem, self.policy, distribution)
        kernel, values = self.nature.answer(mdp, values, key)
        return mdp.reward, *spelled_out(kernel), values

    def chain(self, distribution: Float[Array, " S"]) -> Float[Array, "S S"]:
        """Return the Markov chain of an agent who plays the policy, at an empirical law."""
        _, slots, rows, _ = self.rows(distribution, jnp.asarray(self.values), jax.random.key(0))
        size = distribution.size
        chain = jnp.zeros((size, size), rows.dtype)
        return chain.at[jnp.arange(size)[:, None], slots].add(rows * jnp.asarray(self.policy))

    def pushed(self, distribution: Float[Array, " S"]) -> Float[Array, " S"]:
        """Return where an infinite population is after one step."""
        return distribution @ self.chain(distribution)


def mdp_at(
    problem: Problem, policy: Float[Array, "S A"], distribution: Float[Array, " S"]
) -> RobustMDP:
    """What an agent faces at an empirical law, where actions are taken by the policy (traceable)."""
    mean_field = problem.game.mean_field_of(distribution, jnp.asarray(policy))
    return RobustMDP.at(problem.game, problem.ambiguity, mean_field)


def worst_from(
    mdp: RobustMDP, state: Int[Array, ""], values: Float[Array, " S"]
) -> tuple[Float[Array, " A"], Float[Array, "A S"]]:
    """Robust action values in one state, and the law of the next state that nature answers with.

    `values` (S,) say what the next state is worth. Laws are spread over all states.
    """
    worst = mdp.worst(values)
    kernel = substituted(worst.kernel, mdp.actions)
    slots, rows = (array[:, state] for array in spelled_out(kernel))
    actions = jnp.arange(rows.shape[1])
    laws = jnp.zeros((rows.shape[1], kernel.num_states), rows.dtype).at[actions, slots].add(rows)
    return mdp.q_before(worst.value)[state], laws


def spelled_out(kernel: Kernel | Leaking) -> tuple[Int[Array, "K S A"], Float[Array, "K S A"]]:
    """The successors of a kernel and their probabilities."""
    if isinstance(kernel, SparseKernel):
        return jnp.asarray(kernel.slots), jnp.asarray(kernel.law)
    if isinstance(kernel, Leaking):
        law = jnp.asarray(as_dense(kernel.kept).law)
        law = law + kernel.leak * jnp.asarray(kernel.sink)[:, None, None]
    else:
        law = jnp.asarray(as_dense(kernel).law)
    states = jnp.arange(law.shape[0])[:, None, None]
    return jnp.broadcast_to(states, law.shape), law


def check_finite(
    distributions: Float[np.ndarray, "... S"], *arrays: Float[np.ndarray, "..."]
) -> None:
    """Refuse a game that is not finite at an empirical law.

    The first axes of all arrays are those of the empirical laws. Raises ValueError with the law.
    """
    places = distributions.shape[:-1]
    bad = np.zeros(places, dtype=bool)
    for array in arrays:
        bad |= ~np.isfinite(array.reshape(*places, -1)).all(axis=-1)
    if bad.any():
        shown = np.array2string(distributions[bad][0], precision=3, threshold=10)
        raise ValueError(
            f"`game` gave NaN or infinity at the empirical law {shown}. A finite population leaves "
            "states empty: guard logarithms and divisions in the reward and the kernel."
        )


def dynamics(given: Setting) -> Dynamics:
    """Return how a population moves.

    An equilibrium brings the values that nature plays against, and how she mixes kernels that are
    equally bad. For a policy alone she plays against its robust values at the law of the start.
    """
    problem, policy, nature = given.problem, given.policy, given.nature
    game, ambiguity, equilibrium = problem.game, problem.ambiguity, given.equilibrium
    zeros = np.zeros(game.num_states)
    if isinstance(nature, Kernel):
        return Dynamics(problem, policy, FixedNature(nature), zeros)
    if nature == "nominal":
        return Dynamics(problem, policy, NominalNature(), zeros)
    if nature == "random":
        return Dynamics(problem, policy, RandomNature(), zeros)
    field = given.mean_field()
    with jax.enable_x64(True):
        scale = value_scale(RobustMDP.at(game, ambiguity, jnp.asarray(field))) or 1.0
    if equilibrium is not None:
        values = np.asarray(equilibrium.value)
    else:
        values = np.asarray(evaluate(game, ambiguity, policy, field))
    if nature == "adversary":
        tolerance = np.asarray(TOLERANCE * scale * (1 - game.discount))
        return Dynamics(problem, policy, AdversarialNature(policy, tolerance), values)
    potential = equilibrium.potential if equilibrium is not None else None
    if potential is not None and game.num_states > MOST_STATES:
        potential = None
    return Dynamics(problem, policy, WorstNature(potential, np.asarray(COLD * scale)), values)
