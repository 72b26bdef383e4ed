"""What is proved of each ambiguity set: how its support function and its worst law move.

Every statement is proved in the documentation (guarantees). They need sizes that do not depend on
the mean field; of sets that are not listed nothing is proved.
"""

import dataclasses
import math

import numpy as np

from rmfg.core.precision import Array
from rmfg.model import ambiguity as sets
from rmfg.model.kernel import Kernel
from rmfg.rates.steepness import farthest

DIVERGENCES = sets.KullbackLeibler | sets.ReverseKullbackLeibler | sets.ChiSquare | sets.Hellinger
# Their worst law depends on the values through their order alone.
GREEDY = sets.Contamination | sets.TotalVariation | sets.CVaR | sets.Interval | sets.IntervalAround
# Their worst law is a corner of a polytope, and jumps from one to the next.
POLYHEDRAL = GREEDY | sets.Scenarios | sets.Wasserstein


def is_frozen(ambiguity: sets.Ambiguity) -> bool:
    """Whether no size of the set is a function of the mean field."""
    fields = dataclasses.fields(ambiguity)
    values = (getattr(ambiguity, field.name) for field in fields)
    return not any(callable(value) and not isinstance(value, Kernel) for value in values)


def is_greedy(ambiguity: sets.Ambiguity) -> bool:
    """Whether the worst law depends on the values through their order alone."""
    in_order = isinstance(ambiguity, sets.Lp) and _is_plain(ambiguity)
    return is_frozen(ambiguity) and (isinstance(ambiguity, GREEDY) or in_order)


def is_polyhedral(ambiguity: sets.Ambiguity) -> bool:
    """Whether the worst law jumps."""
    corners = isinstance(ambiguity, sets.Lp) and ambiguity.p in (1, math.inf)
    return is_frozen(ambiguity) and (isinstance(ambiguity, POLYHEDRAL) or corners)


def needs_lowest_state_only(ambiguity: sets.Ambiguity) -> bool:
    """Whether even the order does not matter, as long as one state stays the lowest."""
    return isinstance(ambiguity, sets.Contamination) and ambiguity.support == "all"


def following(ambiguity: sets.Ambiguity, spread: float, smallest: float) -> float | None:
    """How far the support function follows the nominal law, or None where nothing is proved.

    It changes by at most this times 1/2 norm1(p - p') * (max V - min V), for values of this spread
    and laws whose positive probabilities stay above `smallest` on a support that does not move
    (0 where that is not known).
    """
    if not is_frozen(ambiguity):
        return None
    if smallest <= 0 and getattr(ambiguity, "support", "all") == "nominal":
        return None
    match ambiguity:
        case sets.Interval() | sets.Scenarios():
            return 0.0
        case sets.Contamination(radius=radius):
            return 1 - _least(radius)
        case sets.Nominal() | sets.TotalVariation() | sets.Lp() | sets.IntervalAround():
            return 1.0
        case sets.Wasserstein():
            return 1.0
        case sets.CVaR(level=level):
            return 1 / (1 - _most(level))
        case sets.EntropyPenalty(strength=strength):
            share = spread / _least(strength)
            return float(np.expm1(min(share, 700.0))) / share if share > 0 else 1.0
    if isinstance(ambiguity, DIVERGENCES) and smallest > 0:
        return 1 / smallest
    return None


def mixing(ambiguity: sets.Ambiguity, nominal: float, spread: float, num_states: int) -> float:
    """Bound the Dobrushin coefficient of nature's kernel at any values of this spread.

    `nominal` is the nominal kernel's. One, which is always true, where nothing better is proved.
    """
    if not is_frozen(ambiguity):
        return 1.0
    match ambiguity:
        case sets.Nominal():
            return nominal
        case sets.Contamination(radius=radius, support=support):
            shared = _least(radius) if support == "all" else 0.0
            return 1 - (1 - _most(radius)) * (1 - nominal) - shared
        case sets.TotalVariation(radius=radius, support=support):
            return _moved(nominal, np.asarray(radius), support)
        case sets.Lp(radius=radius, p=1, weights=None, support=support):
            return _moved(nominal, np.minimum(np.asarray(radius) / 2, 1), support)
        case sets.CVaR(level=level):
            uneven = _most(level) - _least(level)
            return min((nominal + uneven) / (1 - _least(level)), 1.0)
        case sets.EntropyPenalty(strength=strength) if _least(strength) == _most(strength):
            return 1 - (1 - nominal) * math.exp(-spread / _least(strength))
        case sets.Scenarios(kernels=tuple() as kernels):
            rows = [np.asarray(k.to_dense()) for k in kernels if isinstance(k, Kernel)]
            return farthest(np.concatenate(rows, axis=1))
        case sets.Interval(lower=lower):
            array = np.broadcast_to(lower, np.broadcast_shapes(np.shape(lower), (num_states,)))
            return 1 - float(array.reshape(-1, num_states).min(axis=0).sum())
    return min(nominal + 2 * _farthest_law(ambiguity, num_states), 1.0)


def _moved(nominal: float, radius: Array, support: str) -> float:
    """Where a mass `radius` is taken from the highest values, and given to one state if it can be."""
    given = _least(radius) if support == "all" else 0.0
    return min(nominal + _most(radius) - given, 1.0)


def _farthest_law(ambiguity: sets.Ambiguity, num_states: int) -> float:
    """Bound the total variation between a law of the set and the nominal law."""
    match ambiguity:
        case sets.KullbackLeibler(radius=radius) | sets.ReverseKullbackLeibler(radius=radius):
            return math.sqrt(_most(radius) / 2)
        case sets.ChiSquare(radius=radius):
            return math.sqrt(_most(radius)) / 2
        case sets.Hellinger(radius=radius):
            return math.sqrt(_most(radius) * (2 - _most(radius)))
        case sets.IntervalAround(below=below, above=above):
            return num_states * min(_most(below), _most(above))
        case sets.Lp(radius=radius, p=order, weights=weights):
            lightest = 1.0 if weights is None else _least(weights)
            return num_states ** (1 - 1 / order) * _most(radius) / lightest / 2
        case sets.Wasserstein(radius=radius, metric=metric, order=order):
            apart = np.asarray(metric)[~np.eye(num_states, dtype=bool)]
            nearest = float(apart.min(initial=math.inf))
            return (_most(radius) / nearest) ** order if nearest > 0 else 1.0
    return 1.0


def _is_plain(ball: sets.Lp) -> bool:
    return ball.p == math.inf or (ball.p == 1 and ball.weights is None)


def _least(size: object) -> float:
    return float(np.min(np.asarray(size)))


def _most(size: object) -> float:
    return float(np.max(np.asarray(size)))
