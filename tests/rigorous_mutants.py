"""Faults put into the checker, one at a time: a wrong rounding, a flipped inequality, a lost term.

Each takes a pytest.MonkeyPatch. All are wrong by more than the checker's own rounding hides.
"""

from collections.abc import Callable

import numpy as np
import pytest

from rmfg.rigorous import boxes, check, claim, divergences, rounding, sets, transport
from rmfg.rigorous.check import Fixed, _Checker
from rmfg.rigorous.claim import Rows
from rmfg.rigorous.rounding import Interval
from rmfg.rigorous.search import Guess

Mutant = Callable[[pytest.MonkeyPatch], None]


def changed(owner: object, name: str, change: Callable) -> Mutant:
    """A fault that passes the result of a function through `change`."""

    def apply(patch: pytest.MonkeyPatch) -> None:
        right = getattr(owner, name)
        patch.setattr(owner, name, lambda *args, **kwargs: change(right(*args, **kwargs), *args))

    return apply


def replaced(owner: object, name: str, wrong: object) -> Mutant:
    return lambda patch: patch.setattr(owner, name, wrong)


def unnormalized(patch: pytest.MonkeyPatch) -> None:
    for module in (check, claim, divergences, sets, transport):
        patch.setattr(module, "normalized", Interval.of)


def scaled(factor: float) -> Callable:
    return lambda found, *_: found * factor


def _plain_total(self: Interval) -> Interval:
    return Interval(self.low.sum(axis=0), self.high.sum(axis=0))


def _plain_sqrt(self: Interval) -> Interval:
    return Interval(np.sqrt(np.maximum(self.low, 0)), np.sqrt(np.maximum(self.high, 0)))


def _two_ends(ends: list) -> Interval:
    return Interval(rounding.down(ends[0]), rounding.up(ends[3]))


def _without_mass(self: boxes.Box, rows: Rows, guess: Guess) -> Interval:
    return Interval.of(guess.law)


def _swapped(found: Fixed, *_: object) -> Fixed:
    return Fixed(found.value, found.above, found.below)


def _certain(found: Fixed, *_: object) -> Fixed:
    return Fixed(found.value, 0.0, 0.0)


def _free_dual(self: sets.TotalVariation, rows, values, center, guess):
    return sets.expected(rows.law, values, center).low


def _upper_dual(found: np.ndarray, *_: object) -> np.ndarray:
    return found + 1e-3


MUTANTS: dict[str, Mutant] = {
    "no rounding down": replaced(rounding, "down", lambda x: x),
    "no rounding up": replaced(rounding, "up", lambda x: x),
    "down rounds up": replaced(rounding, "down", rounding.up),
    "up rounds down": replaced(rounding, "up", rounding.down),
    "a quarter of a step down": replaced(rounding, "down", lambda x: x - 2.0**-55 * np.abs(x)),
    "negation keeps the ends": replaced(Interval, "__neg__", lambda x: Interval(-x.low, -x.high)),
    "products of like ends only": replaced(rounding, "_hull", _two_ends),
    "sums in plain arithmetic": replaced(Interval, "total", _plain_total),
    "roots in plain arithmetic": replaced(Interval, "sqrt", _plain_sqrt),
    "exponentials of eight terms": replaced(rounding, "TERMS", 8),
    "a wrong logarithm of two": replaced(rounding, "LN2_LOW", (1.9e-10, 1.9e-10)),
    "magnitudes without zero": replaced(
        Interval,
        "magnitude",
        lambda x: Interval(
            np.minimum(abs(x.low), abs(x.high)), np.maximum(abs(x.low), abs(x.high))
        ),
    ),
    "gathered in plain arithmetic": replaced(
        check,
        "_gathered",
        lambda flow, targets, size: Interval(
            *(np.bincount(targets.ravel(), x.ravel(), size) for x in (flow.low, flow.high))
        ),
    ),
    "rows are not normalized": unnormalized,
    "every law is taken to be inside": changed(
        sets, "share_within", lambda found, *_: np.ones_like(found)
    ),
    "half of the total variation": changed(sets.TotalVariation, "distance", scaled(0.5)),
    "total variation for free": replaced(sets.TotalVariation, "dual", _free_dual),
    "a tenth of the contamination": changed(sets.Contamination, "distance", scaled(0.1)),
    "a contaminated dual that is too high": changed(sets.Contamination, "dual", _upper_dual),
    "boxes filled without regard to mass": replaced(boxes.Box, "inside", _without_mass),
    "a box's dual that is too high": changed(boxes.Box, "dual", _upper_dual),
    "transport at half the cost": changed(transport.Wasserstein, "cost", scaled(0.5)),
    "a transport's budget without its order": replaced(
        transport.Wasserstein, "budget", lambda self: self.radius
    ),
    "a star's cost too high": changed(transport.Star, "cost", scaled(1.1)),
    "a scenario's dual that is too high": changed(sets.Scenarios, "dual", _upper_dual),
    "free energies that are too high": changed(
        divergences, "free_energy", lambda found, *_: found + 1e-6
    ),
    "half of every divergence": changed(divergences.Divergence, "distance", scaled(0.5)),
    "duals of divergences without a radius": changed(divergences.ChiSquare, "dual", _upper_dual),
    "a tilted dual that is too high": changed(divergences.Hellinger, "dual", _upper_dual),
    "a mirrored dual that is too high": changed(
        divergences.ReverseKullbackLeibler, "dual", _upper_dual
    ),
    "values taken to be exact": changed(_Checker, "fixed", _certain),
    "above and below exchanged": changed(_Checker, "fixed", _swapped),
    "no horizon": changed(
        _Checker,
        "fixed",
        lambda found, self, *_: Fixed(
            found.value,
            found.below / float(self.horizon.high),
            found.above / float(self.horizon.high),
        ),
    ),
    "support functions the wrong way round": changed(
        sets.Set, "support", lambda found, *_: Interval(found.high, found.low)
    ),
    "gaps without the values' error": replaced(
        check, "_around", lambda found: Interval.of(np.zeros(()))
    ),
    "consistency of half the mass": changed(
        _Checker, "consistency", lambda found, *_: (found[0] / 2, found[1] / 2)
    ),
}
