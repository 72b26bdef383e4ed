"""Ambiguity sets where numbers are extreme: values, ties, units, and what is nearly impossible."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from eight_states import NUM_STATES, SHAPE, array, dense_kernel, every_row, same_row, values_of
from reference import worst_case
from registry import SETS, over_sets

import rmfg
from rmfg.model.ambiguity.rowwise import violation_of
from rmfg.model.ambiguity.soft import ProximalStep

pytestmark = pytest.mark.usefixtures("precision_is_the_callers")


# Values -----------------------------------------------------------------------------------------


@over_sets()
def test_extreme_values(row):
    """Values of any size and offset: what is lost is rounding of the values themselves."""
    kernel, values = dense_kernel(3), values_of(0)
    ambiguity = row.build(row.middle(), kernel)
    plain = array(ambiguity.worst_kernel(kernel, values)) @ values
    for scale, offset in ((1e-6, 0), (1e6, 0), (1, 1e6), (1e-6, 1), (1e6, -1e6), (1e-200, 0)):
        if row.penalized and scale != 1:
            continue
        shown = scale * values + offset
        sigma = ambiguity.worst_value(kernel, shown)
        worst = ambiguity.worst_kernel(kernel, shown)
        slack = 1e-13 * np.abs(shown).max()
        gap = array(worst) @ shown + ambiguity.penalty(worst, kernel) - sigma
        assert (gap >= -slack).all()
        assert (gap <= 1e-9 * np.ptp(shown) + slack).all()
        # Rounding of large values moves the law a little, hence what it attains on the plain ones.
        moved = np.abs(array(worst) @ values - plain)
        assert moved.max() <= 1e-9 + 1e-12 * np.abs(shown).max() / scale
        assert (ambiguity.violation(worst, kernel) <= 1e-12).all()


@over_sets(tuple(row for row in SETS if row.name in ("L3, support all", "KL", "chi-square")))
def test_a_law_on_the_boundary_is_inside_however_it_is_compiled(row, ledger):
    """Without optimization the distance of a law is rounded otherwise in each of its uses."""
    kernel = dense_kernel(3)
    ambiguity = row.build(row.middle(), kernel)
    cheap = {"xla_backend_optimization_level": 0}
    answer = eqx.filter_jit(lambda *given: ambiguity.worst(*given).kernel, compiler_options=cheap)
    outside = eqx.filter_jit(violation_of, compiler_options=cheap)
    with jax.enable_x64(True):
        for scale, offset in ((1, 0), (1e-6, 1), (1e6, 0)):
            law = answer(kernel, scale * values_of(0) + offset)
            found = outside(ambiguity, law, kernel, None)
            ledger.at_most("a worst law is inside", found, 1e-12)


@over_sets()
def test_ties_and_constants(row):
    kernel = dense_kernel(4)
    ambiguity = row.build(row.middle(), kernel)
    for values in (np.full(8, -3.0), np.tile([1.0, 2.0], 4), np.zeros(8), np.eye(8)[5]):
        sigma = ambiguity.worst_value(kernel, values)
        worst = ambiguity.worst_kernel(kernel, values)
        worst.check()
        gap = array(worst) @ values + ambiguity.penalty(worst, kernel) - sigma
        assert np.abs(gap).max() <= 1e-11
        assert (ambiguity.violation(worst, kernel) <= 1e-12).all()
        for one in row.rows(row.middle(), kernel)[::13]:
            assert sigma[one.place] == pytest.approx(row.reference(one, values)[0], abs=1e-10)


@pytest.mark.parametrize("form", ["dense", "sparse"])
def test_who_gets_the_mass_among_equals(form):
    """Documented: the first state of lowest value; equal states give in proportion."""
    p = np.array([0.4, 0.2, 0.1, 0.1, 0.2, 0, 0, 0])
    values = np.array([2.0, 2.0, 1.0, 1.0, 1.5, 2.0, 1.0, 1.0])
    kernel = same_row(p)
    kernel = kernel.to_sparse() if form == "sparse" else kernel
    law = array(rmfg.TotalVariation(every_row(0.3)).worst_kernel(kernel, values))[0, 0]
    np.testing.assert_allclose(law, [0.2, 0.1, 0.4, 0.1, 0.2, 0, 0, 0], atol=1e-15)
    tied = np.full(8, 7.0)
    law = array(rmfg.TotalVariation(every_row(0.3)).worst_kernel(kernel, tied))[0, 0]
    assert law @ tied == pytest.approx(7, rel=1e-15)


@over_sets()
def test_almost_nothing_is_not_nothing(row):
    """Probabilities of 1e-12 and 1e-300 beside ordinary ones."""
    p = np.array([0.5, 0.5 - 1e-12, 1e-12, 1e-300, 0, 0, 0, 0])
    kernel, values = same_row(p), np.array([1.0, 2, 0, -1, -2, 3, 0.5, 0.25])
    ambiguity = row.build(row.middle(), kernel)
    sigma = ambiguity.worst_value(kernel, values)
    worst = ambiguity.worst_kernel(kernel, values)
    assert np.isfinite(sigma).all()
    worst.check()
    one = row.rows(row.middle(), kernel)[17]
    assert sigma[one.place] == pytest.approx(row.reference(one, values)[0], abs=5e-10)
    assert row.outside(one, array(worst)[one.place]) <= 1e-12


# Units, infinities and what is nearly impossible ------------------------------------------------


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_the_unit_of_a_distance_means_nothing(unit):
    kernel, away = dense_kernel(0), same_row(np.eye(NUM_STATES)[0])
    line = np.abs(np.subtract.outer(np.arange(8.0), np.arange(8.0)))
    weights = np.linspace(0.5, 2, NUM_STATES)
    for make in (
        lambda unit: rmfg.Wasserstein(every_row(0.1 * unit), unit * line),
        lambda unit: rmfg.Lp(every_row(0.1 * unit), 2, unit * weights),
        lambda unit: rmfg.Lp(every_row(0.1 * unit), 1, unit * weights),
    ):
        plain, scaled = (make(u).violation(away, kernel) for u in (1.0, unit))
        assert plain.max() > 0.5
        np.testing.assert_allclose(scaled, plain, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("order", [1.0, 2.0])
def test_infinite_distances_are_never_travelled(order):
    """Two islands of four states: the worst case is that of each island alone."""
    line = np.abs(np.subtract.outer(np.arange(8.0), np.arange(8.0)))
    island = np.arange(8) // 4
    apart = np.where(island[:, None] == island, line, np.inf)
    kernel, values = dense_kernel(0), values_of(0)
    ambiguity = rmfg.Wasserstein(every_row(0.7), apart, order)
    sigma, worst = ambiguity.worst_value(kernel, values), ambiguity.worst_kernel(kernel, values)
    mass = array(kernel)
    for shore in (island == 0, island == 1):
        moved = array(worst)[..., shore].sum(-1)
        np.testing.assert_allclose(moved, mass[..., shore].sum(-1), atol=1e-15)
    assert np.abs(array(worst) @ values - sigma).max() <= 1e-13
    assert ambiguity.violation(worst, kernel).max() <= 1e-14
    # Far beyond the radius, a distance is as good as infinite: but for what it affords, 0.7 / 1e6.
    distant = np.where(np.isfinite(apart), apart, 1e6)
    near = rmfg.Wasserstein(every_row(0.7), distant, order).worst_value(kernel, values)
    assert (near <= sigma + 1e-14).all()
    assert np.abs(near - sigma).max() <= 0.7e-6 * np.ptp(values) * 2
    # What crosses counts in full.
    crossed = rmfg.DenseKernel(np.roll(mass, 4, axis=-1))
    share = np.abs(array(crossed)[..., :4].sum(-1) - mass[..., :4].sum(-1))
    assert (ambiguity.violation(crossed, kernel) >= share - 1e-14).all()
    with jax.enable_x64(True):
        step = ProximalStep(jnp.asarray(values), jnp.zeros(8), jnp.asarray(0.01))
        soft = ambiguity.soften(kernel, step)
        assert np.isfinite(soft.value).all()
    law = rmfg.DenseKernel(array(soft.kernel))
    assert ambiguity.violation(law, kernel).max() <= 1e-12


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("KL", rmfg.KullbackLeibler),
        ("reverse KL", lambda r: rmfg.ReverseKullbackLeibler(r, support="nominal")),
        ("chi-square", rmfg.ChiSquare),
        ("Hellinger", lambda r: rmfg.Hellinger(r, support="nominal")),
    ],
)
def test_nearly_impossible_states(name, make):
    """Two states, of which the bad one has a probability from 1e-1 to 1e-300."""
    tiny = np.array([1e-1, 1e-5, 1e-12, 1e-17, 1e-20, 1e-99, 1e-101, 1e-300])
    law = np.zeros((*SHAPE, NUM_STATES))
    law[..., 0], law[..., 1] = (1 - tiny)[:, None], tiny[:, None]
    kernel, values = rmfg.DenseKernel(law), np.array([1.0, 0, 1, 1, 1, 1, 1, 1])
    for radius in (0.1, 1e-3):
        ambiguity = make(every_row(radius))
        reached = np.array([worst_case.two_states(name, small, radius) for small in tiny])
        sigma = ambiguity.worst_value(kernel, values)[:, 0]
        np.testing.assert_allclose(sigma, 1 - reached, rtol=4e-16)
        worst = ambiguity.worst_kernel(kernel, values)
        np.testing.assert_allclose(array(worst)[:, 0, 1], reached, rtol=1e-6, atol=1e-16)
        assert ambiguity.violation(worst, kernel).max() <= 1e-14


def test_a_lost_probability_of_rounding_is_rounding():
    """The law without it is infinitely far in reverse KL, and 1e-17 away in probability."""
    kernel = same_row([1, 1e-17, 0, 0, 0, 0, 0, 0])
    without = same_row(np.eye(NUM_STATES)[0])
    for make in (rmfg.ReverseKullbackLeibler, rmfg.Hellinger):
        assert make(every_row(0.1)).violation(without, kernel).max() <= 1e-16
    # And mass of 1e-17 where there was none, or next to none.
    spread = same_row([1, 1e-17, 1e-17, 0, 0, 0, 0, 0])
    narrow = same_row([1, 1e-300, 0, 0, 0, 0, 0, 0])
    for make in (rmfg.KullbackLeibler, rmfg.ChiSquare):
        found = make(every_row(0.1)).violation(spread, narrow)
        assert (found >= 0.9e-17).all()
        assert (found <= 3e-15).all()


@eqx.filter_jit
def _soften(ambiguity, kernel, values):
    return ambiguity.soften(kernel, ProximalStep(values, 30 * values, jnp.asarray(1e-3)))


def test_laws_are_never_negative():
    """Also the smooth answers that solvers turn into kernels."""
    kernel = dense_kernel(0)
    sets = (rmfg.TotalVariation(every_row(0.3)), rmfg.Lp(every_row(0.3), 1))
    for ambiguity in sets:
        for seed in range(20):
            values = np.random.default_rng(seed).normal(size=NUM_STATES)
            with jax.enable_x64(True):
                soft = _soften(ambiguity, kernel, jnp.asarray(values))
                closed = soft.kernel.closed()
            assert array(closed).min() >= 0
            assert np.abs(array(closed).sum(-1) - 1).max() <= 1e-15
            assert np.asarray(soft.kernel.kept.law).min() >= 0
