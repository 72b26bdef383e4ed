"""The game of N agents as a PettingZoo environment."""

from typing import TYPE_CHECKING

import jax
from jaxtyping import Float

from rmfg.answer.equilibrium import Equilibrium
from rmfg.core import inputs
from rmfg.core.memory import affordable
from rmfg.core.precision import Array
from rmfg.interop import require
from rmfg.model.ambiguity.base import Ambiguity
from rmfg.model.game import MeanFieldGame, checked_game, uniform_mean_field, uniform_policy
from rmfg.model.kernel import Kernel
from rmfg.population.controlled import ControlledPopulation
from rmfg.population.dynamics import dynamics
from rmfg.population.setting import setting

if TYPE_CHECKING:
    import pettingzoo

# An agent has a name, two spaces and a law to observe, which are objects of Python.
NUMBERS_OF_AN_AGENT = 500
# The natures who play against values, which have to come from a policy.
AGAINST_VALUES = ("worst_case", "adversary")


def parallel_env(
    game: MeanFieldGame,
    *,
    num_agents: int,
    num_steps: int,
    nature: str | Kernel | Array = "nominal",
    ambiguity: Ambiguity | None = None,
    policy: Float[Array, "S A"] | Equilibrium | None = None,
    initial: Float[Array, " S"] | None = None,
) -> "pettingzoo.ParallelEnv":
    """Make the game of N agents a PettingZoo environment, to learn in or to test policies against.

    Agents "agent_0", "agent_1", ... observe {"state": their own, "empirical_law": of all, (S,)} and
    choose actions 0 to A - 1. Each gets reward(m)[s, a] at the empirical law m before the step, and
    moves by nature's kernel there, all with one draw. In games whose mean field is a law over states
    and actions, m is the empirical law of the pairs. After `num_steps` steps all are truncated;
    nobody terminates. Equal seeds in `reset` give equal numbers; without one the stream goes on.

    `nature` is as in `rmfg.simulate`: "nominal", "worst_case", "random", "adversary", or a kernel.
    "worst_case" and "adversary" need a `policy`: an equilibrium, which brings its ambiguity set, law
    and values along, or an array (S, A), against whose own robust values nature plays. Agents start
    from `initial` (S,): by default from the equilibrium's law, the game's, or the uniform one.

    `env.population` moves agents whose states and actions are arrays (N,), without a dictionary.
    Raises ImportError without PettingZoo, and ValueError or TypeError for wrong input.
    """
    require("pettingzoo", "parallel_env")
    from rmfg.interop.parallel import PopulationEnv

    if isinstance(nature, str) and nature in AGAINST_VALUES and policy is None:
        raise ValueError(
            f"`nature` is {nature!r}, who plays against values, but there is no `policy` to have any. "
            "Give an equilibrium, or a policy of shape (states, actions)."
        )
    played = uniform_policy(checked_game(game)) if policy is None else policy
    given = setting(game, played, ambiguity, initial, nature)
    given.problem.ambiguity.check(game.kernel(uniform_mean_field(game)))
    agents = inputs.integer("num_agents", num_agents, 1)
    steps = inputs.integer("num_steps", num_steps, 1)
    affordable("num_agents", agents * (NUMBERS_OF_AN_AGENT + game.num_states), "the environment")
    with jax.enable_x64(True):
        population = ControlledPopulation(dynamics(given), given.distribution)
    return PopulationEnv(population, agents, steps, game.name or type(game).__name__)
