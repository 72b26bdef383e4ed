"""Who plays what against whom: what simulator, gaps and environments share, checked once."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from rmfg.answer.equilibrium import Equilibrium
from rmfg.core import checks, inputs
from rmfg.core.precision import Array
from rmfg.model.actions import check_played
from rmfg.model.ambiguity.base import Ambiguity
from rmfg.model.game import MeanFieldGame, check_game
from rmfg.model.kernel import Kernel, as_kernel
from rmfg.model.problem import Problem
from rmfg.population.dynamics import Dynamics, dynamics

NATURES = ("nominal", "worst_case", "random", "adversary")


class Setting(NamedTuple):
    """A checked population: its problem, what it plays, the law it starts from, and who moves it.

    `played` is the policy, or the equilibrium that brings nature's values along.
    """

    problem: Problem
    played: Float[np.ndarray, "S A"] | Equilibrium
    policy: Float[np.ndarray, "S A"]
    law: Float[np.ndarray, " S"]
    nature: str | Kernel | Array

    def dynamics(self) -> Dynamics:
        """Return how this population moves."""
        return dynamics(self.problem, self.played, self.nature, self.law)


def setting(
    game: MeanFieldGame,
    policy: Float[Array, "S A"] | Equilibrium,
    ambiguity: Ambiguity | None,
    initial: Array | Sequence[float] | None,
    nature: str | Kernel | Array | None,
    natures: Sequence[str] = NATURES,
) -> Setting:
    """Check what a population is given by; nature may be one of `natures`, or a kernel.

    Without a nature, who moves the equilibrium's population does, or the worst case in a set.
    Raises ValueError or TypeError by the name of the argument.
    """
    problem = problem_of(policy, game, ambiguity)
    check_game(game)
    plan = checked_policy(policy, problem)
    law = initial_law(game, policy, initial)
    rule = own_nature(policy, ambiguity) if nature is None else nature
    check_nature(rule, natures, ambiguity, policy)
    return Setting(problem, policy if isinstance(policy, Equilibrium) else plan, plan, law, rule)


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


def initial_law(
    game: MeanFieldGame, policy: Array | Equilibrium, initial: Array | Sequence[float] | None
) -> Float[np.ndarray, " S"]:
    """The law from which agents start independently."""
    if initial is None and isinstance(policy, Equilibrium):
        initial = policy.distribution
    if initial is None and game.initial is not None and np.ndim(game.initial) == 1:
        initial = game.initial
    if initial is None:
        return np.full(game.num_states, 1 / game.num_states)
    return np.asarray(checks.distribution("initial", initial, game.num_states))
