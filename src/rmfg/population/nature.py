"""How nature moves the agents of a finite population, at the empirical law of the moment.

Her sets move with the empirical law, and so does her answer. What she plays against are values: of
the equilibrium, or those that she finds anew at the current law.
"""

import abc
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from rmfg.answer.equilibrium import Equilibrium
from rmfg.core import checks, inputs
from rmfg.core.precision import Array
from rmfg.model.actions import check_played
from rmfg.model.ambiguity import Ambiguity
from rmfg.model.game import MeanFieldGame
from rmfg.model.kernel import Kernel, SparseKernel, as_dense, as_kernel, mixed
from rmfg.model.leaking import Leaking
from rmfg.model.problem import Problem
from rmfg.operators.response import evaluate, value_scale
from rmfg.operators.robust_mdp import RobustMDP, policy_average

NATURES = ("nominal", "worst_case", "random", "adversary")
# Temperature at which nature mixes among what ties, in units of the range of values.
COLD = 1e-6
# What an adversary's values are found to, in the same units.
TOLERANCE = 1e-8
# Mixed answers spread sparse rows over all states: not beyond so many of them.
MOST_STATES = 500


class Nature(eqx.Module):
    """A rule by which nature picks the kernel at a mean field."""

    @abc.abstractmethod
    def answer(
        self, mdp: RobustMDP, values: Float[Array, " S"], key: Array
    ) -> tuple[Kernel | Leaking, Float[Array, " S"]]:
        """Return the kernel at a frozen mean field, and the values against which it was picked."""


class NominalNature(Nature):
    """No doubt: the nominal kernel."""

    def answer(
        self, mdp: RobustMDP, values: Float[Array, " S"], key: Array
    ) -> tuple[Kernel | Leaking, Float[Array, " S"]]:
        return mdp.kernel, values


class FixedNature(Nature):
    """The same kernel at all mean fields."""

    kernel: Kernel

    def answer(
        self, mdp: RobustMDP, values: Float[Array, " S"], key: Array
    ) -> tuple[Kernel | Leaking, Float[Array, " S"]]:
        return self.kernel, values


class WorstNature(Nature):
    """The worst case at the mean field for values that stay as they are.

    With a potential, nature mixes among what ties as she does at the equilibrium that it is of.
    """

    potential: Float[Array, " S"] | None
    temperature: Float[Array, ""]

    def answer(
        self, mdp: RobustMDP, values: Float[Array, " S"], key: Array
    ) -> tuple[Kernel | Leaking, Float[Array, " S"]]:
        if self.potential is None:
            return mdp.worst(values).kernel, values
        heights = values - jnp.min(values)
        soft = mdp.ambiguity.soften(
            mdp.kernel, heights, self.potential, self.temperature, mdp.mean_field
        )
        return soft.kernel, values


class RandomNature(Nature):
    """A kernel inside the set: a uniform share of the worst one for values drawn at random."""

    def answer(
        self, mdp: RobustMDP, values: Float[Array, " S"], key: Array
    ) -> tuple[Kernel | Leaking, Float[Array, " S"]]:
        for_values, for_share = jax.random.split(key)
        drawn = jax.random.normal(for_values, values.shape, values.dtype)
        share = jax.random.uniform(for_share, mdp.reward.shape, values.dtype)
        # Sets are convex: what lies between two of their kernels is inside.
        return mixed([mdp.kernel, mdp.worst(drawn).kernel], jnp.stack([1 - share, share])), values


class AdversarialNature(Nature):
    """The worst case for the policy's own robust values, found anew at each mean field."""

    policy: Float[Array, "S A"]
    tolerance: Float[Array, ""]

    def answer(
        self, mdp: RobustMDP, values: Float[Array, " S"], key: Array
    ) -> tuple[Kernel | Leaking, Float[Array, " S"]]:
        def improved(values: Array) -> Array:
            return policy_average(mdp.q(values), self.policy)

        def far(pair: tuple[Array, Array]) -> Array:
            return jnp.max(jnp.abs(pair[1] - pair[0])) > self.tolerance

        # Values begin where they were at the last mean field, which is near.
        values, _ = jax.lax.while_loop(
            far, lambda pair: (pair[1], improved(pair[1])), (values, improved(values))
        )
        return mdp.worst(values).kernel, values


class Conduct(eqx.Module):
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


def conduct(
    problem: Problem,
    policy: Float[Array, "S A"] | Equilibrium,
    nature: str | Kernel | Array,
    law: Float[np.ndarray, " S"],
) -> Conduct:
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
        return Conduct(problem, plan, FixedNature(kernel), zeros)
    if nature == "nominal":
        return Conduct(problem, plan, NominalNature(), zeros)
    if nature == "random":
        return Conduct(problem, plan, RandomNature(), zeros)
    field = np.asarray(game.mean_field_of(law, plan))
    with jax.enable_x64(True):
        scale = value_scale(RobustMDP.at(game, ambiguity, jnp.asarray(field))) or 1.0
    if equilibrium is not None:
        values = np.asarray(equilibrium.value)
    else:
        values = np.asarray(evaluate(game, ambiguity, plan, field))
    if nature == "adversary":
        tolerance = np.asarray(TOLERANCE * scale * (1 - game.discount))
        return Conduct(problem, plan, AdversarialNature(plan, tolerance), values)
    potential = equilibrium.potential if equilibrium is not None else None
    if potential is not None and game.num_states > MOST_STATES:
        potential = None
    return Conduct(problem, plan, WorstNature(potential, np.asarray(COLD * scale)), values)


def checked_policy(
    policy: Float[Array, "S A"] | Equilibrium, problem: Problem
) -> Float[np.ndarray, "S A"]:
    """The policy's array, refused where it does not fit the game."""
    game = problem.game
    given = policy.policy if isinstance(policy, Equilibrium) else policy
    array = checks.policy("policy", given, game.num_states, game.num_actions)
    check_played("policy", array, game.actions)
    return np.asarray(array)


def problem_of(policy: object, game: MeanFieldGame, ambiguity: Ambiguity | None) -> Problem:
    """The problem that a policy is played in: an equilibrium brings its ambiguity set along.

    Raises ValueError for a game that is known at one mean field only.
    """
    if ambiguity is None and isinstance(policy, Equilibrium):
        ambiguity = policy.ambiguity
    problem = Problem(game, ambiguity)
    if game.frozen:
        recipe = "rmfg.zoo.remake(eq.game.recipe)"
        way = f", for example {recipe}" if game.recipe else ""
        raise ValueError(
            "`game` was read from a file and is known at one mean field only, but a finite population "
            f"meets others. Give the game as it was made{way}."
        )
    return problem


def check_nature(
    nature: str | Kernel | Array,
    names: Sequence[str],
    ambiguity: Ambiguity | None,
    policy: object,
) -> None:
    """Refuse an unknown nature, and one who has no set to pick from."""
    if not isinstance(nature, str):
        as_kernel(nature, "nature")
        return
    inputs.word("nature", nature, names)
    if nature != "nominal" and ambiguity is None and not isinstance(policy, Equilibrium):
        raise ValueError(
            f"`nature` is {nature!r}, but there is no `ambiguity` for her to pick from. Give a set "
            "such as rmfg.TotalVariation(0.1), or an equilibrium, which brings its own."
        )


def own_nature(policy: object, ambiguity: Ambiguity | None) -> str | Kernel:
    """Who moves a population where nobody says: she who moves the equilibrium's, or the worst case."""
    if isinstance(policy, Equilibrium):
        return policy.population
    return "nominal" if ambiguity is None else "worst_case"
