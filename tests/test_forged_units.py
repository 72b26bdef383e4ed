"""Units, offsets and slack: what happens elsewhere, or to all rewards alike, changes no certificate."""

import numpy as np
import pytest
from eight_states import NUM_STATES, SHAPE, array
from forgery import (
    CROWD_COSTS,
    TOL,
    Claim,
    Moved,
    certificate,
    judged,
    line_game,
    log_crowd,
    over_set_kinds,
    small_set,
    truth,
)
from registry import lonely_game, over_kernels

import rmfg

# What happens elsewhere ---------------------------------------------------------------------------


@over_kernels
@over_set_kinds
def test_what_happens_elsewhere_changes_nothing(row, form, ledger):
    """Crowds that do not form, and penalties that nobody pays, neither widen nor loosen."""
    base = lonely_game(form)
    ambiguity = small_set(row, base.kernel(np.ones(NUM_STATES)))
    claim = truth(base, ambiguity)
    garbage = claim._replace(policy=np.roll(claim.policy, 1, axis=1))
    plain = certificate(Moved(base), ambiguity, claim)
    ledger.holds("the truth passes", plain.certified)
    threshold = np.asarray(claim.law.max() + 0.01)
    for cliff in (1e3, 1e12, np.inf):
        with np.errstate(invalid="ignore"):
            hidden = Moved(base, cliff=np.asarray(min(cliff, 1e300)), threshold=threshold)
        found = certificate(hidden, ambiguity, claim)
        ledger.at_most("the scale stays", abs(found.scale / plain.scale - 1), 1e-12)
        refuted = certificate(hidden, ambiguity, garbage)
        ledger.holds("garbage fails", not refuted.certified)
    never = np.where(claim.policy > 0, 0, 1.0)
    for penalty in (1e3, 1e10):
        found = certificate(Moved(base, penalty=penalty * never), ambiguity, claim)
        ledger.at_most("unpaid penalties", abs(found.scale / plain.scale - 1), 1e-9)
        ledger.holds("the truth passes with penalties", found.certified)


def test_a_claimed_range_of_rewards_is_not_believed():
    game = Moved(lonely_game("dense"), reward_range=np.inf)
    claim = truth(game, rmfg.Nominal())
    garbage = claim._replace(policy=np.roll(claim.policy, 1, axis=1))
    assert not certificate(game, rmfg.Nominal(), garbage).certified
    assert certificate(game, rmfg.Nominal(), claim).certified


@pytest.mark.parametrize("name", CROWD_COSTS)
def test_costs_of_crowds_that_never_form(name):
    """The default solver's answer is right, by one step of value iteration written out here."""
    game = line_game(CROWD_COSTS[name], 11)
    answer = rmfg.solve(game, max_steps=300)
    reward = np.asarray(game.reward(answer.distribution))
    kernel = array(game.kernel(answer.distribution))
    gain = (reward + 0.9 * kernel @ answer.value).max(1) - answer.value
    assert answer.status == "certified"
    assert gain.max() <= 2 * TOL * np.ptp(answer.value)
    uniform = np.full((11, 3), 1 / 3)
    law = rmfg.stationary_distribution(kernel, uniform)
    refuted = rmfg.certify(game, rmfg.Nominal(), uniform, law)
    assert not refuted.certified
    assert refuted.relative_exploitability > 1e-3


def test_a_crowd_whose_cost_is_infinite_somewhere_is_no_unit():
    """Five states on a line, rewards with -log m: gathered, a population would earn infinities."""
    kernel, game = log_crowd()
    for solver in (rmfg.MirrorDescent(), rmfg.PolicyIteration(), rmfg.Picard()):
        answer = rmfg.solve(game, solver=solver, max_steps=5)
        reward = np.asarray(game.reward(answer.distribution))
        gain = (reward + 0.9 * kernel @ answer.value).max(1) - answer.value
        assert 0 < answer.certificate.scale < np.inf
        assert answer.status != "certified" or gain.max() <= 2 * TOL * np.ptp(answer.value)
    uniform = np.full((5, 3), 1 / 3)
    law = rmfg.stationary_distribution(kernel, uniform)
    found = rmfg.certify(game, rmfg.Nominal(), uniform, law)
    assert found.exploitability_lower > 1
    assert not found.certified


def test_a_penalty_that_nobody_pays_is_no_unit():
    """Two states; the second action of the first earns more at once and loses 3/7 in all."""
    kernel = np.array([[[0.5, 0.5], [0, 1]], [[0, 1], [0.5, 0.5]]])
    for penalty in (1e3, 1e5, 1e10, 1e15):
        game = rmfg.TabularGame(kernel, np.array([[5, 10], [-1, -penalty]]), 0.95)
        wrong = judged(game, [[0, 1], [1, 0]], [0, 1])
        assert wrong.exploitability == pytest.approx(3 / 7, rel=1e-9)
        assert wrong.scale == pytest.approx(11, rel=1e-12)
        assert not wrong.certified
        assert judged(game, [[1, 0], [1, 0]], [0, 1]).certified


def test_states_that_nobody_can_come_to_are_no_unit():
    """A third state, from which the others are reached but which nothing reaches."""
    kernel = np.zeros((3, 2, 3))
    kernel[:2, :, :2] = [[[0.5, 0.5], [0, 1]], [[0, 1], [0.5, 0.5]]]
    kernel[2, :, 0] = 1
    for loss in (1.0, 1e6, 1e12):
        reward = np.array([[5, 10], [-1, -1e3], [-loss, -loss]])
        game = rmfg.TabularGame(kernel, reward, 0.95)
        for policy, is_right in (([[0, 1], [1, 0], [1, 0]], False), ([[1, 0]] * 3, True)):
            found = judged(game, policy, [0, 1, 0])
            assert found.scale <= 12
            assert found.certified <= is_right


