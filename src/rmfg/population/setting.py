"""What a finite population is given by, checked once: every public function begins here.

What is checked goes on as one frozen record. Nobody further down takes a game, a policy or a nature
apart from it, and nobody checks them again.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from rmfg.answer.equilibrium import Equilibrium
from rmfg.core import checks, inputs
from rmfg.core.precision import Array
from rmfg.model.actions import check_played
from rmfg.model.ambiguity.base import Ambiguity
from rmfg.model.game import MeanFieldGame, check_game, checked_mean_field, uniform_policy
from rmfg.model.kernel import Kernel, as_kernel
from rmfg.model.problem import Problem
from rmfg.population.disintegration import disintegrated

# How nature can move a finite population; `rmfg.simulate` says what each of them does.
NATURES = ("nominal", "worst_case", "random", "adversary")


class Setting(NamedTuple):
    """A finite population: what its agents play, where they start, and who moves them.

    Agents start independently from `distribution`, a law over states. `nature` is the name of a rule
    or a kernel. `equilibrium` is set if the policy is that of an equilibrium: nature then plays
    against the values of the equilibrium, and else against the policy's own.
    """

    problem: Problem
    policy: Float[np.ndarray, "S A"]
    distribution: Float[np.ndarray, " S"]
    nature: str | Kernel
    equilibrium: Equilibrium | None

    @property
    def game(self) -> MeanFieldGame:
        """The game that is played."""
        return self.problem.game

    def mean_field(self) -> Float[np.ndarray, "..."]:
        """Return what the game reads of infinitely many agents at the start."""
        return np.asarray(self.game.mean_field_of(self.distribution, self.policy))


def setting(
    game: MeanFieldGame,
    policy: Float[Array, "S A"] | Equilibrium,
    ambiguity: Ambiguity | None = None,
    initial: Array | Sequence[float] | None = None,
    nature: str | Kernel | Array | None = None,
    natures: Sequence[str] = NATURES,
) -> Setting:
    """Check a population that moves; `nature` may be a kernel or one of the names in `natures`.

    An equilibrium brings its ambiguity set, its law over states and its nature along. Without an
    equilibrium, agents start from the game's initial law or the uniform one, and nature is the worst
    case in the set, or the nominal kernel where there is no set.
    Raises ValueError or TypeError by the name of the argument.
    """
    equilibrium = policy if isinstance(policy, Equilibrium) else None
    ambiguity = _own_set(ambiguity, equilibrium)
    problem = finite_problem(game, ambiguity)
    array = _checked_policy(policy, game)
    distribution = _initial(game, equilibrium, initial)
    if nature is None and equilibrium is not None:
        nature = equilibrium.population
    if nature is None:
        nature = "nominal" if ambiguity is None else "worst_case"
    rule = checked_nature(nature, natures, game, ambiguity)
    return Setting(problem, array, distribution, rule, equilibrium)


def setting_at(
    game: MeanFieldGame,
    mean_field: Float[Array, "..."] | Equilibrium,
    ambiguity: Ambiguity | None,
    nature: str | Kernel | Array,
    natures: Sequence[str],
) -> Setting:
    """Check a population that stays at a mean field, an array or that of an equilibrium.

    The policy of the record matters only where the game reads actions too.
    Raises ValueError or TypeError by the name of the argument.
    """
    equilibrium = mean_field if isinstance(mean_field, Equilibrium) else None
    ambiguity = _own_set(ambiguity, equilibrium)
    problem = Problem(game, ambiguity)
    rule = checked_nature(nature, natures, game, ambiguity)
    policy = uniform_policy(game)
    if isinstance(mean_field, Equilibrium):
        policy = _checked_policy(mean_field, game)
        found = checks.distribution("distribution", mean_field.distribution, game.num_states)
        distribution = np.asarray(found)
    else:
        field = checked_mean_field(game, mean_field)
        check_game(game, field)
        distribution = np.asarray(field, dtype=np.float64)
        if game.mean_field == "state-action":
            distribution, policy = disintegrated(distribution, policy)
    given = Setting(problem, policy, distribution, rule, equilibrium)
    problem.ambiguity.check(game.kernel(given.mean_field()))
    return given


def finite_problem(game: MeanFieldGame, ambiguity: Ambiguity | None) -> Problem:
    """The problem that finitely many agents play.

    Raises ValueError for a game that is not well-formed, or that is known at one mean field only.
    """
    problem = Problem(game, ambiguity)
    if game.frozen:
        recipe = "rmfg.zoo.remake(eq.game.recipe)"
        way = f", for example {recipe}" if game.recipe else ""
        raise ValueError(
            "`game` was read from a file and is known at one mean field only, but a finite population "
            f"meets others. Give the game as it was made{way}."
        )
    check_game(game)
    return problem


def checked_nature(
    nature: str | Kernel | Array,
    natures: Sequence[str],
    game: MeanFieldGame,
    ambiguity: Ambiguity | None,
) -> str | Kernel:
    """Refuse an unknown nature, a kernel of other sizes, and a nature who has no set to pick from."""
    if not isinstance(nature, str):
        kernel = as_kernel(nature, "nature")
        sizes = (game.num_states, game.num_actions)
        found = (kernel.num_states, kernel.num_actions)
        if found != sizes:
            raise ValueError(
                f"`nature` is a kernel with (states, actions) = {found}, but the game has {sizes}."
            )
        return kernel
    inputs.word("nature", nature, natures)
    if nature != "nominal" and ambiguity is None:
        raise ValueError(
            f"`nature` is {nature!r}, but there is no `ambiguity` for her to pick from. Give a set "
            "such as rmfg.TotalVariation(0.1), or an equilibrium, which brings its own."
        )
    return nature


def _own_set(ambiguity: Ambiguity | None, equilibrium: Equilibrium | None) -> Ambiguity | None:
    """The ambiguity set that was given, or else the equilibrium's."""
    return equilibrium.ambiguity if ambiguity is None and equilibrium is not None else ambiguity


def _checked_policy(
    policy: Float[Array, "S A"] | Equilibrium, game: MeanFieldGame
) -> Float[np.ndarray, "S A"]:
    """The policy's array, refused where it does not fit the game."""
    sizes = (game.num_states, game.num_actions)
    if isinstance(policy, Equilibrium):
        played, policy = np.shape(policy.policy), policy.policy
        if played != sizes:
            raise ValueError(
                f"`game` has (states, actions) = {sizes}, but the policy of the equilibrium has "
                f"{played}. Give the game that it is an equilibrium of."
            )
    array = checks.policy("policy", policy, *sizes)
    check_played("policy", array, game.actions)
    return np.asarray(array)


def _initial(
    game: MeanFieldGame, equilibrium: Equilibrium | None, initial: Array | Sequence[float] | None
) -> Float[np.ndarray, " S"]:
    """The law over states from which agents start."""
    if initial is None and equilibrium is not None:
        initial = equilibrium.distribution
    if initial is None and game.initial is not None and np.ndim(game.initial) == 1:
        initial = game.initial
    if initial is None:
        return np.full(game.num_states, 1 / game.num_states)
    return np.asarray(checks.distribution("initial", initial, game.num_states))
