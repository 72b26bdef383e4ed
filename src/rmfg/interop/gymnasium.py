"""One agent before a population that stays as it is, as a Gymnasium environment."""

from typing import TYPE_CHECKING

import jax
import numpy as np
from jaxtyping import Float

from rmfg.answer.equilibrium import Equilibrium
from rmfg.core import checks, inputs
from rmfg.core.precision import Array
from rmfg.interop import require
from rmfg.model.ambiguity.base import Ambiguity
from rmfg.model.game import MeanFieldGame
from rmfg.model.kernel import Kernel
from rmfg.operators.response import best_response
from rmfg.population.controlled import ControlledPopulation
from rmfg.population.dynamics import dynamics
from rmfg.population.setting import Setting, setting_at

if TYPE_CHECKING:
    import gymnasium

# An adversary would find new values in each step, but here the kernel stays for a whole episode.
NATURES = ("nominal", "worst_case", "random")
NUM_STEPS = 1_000


def single_agent_env(
    game: MeanFieldGame,
    mean_field: Float[Array, "..."] | Equilibrium,
    *,
    nature: str | Kernel | Array = "nominal",
    ambiguity: Ambiguity | None = None,
    num_steps: int = NUM_STEPS,
    initial: Float[Array, " S"] | None = None,
) -> "gymnasium.Env":
    """Make what one agent faces a Gymnasium environment, to learn best responses in.

    The population stays at `mean_field`: an array of the kind that the game reads, (S,) or (S, A), or
    that of an equilibrium, which brings its ambiguity set along. The agent observes its state, a number
    from 0 to S - 1, chooses an action from 0 to A - 1, gets reward(m)[s, a], and moves by nature's
    kernel. It starts from `initial` (S,), by default from the population's own law. After `num_steps`
    steps it is truncated; it never terminates, and returns are to be discounted with the game's
    discount. Equal seeds in `reset` give equal numbers.

    `nature` says which kernel moves the agent; it stays the same for a whole episode:

    - "nominal": the nominal kernel;
    - "worst_case": at an equilibrium, nature's kernel there, or with another `ambiguity` the worst case
      in that set for the equilibrium's values; at an array, the worst case for the best response;
    - "random": a kernel of the set, drawn anew at each `reset`;
    - a kernel, or an array (S, A, S).

    `env.population` moves many agents at once, whose states and actions are arrays, before the same
    population.
    Raises ImportError without Gymnasium, and ValueError or TypeError for wrong input.
    """
    require("gymnasium", "single_agent_env")
    from rmfg.interop.single_agent import SingleAgentEnv

    given = setting_at(game, mean_field, ambiguity, nature, NATURES)
    steps = inputs.integer("num_steps", num_steps, 1)
    start = given.distribution
    if initial is not None:
        start = np.asarray(checks.distribution("initial", initial, game.num_states))
    with jax.enable_x64(True):
        moving = dynamics(_with_kernel(given, ambiguity is None))
    return SingleAgentEnv(ControlledPopulation(moving, start, fixed=given.distribution), steps)


def _with_kernel(given: Setting, own_set: bool) -> Setting:
    """The setting with nature's worst case as a kernel, where one is at hand."""
    if given.nature != "worst_case":
        return given
    if given.equilibrium is None:
        answer = best_response(given.game, given.problem.ambiguity, given.mean_field())
        return given._replace(nature=answer.kernel)
    # In the equilibrium's own set, its kernel also says how nature mixes kernels that are equally bad.
    return given._replace(nature=given.equilibrium.kernel) if own_set else given
