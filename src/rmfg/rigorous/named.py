"""The set that a claim names."""

import numpy as np

from rmfg.rigorous.boxes import Around, CVaR, Within
from rmfg.rigorous.claim import Claim, Laws, UnprovedError, first, spread
from rmfg.rigorous.divergences import (
    ChiSquare,
    EntropyPenalty,
    Hellinger,
    KullbackLeibler,
    ReverseKullbackLeibler,
)
from rmfg.rigorous.norms import Lp
from rmfg.rigorous.rounding import Array, Interval
from rmfg.rigorous.sets import Contamination, Nominal, Scenarios, Set, TotalVariation
from rmfg.rigorous.transport import Wasserstein


def set_of(claim: Claim) -> Set:
    """The set that a claim names."""
    given = dict(claim.fields)
    size = len(claim.distribution)
    lowest = "support" if given.get("support", "all") == "nominal" else "lowest"
    everywhere = "support" if given.get("support", "all") == "nominal" else "everywhere"

    def number(name: str) -> Interval:
        size = Interval.of(given[name])
        if not (size.low >= 0).all():
            raise UnprovedError(f"`{name}` is not a size: it is negative or NaN")
        return size

    match claim.ambiguity:
        case "nominal":
            return Nominal()
        case "contamination":
            return Contamination(number("radius").clip(0, 1), lowest)
        case "total-variation":
            return TotalVariation(number("radius").clip(0, 1), lowest)
        case "kl":
            return KullbackLeibler(number("radius"))
        case "reverse-kl":
            return ReverseKullbackLeibler(number("radius"), lowest)
        case "chi-square":
            return ChiSquare(number("radius"))
        case "hellinger":
            return Hellinger(number("radius").clip(0, 1), lowest)
        case "entropy-penalty":
            return EntropyPenalty(number("strength"))
        case "cvar":
            return CVaR(number("level"))
        case "interval-around":
            return Around(number("below"), number("above"), everywhere)
        case "interval":
            return Within(*(_bound(given[name]) for name in ("lower", "upper")))
        case "scenarios":
            kernels = given["kernels"]
            laws = [k if isinstance(k, Laws) else Laws(np.asarray(k, np.float64)) for k in kernels]
            return Scenarios(tuple(first(spread(law).weights) for law in laws))
        case "wasserstein":
            metric = np.asarray(given["metric"], np.float64)
            if not ((metric >= 0).all() and (np.diagonal(metric) == 0).all()):
                raise UnprovedError(
                    "`metric` has distances that are negative, or no zeros on its diagonal"
                )
            return Wasserstein(number("radius"), metric, float(given.get("order", 1)), everywhere)
        case "lp":
            return _ball_of(number("radius"), given, size, lowest, everywhere)
    raise UnprovedError(f"the set {claim.ambiguity!r} is not one that this checker knows")


def _bound(bound: Array) -> Array:
    array = np.asarray(bound, np.float64)
    return first(array) if array.ndim == 3 else array[..., None, None]


def _ball_of(radius: Interval, given: dict, size: int, lowest: str, everywhere: str) -> Set:
    order, weights = float(given.get("p", 2)), given.get("weights")
    if order == 1 and weights is None:
        return TotalVariation(Interval(radius.low / 2, radius.high / 2).clip(0, 1), lowest)
    weights = np.ones(size) if weights is None else np.asarray(weights, np.float64)
    if order == np.inf:
        return Around(radius, radius, everywhere, weights)
    return Lp(radius, order, weights, everywhere)
