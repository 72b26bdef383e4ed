"""The beach bar: everyone wants to lie near the bar, nobody likes a crowd."""

import numpy as np
from jaxtyping import Float

from rmfg.model.game import TabularGame
from rmfg.model.layout import Line, Ring
from rmfg.model.observable import Observable
from rmfg.zoo.arguments import above_zero, flag, number, places, probability, walkers
from rmfg.zoo.coupling import CrowdAversion
from rmfg.zoo.moves import WALK, WALK_NAMES, walk
from rmfg.zoo.registry import Entry
from rmfg.zoo.watched import share_at


def beach_bar(
    num_states: int = 21,
    bar: int | None = None,
    ring: bool = False,
    noise: float = 0.2,
    attraction: float = 1.0,
    move_cost: float = 1.0,
    crowding: float = 1.0,
    floor: float = 1e-6,
    discount: float = 0.9,
) -> TabularGame:
    """Build the beach bar of Perrin et al. (2020), stationary and discounted.

        r(s, a, m) = -attraction |s - bar| / S - move_cost |a| / S - crowding log(max(m(s), floor))
        s' = s + a + e,   a in {-1, 0, 1},   e = -1, 1 with probability noise / 2 each, else 0

    on a line whose ends hold agents back, or on a ring (as in the source), where |s - bar| is the
    shorter way around. The bar stands in the middle unless told otherwise. The source plays it
    over a finite horizon from a given initial law. For a stationary equilibrium,

    - noise should be positive: without it a population that stays keeps any law, and where moving
      costs more than it gains, each of a continuum of laws is one of an equilibrium;
    - the logarithm needs a floor: policies that leave a part of the beach give it a mass that is
      zero or tiny, and log 0 is no reward. Equilibria whose masses all exceed the floor are those
      of the game without one. It also bounds how fast the reward changes with m: crowding / (2 floor).

    At the defaults the masses of the equilibrium lie between 0.039 and 0.058, highest at the bar.
    """
    states = _walkers(num_states, ring, noise)
    middle = num_states // 2 if bar is None else places("bar", (bar,), num_states)[0]
    pull = -number("attraction", attraction, 0) * distance(states, middle, ring) / num_states
    base = pull[:, None] - number("move_cost", move_cost, 0) * np.abs(WALK) / num_states
    watched = {"at_bar": share_at(middle)}
    return beach(base, ring, noise, crowding, floor, discount, watched)


def beach(
    base: Float[np.ndarray, "S A"],
    ring: bool,
    noise: float,
    crowding: float,
    floor: float,
    discount: float,
    watched: dict[str, Observable],
) -> TabularGame:
    """Build a game of crowd-averse walkers with this reward where there is no crowd."""
    num_states = len(base)
    reward = CrowdAversion(base, number("crowding", crowding, 0), above_zero("floor", floor))
    return TabularGame(
        walk(num_states, noise, ring),
        reward,
        discount,
        lipschitz=reward.lipschitz,
        action_names=WALK_NAMES,
        layout=Ring(num_states) if ring else Line(num_states),
        observables=watched,
    )


def distance(
    states: Float[np.ndarray, " S"], place: int, ring: bool = False
) -> Float[np.ndarray, " S"]:
    """Return the number of steps from each state to a place, on a line or around a ring."""
    apart = np.abs(states - place)
    return np.minimum(apart, len(states) - apart) if ring else apart


def _walkers(num_states: int, ring: bool, noise: float) -> Float[np.ndarray, " S"]:
    flag("ring", ring)
    probability("noise", noise)
    return np.arange(walkers("num_states", num_states), dtype=float)


ENTRY = Entry(
    name="beach-bar",
    summary="Walkers on a beach want to be near the bar and away from the crowd.",
    source="Perrin, Perolat, Lauriere, Geist, Elie, Pietquin: Fictitious play for mean field "
    "games: continuous time analysis and applications. NeurIPS 2020, arXiv:2007.03458. "
    "The stationary discounted version on a line or a ring is ours.",
    equations="r = -attraction |s - bar| / S - move_cost |a| / S - crowding log(max(m(s), floor)); "
    "s' = s + a + e with a in {-1, 0, 1} and e = -1, 1 with probability noise / 2 each.",
    known=("monotone", "potential"),
    build=beach_bar,
)
