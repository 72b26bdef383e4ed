"""Bounds of what a certificate measures, true in real arithmetic.

With T the optimal robust operator, T^pi that of the policy, and any function V,

    V*   <= V + max (T V - V)+ / (1 - discount),     V*   >= V - max (V - T V)+ / (1 - discount),

and the same for T^pi. T is bounded from above by laws that are in the set for certain, from below
by dual values, and every operation is rounded outward.
"""

import dataclasses
import time
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from rmfg.rigorous import rounding, search
from rmfg.rigorous.claim import (
    Claim,
    Laws,
    UnprovedError,
    expected,
    first,
    normalized,
    rows_at,
    rows_first,
    rows_with,
)
from rmfg.rigorous.named import set_of
from rmfg.rigorous.rounding import Array, Interval
from rmfg.rigorous.search import Guess
from rmfg.rigorous.sets import Set

Bounds = tuple[float, float]
NOTHING: Bounds = (0.0, float("inf"))


@dataclasses.dataclass(frozen=True)
class Proof:
    """Numbers that are proved to lie between a lower and an upper bound, in real arithmetic.

    `exploitability` is the largest over states of V* - V^pi, `mean_exploitability` its mean under the
    law. `consistency` is the L1 distance of the law from its push-forward. `nature_gap` is what
    nature's kernel lacks of the worst case where the population goes, at V*, and `infeasibility` is
    the total variation between its rows and the set, at most. `value_range` is the range of V^pi over
    the states that the law holds. Where something could not be proved, `unproved` says why, and its
    bounds are those that always hold. `rounding` is how far row sums of the doubles are from one.
    `frozen` says why the numbers are about the game as it was computed at the answer's mean field;
    where it is empty, they are about the game's own functions.
    """

    exploitability: Bounds
    mean_exploitability: Bounds
    consistency: Bounds
    nature_gap: Bounds
    infeasibility: Bounds
    value_range: Bounds
    rounding: float
    unproved: tuple[str, ...]
    seconds: float
    frozen: str

    @property
    def proved(self) -> bool:
        """Whether every number has finite bounds."""
        bounds = [getattr(self, name) for name in NAMES]
        return not self.unproved and all(np.isfinite(bound).all() for bound in bounds)

    def as_data(self) -> dict[str, Any]:
        """Return everything as data."""
        return dataclasses.asdict(self) | {"proved": self.proved}

    def __str__(self) -> str:
        lines = [
            f"  {name.replace('_', ' '):<20} between {low:.6e} and {high:.6e}"
            for name, (low, high) in ((name, getattr(self, name)) for name in NAMES)
        ]
        about = "the game's own functions"
        if self.frozen:
            about = f"the game frozen at the mean field, since {self.frozen}"
        lines += [f"  {'about':<20} {about}"]
        lines += [f"  not proved: {reason}" for reason in self.unproved]
        word = "proved in real arithmetic" if self.proved else "NOT PROVED in real arithmetic"
        return "\n".join([f"{word}, {self.seconds:.1f} s", *lines])


NAMES = (
    "exploitability",
    "mean_exploitability",
    "consistency",
    "nature_gap",
    "infeasibility",
    "value_range",
)


class Fixed(NamedTuple):
    """A function, and how far the fixed point of an operator is below and above it at most."""

    value: Float[Array, " S"]
    below: float
    above: float


def prove(claim: Claim) -> Proof:
    """Bound everything that a certificate measures.

    Raises RuntimeError on a machine that does not follow IEEE 754.
    """
    begun = time.perf_counter()
    rounding.check_arithmetic()
    found: dict[str, Bounds] = dict.fromkeys(NAMES, NOTHING)
    reasons: list[str] = []
    off = np.inf
    with np.errstate(all="ignore"):
        try:
            off = _row_sums(claim)
            found |= _Checker(claim).bounds(reasons)
        except UnprovedError as reason:
            reasons.append(str(reason))
    return Proof(
        **{name: (float(low), float(high)) for name, (low, high) in found.items()},
        rounding=float(off),
        unproved=tuple(reasons),
        seconds=time.perf_counter() - begun,
        frozen="",
    )


