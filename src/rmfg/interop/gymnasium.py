"""One agent before a population that stands still, as a Gymnasium environment."""

import copy
import functools
import pickle
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Float

from rmfg.answer.equilibrium import Equilibrium
from rmfg.core import checks
from rmfg.core.precision import Array
from rmfg.interop import dumped, require
from rmfg.model.ambiguity.base import Ambiguity
from rmfg.model.game import MeanFieldGame, checked_game, uniform_policy
from rmfg.model.kernel import Kernel
from rmfg.model.problem import Problem
from rmfg.operators.response import best_response, checked_mean_field
from rmfg.population.arena import Arena, disintegrated
from rmfg.population.dynamics import Dynamics, dynamics
from rmfg.population.setting import check_nature, checked_policy
from rmfg.population.simulator import whole

if TYPE_CHECKING:
    import gymnasium

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

    The population stands still at `mean_field`, an array of the kind that the game reads, or that of
    an equilibrium, which brings its ambiguity set along. The agent observes its state, chooses an
    action, gets reward(m)[s, a] and moves by nature's kernel. It starts from `initial`, by default
    from the population's own law. After `num_steps` steps it is truncated; it never terminates, and
    returns are to be discounted with the game's discount. Equal seeds in `reset` give equal numbers.

    `nature` is "nominal"; "worst_case": the equilibrium's kernel, or with an `ambiguity` of its own
    the worst case in that set for the equilibrium's values, or at a mean field the worst case for
    the robust best response to it; "random": a kernel of the set, drawn anew at each `reset`;
    or a kernel. At all times the kernel is the same for the whole episode.
    Raises ImportError without Gymnasium, and ValueError for wrong input.
    """
    require("gymnasium", "single_agent_env")
    checked_game(game)
    check_nature(nature, NATURES, ambiguity, mean_field)
    steps = whole("num_steps", num_steps)
    brought = mean_field.ambiguity if isinstance(mean_field, Equilibrium) else None
    problem = Problem(game, brought if ambiguity is None else ambiguity)
    law, policy = _population(problem, mean_field)
    problem.ambiguity.check(game.kernel(game.mean_field_of(law, policy)))
    start = law
    if initial is not None:
        start = np.asarray(checks.distribution("initial", initial, game.num_states))
    with jax.enable_x64(True):
        if isinstance(nature, str) and nature == "worst_case":
            moving = _worst(problem, mean_field, ambiguity is None, law, policy)
        else:
            moving = dynamics(problem, policy, nature, law)
    return _environment()(Arena(moving, start, crowd=law), steps)


def _population(
    problem: Problem, mean_field: Array | Equilibrium
) -> tuple[Float[np.ndarray, " S"], Float[np.ndarray, "S A"]]:
    """The law over states and the policy of the population, which matters only where it is read."""
    game = problem.game
    if isinstance(mean_field, Equilibrium):
        policy = checked_policy(mean_field, problem)
        law = checks.distribution("distribution", mean_field.distribution, game.num_states)
        return np.asarray(law), policy
    field = np.asarray(checked_mean_field(game, mean_field), dtype=np.float64)
    if game.mean_field == "state-action":
        return disintegrated(field, uniform_policy(game))
    return field, uniform_policy(game)


def _worst(
    problem: Problem,
    mean_field: Array | Equilibrium,
    own: bool,
    law: np.ndarray,
    policy: np.ndarray,
) -> Dynamics:
    """The worst case for an equilibrium in its own set or another one, or for the best response."""
    if isinstance(mean_field, Equilibrium):
        # In its own set its kernel also says how nature mixes at ties.
        return dynamics(problem, mean_field, mean_field.kernel if own else "worst_case", law)
    game = problem.game
    answer = best_response(game, problem.ambiguity, game.mean_field_of(law, policy))
    return dynamics(problem, policy, answer.kernel, law)


@functools.cache
def _environment() -> Any:
    """The class, made when it is first needed, for it inherits from the library's."""
    import gymnasium

    class SingleAgentEnv(gymnasium.Env):
        """One agent in a mean-field game whose population stands still."""

        def __init__(self, arena: Arena, num_steps: int):
            self.arena, self.num_steps = arena, num_steps
            self.metadata = {"render_modes": []}
            self.render_mode = None
            self.observation_space = gymnasium.spaces.Discrete(arena.num_states)
            self.action_space = gymnasium.spaces.Discrete(arena.num_actions)
            self.states = np.zeros(0, dtype=np.int64)
            self.time = num_steps

        def reset(
            self, *, seed: int | None = None, options: dict[str, Any] | None = None
        ) -> tuple[np.int64, dict[str, Any]]:
            gymnasium.Env.reset(self, seed=seed, options=options)
            self.states, self.time = self.arena.start(1, self.np_random), 0
            return self.states[0], {}

        def step(
            self, action: int | np.integer
        ) -> tuple[np.int64, float, bool, bool, dict[str, Any]]:
            if self.time >= self.num_steps:
                raise RuntimeError("No episode is under way: call `reset` before `step`.")
            self.states, rewards = self.arena.step(self.states, np.asarray([action]))
            self.time += 1
            return self.states[0], float(rewards[0]), False, self.time >= self.num_steps, {}

        def __reduce__(self) -> tuple[Any, ...]:
            return _again, (dumped(vars(self)),)

        def __deepcopy__(self, known: dict[int, Any]) -> "SingleAgentEnv":
            # Games are functions, which copies share; everything that an episode changes is copied.
            copied = object.__new__(SingleAgentEnv)
            known[id(self)] = copied
            game = self.arena.dynamics.problem.game
            known[id(game)] = game
            vars(copied).update(copy.deepcopy(vars(self), known))
            return copied

    return SingleAgentEnv


def _again(content: bytes) -> Any:
    """The environment that was pickled."""
    env = object.__new__(_environment())
    vars(env).update(pickle.loads(content))
    return env
