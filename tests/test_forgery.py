"""Attacks on the certificate: claims that are wrong must not pass, whatever they hide behind.

Each attack is a law over ambiguity sets and kinds of kernels. True answers come from games whose
agents do not see each other, where the best response is the equilibrium; forgeries move them. Who is
right is decided by `tests/reference/judge.py` and closed forms, which share nothing with the
library. An answer that was wrongly certified once belongs here.
"""

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest
from reference import judge
from registry import (
    KERNELS,
    NUM_STATES,
    ONE_OF_EACH,
    SHAPE,
    SetRow,
    array,
    lonely_game,
    over_kernels,
    over_sets,
)
from scipy.special import rel_entr

import rmfg

over_set_kinds = over_sets(ONE_OF_EACH)
TOL = 1e-8


class Claim(NamedTuple):
    """A claimed equilibrium."""

    policy: np.ndarray
    law: np.ndarray
    nature: np.ndarray


def truth(game: rmfg.MeanFieldGame, ambiguity: rmfg.Ambiguity) -> Claim:
    """The equilibrium of agents who do not see each other."""
    uniform = np.full(NUM_STATES, 1 / NUM_STATES)
    best = rmfg.best_response(game, ambiguity, uniform, tol=1e-13)
    law = rmfg.stationary_distribution(best.kernel, best.policy, initial=uniform)
    return Claim(best.policy, law, array(best.kernel))


def certificate(
    game: rmfg.MeanFieldGame, ambiguity: rmfg.Ambiguity, claim: Claim, tol: float = TOL
) -> rmfg.Certificate:
    return rmfg.certify(game, ambiguity, *claim, tol=tol)


def judged(game: rmfg.MeanFieldGame, policy: list, law: list) -> rmfg.Certificate:
    """The certificate of a claim about a nominal game."""
    return rmfg.certify(game, rmfg.Nominal(), np.array(policy, float), np.array(law, float))


def small_set(row: SetRow, kernel: rmfg.Kernel) -> rmfg.Ambiguity:
    """The set at sizes that leave the chain irreducible where the kernel is."""
    return row.build(row.sizes[1], kernel)


class Moved(rmfg.MeanFieldGame):
    """A game whose rewards are moved: by a term of the mean field, an offset and a unit."""

    num_states, num_actions = SHAPE
    discount = 0.9

    def __init__(self, base: rmfg.TabularGame, **parts: object):
        field = np.full(NUM_STATES, 1 / NUM_STATES)
        self.law, self.payoff = base.kernel(field), base.reward(field)
        self.offset, self.unit, self.cliff = np.asarray(0.0), np.asarray(1.0), np.asarray(0.0)
        self.threshold, self.penalty = np.asarray(1.0), np.zeros(SHAPE)
        vars(self).update(parts)

    def kernel(self, mean_field):
        return self.law

    def reward(self, mean_field):
        crowd = self.cliff * jnp.maximum(mean_field - self.threshold, 0)
        return self.unit * (self.payoff - self.penalty - crowd[:, None]) + self.offset


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


