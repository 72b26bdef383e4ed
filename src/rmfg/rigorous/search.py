"""Worst laws, multipliers and values in plain floating point. Nothing that is proved rests on them."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from jaxtyping import Float, Int

from rmfg.rigorous.claim import Rows
from rmfg.rigorous.rounding import Array

TINY = 2.0**-1022
DENSE_STATES = 1500
DIRECT_STATES = 20_000
# How near to its image, as a share of its size, a value must be before no policy is tried alone.
CLOSE = 1e-9
# Policies in a row that come no nearer.
PATIENCE = 5


class Guess(NamedTuple):
    """A law of nature's that is near to what it stands for, and what came with it.

    `multiplier` is the set's own, `plan` says where slots (K) send their mass: targets and shares
    (J, K, S, A). `price` is what a penalized nature pays.
    """

    law: Float[Array, "K S A"]
    multiplier: Array | tuple[Array, ...] = np.zeros(())
    plan: tuple[Int[Array, "J K S A"], Float[Array, "J K S A"]] | None = None
    price: Float[Array, "S A"] | float = 0.0


def lowest_of(rows: Rows, values: Array) -> Float[Array, "S A"]:
    """The least value that nature can reach."""
    return np.where(rows.usable, values, np.inf).min(axis=0)


def highest_of(rows: Rows, values: Array) -> Float[Array, "S A"]:
    return np.where(rows.usable, values, -np.inf).max(axis=0)


def filled(values: Array, room: Float[Array, "K S A"], mass: Array) -> tuple[Array, Array]:
    """Fill the slots of lowest value first; also the value at which the mass is used up."""
    shape = room.shape
    order = np.broadcast_to(np.argsort(values, axis=0, kind="stable"), shape)
    sorted_room = np.take_along_axis(room, order, 0)
    before = np.cumsum(sorted_room, axis=0) - sorted_room
    part = np.clip(mass - before, 0, sorted_room)
    result = np.empty(shape)
    np.put_along_axis(result, order, part, 0)
    used = (part > 0) & (sorted_room > 0)
    sorted_values = np.take_along_axis(np.broadcast_to(values, shape), order, 0)
    level = np.where(used, sorted_values, -np.inf).max(axis=0)
    return result, np.where(np.isfinite(level), level, sorted_values[0])


def root(function: Callable[[Array], Array], low: Array, high: Array, steps: int = 100) -> Array:
    """Where falling functions cross zero: secants with bisection (Illinois)."""
    f_low, f_high = function(low), function(high)
    best = np.where(f_low <= 0, low, high)
    active = (f_low > 0) & (f_high < 0)
    point = best
    side = np.zeros_like(low)
    for step in range(steps):
        if not active.any():
            break
        with np.errstate(all="ignore"):
            secant = high - f_high * (high - low) / (f_high - f_low)
        middle = 0.5 * (low + high)
        inside = np.isfinite(secant) & (secant > low) & (secant < high) & (step % 4 != 3)
        point = np.where(active, np.where(inside, secant, middle), point)
        f = function(point)
        above, below = active & (f > 0), active & (f <= 0)
        f_high = np.where(above & (side > 0), f_high / 2, f_high)
        f_low = np.where(below & (side < 0), f_low / 2, f_low)
        side = np.where(above, 1, np.where(below, -1, side))
        low, f_low = np.where(above, point, low), np.where(above, f, f_low)
        high, f_high = np.where(below, point, high), np.where(below, f, f_high)
        best = np.where(active, point, best)
        active &= (np.abs(f) > 4e-16) & (high - low > 4e-16 * (1 + np.abs(high)))
    return best


def logarithm(ratio: Array) -> Array:
    """Logarithms, with all digits near one; finite at zero."""
    return np.where(
        ratio < 0.5, np.log(np.maximum(ratio, TINY)), np.log1p(np.maximum(ratio, 0.5) - 1)
    )


def tilted(
    rows: Rows,
    values: Array,
    radius: Array,
    tilt: Callable[[Array, Array], Array],
    distance: Callable[[Array], Array],
    slope: float,
    created: Callable[[Array], Array],
) -> tuple[Array, Array, Array]:
    """The tilted law of a divergence ball, its gentleness in the unit of values, and the lowest value.

    `distance` is the divergence's function of q / p.
    """
    held = rows.held
    low = lowest_of(rows, values)
    span = np.where(held, values, -np.inf).max(axis=0) - low
    span = np.where(span > 0, span, 1)
    height = np.where(held, (values - low) / span, 1)

    def law_at(gentleness: Array) -> Array:
        with np.errstate(all="ignore"):
            factor = np.where(held, tilt(height, gentleness), 0)
            factor = factor / factor.max(axis=0)
            law = rows.mass * factor
            return np.nan_to_num(law / law.sum(axis=0))

    def divergence(law: Array) -> Array:
        with np.errstate(all="ignore"):
            ratio = np.where(held, law / np.where(held, rows.mass, 1), 1)
            return (rows.mass * distance(ratio)).sum(axis=0)

    goal = np.log(np.maximum(radius, TINY))

    def gap(log_gentleness: Array) -> Array:
        return np.log(np.maximum(divergence(law_at(np.exp(log_gentleness))), TINY)) - goal

    ends = np.full(low.shape, -60.0), np.broadcast_to(3 - 0.5 * goal, low.shape)
    gentleness = np.exp(root(gap, *ends))
    law = law_at(gentleness)
    if np.isfinite(slope):
        # Mass may be created below the support: the tilt then ends at zero.
        apart = (height > 0).all(axis=0) & (radius > 0)
        edge = law_at(np.zeros_like(low))
        reached = divergence(edge)
        popped = apart & (reached < radius)
        share = np.where(popped, created(np.where(popped, reached, 0)), 0)
        sink = is_lowest(rows, values)
        law = np.where(popped, (1 - share) * edge + share * sink, law)
        gentleness = np.where(popped, 0, gentleness)
    return np.where(radius > 0, law, rows.mass), gentleness * span, low


def is_lowest(rows: Rows, values: Array) -> Array:
    """One in the first open slot of lowest value, zero elsewhere."""
    opened = np.where(rows.usable, values, np.inf)
    where = np.argmin(np.broadcast_to(opened, rows.mass.shape), axis=0)
    return (np.arange(len(rows.mass))[:, None, None] == where).astype(float)


def norm_of(change: Array, order: float) -> Array:
    """The norm of each row, scaled so that nothing underflows."""
    largest = np.abs(change).max(axis=0)
    safe = np.where(largest > 0, largest, 1)
    return largest * ((np.abs(change) / safe) ** order).sum(axis=0) ** (1 / order)


def spread_mass(
    rows: Rows, values: Array, radius: Array, order: float, weights: Array
) -> tuple[Array, Array, Array]:
    """The worst law in a ball of the weighted norm of an order between one and infinity.

    Also the level and the multiplier of the dual problem, in the unit of values.
    """
    low, high = lowest_of(rows, values), highest_of(rows, values)
    span = np.where(high > low, high - low, 1)
    height, scale = (values - low) / span, weights**order
    opened = rows.usable

    def shifted(level: Array, length: Array) -> Array:
        pull = level - height
        move = length * np.sign(pull) * (np.abs(pull) / scale) ** (1 / (order - 1))
        return np.where(opened, np.maximum(rows.mass + move, 0), 0)

    def level_for(length: Array) -> Array:
        ends = np.zeros_like(low), np.ones_like(low)
        return root(lambda level: 1 - shifted(level, length).sum(axis=0), *ends, steps=80)

    goal = np.log(np.maximum(radius, TINY))

    def gap(log_length: Array) -> Array:
        length = np.exp(-log_length)
        change = weights * (shifted(level_for(length), length) - rows.mass)
        return np.log(np.maximum(norm_of(change, order), TINY)) - goal

    ends = np.full(low.shape, -60.0), 60 - goal
    length = np.exp(-root(gap, *ends, steps=60))
    level = level_for(length)
    law = shifted(level, length)
    law /= law.sum(axis=0)
    return law, low + level * span, span * length ** (1 - order)


Answer = Callable[[Array], tuple[Rows, Guess]]


def values_of(
    answer: Answer,
    reward: Float[Array, "S A"],
    discount: float,
    start: Float[Array, " S"],
    policy: Float[Array, "S A"] | None,
    floor: float = 0.0,
) -> Float[Array, " S"]:
    """Values near the fixed point of the robust operator, optimal or of a policy.

    What is nearer to its image than `floor` is near enough.

    Newton's method on policy and nature together is quick, and may cycle. Then policies are improved
    one by one, each against its own worst case (Hoffman & Karp 1966).
    """
    value, off = _newton(answer, reward, discount, start, policy, floor)
    if policy is not None:
        return value
    response, best, since = value, value, 0
    while off > max(CLOSE * np.abs(best).max(), floor) and since < PATIENCE:
        play = _greedy(_action_values(answer, reward, discount, response)[0])
        response, _ = _newton(answer, reward, discount, response, play, floor)
        q = _action_values(answer, reward, discount, response)[0]
        found = float(np.abs(q.max(axis=1) - response).max())
        since = 0 if found < off else since + 1
        if found < off:
            best, off = response, found
    return best


def _newton(
    answer: Answer,
    reward: Array,
    discount: float,
    start: Array,
    policy: Array | None,
    floor: float,
) -> tuple[Array, float]:
    """The best values that Newton's method sees, and how far they are from their image."""
    value, best, least, since = start, start, np.inf, 0
    for _ in range(60):
        q, rows, guess = _action_values(answer, reward, discount, value)
        image = np.max(q, axis=1) if policy is None else np.where(policy > 0, policy * q, 0).sum(1)
        off = np.abs(image - value).max()
        since = since if off < 0.9 * least else since + 1
        if off < least:
            best, least = value, off
        size = np.abs(value).max()
        enough = least <= max(1e-15 * size, floor) or (since > 2 and least <= 1e-13 * size)
        if enough or since > 12 or not np.isfinite(off):
            break
        chain = _chain(rows.slots, guess.law, _greedy(q) if policy is None else policy)
        value = value + _solved(chain, discount, image - value) if since < 9 else image
    return best, float(least)


