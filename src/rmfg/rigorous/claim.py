"""What is to be proved, as plain arrays, and the rows of kernels as nature sees them.

The doubles of a row stand for the law that they give when divided by their exact sum. Rewards,
discount, radii and metrics stand for themselves, or for numbers that are enclosed.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from rmfg.rigorous.rounding import Array, Interval, Number

# More numbers than this for one array of rows that are spread over all states.
LARGEST_SPREAD = 40_000_000


class UnprovedError(Exception):
    """Nothing can be proved, for the reason given."""


class Laws(NamedTuple):
    """A kernel: weights (S, A, K) of successors (S, A, K), or of all states (S, A, S).

    The weights stand for themselves, or for numbers that `enclosure` holds.
    """

    weights: Float[Array, "S A K"]
    successors: Int[Array, "S A K"] | None = None
    enclosure: Interval | None = None

    @property
    def real(self) -> Interval:
        """What the weights stand for."""
        return Interval.of(self.weights) if self.enclosure is None else self.enclosure


@dataclasses.dataclass(frozen=True)
class Claim:
    """A candidate and its game, frozen at the candidate's mean field.

    `ambiguity` and `fields` are the set's name and arguments, as files hold them. `population` is
    "worst_case", "nominal" or a kernel, `actions` (S, A) says which actions may be taken (all, if
    none is given). Reward, nominal kernel and sizes may be intervals that enclose the game's.
    """

    reward: Float[Array, "S A"] | Interval
    nominal: Laws
    nature: Laws
    discount: float
    ambiguity: str
    fields: Mapping[str, Any]
    policy: Float[Array, "S A"]
    distribution: Float[Array, " S"]
    population: str | Laws = "worst_case"
    actions: Bool[Array, "S A"] | None = None
    start: Float[Array, " S"] | None = None  # values to search from; nothing rests on them


@dataclasses.dataclass(frozen=True)
class Rows:
    """Rows (K, S, A) of the nominal kernel, successors first, over slots that nature may use.

    `law` encloses the probabilities, `mass` is near them. Nature may put mass where `open` holds.
    No two slots of a row that are held or open are the same state.
    """

    slots: Int[Array, "K ..."]
    law: Interval
    mass: Float[Array, "K S A"]
    open: Bool[Array, "K ..."]

    @property
    def held(self) -> Bool[Array, "K S A"]:
        """Where the nominal law has mass."""
        return self.law.high > 0

    @property
    def usable(self) -> Array:
        """Where there is mass, or nature may put some."""
        return np.logical_or(self.open, self.held)

    @classmethod
    def of(cls, slots: Array, weights: Array, real: Interval, opened: Array) -> "Rows":
        return cls(slots, normalized(real), weights / weights.sum(axis=0), opened)


def normalized(weights: Number) -> Interval:
    """The laws (K, ...) that weights stand for: divided by their exact sums; zeros stay zeros."""
    exact = Interval.of(weights)
    law = (exact / exact.total()).clip(0, 1)
    return law.where(exact.high > 0, 0.0)


def first(array: Array) -> Array:
    """The last axis first."""
    return np.ascontiguousarray(np.moveaxis(array, -1, 0))


def rows_first(laws: Laws) -> tuple[Float[Array, "K S A"], Interval]:
    """The weights, and what they stand for, successors first."""
    return first(laws.weights), Interval(first(laws.real.low), first(laws.real.high))


def joined(top: Interval, below: Number) -> Interval:
    """Two intervals of slots as one."""
    other = Interval.of(below)
    return Interval(np.concatenate([top.low, other.low]), np.concatenate([top.high, other.high]))


def slots_of(laws: Laws) -> Int[Array, "K ..."]:
    """The states of the slots, (K, S, A) or (S, 1, 1)."""
    if laws.successors is None:
        return np.arange(len(laws.weights))[:, None, None]
    return first(laws.successors)


def spread(laws: Laws) -> Laws:
    """The same kernel over all states."""
    if laws.successors is None:
        return laws
    size, actions, _ = laws.weights.shape
    if size * size * actions > LARGEST_SPREAD:
        raise UnprovedError(
            f"this set needs rows over all {size} states: {size * size * actions} numbers are too many"
        )
    places, slots = np.ogrid[:size, :actions], slots_of(laws)

    def over_all(weights: Array) -> Array:
        dense = np.zeros((size, actions, size))
        for slot, weight in zip(slots, first(weights), strict=True):
            # Real successors are distinct, so each addition is to zero, or of zero.
            dense[places[0], places[1], slot] += weight
        return dense

    dense = Laws(over_all(laws.weights))
    if laws.enclosure is None:
        return dense
    ends = (over_all(end) for end in (laws.enclosure.low, laws.enclosure.high))
    return dense._replace(enclosure=Interval(*ends))


def rows_at(nominal: Laws, values: Float[Array, " S"], reach: str) -> Rows:
    """The rows with the slots that a worst law at these values needs."""
    laws = spread(nominal) if reach == "everywhere" else nominal
    slots, (weights, real) = slots_of(laws), rows_first(laws)
    if reach == "support" or laws.successors is not None:
        opened = weights > 0
    else:
        opened = np.ones(slots.shape, bool)
    if reach == "lowest" and laws.successors is not None:
        lowest = int(np.argmin(values))
        listed = (opened & (slots == lowest)).any(axis=0, keepdims=True)
        slots = np.concatenate([slots, np.full_like(slots[:1], lowest)])
        empty = np.zeros_like(weights[:1])
        weights, real = np.concatenate([weights, empty]), joined(real, empty)
        opened = np.concatenate([opened, ~listed])
    return Rows.of(slots, weights, real, opened)


def rows_with(nominal: Laws, other: Laws, reach: str) -> tuple[Rows, Float[Array, "K S A"]]:
    """The rows with the slots of another kernel too, and that kernel's weights on them."""
    if reach == "everywhere" or nominal.successors is None or other.successors is None:
        (before, real), after = rows_first(spread(nominal)), first(spread(other).weights)
        slots = np.arange(len(before))[:, None, None]
    else:
        (weights, real), slots = rows_first(nominal), slots_of(nominal)
        matched, rest = np.zeros_like(weights), first(other.weights).copy()
        for slot, weight in zip(slots_of(other), rest, strict=True):
            hit = (slots == slot) & (weights > 0)
            matched += np.where(hit, weight, 0)
            weight[hit.any(axis=0)] = 0
        empty = np.zeros_like(rest)
        before, real = np.concatenate([weights, empty]), joined(real, empty)
        after = np.concatenate([matched, rest])
        slots = np.concatenate([slots, slots_of(other)])
    opened = before > 0 if reach == "support" else (before > 0) | (after > 0)
    if reach == "everywhere":
        opened = np.ones_like(opened)
    return Rows.of(slots, before, real, opened), after


def expected(law: Interval, values: Array, center: Float[Array, "S A"]) -> Interval:
    """The mean of values under laws that sum to one; rounding grows with the distance from center."""
    return center + (law * (Interval.of(values) - center)).total()
