"""Guarantees of soft iteration: each constant against brute force, each bound against what happens.

The statements F1 to F17 are those of docs/guarantees.md. Numbers are compared with NumPy calculations.
"""

import dataclasses
import itertools
import json
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from registry import NUM_STATES, SHAPE, SMALL_ZOO, array, lonely_game, over_sets

import rmfg
from rmfg.core.dependence import Dependence, dependence
from rmfg.model.dobrushin import dobrushin, farthest
from rmfg.rates.contraction import measured_rate
from rmfg.solvers.picard import Picard

ROUNDING = 1e-10


def laws_of(shape, seed, count=12):
    """Point masses, and laws with much and with little spread."""
    random, size = np.random.default_rng(seed), int(np.prod(shape))
    drawn = [random.dirichlet(np.full(size, spread)) for spread in (0.2, 1.0, 10.0)] * count
    found = np.array([*np.eye(size)[:count], *drawn[:count]])
    return found.reshape(-1, *shape)


def distance(law, other):
    return np.abs(law - other).sum()


def rows_apart(kernel, other):
    return np.abs(array(kernel) - array(other)).sum(-1).max()


# Reading a trace --------------------------------------------------------------------------------

MATRIX = np.arange(12.0).reshape(3, 4)
FUNCTIONS = {
    "constant": (lambda m: jnp.asarray(MATRIX), Dependence.NONE),
    "shape only": (lambda m: jnp.zeros(m.shape) + 1, Dependence.NONE),
    "times zero": (lambda m: 0.0 * m, Dependence.AFFINE),
    "matrix": (lambda m: MATRIX @ m + 1, Dependence.AFFINE),
    "compiled": (jax.jit(lambda m: 2 * m - m[::-1] / 3), Dependence.AFFINE),
    "moved": (lambda m: jnp.concatenate([m[1:], m[:1]])[None].T, Dependence.AFFINE),
    "gathered": (lambda m: m[np.array([0, 0, 2])], Dependence.AFFINE),
    "spread": (lambda m: jnp.zeros(4).at[np.array([1, 2])].add(m[:2]), Dependence.AFFINE),
    "sum": (lambda m: jnp.sum(m * MATRIX, axis=1), Dependence.AFFINE),
    "chosen": (lambda m: jnp.where(np.array([1, 0, 1, 0]) > 0, m, 1 - m), Dependence.AFFINE),
    "square": (lambda m: m**2, Dependence.OTHER),
    "product": (lambda m: m * m[0], Dependence.OTHER),
    "self matrix": (lambda m: m @ m, Dependence.OTHER),
    "inverse": (lambda m: 1 / (1 + m), Dependence.OTHER),
    "clipped": (lambda m: jnp.maximum(m, 0.1), Dependence.OTHER),
    "compared": (lambda m: jnp.where(m > 0.5, 1.0, 0.0), Dependence.OTHER),
    "rounded": (lambda m: jnp.round(8 * m), Dependence.OTHER),
    "sign": (lambda m: jnp.sign(m - 0.3), Dependence.OTHER),
    "to integers": (lambda m: (8 * m).astype(int).astype(float), Dependence.OTHER),
    "place": (lambda m: jnp.asarray(MATRIX)[:, jnp.argmax(m)], Dependence.OTHER),
    "no slope": (lambda m: jax.lax.stop_gradient(m) ** 2, Dependence.OTHER),
    "own slope": (jax.nn.relu, Dependence.OTHER),
    "loop": (lambda m: jax.lax.fori_loop(0, 2, lambda i, x: x * m, m), Dependence.OTHER),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_dependence_is_read_off_the_trace(name):
    function, expected = FUNCTIONS[name]
    assert dependence(function, jnp.full(4, 0.25)) == [expected]


# Facts about laws -------------------------------------------------------------------------------


def test_softmax_from_spread_to_l1(ledger):
    """F4, and that it cannot be improved."""
    random = np.random.default_rng(0)

    def tilted(weights, q):
        law = weights * np.exp(q - q.max(-1, keepdims=True))
        return law / law.sum(-1, keepdims=True)

    for heat, size in itertools.product((0.1, 1.0, 7.0), (2, 3, 8)):
        weights = random.dirichlet(np.ones(size), 1000)
        q, change = random.normal(size=(2, 1000, size)) * random.choice([0.01, 1, 9], (2, 1000, 1))
        moved = np.abs(tilted(weights, (q + change) / heat) - tilted(weights, q / heat)).sum(-1)
        ledger.at_most("softmax", moved, np.ptp(change, axis=-1) / (2 * heat) + ROUNDING)
    small = np.array([1e-5, -1e-5])
    moved = np.abs(tilted(np.ones(2), small) - 0.5).sum()
    assert moved == pytest.approx(np.ptp(small) / 2, rel=1e-9)


def test_dobrushin_shrinks_differences_of_occupations_and_values(ledger):
    """F3: all pairs of rows, and random occupations under random policies."""
    random = np.random.default_rng(0)
    for seed in range(5):
        law = np.random.default_rng(seed).dirichlet(np.full(4, 0.7), (4, 3))
        rows = law.reshape(-1, 4)
        expected = max(np.abs(p - q).sum() / 2 for p, q in itertools.product(rows, rows))
        found = dobrushin(rmfg.DenseKernel(law))
        assert found == pytest.approx(expected, rel=1e-14)
        one, two = random.dirichlet(np.full(12, 0.3), (2, 200))
        moved = np.abs((one - two) @ rows).sum(-1)
        ledger.at_most("occupations", moved, found * np.abs(one - two).sum(-1) + ROUNDING)
        values = random.normal(size=(200, 4))
        spread = np.ptp(values @ rows.T, axis=-1)
        ledger.at_most("values", spread, found * np.ptp(values, axis=-1) + ROUNDING)
    assert farthest(np.eye(3)) == 1
    assert farthest(np.ones((5, 1))) == 0


# Constants of games -----------------------------------------------------------------------------


def affine_game(seed, kind):
    """Reward and kernel affine in the mean field, with all numbers at random."""
    random = np.random.default_rng(seed)
    shape = {"state": (4,), "state-action": (4, 2)}[kind]
    rewards = random.normal(size=(*shape, 4, 2))
    kernels = random.dirichlet(np.ones(4), (*shape, 4, 2))
    axes = len(shape)
    return rmfg.TabularGame(
        lambda m: jnp.tensordot(m, kernels, axes),
        lambda m: jnp.tensordot(m, rewards, axes) + 1,
        0.5,
        mean_field=kind,
        num_states=4,
        num_actions=2,
    )


@pytest.mark.parametrize("kind", ["state", "state-action"])
@pytest.mark.parametrize("seed", range(3))
def test_constants_of_affine_games_are_exact(seed, kind, ledger):
    """F2: the largest of all pairs of point masses, which no other pair exceeds."""
    game = affine_game(seed, kind)
    known = rmfg.contraction(game, rmfg.Nominal(), 1.0)
    points = np.eye(int(np.prod(game.mean_field_shape))).reshape(-1, *game.mean_field_shape)
    pairs = list(itertools.combinations(points, 2))
    rewards = max(np.abs(game.reward(m) - game.reward(n)).max() / 2 for m, n in pairs)
    kernels = max(rows_apart(game.kernel(m), game.kernel(n)) / 2 for m, n in pairs)
    for constant, expected in ((known.reward, rewards), (known.kernel, kernels)):
        assert constant.proved
        assert "affine" in constant.reason
        assert constant.value == pytest.approx(expected, rel=1e-12)
    assert known.dobrushin.proved
    for m, n in itertools.combinations(laws_of(game.mean_field_shape, seed, 6), 2):
        apart = distance(m, n)
        moved = np.abs(game.reward(m) - game.reward(n)).max()
        ledger.at_most("reward", moved, rewards * apart + ROUNDING)
        moved = rows_apart(game.kernel(m), game.kernel(n))
        ledger.at_most("kernel", moved, kernels * apart + ROUNDING)
        ledger.at_most("dobrushin", dobrushin(game.kernel(m)), known.dobrushin.value + ROUNDING)


def curved_game(lipschitz=None):
    """Reward -m(s)^2, whose constant is one, and a kernel that forgets with the square of m(0)."""
    even, rows = np.full((3, 2, 3), 1 / 3), np.random.default_rng(0).dirichlet(np.ones(3), (3, 2))
    return rmfg.TabularGame(
        lambda m: rows + (m[0] ** 2 / 4) * (even - rows),
        lambda m: -(m**2)[:, None] * np.ones(2),
        0.5,
        num_states=3,
        num_actions=2,
        lipschitz=lipschitz,
    )


def test_what_is_estimated_says_so():
    known = rmfg.contraction(curved_game(), rmfg.Nominal(), 1.0)
    for constant in (known.reward, known.kernel, known.support, known.policy, known.modulus):
        assert not constant.proved
        assert "(estimated: " in str(constant)
    assert not known.proved
    # Point masses are among the samples: the largest slope of the square is seen.
    assert known.reward.value == pytest.approx(1.0, rel=1e-9)
    again = rmfg.contraction(curved_game(), rmfg.Nominal(), 1.0)
    assert again == known
    few = rmfg.contraction(curved_game(), rmfg.Nominal(), 1.0, num_samples=2, seed=3)
    assert few.reward.value <= known.reward.value


def test_what_is_declared_is_believed():
    known = rmfg.contraction(curved_game(rmfg.Lipschitz(reward=1.0)), rmfg.Nominal(), 1.0)
    assert known.reward == rmfg.Constant(1.0, True, "declared by the game")
    assert not known.kernel.proved
    known = rmfg.contraction(curved_game(rmfg.Lipschitz(1.0, 0.5)), rmfg.Nominal(), 1.0)
    assert known.kernel == known.mover == rmfg.Constant(0.5, True, "declared by the game")
    assert curved_game(rmfg.Lipschitz(reward=np.inf)).lipschitz.reward is None
    with pytest.raises(ValueError, match=r"`lipschitz.kernel` must be at least 0"):
        curved_game(rmfg.Lipschitz(kernel=-1.0))


DECLARED = {
    "beach-bar": {"floor": 0.02},
    "two-beach-bars": {"floor": 0.02},
    "four-rooms": {"floor": 0.02},
    "investment": {},
    "kinetic-congestion": {},
    "mf-garnet": {},
}


@pytest.mark.parametrize("coupling", ["additive", "multiplicative"])
@pytest.mark.parametrize("name", DECLARED)
def test_constants_that_the_zoo_declares_hold(name, coupling, ledger):
    options = SMALL_ZOO.get(name, {}) | DECLARED[name]
    if name == "mf-garnet":
        options |= {"kernel_coupling": coupling}
    elif coupling == "additive":
        pytest.skip("only mf-garnet has two couplings")
    game = rmfg.zoo.make(name, **options)
    declared = game.lipschitz
    laws = laws_of(game.mean_field_shape, 0)
    pairs = [*itertools.combinations(laws[::2], 2)]
    pairs += [(m, m + 1e-3 * (n - m)) for m, n in itertools.pairwise(laws)]
    for m, n in pairs:
        apart = distance(m, n) + ROUNDING
        if declared.reward is not None:
            moved = np.abs(game.reward(m) - game.reward(n)).max()
            ledger.at_most("declared reward", moved, declared.reward * apart)
        if declared.kernel is not None:
            moved = rows_apart(game.kernel(m), game.kernel(n))
            ledger.at_most("declared kernel", moved, declared.kernel * apart)
        if declared.smallest is not None:
            before, after = array(game.kernel(m)), array(game.kernel(n))
            ledger.holds("the support does not move", (before > 0) == (after > 0))
            ledger.at_most("smallest", declared.smallest, before[before > 0].min() + 1e-15)


# Sets -------------------------------------------------------------------------------------------


def draw(seed, common=0.0):
    """A kernel whose rows all have full support, and share a part."""
    random = np.random.default_rng(seed)
    shared, own = (
        random.dirichlet(np.ones(NUM_STATES)),
        random.dirichlet(np.full(NUM_STATES, 2.0), SHAPE),
    )
    return rmfg.DenseKernel(common * shared + (1 - common) * own)


@over_sets()
def test_support_functions_follow_the_nominal_law(row, ledger):
    """F11, for laws with the same support, and for others where no proof needs it."""
    full = [draw(seed) for seed in range(3)]
    random = np.random.default_rng(1)
    holes = [np.where(random.uniform(size=array(k).shape) < 0.6, array(k), 0) + 1e-9 for k in full]
    holes = [np.where(h > 1e-8, h, 0) + 1e-3 * (h.max(-1, keepdims=True) < 1e-8) for h in holes]
    holes = [rmfg.DenseKernel(h / h.sum(-1, keepdims=True)) for h in holes]
    for same, kernels in ((True, full), (False, holes)):
        for one, two in itertools.combinations(kernels, 2):
            smallest = min(array(one).min(), array(two).min()) if same else 0.0
            ambiguity = row.build(row.middle(), kernels[0])
            for seed, size in itertools.product(range(3), (1e-2, 1.0, 5.0)):
                values = size * np.random.default_rng(seed).normal(size=NUM_STATES)
                spread = np.ptp(values)
                factor = ambiguity.support_lipschitz(spread, smallest)
                if factor is None:
                    assert not same, "everything is proved on a fixed support"
                    continue
                moved = ambiguity.worst_value(one, values) - ambiguity.worst_value(two, values)
                apart = np.abs(array(one) - array(two)).sum(-1)
                allowed = factor * apart * spread / 2 + 1e-8 * spread
                ledger.at_most(f"follows, same support {same}", np.abs(moved), allowed)


@over_sets()
def test_nature_mixes_as_proved(row, ledger):
    """F14: the Dobrushin coefficient of nature's answer, for even and for uneven radii."""
    for common, seed in itertools.product((0.0, 0.7, 0.95), range(2)):
        kernel = draw(seed, common)
        for sizes in (row.middle(), row.sizes[0], row.sizes[1]):
            ambiguity = row.build(sizes, kernel)
            for size in (1e-2, 1.0, 5.0):
                values = size * np.random.default_rng(seed + 5).normal(size=NUM_STATES)
                spread = np.ptp(values)
                bound = ambiguity.dobrushin(dobrushin(kernel), spread, NUM_STATES)
                assert 0 <= bound <= 1 + ROUNDING
                found = dobrushin(ambiguity.worst_kernel(kernel, values))
                ledger.at_most("mixing", found, bound + 1e-8)


def test_total_variation_with_one_radius_does_not_spoil_mixing():
    """The bound of F14 is attained: nothing is lost where the rows hold nothing in common above."""
    kernel = draw(0, 0.5)
    assert rmfg.TotalVariation(0.3).dobrushin(0.4, 1.0, 8) == pytest.approx(0.4)
    assert rmfg.Contamination(0.3).dobrushin(0.4, 1.0, 8) == pytest.approx(0.28)
    mixed = rmfg.Contamination(0.3).worst_kernel(kernel, np.arange(8.0))
    assert dobrushin(mixed) == pytest.approx(0.7 * dobrushin(kernel), rel=1e-12)


def test_the_entropy_penalty_answers_smoothly(ledger):
    """F13."""
    random = np.random.default_rng(0)
    for strength, seed in itertools.product((0.5, 2.0, 20.0), range(4)):
        nature_, values = rmfg.EntropyPenalty(strength), random.normal(size=(2, NUM_STATES))
        kernels = draw(seed), draw(seed + 10)
        answers = [nature_.worst_kernel(k, v) for k, v in zip(kernels, values, strict=True)]
        tilt = np.exp(max(np.ptp(values, axis=1)) / strength) * rows_apart(*kernels)
        allowed = tilt + np.ptp(values[0] - values[1]) / (2 * strength)
        ledger.at_most("nature's answer", rows_apart(*answers), allowed + ROUNDING)
        same = [nature_.worst_kernel(kernels[0], v) for v in values]
        allowed = np.ptp(values[0] - values[1]) / (2 * strength)
        ledger.at_most("at one kernel", rows_apart(*same), allowed + ROUNDING)


# The map ----------------------------------------------------------------------------------------


def ladder(crowding=0.1):
    """Each step is worth one more than the last: no crowd can change the order of the values."""
    steps, kernel = np.arange(4), np.zeros((4, 2, 4))
    kernel[steps, 0, np.maximum(steps - 1, 0)] = 0.5
    kernel[steps, 1, np.minimum(steps + 1, 3)] = 0.5
    kernel += 0.5 * np.array([0.1, 0.4, 0.3, 0.2])
    base = steps[:, None] - np.array([0.0, 0.5])
    return rmfg.TabularGame(kernel, lambda m: base - crowding * m[:, None], 0.8)


def fashion():
    """Two shops, more attractive the more people are there: the policy's constant is attained."""
    kernel = np.tile(0.4 + 0.2 * np.eye(2), (2, 1, 1))
    return rmfg.TabularGame(kernel, lambda m: 7.0 * np.ones((2, 1)) * m, 0.0, num_states=2)


def roads():
    return rmfg.zoo.make("crowded-actions", num_places=3, slip=0.5, crowding=1.0)


def illness():
    mild = {"infection_rate": 0.2, "recovery_rate": 0.5, "infection_cost": 2.0, "discount": 0.5}
    return rmfg.zoo.make("sis-epidemic", num_actions=3, **mild)


class Case(NamedTuple):
    """A game in which soft iteration is proved to contract."""

    game: rmfg.MeanFieldGame
    ambiguity: rmfg.Ambiguity
    temperature: float
    population: str = "worst_case"
    long_run: bool = True
    damping: float = 1.0

    def known(self, **options):
        return rmfg.contraction(
            self.game,
            self.ambiguity,
            self.temperature,
            population=self.population,
            damping=self.damping,
            long_run=self.long_run,
            **options,
        )

    @property
    def solver(self):
        return Picard(self.damping, self.temperature, long_run=self.long_run)

    @property
    def problem(self):
        return rmfg.Problem(self.game, self.ambiguity, self.population)


CASES = {
    "fashion": Case(fashion(), rmfg.Nominal(), 1.0, long_run=False),
    "fashion, long run": Case(fashion(), rmfg.Nominal(), 1.0),
    "roads": Case(roads(), rmfg.Nominal(), 3.5, long_run=False),
    "roads, damped": Case(roads(), rmfg.Nominal(), 2.5, damping=0.5),
    "roads, TV": Case(roads(), rmfg.TotalVariation(0.1), 2.5, "nominal"),
    "roads, KL": Case(roads(), rmfg.KullbackLeibler(0.01), 2.5, "nominal"),
    "roads, penalty": Case(roads(), rmfg.EntropyPenalty(20.0), 3.5),
    "ladder, TV": Case(ladder(), rmfg.TotalVariation(0.1), 0.25),
    "ladder, contamination": Case(ladder(), rmfg.Contamination(0.1), 0.25),
    "ladder, CVaR": Case(ladder(), rmfg.CVaR(0.2), 0.25, damping=0.7),
    "ladder, penalty": Case(ladder(), rmfg.EntropyPenalty(20.0), 0.3, long_run=False),
    "illness": Case(illness(), rmfg.Nominal(), 1.5),
    "illness, CVaR": Case(illness(), rmfg.CVaR(0.2), 1.5, "nominal", long_run=False),
    "illness, penalty": Case(illness(), rmfg.EntropyPenalty(40.0), 1.5, long_run=False),
}


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


def test_a_fixed_order_fixes_natures_answer(ledger):
    """F12: one worst kernel for all laws; with large crowds there is no proof, and it jumps."""
    nature_ = rmfg.TotalVariation(0.1)
    known = rmfg.contraction(ladder(), nature_, 0.25)
    assert known.mover.value == 0
    kernels = [
        Picard(1.0, 0.25).init(rmfg.Problem(ladder(), nature_), law).response.nature
        for law in laws_of((4,), 0)
    ]
    ledger.at_most("one kernel", max(rows_apart(kernels[0], k) for k in kernels), 1e-12)
    crowded = rmfg.contraction(ladder(crowding=20.0), nature_, 50.0)
    assert crowded.mover.value == np.inf
    assert not crowded.contractive
    assert crowded.bound(1e-9) == np.inf
    assert "jump" in crowded.modulus.reason
    assert "no bound" in str(crowded)


def test_a_lowest_state_is_enough_for_contamination():
    """Total variation needs the whole order, contamination the lowest state alone."""
    kernel = np.full((3, 2, 3), 1 / 3)
    base = np.array([[-9.0, -9.5], [0.0, 0.1], [0.0, 0.1]])
    game = rmfg.TabularGame(kernel, lambda m: base - 0.3 * m[:, None], 0.5)
    assert rmfg.contraction(game, rmfg.Contamination(0.2), 1.0).mover.value == 0
    assert rmfg.contraction(game, rmfg.TotalVariation(0.2), 1.0).mover.value == np.inf


def test_sizes_that_move_are_estimated():
    nature_ = rmfg.TotalVariation(lambda m: 0.1 + 0.1 * m[0])
    known = rmfg.contraction(ladder(), nature_, 1.0, population="nominal")
    assert not known.support.proved
    assert known.support.value > 0
    assert known.mover.proved
    assert known.mover.value == 0
    assert not rmfg.contraction(ladder(), nature_, 1.0).mover.proved


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


# On answers -------------------------------------------------------------------------------------


def test_picard_with_a_temperature_reports_it(tmp_path):
    case = CASES["ladder, TV"]
    answer = rmfg.solve(
        case.game, case.ambiguity, solver=case.solver, initial=np.eye(4)[0], max_steps=6, tol=1e-12
    )
    found = answer.guarantee
    assert found.contractive
    assert found.proved
    assert found.rate == pytest.approx(case.known().rate, rel=1e-12)
    assert 0 < found.measured_rate <= found.rate
    assert found.distance == found.bound(found.residual)
    text = str(answer)
    assert "guarantee    modulus 0.333 (proved), rate 0.333 a step, measured" in text
    assert "from the one soft equilibrium, at most" in text
    answer.save(tmp_path / "eq.nc")
    again = rmfg.load(tmp_path / "eq.nc")
    assert again.guarantee == found
    assert str(again).replace(", as saved: not verified since", "") == text


def test_files_without_a_guarantee_are_read(tmp_path):
    case = CASES["ladder, TV"]
    answer = rmfg.solve(case.game, case.ambiguity, solver=case.solver, max_steps=2, tol=1e-12)
    data = answer.to_xarray()
    assert json.loads(data.attrs["guarantee"])["modulus"]["proved"] is True
    del data.attrs["guarantee"]
    data.to_netcdf(tmp_path / "old.nc")
    assert rmfg.load(tmp_path / "old.nc").guarantee is None


def test_without_a_temperature_there_is_none():
    answer = rmfg.solve(lonely_game("dense"), solver=rmfg.Picard(), max_steps=2)
    assert answer.guarantee is None
    assert "guarantee" not in str(answer)


def test_no_guarantee_is_said_with_its_reason():
    answer = rmfg.solve(
        ladder(20.0), rmfg.TotalVariation(0.1), solver=rmfg.Picard(0.5, 0.5), max_steps=2
    )
    assert "guarantee    none, since the modulus is inf (no bound: nature's answer" in str(answer)


def test_the_measured_rate_is_that_of_the_later_half():
    fall = [1.0, 0.9, 0.9, *(0.5**k for k in range(1, 30))]
    assert measured_rate(fall) == pytest.approx(0.5, rel=1e-12)
    assert measured_rate([*fall, 1e-14, 2e-14, 1e-14]) == pytest.approx(0.5, rel=1e-12)
    assert measured_rate([1.0, 0.5]) is None
    assert measured_rate([]) is None


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


def test_a_guarantee_is_plain_data():
    known = CASES["ladder, TV"].known()
    assert json.loads(json.dumps(dataclasses.asdict(known)))["modulus"]["value"] < 1


class Jump(rmfg.MeanFieldGame):
    """A reward that jumps, or has a hole, where nobody is: its slope is zero almost everywhere."""

    num_states, num_actions, discount = 3, 2, 0.5

    def __init__(self, below):
        self.below = np.asarray(below)

    def kernel(self, mean_field):
        return jnp.full((3, 2, 3), 1 / 3)

    def reward(self, mean_field):
        return jnp.ones((3, 2)) * jnp.where(mean_field[0] > 0.2, 0.0, self.below)


def test_jumps_and_holes_are_seen():
    assert rmfg.contraction(Jump(1.0), rmfg.Nominal(), 1.0).reward.value > 0.4
    hole = rmfg.contraction(Jump(np.nan), rmfg.Nominal(), 1.0)
    assert np.isnan(hole.reward.value)
    assert not hole.contractive
    assert hole.bound(1e-9) == np.inf
