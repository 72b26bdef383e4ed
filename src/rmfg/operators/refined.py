"""Visits in a sparse chain by an ordinary factorization, wherever that can be proved precise.

SuperLU is many times faster than the elimination of `rmfg.operators.elimination`, but its diagonals
are differences. In an M-matrix without pivoting nothing else cancels, so that its visits x are
those of a chain whose probabilities of leaving are off by a rounding error d each. The error of
x(j) relative to x(j) is then at most d times

    steps = max over j of (x N)(j) / x(j),     N = (I - T)^-1,

the passage time of the chain seen backward in time, which one more solve gives. One correction from
a residual in extended precision squares that error; what remains is the residual's own rounding.
Where this is not beyond doubt far below what is promised, the answer is None.
"""

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from jaxtyping import Float

from rmfg.operators.elimination import SAFE

# The relative accuracy that the proof must reach; what is found is nearly always better by far.
PROMISE = 1e-12
# That of passage times, of which the order of magnitude is wanted.
ROUGH = 1e-3
# Rounding errors that meet in one diagonal, at most; the measured correction is a check of it.
MEETING = 64


def refined_visits(
    inside: scipy.sparse.csr_array, excess: Float[np.ndarray, " S"], start: Float[np.ndarray, " S"]
) -> Float[np.ndarray, " S"] | None:
    """Return x (I - T) = start to a relative accuracy of `PROMISE` in each entry, or None."""
    wide = np.longdouble
    moves = inside.T.tocsr().astype(wide)
    moving = inside.astype(wide).sum(axis=1) + excess
    terms = int(np.diff(moves.indptr).max()) + 2  # that are added up in one residual
    factors = _factors(inside, moving)
    if factors is None:
        return None
    with np.errstate(all="ignore"):
        mass = factors.solve(start, "T")
        flow = mass * moving.astype(np.float64)
        steps = float(np.max(factors.solve(flow, "T") / mass))
        error = MEETING * np.finfo(np.float64).eps * steps
        unseen = terms * float(np.finfo(wide).eps) * steps
        if not (flow > SAFE).all() or not error**2 + unseen <= PROMISE:
            return None
        precise = mass.astype(wide)
        residual = start + moves @ precise - precise * moving
        correction = factors.solve(residual.astype(np.float64), "T")
        if not (np.abs(correction) <= error * mass).all():
            return None
    return (precise + correction).astype(np.float64)


def rough_costs(
    inside: scipy.sparse.csr_array, excess: Float[np.ndarray, " S"], cost: Float[np.ndarray, " S"]
) -> Float[np.ndarray, " S"] | None:
    """Return (I - T) y = cost to an accuracy of `ROUGH` times the largest entry, or None.

    The error of y is (I - T)^-1 of d y: at most d times the most steps until the chain is elsewhere,
    times the largest entry of y.
    """
    moving = inside.sum(axis=1) + excess
    factors = _factors(inside, moving)
    if factors is None:
        return None
    with np.errstate(all="ignore"):
        steps = factors.solve(moving)
        error = MEETING * np.finfo(np.float64).eps * float(np.max(steps))
        found = factors.solve(cost)
        proved = error <= ROUGH and (steps > 0).all() and np.isfinite(found).all()
    return found if proved else None


def _factors(
    inside: scipy.sparse.csr_array, moving: np.ndarray
) -> scipy.sparse.linalg.SuperLU | None:
    """I - T in triangles, the diagonal never exchanged; None where it is singular by rounding."""
    balance = scipy.sparse.diags_array(moving.astype(np.float64)) - inside
    try:
        return scipy.sparse.linalg.splu(
            balance.tocsc(),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0,
            options={"SymmetricMode": True},
        )
    except RuntimeError:
        return None
