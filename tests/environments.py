"""Games for environments, and how agents act in them."""

import functools

import jax
import numpy as np

import rmfg
from rmfg.population.controlled import ControlledPopulation
from rmfg.population.dynamics import dynamics
from rmfg.population.setting import setting

DOUBT = rmfg.TotalVariation(0.3)
STATES, ACTIONS = 4, 2
SHAPE = (STATES, ACTIONS)
POLICY = np.random.default_rng(3).dirichlet(np.ones(ACTIONS), STATES)
NATURES = ("nominal", "worst_case", "random", "adversary")


@functools.cache
def crowding(kind: str = "state") -> rmfg.TabularGame:
    """A game whose reward and kernel both move with the mean field."""
    random = np.random.default_rng(0)
    base = random.dirichlet(np.ones(STATES), SHAPE)
    payoff = random.normal(size=SHAPE)

    def kernel(m):
        law = m if kind == "state" else m.sum(axis=1)
        return (base + law) / 2

    def reward(m):
        return payoff - (m[:, None] if kind == "state" else 3 * m)

    sizes = {"num_states": STATES, "num_actions": ACTIONS}
    return rmfg.TabularGame(kernel, reward, 0.9, mean_field=kind, name="crowding", **sizes)


def tabular() -> rmfg.TabularGame:
    """A game of arrays: it has no recipe and needs none."""
    kernel = np.random.default_rng(0).dirichlet(np.ones(4), (4, 2))
    return rmfg.TabularGame(kernel, np.arange(8.0).reshape(4, 2), 0.9)


def sparse_game() -> rmfg.TabularGame:
    """Successors padded with probability zero, in front, between and behind."""
    successors = np.broadcast_to((np.arange(STATES)[:, None, None] + range(4)) % 4, (*SHAPE, 4))
    law = np.array([[0, 0.3, 0, 0.7], [0.6, 0, 0.4, 0]])
    kernel = rmfg.SparseKernel(successors, np.broadcast_to(law, (*SHAPE, 4)))
    return rmfg.TabularGame(kernel, np.zeros(SHAPE), 0.9)


@functools.cache
def equilibrium() -> rmfg.Equilibrium:
    return rmfg.solve(crowding(), DOUBT, tol=1e-4)


def population_of(game, nature="nominal", ambiguity=None, policy=POLICY, **options):
    """Agents who start uniformly and whose actions the test chooses."""
    uniform = np.full(game.num_states, 1 / game.num_states)
    with jax.enable_x64(True):
        moving = dynamics(setting(game, policy, ambiguity, uniform, nature))
        return ControlledPopulation(moving, uniform, **options)


def acting(random: np.random.Generator, states: np.ndarray, policy=POLICY) -> np.ndarray:
    """Actions drawn from a policy."""
    return (random.random(len(states))[:, None] >= np.cumsum(policy, 1)[states][:, :-1]).sum(1)


def call(function, *args, **options):
    """Call without the type checks of the tests, as users do."""
    return getattr(function, "__wrapped__", function)(*args, **options)
