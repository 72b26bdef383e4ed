"""The environment of N agents who all act and all count for the law; needs PettingZoo."""

from typing import Any

import numpy as np
import pettingzoo
from gymnasium import spaces
from jaxtyping import Int

from rmfg.interop.copies import copied, pickled
from rmfg.population.controlled import ControlledPopulation, checked_numbers


class PopulationEnv(pettingzoo.ParallelEnv):
    """N agents in a mean-field game."""

    def __init__(
        self, population: ControlledPopulation, num_agents: int, num_steps: int, name: str
    ):
        self.population, self.num_steps = population, num_steps
        self.metadata = {"name": name, "render_modes": [], "is_parallelizable": True}
        self.render_mode = None
        self.possible_agents = [f"agent_{number}" for number in range(num_agents)]
        self.agents: list[str] = []
        states = population.num_states
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
            agent: spaces.Discrete(population.num_actions) for agent in self.possible_agents
        }
        self.state_space = spaces.MultiDiscrete(np.full(num_agents, states))
        self.states = np.zeros(num_agents, dtype=np.int64)
        self.time = 0

    def observation_space(self, agent: str) -> spaces.Space:
        """Return what an agent can observe."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space:
        """Return the actions of an agent."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin an episode; return all agents' observations."""
        self.agents, self.time = list(self.possible_agents), 0
        self.states = self.population.start(len(self.agents), seed)
        return self._observations(), {agent: {} for agent in self.agents}

    def step(
        self, actions: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, Any]]:
        """Return all agents' observations, rewards, False, and whether the episode is over."""
        if not self.agents:
            raise RuntimeError("No agent is in the game: call `reset` before `step`.")
        chosen = _in_order(actions, self.agents, self.population.num_actions)
        self.states, rewards = self.population.step(self.states, chosen)
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
        law = self.population.empirical_law(self.states).astype(np.float32)
        # One copy each: what an agent does to its observation is its own affair.
        laws = np.tile(law, (len(self.agents), 1))
        return {
            agent: {"state": state, "empirical_law": own}
            for agent, state, own in zip(self.agents, self.states, laws, strict=True)
        }

    def __reduce__(self) -> Any:
        return pickled(self)

    def __deepcopy__(self, known: dict[int, Any]) -> "PopulationEnv":
        return copied(self, known)


def _in_order(
    actions: dict[str, Any], agents: list[str], num_actions: int
) -> Int[np.ndarray, " N"]:
    """The agents' actions as an array; refuses missing agents and what is no action."""
    missing = [agent for agent in agents if agent not in actions]
    if missing:
        raise ValueError(
            f"`actions` must hold an action of every agent, but has none of {missing[0]!r} and "
            f"{len(missing) - 1} others. Keys are the names in `env.agents`."
        )
    chosen = np.asarray([actions[agent] for agent in agents])
    return checked_numbers("actions", chosen, len(agents), num_actions)
