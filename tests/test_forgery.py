"""Attacks on the certificate: claims that are wrong must not pass, whatever they hide behind.

Each attack is a law over ambiguity sets and kinds of kernels. Who is right is decided by
`tests/reference/judge.py` and closed forms, which share nothing with the library. An answer that was
wrongly certified once belongs here, or beside: `test_forged_units`, `test_forged_laws`.
"""

import contextlib
import dataclasses

import numpy as np
from eight_states import NUM_STATES, SHAPE, array
from forgery import (
    NUM_FORGERIES,
    Claim,
    Moved,
    certificate,
    forgeries,
    over_set_kinds,
    small_set,
    truth,
)
from reference import judge
from registry import KERNELS, ONE_OF_EACH, lonely_game, over_kernels
from scipy.special import rel_entr

import rmfg

# Nature outside of her set ------------------------------------------------------------------------


def test_the_unit_of_a_metric_hides_nothing():
    """All mass on the worst state is a total-variation distance of nearly 1 in every unit."""
    base = lonely_game("dense")
    claim = truth(base, rmfg.Nominal())
    worst = np.zeros((*SHAPE, NUM_STATES))
    worst[..., 0] = 1
    apart = np.abs(np.subtract.outer(np.arange(NUM_STATES), np.arange(NUM_STATES))).astype(float)
    for unit in (1e-12, 1e-9, 1.0, 1e9):
        sets = (
            rmfg.Wasserstein(0.01 * unit, apart * unit),
            rmfg.Lp(0.01 * unit, p=2, weights=np.full(NUM_STATES, unit)),
            rmfg.Lp(0.01 * unit, p=1, weights=np.full(NUM_STATES, unit)),
            rmfg.Lp(0.01 * unit, p=np.inf, weights=np.full(NUM_STATES, unit)),
        )
        for ambiguity in sets:
            found = certificate(base, ambiguity, claim._replace(nature=worst))
            assert found.infeasibility > 0.5
            assert not found.certified


@over_kernels
@over_set_kinds
def test_infeasibility_is_probability_mass(row, form, ledger):
    """Nature steps beyond the set toward a state: the larger the step, the more is measured."""
    base = lonely_game(form)
    kernel = base.kernel(np.ones(NUM_STATES))
    ambiguity = small_set(row, kernel)
    claim = truth(base, ambiguity)
    away = np.zeros((*SHAPE, NUM_STATES))
    away[..., 3] = 1
    for step in (1e-6, 1e-2, 0.5, 1.0):
        nature = (1 - step) * claim.nature + step * away
        found = certificate(base, ambiguity, claim._replace(nature=nature), tol=1e-2)
        beyond = max(row.outside(at, nature[at.place]) for at in row.rows(row.sizes[1], kernel))
        moved = 0.5 * np.abs(nature - claim.nature).sum(-1).max()
        ledger.at_most("no more than was moved", found.infeasibility, 2 * moved + 1e-12)
        if beyond > 1e-3:
            ledger.holds("what is outside is seen", found.infeasibility > 0)


@over_kernels
def test_kernels_that_change_after_they_were_checked(form):
    """Whatever is done to the arrays, rows that are no laws do not pass."""
    game = lonely_game(form)
    claim = truth(game, rmfg.Nominal())
    before = array(game.kernel(np.ones(NUM_STATES))).copy()
    with contextlib.suppress(ValueError, TypeError):
        game.kernel(np.ones(NUM_STATES)).law[:] *= 0.995
    unchanged = np.array_equal(array(game.kernel(np.ones(NUM_STATES))), before)
    assert certificate(game, rmfg.Nominal(), claim).certified == unchanged


# Random forgeries ---------------------------------------------------------------------------------

NUM_JUDGED = 3


@over_kernels
@over_set_kinds
def test_random_forgeries(row, form, ledger):
    """Whatever passes at tol is found without fault by the judge, up to a few times tol."""
    base = lonely_game(form)
    kernel = base.kernel(np.ones(NUM_STATES))
    ambiguity = small_set(row, kernel)
    claim, rows = truth(base, ambiguity), row.rows(row.sizes[1], kernel)
    payoff = np.asarray(base.reward(np.ones(NUM_STATES)))
    tol, passed = 1e-6, 0

    def worst(s: int, a: int, values: np.ndarray) -> tuple[float, np.ndarray]:
        return row.reference(rows[s * SHAPE[1] + a], values)

    for forged, unit, offset in forgeries(claim, array(kernel), 17):
        unit, offset = (1.0, 0.0) if row.penalized else (unit, offset)
        game = Moved(base, unit=np.asarray(unit), offset=np.asarray(offset))
        found = certificate(game, ambiguity, forged, tol)
        if not found.certified:
            continue
        passed += 1
        if passed > NUM_JUDGED:  # the judge is slow
            continue
        exact = Claim(*(part / part.sum(-1, keepdims=True) for part in forged))
        price = row.sizes[1] if row.penalized else 0.0
        paid = price * rel_entr(exact.nature, array(kernel)).sum(-1) if price else 0.0
        verdict = judge.faults(payoff, base.discount, *exact, worst, paid)
        ledger.at_most("what passes is right", verdict.worst, 4 * tol)
    ledger.holds("small steps pass", passed > 0)
    assert passed < NUM_FORGERIES


def test_the_judge_finds_faults():
    """The judge refutes what is known to be wrong: it would notice a wrong certificate."""
    row = next(row for row in ONE_OF_EACH if row.kind == "total variation")
    base = lonely_game("dense")
    kernel = base.kernel(np.ones(NUM_STATES))
    claim, rows = truth(base, small_set(row, kernel)), row.rows(row.sizes[1], kernel)

    def worst(s: int, a: int, values: np.ndarray) -> tuple[float, np.ndarray]:
        return row.reference(rows[s * SHAPE[1] + a], values)

    def faults(forged: Claim) -> judge.Faults:
        return judge.faults(base.reward(claim.law), base.discount, *forged, worst)

    assert faults(claim).worst < 1e-9
    assert faults(claim._replace(policy=np.roll(claim.policy, 1, axis=1))).gain > 1e-3
    assert faults(claim._replace(law=np.roll(claim.law, 1))).law > 1e-3
    assert faults(claim._replace(nature=array(kernel))).nature > 1e-3


def test_a_certificate_cannot_be_talked_into_it():
    """An infinite scale, or one that is no number, promises nothing; `atol` is in plain units."""
    game = lonely_game("dense")
    found = certificate(game, rmfg.Nominal(), truth(game, rmfg.Nominal()))
    assert found.certified
    for scale in (np.inf, -1.0, 0.0, np.nan):
        assert not dataclasses.replace(found, scale=scale).certified
    garbage = truth(game, rmfg.Nominal())
    garbage = garbage._replace(policy=np.roll(garbage.policy, 1, axis=1))
    refuted = certificate(game, rmfg.Nominal(), garbage)
    strict = dataclasses.replace(refuted, atol=0.99 * refuted.exploitability)
    assert not strict.conditions["exploitability"]
    assert dataclasses.replace(refuted, atol=refuted.exploitability).conditions["exploitability"]


assert set(KERNELS) == {"dense", "sparse"}
