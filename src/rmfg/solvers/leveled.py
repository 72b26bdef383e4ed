"""A game with its rewards counted from a level, for solvers.

A constant added to all rewards adds a constant to all values and changes nothing else. Where it is
large beside what rewards differ by, solvers would spend their digits on it.
"""

from typing import Any

import numpy as np
from jaxtyping import Float

from rmfg.core.precision import Array
from rmfg.model.game import MeanFieldGame
from rmfg.model.problem import Problem

# An offset of this many times the range of rewards costs solvers three digits.
LARGE = 1e3


class Leveled(MeanFieldGame):
    """The same game, with rewards less a number."""

    def __init__(self, game: MeanFieldGame, level: float):
        for name in MeanFieldGame.__annotations__:
            setattr(self, name, getattr(game, name))
        self.original, self.level = game, np.asarray(level)

    def kernel(self, mean_field: Float[Array, "..."]) -> Any:
        return self.original.kernel(mean_field)

    def reward(self, mean_field: Float[Array, "..."]) -> Any:
        return self.original.reward(mean_field) - self.level


def leveled(problem: Problem, guess: Float[np.ndarray, "..."]) -> Problem:
    """The problem without the offset that its rewards have at a mean field, where it is large."""
    reward = np.asarray(problem.game.reward(guess))
    reward = reward[np.isfinite(reward)]
    if reward.size == 0:
        return problem
    level = float(np.median(reward))
    if abs(level) <= LARGE * np.ptp(reward):
        return problem
    return Problem(Leveled(problem.game, level), problem.ambiguity, problem.population)