def test_a_little_mass_where_nobody_stays_is_no_unit():
    """At a loose tolerance a law may be off by a thousandth, and must not stand where it is dear."""
    kernel = np.zeros((3, 2, 3))
    kernel[:2, :, :2] = [[[0.5, 0.5], [0, 1]], [[0, 1], [0.5, 0.5]]]
    for leak in (1.0, 1e-3):
        kernel[2] = [leak, 0, 1 - leak]
        reward = np.array([[5, 10], [-1, -1e3], [-1e9, -1e9]])
        game = rmfg.TabularGame(kernel, reward, 0.95)
        law = np.array([0, 0.999, 0.001])
        found = rmfg.certify(
            game, rmfg.Nominal(), np.array([[0, 1.0], [1, 0], [1, 0]]), law, tol=1e-2
        )
        assert found.exploitability == pytest.approx(3 / 7, rel=1e-3)
        assert found.scale < 13
        assert not found.certified


def test_equal_values_are_no_excuse():
    """One state, and an action that earns more by what the policy's own values cannot show."""
    kernel = np.ones((1, 2, 1))
    for gain in (1e-12, 1e-3, 1e6):
        game = rmfg.TabularGame(kernel, np.array([[0, gain]]), 0.9)
        assert not judged(game, [[1, 0]], [1]).certified
        assert judged(game, [[0, 1]], [1]).certified


def test_rock_paper_scissors_is_certified_near_its_equilibrium_only():
    """Its rewards vanish there: the unit is what they become when shares change by a hundredth."""
    game = rmfg.zoo.make("rock-paper-scissors")
    previous = np.inf
    for shift in (0.1, 1e-3, 1e-5, 1e-7, 1e-9):
        law = np.array([1 / 3 + shift, 1 / 3 - shift, 1 / 3])
        found = rmfg.certify(game, rmfg.Nominal(), np.tile(law, (3, 1)), law)
        assert not found.certified
        previous = found.relative_exploitability
    law = np.array([1 / 3 + 1e-13, 1 / 3 - 1e-13, 1 / 3])
    found = rmfg.certify(game, rmfg.Nominal(), np.tile(law, (3, 1)), law)
    assert found.certified
    assert previous > 1e-8


# Offsets, units and slack -------------------------------------------------------------------------


@over_kernels
@over_set_kinds
def test_offsets_and_units_change_nothing(row, form, ledger):
    """Constants added to rewards leave the numbers, and a unit multiplies them."""
    if row.penalized:
        pytest.skip("the penalty has a unit of its own")
    base = lonely_game(form)
    ambiguity = small_set(row, base.kernel(np.ones(NUM_STATES)))
    claim = truth(base, ambiguity)
    random = np.random.default_rng(3)
    other = claim._replace(policy=random.dirichlet(np.ones(SHAPE[1]), NUM_STATES))
    for candidate in (claim, other):
        plain = certificate(Moved(base), ambiguity, candidate)
        for unit in (1e-9, 1e9):
            scaled = certificate(Moved(base, unit=np.asarray(unit)), ambiguity, candidate)
            for name in ("scale", "exploitability", "mean_exploitability"):
                before, after = getattr(plain, name), getattr(scaled, name) / unit
                ledger.at_most(f"{name} has a unit", abs(after - before), 1e-9 * plain.scale)
            ledger.holds("units leave the verdict", scaled.certified == plain.certified)
        for offset in (-1e3, 1e5):
            shifted = certificate(Moved(base, offset=np.asarray(offset)), ambiguity, candidate)
            # Rewards of this size are known to their own rounding only.
            rounding = 64 * np.finfo(float).eps * abs(offset) / (1 - 0.9)
            for name in ("scale", "exploitability", "mean_exploitability", "nature_gap"):
                apart = abs(getattr(shifted, name) - getattr(plain, name))
                ledger.at_most(f"{name} ignores offsets", apart, rounding + 1e-9 * plain.scale)


@over_kernels
@over_set_kinds
def test_slack_in_rows_earns_nothing(row, form, ledger):
    """Rows that sum to 1 + 1e-9 are accepted, and judged as the laws that they stand for."""
    base = lonely_game(form)
    ambiguity = small_set(row, base.kernel(np.ones(NUM_STATES)))
    claim = truth(base, ambiguity)
    worse = 0.999999 * claim.policy + 1e-6 / SHAPE[1]
    for offset in (0.0, 1e8, -1e8):
        game = Moved(base, offset=np.asarray(offset))
        for slack in (9e-10, -9e-10):
            bent = Claim(worse * (1 + slack), claim.law * (1 - slack), claim.nature * (1 + slack))
            found = certificate(game, ambiguity, bent)
            ledger.holds("a loss is seen through slack", not found.certified)
            ledger.holds("nothing is gained by it", found.exploitability > 0)
            ledger.holds("what was moved is said", 4e-10 <= found.adjustment <= 2e-9)


def test_a_lazy_nature_is_seen_behind_a_large_offset():
    """A kernel a millionth away from the worst one, and rows short by what tol allows."""
    base, ambiguity = lonely_game("dense"), rmfg.TotalVariation(0.1)
    claim, kernel = truth(base, ambiguity), array(base.kernel(np.ones(NUM_STATES)))
    for share in (1e-6, 1e-3, 1.0):
        lazy = (1 - share) * claim.nature + share * kernel
        law = rmfg.stationary_distribution(lazy, claim.policy)
        for offset, slack in ((0.0, 0.0), (1e6, 9e-10), (-1e6, -9e-10)):
            game = Moved(base, offset=np.asarray(offset))
            found = certificate(game, ambiguity, Claim(claim.policy, law, lazy * (1 - slack)))
            assert not found.conditions["nature_gap"]
