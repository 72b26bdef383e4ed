"""Games of the zoo as tests look at them: default ones, random populations, and NumPy tensors."""

import functools

import numpy as np
import pytest

from rmfg import zoo
from rmfg.model.game import MeanFieldGame

SMALL = {"num_states": 12, "num_actions": 3, "branching": 4}  # garnets of one shape compile once


@functools.cache
def default(name: str) -> MeanFieldGame:
    return zoo.make(name)


def random_field(game: MeanFieldGame, seed: int) -> np.ndarray:
    """A random law; odd seeds leave most entries nearly empty."""
    concentration = 1.0 if seed % 2 == 0 else 0.05
    size = int(np.prod(game.mean_field_shape))
    law = np.random.default_rng(seed).dirichlet(np.full(size, concentration))
    return law.reshape(game.mean_field_shape)


def tensors(game: MeanFieldGame, field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(game.kernel(field).to_dense()), np.asarray(game.reward(field))


def claiming(known: str):
    claims = [name for name in zoo.names() if known in zoo.describe(name).known]
    return pytest.mark.parametrize("name", claims)
