"""The coordination game: a crowd that likes itself has several places to meet."""

from collections.abc import Sequence

import numpy as np

from rmfg.model.game import TabularGame
from rmfg.model.layout import Line
from rmfg.zoo.arguments import number, places, probability, walkers
from rmfg.zoo.coupling import OwnDensity
from rmfg.zoo.moves import WALK, WALK_NAMES, walk
from rmfg.zoo.registry import Entry
from rmfg.zoo.watched import shares_at


def coordination(
    num_states: int = 7,
    targets: Sequence[int] = (2, 4),
    noise: float = 0.05,
    move_cost: float = 4.0,
    target_cost: float = 20.0,
    company: float = 5.0,
    discount: float = 0.9,
) -> TabularGame:
    """Build the game with several equilibria of Bench-MFG.

        r(s, a, m) = -move_cost |a| - target_cost min over targets t of |s - t| + company m(s)
        s' = s + a + e clipped to 0 .. S-1,   a in {-1, 0, 1},   e = -1, 1 w.p. noise / 2 each

    The reward of company works against monotonicity. With nu = noise / 2, these laws belong to
    equilibria at the defaults: all near target 2, (0, nu, 1 - 2 nu, nu, 0, 0, 0); its mirror
    image; and their mean, half the population at each target. The chain mixes slowly: an agent
    changes sides with probability of the order of noise.
    """
    states = np.arange(walkers("num_states", num_states))
    chosen = np.array(places("targets", targets, num_states))
    away = np.abs(states[:, None] - chosen).min(1)
    staying = -number("target_cost", target_cost, 0) * away
    base = staying[:, None] - number("move_cost", move_cost, 0) * np.abs(WALK)
    return TabularGame(
        walk(num_states, probability("noise", noise)),
        OwnDensity(base, number("company", company)),
        discount,
        action_names=WALK_NAMES,
        layout=Line(num_states),
        observables={"at_targets": shares_at(tuple(chosen.tolist()), "target")},
    )


ENTRY = Entry(
    name="coordination",
    summary="Walkers on a chain gather at one of several targets because the others are there.",
    source="Bench-MFG, arXiv:2602.12517 (multiple_equilibria).",
    equations="r = -move_cost |a| - target_cost min_t |s - t| + company m(s); "
    "s' = clip(s + a + e), e = -1, 1 with probability noise / 2 each.",
    known=("potential", "several equilibria", "closed form"),
    build=coordination,
)