def _row_sums(claim: Claim) -> float:
    """How far the rows are from summing to one; refuses what stands for no law."""
    given = {"policy": claim.policy, "distribution": claim.distribution}
    kernels = {"nominal": claim.nominal, "nature": claim.nature, "population": claim.population}
    given |= {name: laws.weights for name, laws in kernels.items() if isinstance(laws, Laws)}
    furthest = 0.0
    for name, array in given.items():
        if not (np.isfinite(array).all() and (array >= 0).all()):
            raise UnprovedError(f"`{name}` holds NaN, infinity or negative numbers")
        sums = Interval.of(np.moveaxis(array, -1, 0)).total()
        if not (sums.low > 0).all():
            raise UnprovedError(f"`{name}` has a row without mass")
        furthest = max(furthest, float((sums - 1).magnitude().high.max()))
    reward = Interval.of(claim.reward)
    if not (np.isfinite(reward.low).all() and np.isfinite(reward.high).all()):
        raise UnprovedError("the reward is not finite")
    if not 0 <= claim.discount < 1:
        raise UnprovedError(f"the discount is {claim.discount!r}, not in [0, 1)")
    if claim.actions is not None and (claim.policy[~claim.actions] > 0).any():
        raise UnprovedError("the policy takes an action that is not allowed")
    for name, laws in kernels.items():
        if isinstance(laws, Laws):
            _check_kernel(name, laws)
    return furthest


def _check_kernel(name: str, laws: Laws) -> None:
    successors, size, real = laws.successors, len(laws.weights), laws.real
    if not (np.where(laws.weights > 0, real.low > 0, real.high == 0)).all():
        raise UnprovedError(f"whether `{name}` allows a move is not decided by its enclosure")
    if successors is None:
        return
    if not ((successors >= 0) & (successors < size)).all():
        raise UnprovedError(f"`{name}` names successors that are no states")
    padding = size + np.arange(successors.shape[-1])
    real = np.sort(np.where(laws.weights > 0, successors, padding), axis=-1)
    if (real[..., 1:] == real[..., :-1]).any():
        raise UnprovedError(f"`{name}` names a successor twice in one row")


