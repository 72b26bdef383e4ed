"""Games in which soft iteration is proved to contract, and distances between laws and kernels."""

from typing import NamedTuple

import numpy as np
from eight_states import array

import rmfg
from rmfg.solvers.picard import Picard

ROUNDING = 1e-10


def laws_of(shape, seed, count=12):
    """Point masses, and laws with much and with little spread."""
    random, size = np.random.default_rng(seed), int(np.prod(shape))
    drawn = [random.dirichlet(np.full(size, spread)) for spread in (0.2, 1.0, 10.0)] * count
    found = np.array([*np.eye(size)[:count], *drawn[:count]])
    return found.reshape(-1, *shape)


def distance(law, other):
    return np.abs(law - other).sum()


def rows_apart(kernel, other):
    return np.abs(array(kernel) - array(other)).sum(-1).max()


def ladder(crowding=0.1):
    """Each step is worth one more than the last: no crowd can change the order of the values."""
    steps, kernel = np.arange(4), np.zeros((4, 2, 4))
    kernel[steps, 0, np.maximum(steps - 1, 0)] = 0.5
    kernel[steps, 1, np.minimum(steps + 1, 3)] = 0.5
    kernel += 0.5 * np.array([0.1, 0.4, 0.3, 0.2])
    base = steps[:, None] - np.array([0.0, 0.5])
    return rmfg.TabularGame(kernel, lambda m: base - crowding * m[:, None], 0.8)


def fashion():
    """Two shops, more attractive the more people are there: the policy's constant is attained."""
    kernel = np.tile(0.4 + 0.2 * np.eye(2), (2, 1, 1))
    return rmfg.TabularGame(kernel, lambda m: 7.0 * np.ones((2, 1)) * m, 0.0, num_states=2)


def roads():
    return rmfg.zoo.make("crowded-actions", num_places=3, slip=0.5, crowding=1.0)


def illness():
    mild = {"infection_rate": 0.2, "recovery_rate": 0.5, "infection_cost": 2.0, "discount": 0.5}
    return rmfg.zoo.make("sis-epidemic", num_actions=3, **mild)


class Case(NamedTuple):
    """A game in which soft iteration is proved to contract."""

    game: rmfg.MeanFieldGame
    ambiguity: rmfg.Ambiguity
    temperature: float
    population: str = "worst_case"
    long_run: bool = True
    damping: float = 1.0

    def known(self, **options):
        return rmfg.contraction(
            self.game,
            self.ambiguity,
            self.temperature,
            population=self.population,
            damping=self.damping,
            long_run=self.long_run,
            **options,
        )

    @property
    def solver(self):
        return Picard(self.damping, self.temperature, long_run=self.long_run)

    @property
    def problem(self):
        return rmfg.Problem(self.game, self.ambiguity, self.population)


CASES = {
    "fashion": Case(fashion(), rmfg.Nominal(), 1.0, long_run=False),
    "fashion, long run": Case(fashion(), rmfg.Nominal(), 1.0),
    "roads": Case(roads(), rmfg.Nominal(), 3.5, long_run=False),
    "roads, damped": Case(roads(), rmfg.Nominal(), 2.5, damping=0.5),
    "roads, TV": Case(roads(), rmfg.TotalVariation(0.1), 2.5, "nominal"),
    "roads, KL": Case(roads(), rmfg.KullbackLeibler(0.01), 2.5, "nominal"),
    "roads, penalty": Case(roads(), rmfg.EntropyPenalty(20.0), 3.5),
    "ladder, TV": Case(ladder(), rmfg.TotalVariation(0.1), 0.25),
    "ladder, contamination": Case(ladder(), rmfg.Contamination(0.1), 0.25),
    "ladder, CVaR": Case(ladder(), rmfg.CVaR(0.2), 0.25, damping=0.7),
    "ladder, penalty": Case(ladder(), rmfg.EntropyPenalty(20.0), 0.3, long_run=False),
    "illness": Case(illness(), rmfg.Nominal(), 1.5),
    "illness, CVaR": Case(illness(), rmfg.CVaR(0.2), 1.5, "nominal", long_run=False),
    "illness, penalty": Case(illness(), rmfg.EntropyPenalty(40.0), 1.5, long_run=False),
}
