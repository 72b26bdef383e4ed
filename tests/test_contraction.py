"""Soft iteration contracts as proved: F15 to F17 of docs/guarantees.md against what happens."""

import itertools

import numpy as np
import pytest
from registry import lonely_game
from soft_games import CASES, ROUNDING, distance, ladder, laws_of, rows_apart

import rmfg
from rmfg.model.dobrushin import dobrushin


@pytest.mark.parametrize("name", CASES)
def test_the_map_contracts_as_proved(name, ledger):
    """F15 and F16: policies and images at pairs of laws, near and far."""
    case, known = CASES[name], CASES[name].known()
    assert known.contractive
    assert known.proved
    laws = list(laws_of(case.game.mean_field_shape, 1, 6))
    near = [m + 1e-4 * (n - m) for m, n in itertools.pairwise(laws)]
    states = [case.solver.init(case.problem, law) for law in laws]
    beside = [case.solver.init(case.problem, law) for law in near]
    pairs = [*itertools.combinations(states, 2), *zip(states[:-1], beside, strict=True)]
    for one, two in pairs:
        apart = distance(one.guess, two.guess)
        policies = np.abs(one.response.policy - two.response.policy).sum(-1).max()
        ledger.at_most("policy", policies, known.policy.value * apart + ROUNDING)
        movers = rows_apart(one.response.mover, two.response.mover)
        ledger.at_most("mover", movers, known.mover.value * apart + ROUNDING)
        mixing = dobrushin(one.response.mover)
        ledger.at_most("dobrushin", mixing, known.dobrushin.value + ROUNDING)
        mixing = dobrushin(one.response.nature)
        ledger.at_most("nature's dobrushin", mixing, known.nature_dobrushin.value + ROUNDING)
        moved = distance(one.image, two.image)
        ledger.at_most("modulus", moved, known.modulus.value * apart + ROUNDING)


@pytest.mark.parametrize("name", CASES)
def test_rates_and_distances_are_bounded(name, ledger):
    """F17 on a run: every residual, the measured rate, and the distance to the fixed point."""
    case, known = CASES[name], CASES[name].known()
    size = int(np.prod(case.game.mean_field_shape))
    guess = np.random.default_rng(3).dirichlet(np.full(size, 0.3))
    state, seen = case.solver.init(case.problem, guess.reshape(case.game.mean_field_shape)), []
    while len(seen) < 12 or (state.residual() > 1e-14 and len(seen) < 150):
        seen.append(state)
        state = case.solver.step(case.problem, state)
    assert state.residual() <= 1e-13
    residuals = [each.residual() for each in seen]
    for sooner, later in itertools.pairwise(residuals):
        ledger.at_most("residual", later, known.rate * sooner + 1e-13)
    for step, each in enumerate(seen):
        apart = distance(each.guess, state.guess)
        ledger.at_most("a posteriori", apart, known.bound(residuals[step]) + 1e-12)
        first = distance(seen[0].guess, state.guess)
        ledger.at_most("a priori", apart, known.rate**step * first + 1e-12)
    measured = known.with_run(residuals, residuals[-1]).measured_rate
    assert measured is None or measured <= known.rate
    # The bias, at the soft equilibrium.
    end = case.solver.candidate(case.problem, state)
    found = rmfg.certify(
        case.game, case.ambiguity, end.policy, end.distribution, population=case.population
    )
    assert found.exploitability <= known.bias


def test_the_policy_constant_is_attained():
    """In the fashion game c times the policy's constant is the rate."""
    case = CASES["fashion"]
    known = case.known()
    answer = rmfg.solve(
        case.game, solver=case.solver, initial=np.array([0.6, 0.4]), max_steps=40, tol=1e-12
    )
    expected = known.dobrushin.value * known.policy.value
    assert answer.guarantee.measured_rate == pytest.approx(expected, rel=1e-3)


def test_a_population_of_its_own():
    own = np.full((4, 2, 4), 0.25)
    known = rmfg.contraction(ladder(), rmfg.TotalVariation(0.1), 1.0, population=own)
    assert (known.mover.value, known.dobrushin.value) == (0, 0)
    assert known.modulus.value == 0


def test_without_interaction_nothing_moves():
    for nature_ in (rmfg.Nominal(), rmfg.KullbackLeibler(0.1), rmfg.TotalVariation(0.1)):
        known = rmfg.contraction(lonely_game("dense"), nature_, 1.0)
        assert known.policy.value == known.mover.value == 0
        assert known.proved


@pytest.mark.parametrize("kind", [rmfg.Nominal, rmfg.KullbackLeibler, rmfg.TotalVariation])
def test_one_state_has_nothing_to_compare(kind):
    nature_ = kind() if kind is rmfg.Nominal else kind(0.1)
    game = rmfg.TabularGame(np.ones((1, 2, 1)), lambda m: m[:, None] ** 2 * np.ones(2), 0.5)
    known = rmfg.contraction(game, nature_, 1.0)
    assert known.reward.value == known.policy.value == 0


def test_both_forms_contract_together():
    """The modulus in the long run is (L - c) / (1 - c)."""
    for name in ("ladder, TV", "illness", "fashion"):
        case = CASES[name]
        step = case._replace(long_run=False).known()
        forever = case._replace(long_run=True).known()
        mixing = step.dobrushin.value
        expected = (step.modulus.value - mixing) / (1 - mixing)
        assert forever.modulus.value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": 0.0}, "`temperature` must be"),
        ({"temperature": 1.0, "damping": 1.5}, "`damping` must"),
        ({"temperature": 1.0, "num_samples": 1}, "`num_samples` must be a whole number"),
        ({"temperature": 1.0, "population": np.full((2, 1, 2), 0.5)}, "`population` is a kernel"),
    ],
)
def test_wrong_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        rmfg.contraction(ladder(), rmfg.Nominal(), **arguments)