class _Checker:
    """All that the bounds share."""

    def __init__(self, claim: Claim):
        self.claim, self.set = claim, set_of(claim)
        self.policy = normalized(claim.policy.T)  # (A, S)
        self.law = normalized(claim.distribution)
        reward = Interval.of(claim.reward)
        allowed = np.ones(reward.low.shape, bool) if claim.actions is None else claim.actions
        self.allowed = allowed
        # The same number taken from all rewards changes no difference of values.
        middle = 0.5 * (reward.low[allowed].min() + reward.low[allowed].max())
        self.reward = (reward - middle).where(allowed, 0.0)
        self.horizon = Interval.of(1.0) / (Interval.of(1.0) - claim.discount)
        start = np.zeros(len(self.law.low)) if claim.start is None else claim.start
        start = np.nan_to_num(start - middle / (1 - claim.discount))
        plain = np.where(allowed, self.reward.low, -np.inf)
        mean = claim.policy / claim.policy.sum(axis=1, keepdims=True)
        # Far below what rewards were rounded by: of smaller differences nothing is known.
        floor = 2.0**-66 * abs(float(middle))
        self.optimal_value = search.values_of(
            self.answer, plain, claim.discount, start, None, floor
        )
        self.own_value = search.values_of(
            self.answer, self.reward.low, claim.discount, self.optimal_value, mean, floor
        )

    def answer(self, values: Array) -> tuple:
        rows = rows_at(self.claim.nominal, values, self.set.reach)
        return rows, self.set.guess(rows, values[rows.slots])

    def action_values(self, values: Array) -> tuple[Interval, Interval]:
        """How far each Q lies above the value of its state, and the support function."""
        rows, guess = self.answer(values)
        support = self.set.support(rows, values[rows.slots], guess)
        return self.reward - values[:, None] + self.claim.discount * support, support

    def bounds(self, reasons: list[str]) -> dict[str, Bounds]:
        """Bound everything."""
        rise, support = self.action_values(self.optimal_value)
        allowed = self.allowed
        gain = Interval(
            np.where(allowed, rise.low, -np.inf).max(axis=1),
            np.where(allowed, rise.high, -np.inf).max(axis=1),
        )
        best = self.fixed(self.optimal_value, gain)
        own_rise = self.action_values(self.own_value)[0]
        rise_of_policy = self.policy * Interval(own_rise.low.T, own_rise.high.T)
        played = rise_of_policy.where(self.policy.high > 0, 0.0).total()
        own = self.fixed(self.own_value, played)

        regret = Interval.of(best.value) - own.value
        regret = Interval(
            (Interval.of(regret.low) - best.below - own.above).low,
            (Interval.of(regret.high) + best.above + own.below).high,
        ).clip(0)
        mean = (self.law * regret).total()
        held = self.claim.distribution > 0
        most, least = own.value[held].max(), own.value[held].min()
        width = Interval.of(most) - least
        found: dict[str, Bounds] = {
            "exploitability": _ends(regret.largest()),
            "mean_exploitability": _ends(mean.clip(0)),
            "value_range": _ends(width + _around(own)),
        }
        for name, bound in (
            ("consistency", self.consistency),
            ("infeasibility", self.infeasibility),
            ("nature_gap", lambda: self.nature_gap(best, support)),
        ):
            try:
                found[name] = bound()
            except UnprovedError as reason:
                reasons.append(f"{name.replace('_', ' ')}: {reason}")
        return found

    def fixed(self, value: Array, rise: Interval) -> Fixed:
        """The fixed point's distance from a function that an operator raises by so much."""
        below = Interval.of(np.maximum(-rise.low, 0).max()) * self.horizon
        above = Interval.of(np.maximum(rise.high, 0).max()) * self.horizon
        return Fixed(value, float(below.high), float(above.high))

    def consistency(self) -> Bounds:
        """Bound the L1 distance of the law from its push-forward."""
        claim = self.claim
        movers = {"worst_case": claim.nature, "nominal": claim.nominal}
        mover = claim.population if isinstance(claim.population, Laws) else movers[claim.population]
        mass = self.law * self.policy  # (A, S)
        flow = normalized(rows_first(mover)[1]) * Interval(mass.low.T, mass.high.T)
        flow = flow.clip(0)
        if mover.successors is None:
            pushed = Interval(
                *(np.moveaxis(x, 0, -1).reshape(-1, len(x)) for x in (flow.low, flow.high))
            )
            pushed = pushed.total()
        else:
            pushed = _gathered(flow, first(mover.successors), len(self.law.low))
        return _ends((self.law - pushed).magnitude().total())

    def infeasibility(self) -> Bounds:
        """Bound the total variation between rows of nature's kernel and the set from above."""
        rows, weights = rows_with(self.claim.nominal, self.claim.nature, self.set.reach)
        law = normalized(weights)
        inside = self.set.inside(rows, Guess(weights / weights.sum(axis=0)))
        # Of two laws, the total variation is what one has more than the other.
        over = (law - inside).clip(0).total().high
        apart = ((law - inside).magnitude().total() * 0.5).high
        far = np.where(self.allowed, np.minimum(np.minimum(over, apart), 1.0), 0.0).max()
        return 0.0, far if far == far else np.inf

    def nature_gap(self, best: Fixed, support: Interval) -> Bounds:
        """Bound what nature's kernel gives the agents beyond the worst case, where agents go."""
        values = best.value
        slots = rows_with(self.claim.nominal, self.claim.nature, self.set.reach)
        rows, weights = slots
        law = normalized(weights)
        reached = values[rows.slots]
        center = (weights / weights.sum(axis=0) * reached).sum(axis=0)
        attained = expected(law, reached, center) + self.set.price(rows, law)
        gap = attained - support + _around(best)
        visited = (self.claim.distribution[:, None] > 0) & (self.claim.policy > 0)
        return _ends(gap.where(visited, 0.0).clip(0).largest())


def _around(fixed: Fixed) -> Interval:
    """What differences of two means of the fixed point and of its function differ by."""
    error = (Interval.of(fixed.below) + fixed.above).high
    return Interval(-error, error)


def _ends(number: Interval) -> Bounds:
    low, high = float(number.low), float(number.high)
    return (max(low, 0.0) if low == low else 0.0), (high if high == high else float("inf"))


def _gathered(flow: Interval, targets: Array, size: int) -> Interval:
    """Sums over equal targets. In any order, n numbers above zero are added to a share of n u."""
    targets = targets.ravel()
    count = np.bincount(targets, minlength=size)
    slack = (count + 2) * 2.0**-52
    low, high = (np.bincount(targets, x.ravel(), size) for x in (flow.low, flow.high))
    return Interval((low * (1 - Interval.of(slack))).low, (high * (1 + Interval.of(slack))).high)


__all__ = ["Claim", "Laws", "Proof", "Set", "prove"]
