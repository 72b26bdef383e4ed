"""Small arrays and a game that are right but for the entries that a case replaces."""

import numpy as np

import rmfg

UNIFORM = np.full(3, 1 / 3)
POLICY = np.full((3, 2), 0.5)
VALUES = np.array([1.0, 2.0, 4.0])


def kernel(place=None, entry=None) -> np.ndarray:
    """A kernel (3, 2, 3), with one entry replaced."""
    law = np.random.default_rng(0).dirichlet(np.ones(3), (3, 2))
    if place is not None:
        law[place] = entry
    return law


def reward(place=None, entry=None) -> np.ndarray:
    payoff = np.random.default_rng(1).normal(size=(3, 2))
    if place is not None:
        payoff[place] = entry
    return payoff


def slots(entry=None) -> np.ndarray:
    """Successors (3, 2, 2): the state itself and the next."""
    successors = np.broadcast_to((np.arange(3)[:, None, None] + [0, 1]) % 3, (3, 2, 2)).copy()
    if entry is not None:
        successors[2, 1] = entry
    return successors


HALF = np.full((3, 2, 2), 0.5)


def game(**options):
    return rmfg.TabularGame(kernel(), reward(), 0.9, **options)