def line_game(cost, num_states: int, penalty: float = 0.1) -> rmfg.TabularGame:
    """Agents on a line who want to its middle and pay a cost of the crowd where they are."""
    states = np.arange(num_states)
    kernel = np.full((num_states, 3, num_states), 0.1 / num_states)
    for action, step in enumerate((-1, 0, 1)):
        target = np.clip(states + step, 0, num_states - 1)
        kernel[states, action, target] += 0.9
    effort = penalty * np.array([1, 0, 1])
    place = -np.abs(states - num_states // 2)[:, None] / (num_states // 2)

    def reward(m):
        return place - effort - cost(m)[:, None]

    return rmfg.TabularGame(kernel, reward, 0.9)


CROWD_COSTS = {
    "exponential": lambda m: jnp.exp(25 * m),
    "road": lambda m: 0.15 * (m / 0.05) ** 6,
    "logarithm": jnp.log,
    "pole": lambda m: m / (1 - m),
}


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


def log_crowd() -> tuple[np.ndarray, rmfg.TabularGame]:
    """Five states on a line, and rewards with -log m, which are infinite where nobody is."""
    states, kernel = np.arange(5), np.zeros((5, 3, 5))
    for action, step in enumerate((-1, 0, 1)):
        target = np.clip(states + step, 0, 4)
        for share, shift in ((0.8, 0), (0.1, -1), (0.1, 1)):
            np.add.at(kernel, (states, action, np.clip(target + shift, 0, 4)), share)
    wish = -3.0 * np.abs(states - 4)[:, None] - 0.1 * np.array([1, 0, 1])
    return kernel, rmfg.TabularGame(kernel, lambda m: wish - jnp.log(m)[:, None], 0.9)


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


# Laws that only seem to stand still ---------------------------------------------------------------


def slowed(kernel: np.ndarray, step: float) -> np.ndarray:
    """The same moves, each with `step` times its probability."""
    stay = np.eye(len(kernel))[:, None, :]
    return (1 - step) * stay + step * kernel


def test_the_time_step_of_a_model_hides_nothing(ledger):
    """Mass per step vanishes with the step; the share of what flows does not."""
    random = np.random.default_rng(0)
    kernel = random.dirichlet(np.ones(NUM_STATES), SHAPE)
    reward, policy = random.normal(size=SHAPE), random.dirichlet(np.ones(SHAPE[1]), NUM_STATES)
    right = rmfg.stationary_distribution(kernel, policy)
    wrong = right * np.linspace(0.9, 1.1, NUM_STATES)
    wrong /= wrong.sum()
    first = rmfg.certify(rmfg.TabularGame(kernel, reward, 0.9), rmfg.Nominal(), policy, wrong)
    for step in (1e-1, 1e-4, 1e-8, 1e-12):
        game = rmfg.TabularGame(slowed(kernel, step), reward, 0.9)
        found = rmfg.certify(game, rmfg.Nominal(), policy, wrong)
        ledger.at_most("imbalance", abs(found.flow_imbalance - first.flow_imbalance), 1e-3)
        ledger.at_most("drift", abs(found.drift - first.drift), 1e-3)
        ledger.holds(
            "refuted", not (found.conditions["flow_imbalance"] or found.conditions["drift"])
        )
        true = rmfg.certify(game, rmfg.Nominal(), policy, right)
        ledger.at_most("the true law is in balance", true.flow_imbalance, 1e-3)


def test_a_class_that_leaks_is_no_place_to_stay():
    """All mass is where it leaks from, by 4e-9 a step; it ends up in the other state."""
    for leak in (1e-3, 4e-9, 1e-12, 1e-15):
        kernel = np.array([[[1 - leak, leak]], [[0, 1]]])
        game = rmfg.TabularGame(kernel, np.array([[1.0], [0.0]]), 0.9)
        found = judged(game, np.ones((2, 1)), [1, 0])
        assert found.flow_imbalance == pytest.approx(1)
        assert found.drift == pytest.approx(2)
        assert not found.certified
        answer = rmfg.solve(game, initial=[1, 0])
        np.testing.assert_array_equal(answer.distribution, [0, 1])


def birth_death(up: list[float], down: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """A chain on a line, and its law by detailed balance."""
    size = len(up) + 1
    chain = np.zeros((size, size))
    chain[np.arange(size - 1), np.arange(1, size)] = up
    chain[np.arange(1, size), np.arange(size - 1)] = down
    np.fill_diagonal(chain, 1 - chain.sum(1))
    weights = np.concatenate([[1.0], np.cumprod(np.array(up) / np.array(down))])
    return chain, weights / weights.sum()


NEARLY_DECOMPOSABLE = {
    "five": ([1e-8, 1e-8, 0.5, 0.5], [0.5, 1e-8, 1e-8, 1e-8]),
    "nine": ([1e-4] * 4 + [0.5] * 4, [0.5] * 3 + [1e-4] * 5),
    "two wells": ([0.5, 1e-6, 1e-6, 0.3], [0.3, 0.5, 0.5, 0.5]),
}


@pytest.mark.parametrize("name", NEARLY_DECOMPOSABLE)
def test_laws_of_nearly_decomposable_chains(name):
    """The right law passes and says how sensitive it is; mass in the wrong well does not."""
    chain, right = birth_death(*NEARLY_DECOMPOSABLE[name])
    game = rmfg.TabularGame(chain[:, None], np.arange(float(len(chain)))[:, None], 0.9)
    policy = np.ones((len(chain), 1))
    found = rmfg.certify(game, rmfg.Nominal(), policy, right)
    assert found.certified
    assert found.sensitivity > 1
    for solver in (None, rmfg.Picard(), rmfg.PolicyIteration(), rmfg.FictitiousPlay()):
        answer = rmfg.solve(game, solver=solver)
        assert answer.status == "certified"
        np.testing.assert_allclose(answer.distribution, right, rtol=1e-9, atol=1e-300)
    wrong = right[::-1].copy()
    if not np.allclose(wrong, right):
        assert not rmfg.certify(game, rmfg.Nominal(), policy, wrong).certified
    tilted = right * np.linspace(0.5, 1.5, len(right))
    found = rmfg.certify(game, rmfg.Nominal(), policy, tilted / tilted.sum())
    assert not found.certified


# Random forgeries ---------------------------------------------------------------------------------

NUM_FORGERIES, NUM_JUDGED = 24, 3


def forgeries(claim: Claim, nominal: np.ndarray, seed: int) -> Iterator[tuple[Claim, float, float]]:
    """Claims moved from the truth by amounts of every size, with a unit and an offset of rewards."""
    random = np.random.default_rng(seed)
    for number in range(NUM_FORGERIES):
        amount = 10.0 ** random.uniform(-13, 0)
        policy, law, nature = (part.copy() for part in claim)
        kind = number % 6
        if kind in (0, 5):
            state = random.integers(NUM_STATES)
            policy[state] = (1 - amount) * policy[state] + amount * np.eye(SHAPE[1])[
                random.integers(SHAPE[1])
            ]
        if kind in (1, 5):
            law = (1 - amount) * law + amount * random.dirichlet(np.ones(NUM_STATES))
        if kind in (2, 5):
            nature = (1 - amount) * nature + amount * nominal
        if kind == 3:
            toward = np.eye(NUM_STATES)[random.integers(NUM_STATES)]
            nature = (1 - amount) * nature + amount * toward
        if kind == 4:
            slack = random.uniform(-9e-10, 9e-10, 3)
            policy, law, nature = (
                part * (1 + share) for part, share in zip((policy, law, nature), slack, strict=True)
            )
            policy = (1 - amount) * policy + amount / SHAPE[1]
        unit = 10.0 ** random.integers(-6, 7)
        offset = unit * random.choice([0.0, 0.0, 1e4, -1e4])
        yield Claim(policy, law, nature), unit, offset


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
