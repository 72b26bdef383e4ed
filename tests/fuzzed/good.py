"""Good values: a small game and what belongs to it."""

import jax.numpy as jnp
import numpy as np

import rmfg

RANDOM = np.random.default_rng(0)
LAWS = RANDOM.dirichlet(np.ones(3), (3, 2))
PAYOFF = RANDOM.normal(size=(3, 2))
LAW = np.array([0.2, 0.3, 0.5])
POLICY = np.array([[0.25, 0.75], [0.5, 0.5], [1.0, 0.0]])
VALUES = np.array([1.0, -2.0, 4.0])
SLOTS = np.broadcast_to(np.arange(3), (3, 2, 3)).copy()
METRIC = 1 - np.eye(3)
GAME = rmfg.TabularGame(LAWS, lambda m: jnp.asarray(PAYOFF) - m[:, None], 0.9)
TOTAL = rmfg.TotalVariation(0.1)
KERNEL = rmfg.DenseKernel(LAWS)
# A game of another size.
OTHER = rmfg.TabularGame(np.full((2, 2, 2), 0.5), np.zeros((2, 2)), 0.5)
