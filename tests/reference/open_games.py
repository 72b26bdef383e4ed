"""Equilibria of games in which everybody picks a place, by bisection.

A population of one lands at place s with mass m(s) = (1 - slip) p(s) + slip / S, where p is what it
picks, and likes it by appeal(s) - cost(m(s)), with an increasing cost. Only the next place depends on
what is picked, so agents compare these numbers.
"""

from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

Cost = Callable[[float], float]


def equal_places(cost: Cost, appeal: np.ndarray, slip: float) -> np.ndarray:
    """The law at which places that are picked are equally good and others are not better."""
    size = len(appeal)
    least = slip / size

    def mass(level: float, s: int) -> float:
        """The mass at which place s is worth `level`, or the least one where it is worth less."""
        if appeal[s] - cost(least) <= level:
            return least
        most = 1 - (size - 1) * least
        if appeal[s] - cost(most) >= level:
            return most
        return brentq(lambda m: appeal[s] - cost(m) - level, least, most, xtol=1e-14)

    def excess(level: float) -> float:
        return sum(mass(level, s) for s in range(size)) - 1

    level = brentq(excess, -200.0, 200.0, xtol=1e-13)
    return np.array([mass(level, s) for s in range(size)])


def soft_places(
    cost: Cost, appeal: np.ndarray, slip: float, temperature: float, discount: float
) -> np.ndarray:
    """The law at which places are picked in proportion to exp(worth / temperature).

    A pick changes what the next place pays, a discounted step away: worth is
    discount (1 - slip) (appeal(s) - cost(m(s))).
    """
    size = len(appeal)
    least = slip / size

    def share(level: float, s: int) -> float:
        """The p at which log p + (cost - appeal) discount (1 - slip) / temperature = level."""

        def off(log_p: float) -> float:
            m = (1 - slip) * np.exp(log_p) + least
            worth = discount * (1 - slip) * (appeal[s] - cost(m))
            return log_p - worth / temperature - level

        if off(np.log(1 - 1e-12)) <= 0:
            return 1 - 1e-12
        return float(np.exp(brentq(off, -200.0, np.log(1 - 1e-12), xtol=1e-14)))

    level = brentq(lambda x: sum(share(x, s) for s in range(size)) - 1, -100.0, 100.0, xtol=1e-13)
    picked = np.array([share(level, s) for s in range(size)])
    return (1 - slip) * picked + least