def _action_values(
    answer: Answer, reward: Array, discount: float, value: Array
) -> tuple[Array, Rows, Guess]:
    rows, guess = answer(value)
    future = (guess.law * value[rows.slots]).sum(axis=0) + guess.price
    return reward + discount * future, rows, guess


def _greedy(q: Array) -> Array:
    return (np.arange(q.shape[1]) == np.argmax(q, axis=1)[:, None]).astype(float)


def _chain(slots: Array, law: Array, policy: Array) -> scipy.sparse.csr_array:
    moves = law * policy
    places = np.nonzero(moves)
    targets = np.broadcast_to(slots, moves.shape)[places]
    size = len(policy)
    return scipy.sparse.csr_array((moves[places], (places[1], targets)), shape=(size, size))


def _solved(chain: scipy.sparse.csr_array, discount: float, off: Array) -> Array:
    """(I - discount chain)^-1 off, to a few digits: steps repeat."""
    size = len(off)
    if size <= DENSE_STATES:
        return np.linalg.solve(np.eye(size) - discount * chain.toarray(), off)
    matrix = (scipy.sparse.eye_array(size) - discount * chain).tocsc()
    if size <= DIRECT_STATES:
        return scipy.sparse.linalg.spsolve(matrix, off)
    return scipy.sparse.linalg.gmres(matrix, off, rtol=1e-6, restart=50, maxiter=20)[0]
