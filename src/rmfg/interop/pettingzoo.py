"""The game of N agents as a PettingZoo environment: every agent acts, and all count for the law."""

import copy
import functools
import pickle
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Float, Int

from rmfg.answer.equilibrium import Equilibrium
from rmfg.core.memory import affordable
from rmfg.core.precision import Array
from rmfg.interop import dumped, require
from rmfg.model.ambiguity.base import Ambiguity
from rmfg.model.game import (
    MeanFieldGame,
    checked_game,
    uniform_mean_field,
    uniform_policy,
)
from rmfg.model.kernel import Kernel
from rmfg.population.arena import Arena, checked_numbers
from rmfg.population.setting import NATURES, check_nature, setting
from rmfg.population.simulator import whole

if TYPE_CHECKING:
    import pettingzoo

# An agent has a name, two spaces and a law to observe, which are objects of Python.
NUMBERS_OF_AN_AGENT = 500
# Natures who play against values, which somebody has to name.
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
    from `initial`: the equilibrium's law, the game's, or the uniform one. `env.arena` moves agents
    given as arrays, without a dictionary.
    Raises ImportError without PettingZoo, and ValueError for wrong input.
    """
    require("pettingzoo", "parallel_env")
    arena = _arena(game, nature, ambiguity, policy, initial)
    agents, steps = whole("num_agents", num_agents), whole("num_steps", num_steps)
    affordable("num_agents", agents * (NUMBERS_OF_AN_AGENT + game.num_states), "the environment")
    return _environment()(arena, agents, steps, game.name or type(game).__name__)


def _arena(
    game: MeanFieldGame,
    nature: str | Kernel | Array,
    ambiguity: Ambiguity | None,
    policy: Array | Equilibrium | None,
    initial: Array | None,
) -> Arena:
    """The agents' arena, after all checks."""
    checked_game(game)
    check_nature(nature, NATURES, ambiguity, policy)
    if isinstance(nature, str) and nature in AGAINST_VALUES and policy is None:
        raise ValueError(
            f"`nature` is {nature!r}, who plays against values, but there is no `policy` to have any. "
            "Give an equilibrium, or a policy of shape (states, actions)."
        )
    plan = uniform_policy(game) if policy is None else policy
    given = setting(game, plan, ambiguity, initial, nature)
    given.problem.ambiguity.check(game.kernel(uniform_mean_field(game)))
    with jax.enable_x64(True):
        return Arena(given.dynamics(), given.law)


@functools.cache
def _environment() -> Any:
    """The class, made when it is first needed, for it inherits from the library's."""
    import pettingzoo
    from gymnasium import spaces

    class PopulationEnv(pettingzoo.ParallelEnv):
        """N agents in a mean-field game."""

        def __init__(self, arena: Arena, num_agents: int, num_steps: int, name: str):
            self.arena, self.num_steps = arena, num_steps
            self.metadata = {"name": name, "render_modes": [], "is_parallelizable": True}
            self.render_mode = None
            self.possible_agents = [f"agent_{number}" for number in range(num_agents)]
            self.agents: list[str] = []
            states = arena.num_states
            self.observation_spaces = {
                agent: spaces.Dict(
                    {
                        "state": spaces.Discrete(states),
                        "empirical_law": spaces.Box(0, 1, (states,), np.float32),
                    }
                )
                for agent in self.possible_agents
            }
            self.action_spaces = {
                agent: spaces.Discrete(arena.num_actions) for agent in self.possible_agents
            }
            self.state_space = spaces.MultiDiscrete(np.full(num_agents, states))
            self.states = np.zeros(num_agents, dtype=np.int64)
            self.time = 0

        def observation_space(self, agent: str) -> spaces.Space:
            return self.observation_spaces[agent]

        def action_space(self, agent: str) -> spaces.Space:
            return self.action_spaces[agent]

        def reset(
            self, seed: int | None = None, options: dict[str, Any] | None = None
        ) -> tuple[dict[str, Any], dict[str, Any]]:
            self.agents, self.time = list(self.possible_agents), 0
            self.states = self.arena.start(len(self.agents), seed)
            return self._observations(), {agent: {} for agent in self.agents}

        def step(
            self, actions: dict[str, Any]
        ) -> tuple[
            dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, Any]
        ]:
            if not self.agents:
                raise RuntimeError("No agent is in the game: call `reset` before `step`.")
            chosen = in_order(actions, self.agents, self.arena.num_actions)
            self.states, rewards = self.arena.step(self.states, chosen)
            self.time += 1
            over, agents = self.time >= self.num_steps, self.agents
            found = (
                self._observations(),
                dict(zip(agents, rewards.tolist(), strict=True)),
                dict.fromkeys(agents, False),
                dict.fromkeys(agents, over),
                {agent: {} for agent in agents},
            )
            self.agents = [] if over else agents
            return found

        def state(self) -> Int[np.ndarray, " N"]:
            """Return the states of all agents."""
            return self.states.copy()

        def _observations(self) -> dict[str, Any]:
            law = self.arena.law(self.states).astype(np.float32)
            # One copy each: what an agent does to its observation is its own affair.
            laws = np.tile(law, (len(self.agents), 1))
            return {
                agent: {"state": state, "empirical_law": own}
                for agent, state, own in zip(self.agents, self.states, laws, strict=True)
            }

        def __reduce__(self) -> tuple[Any, ...]:
            return _again, (dumped(vars(self)),)

        def __deepcopy__(self, known: dict[int, Any]) -> "PopulationEnv":
            # Games are functions, which copies share; everything that an episode changes is copied.
            copied = object.__new__(PopulationEnv)
            known[id(self)] = copied
            game = self.arena.dynamics.problem.game
            known[id(game)] = game
            vars(copied).update(copy.deepcopy(vars(self), known))
            return copied

    return PopulationEnv


def _again(content: bytes) -> Any:
    """The environment that was pickled."""
    env = object.__new__(_environment())
    vars(env).update(pickle.loads(content))
    return env


def in_order(actions: dict[str, Any], agents: list[str], num_actions: int) -> Int[np.ndarray, " N"]:
    """The agents' actions as an array; refuses missing agents and what is no action."""
    missing = [agent for agent in agents if agent not in actions]
    if missing:
        raise ValueError(
            f"`actions` must hold an action of every agent, but has none of {missing[0]!r} and "
            f"{len(missing) - 1} others. Keys are the names in `env.agents`."
        )
    chosen = np.asarray([actions[agent] for agent in agents])
    return checked_numbers("actions", chosen, len(agents), num_actions)
