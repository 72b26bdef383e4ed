"""The environment of one agent before a population that stays as it is; needs Gymnasium."""

from typing import Any

import gymnasium
import numpy as np

from rmfg.interop.copies import copied, pickled
from rmfg.population.controlled import ControlledPopulation


class SingleAgentEnv(gymnasium.Env):
    """One agent in a mean-field game whose population stays as it is."""

    def __init__(self, population: ControlledPopulation, num_steps: int):
        self.population, self.num_steps = population, num_steps
        self.metadata = {"render_modes": []}
        self.render_mode = None
        self.observation_space = gymnasium.spaces.Discrete(population.num_states)
        self.action_space = gymnasium.spaces.Discrete(population.num_actions)
        # The population takes arrays of agents, so one agent is an array of length one.
        self.states = np.zeros(0, dtype=np.int64)
        self.time = num_steps

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.int64, dict[str, Any]]:
        """Begin an episode; return the agent's state."""
        gymnasium.Env.reset(self, seed=seed, options=options)
        self.states, self.time = self.population.start(1, self.np_random), 0
        return self.states[0], {}

    def step(self, action: int | np.integer) -> tuple[np.int64, float, bool, bool, dict[str, Any]]:
        """Return the next state, the reward, False, and whether the episode is over."""
        if self.time >= self.num_steps:
            raise RuntimeError("No episode is under way: call `reset` before `step`.")
        self.states, rewards = self.population.step(self.states, np.asarray([action]))
        self.time += 1
        return self.states[0], float(rewards[0]), False, self.time >= self.num_steps, {}

    def __reduce__(self) -> Any:
        return pickled(self)

    def __deepcopy__(self, known: dict[int, Any]) -> "SingleAgentEnv":
        return copied(self, known)
