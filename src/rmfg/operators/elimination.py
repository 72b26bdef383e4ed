"""Elimination without subtractions: visits and passage times to full relative accuracy.

States S are left again and again until the chain goes elsewhere. With T the moves inside, the
balance equations x (I - T) = b (expected visits) and (I - T) y = c (expected costs) lose all digits
to cancellation where leaving is rare: the diagonal 1 - T(s, s) is a difference. It is also the sum
of all probabilities of going to other places, inside or outside, and so it is computed here:
off-diagonal entries and the rows' probabilities of leaving ("excess") define the matrix, diagonals
are never read, and from there on only positive numbers are added, multiplied and divided. Every
visit and every passage time has the relative accuracy of rounding times a low power of the size,
however nearly closed the parts of the chain are.

Numbers that leave the range of float64 (10^-300 times 10^-300) are noticed, and the work is then
done on logarithms, one state after another.

    @article{grassmann1985, author = {Grassmann, W. K. and Taksar, M. I. and Heyman, D. P.},
      title = {Regenerative analysis and steady state distributions for Markov chains},
      journal = {Operations Research}, volume = {33}, pages = {1107--1116}, year = {1985}}
    @article{ocinneide1993, author = {O'Cinneide, C. A.}, title = {Entrywise perturbation theory and
      error analysis for Markov chains}, journal = {Numerische Mathematik}, volume = {65},
      pages = {109--120}, year = {1993}}
    @article{alfa2002, author = {Alfa, A. S. and Xue, J. and Ye, Q.}, title = {Accurate computation
      of the smallest eigenvalue of a diagonally dominant M-matrix}, journal = {Mathematics of
      Computation}, volume = {71}, pages = {217--236}, year = {2002}}
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.sparse
from jaxtyping import Float, Int

from rmfg.operators.ordering import Front, Plan, one_front, plan

# Triangular solves of BLAS, without the checks and copies of LAPACK's.
dtrsm: Callable = scipy.linalg.get_blas_funcs(("trsm",), dtype=np.float64)[0]

# Pivots that are eliminated before the rest of the table is brought up to date, all at once.
PANEL = 32
# Products of matrices up to this size run on this thread, where NumPy sees an underflow itself.
SMALL = 64
# What is lost below the smallest float64 is no rounding error beside numbers above this.
SAFE = np.finfo(np.float64).tiny / np.finfo(np.float64).eps ** 2


class Piece(NamedTuple):
    """An eliminated front: from its states on to later ones, and from those back.

    The block holds, for its own states, the probability of moving at all on the diagonal, and
    minus the moves onward above and minus the moves back below: triangles as BLAS solves them.
    """

    front: Front
    block: np.ndarray
    onward: np.ndarray
    back: np.ndarray


class Factors(NamedTuple):
    """All states eliminated, in the order of the pieces. With `logarithms`, of plus the entries."""

    order: np.ndarray
    pieces: tuple[Piece, ...]
    logarithms: bool


def eliminate(inside: scipy.sparse.csr_array | np.ndarray, excess: np.ndarray) -> Factors:
    """Eliminate all states of a chain: positive moves `inside` without a diagonal, and `excess`,
    the probability of going elsewhere. From every state there must be a way out.
    """
    sparse = isinstance(inside, scipy.sparse.csr_array)
    steps = plan(inside) if sparse else one_front(excess.size)
    numbers, excess = inside.data if sparse else inside.ravel(), excess[steps.order]
    try:
        with np.errstate(under="raise", over="raise", divide="raise", invalid="raise"):
            return _eliminated(steps, numbers, excess, False)
    except FloatingPointError:
        with np.errstate(divide="ignore"):
            return _eliminated(steps, np.log(numbers), np.log(excess), True)


def _eliminated(steps: Plan, numbers: np.ndarray, excess: np.ndarray, logs: bool) -> Factors:
    waiting: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
    pieces = []
    for number, front in enumerate(steps.fronts):
        count, width = front.size, front.size + front.rest.size
        table = np.full((width, width + 1), -np.inf if logs else 0.0)
        if front.cells is None:
            table[:, :-1] = numbers.reshape(width, width)
        else:
            table.ravel()[front.cells] = numbers[front.numbers]
        table[:count, -1] = excess[front.first : front.first + count]
        for home, rest in waiting.pop(number, ()):
            cells = home[:, None], np.append(home, width)
            table[cells] = np.logaddexp(table[cells], rest) if logs else table[cells] + rest
        (_reduce_logarithms if logs else _reduce)(table, count)
        block = table[:count, :count].copy()
        if not logs:
            np.negative(block, out=block)
            np.fill_diagonal(block, -block.diagonal())
        onward, back = table[:count, count:-1].copy(), table[count:, :count].copy()
        pieces.append(Piece(front, block, onward, back))
        if front.rest.size:
            waiting.setdefault(front.parent, []).append((front.home, table[count:, count:]))
    return Factors(steps.order, tuple(pieces), logs)


def _reduce(table: np.ndarray, count: int) -> None:
    """Eliminate the first states of a table in place; the last column is the way out."""
    for start in range(0, count, PANEL):
        stop = min(start + PANEL, count)
        for pivot in range(start, stop):
            row = table[pivot, pivot + 1 :]
            moving = row.sum()
            row /= moving
            table[pivot, pivot] = moving
            below = table[pivot + 1 : stop, pivot]
            table[pivot + 1 : stop, pivot + 1 :] += below[:, None] * row
            if stop < len(table):
                below = table[stop:, pivot]
                table[stop:, pivot + 1 : stop] += below[:, None] * row[: stop - pivot - 1]
        if stop < len(table):
            into, onward = table[stop:, start:stop], table[start:stop, stop:]
            # Matrix products may run on other threads, where no underflow is seen.
            if len(table) > SMALL and (_smallest(into, 0) * _smallest(onward, 1) < SAFE).any():
                raise FloatingPointError("a product of probabilities leaves the range of float64")
            table[stop:, stop:] += into @ onward


def _reduce_logarithms(table: np.ndarray, count: int) -> None:
    for pivot in range(count):
        row = table[pivot, pivot + 1 :]
        moving = np.logaddexp.reduce(row)
        row -= moving
        table[pivot, pivot] = moving
        below = table[pivot + 1 :, pivot]
        rest = table[pivot + 1 :, pivot + 1 :]
        np.logaddexp(rest, below[:, None] + row, out=rest)


def _smallest(numbers: np.ndarray, axis: int) -> np.ndarray:
    """The smallest positive entries along an axis."""
    return np.min(numbers, axis, where=numbers > 0, initial=1.0)


def visits(factors: Factors, start: Float[np.ndarray, "S B"]) -> Float[np.ndarray, "S B"]:
    """Return the expected visits x (I - T) = b from each column of starting masses."""
    _check_numbers(factors)
    mass = start[factors.order]
    for front, block, onward, _ in factors.pieces:
        here = slice(front.first, front.first + front.size)
        mass[here] = dtrsm(1.0, block.T, mass[here], lower=1, diag=1)
        if front.rest.size:
            mass[front.rest] += onward.T @ mass[here]
    for front, block, _, back in reversed(factors.pieces):
        here = slice(front.first, front.first + front.size)
        if front.rest.size:
            mass[here] += back.T @ mass[front.rest]
        mass[here] = dtrsm(1.0, block.T, mass[here])
    return _by_state(factors, mass)


def costs(factors: Factors, cost: Float[np.ndarray, "S B"]) -> Float[np.ndarray, "S B"]:
    """Return the expected costs until the chain is elsewhere, (I - T) y = c, for each column."""
    _check_numbers(factors)
    total = cost[factors.order]
    for front, block, _, back in factors.pieces:
        here = slice(front.first, front.first + front.size)
        total[here] = dtrsm(1.0, block.T, total[here], trans_a=1)
        if front.rest.size:
            total[front.rest] += back @ total[here]
    for front, block, onward, _ in reversed(factors.pieces):
        here = slice(front.first, front.first + front.size)
        if front.rest.size:
            total[here] += onward @ total[front.rest]
        total[here] = dtrsm(1.0, block.T, total[here], lower=1, trans_a=1, diag=1)
    return _by_state(factors, total)


def scaled_visits(
    factors: Factors, start: Float[np.ndarray, " S"]
) -> tuple[Float[np.ndarray, " S"], Int[np.ndarray, " S"]]:
    """Return the expected visits as numbers times powers of two, which have no limits of range.

    Every state must be within reach of the start, so that zero can only be a number out of range.
    """
    if not factors.logarithms:
        with np.errstate(all="ignore"):
            found = visits(factors, start[:, None])[:, 0]
            moving = np.concatenate([piece.block.diagonal() for piece in factors.pieces])
            if (found[factors.order] * moving > SAFE).all() and np.isfinite(found).all():
                return np.frexp(found)
    with np.errstate(divide="ignore"):
        logarithms = _log_visits(factors, np.log(start))
    exponent = np.floor(logarithms / np.log(2))
    return np.exp(logarithms - exponent * np.log(2)), exponent.astype(np.int64)


def _log_visits(factors: Factors, start: np.ndarray) -> np.ndarray:
    """The logarithms of `visits`, one state after another."""
    mass = start[factors.order]

    def log(numbers: np.ndarray) -> np.ndarray:
        return numbers if factors.logarithms else np.log(np.abs(numbers))

    with np.errstate(divide="ignore"):
        for front, block, onward, _ in factors.pieces:
            here, rest = mass[front.first : front.first + front.size], mass[front.rest]
            moves, later = log(block), log(onward)
            for pivot, moved in enumerate(moves):
                after = here[pivot + 1 :]
                np.logaddexp(after, here[pivot] + moved[pivot + 1 :], out=after)
                np.logaddexp(rest, here[pivot] + later[pivot], out=rest)
            mass[front.rest] = rest
        for front, block, _, back in reversed(factors.pieces):
            here, rest = mass[front.first : front.first + front.size], mass[front.rest]
            moves, returns = log(block), log(back)
            for pivot in reversed(range(front.size)):
                near = here[pivot + 1 :] + moves[pivot + 1 :, pivot]
                gathered = np.concatenate([[here[pivot]], near, rest + returns[:, pivot]])
                here[pivot] = np.logaddexp.reduce(gathered) - moves[pivot, pivot]
    return _by_state(factors, mass)


def _check_numbers(factors: Factors) -> None:
    if factors.logarithms:
        raise FloatingPointError("the chain leaves the range of float64: use `scaled_visits`")


def _by_state(factors: Factors, numbers: np.ndarray) -> np.ndarray:
    found = np.empty_like(numbers)
    found[factors.order] = numbers
    return found
