"""Crowded actions: every road between places gets slower with the agents on it."""

import equinox as eqx
import numpy as np
from jaxtyping import Float

from rmfg.core.memory import affordable
from rmfg.core.precision import Array
from rmfg.model.game import TabularGame
from rmfg.model.layout import Ring
from rmfg.zoo.arguments import number, probability, whole
from rmfg.zoo.beach_bar import distance
from rmfg.zoo.registry import Entry
from rmfg.zoo.watched import mean_of


class CrowdedPairs(eqx.Module):
    """r(s, a, m) = base(s, a) - weight m(s, a)."""

    base: Float[Array, "S A"]
    weight: Float[Array, ""]

    def __call__(self, mean_field: Float[Array, "S A"]) -> Float[Array, "S A"]:
        return self.base - self.weight * mean_field


def crowded_actions(
    num_places: int = 5,
    crowding: float = 5.0,
    distance_cost: float = 1.0,
    slip: float = 0.1,
    discount: float = 0.9,
) -> TabularGame:
    """Build a congestion game on the roads of a ring of places; m is the law of (place, road).

    Action a takes the road from s to a, the road from s to itself included.

        r(s, a, m) = -distance_cost d(s, a) / S - crowding m(s, a)
        s' = a with probability 1 - slip, else any place, uniformly

    with d the steps around the ring. The coupling is the gradient of -crowding |m|^2 / 2: strictly
    monotone in the joint law. Slips bring any two populations closer by the factor 1 - slip under
    every policy. With d' the mean length of a place's roads, the uniform law and the policy

        pi(a | s) = 1 / S + distance_cost (d' - d(s, a)) / crowding

    make all roads equally good and form an equilibrium wherever that is nonnegative; its value is
    -(distance_cost d' / S + crowding / S^2) / (1 - discount).
    """
    affordable("num_places", whole("num_places", num_places) ** 3)
    places = np.arange(num_places, dtype=float)
    lengths = np.stack([distance(places, s, ring=True) for s in range(num_places)])
    slips = probability("slip", slip)
    arrival = (1 - slips) * np.eye(num_places) + slips / num_places
    return TabularGame(
        np.tile(arrival, (num_places, 1, 1)),
        CrowdedPairs(
            -number("distance_cost", distance_cost, 0) * lengths / num_places,
            np.asarray(number("crowding", crowding, 0)),
        ),
        discount,
        mean_field="state-action",
        action_names=[f"to {place}" for place in range(num_places)],
        layout=Ring(num_places),
        observables={"mean_trip": mean_of(lengths, "steps around the ring")},
    )


ENTRY = Entry(
    name="crowded-actions",
    summary="Travelers on a ring of places pay for distance and for the others on their road.",
    source="Congestion costs after Rosenthal: A class of games possessing pure-strategy Nash "
    "equilibria. International Journal of Game Theory 2, 1973, doi:10.1007/BF01737559. "
    "The mean-field game is ours.",
    equations="r = -distance_cost d(s, a) / S - crowding m(s, a), m over state-action pairs; "
    "s' = a with probability 1 - slip, else uniform.",
    known=("monotone", "potential", "contractive", "closed form"),
    build=crowded_actions,
)
