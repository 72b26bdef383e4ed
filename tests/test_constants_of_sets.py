"""How nature follows the nominal law: F11 to F14 of docs/guarantees.md against NumPy."""

import itertools

import numpy as np
import pytest
from eight_states import NUM_STATES, SHAPE, array
from registry import over_sets
from soft_games import ROUNDING, ladder, laws_of, rows_apart

import rmfg
from rmfg.model.dobrushin import dobrushin
from rmfg.solvers.picard import Picard


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
