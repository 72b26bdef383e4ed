"""Sizes of ambiguity sets: closed forms, edges, and sizes that move with the population."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from eight_states import (
    NUM_ACTIONS,
    NUM_STATES,
    SHAPE,
    array,
    dense_kernel,
    every_row,
    same_row,
    sparse_kernel,
    values_of,
)
from registry import SETS, WITH_SIZE, over_sets

import rmfg
from rmfg.model.ambiguity.soft import ProximalStep

pytestmark = pytest.mark.usefixtures("precision_is_the_callers")


@over_sets(WITH_SIZE)
def test_radius_as_a_function_of_the_mean_field(row):
    kernel, values = dense_kernel(2), values_of(0)
    low, high = sorted(row.sizes[1:3])
    moving = row.make(lambda m: low + (high - low) * m[0], kernel)
    for share in (0.0, 0.25, 1.0):
        field = np.array([share, 1 - share, *np.zeros(NUM_STATES - 2)])
        fixed = row.build(low + (high - low) * share, kernel)
        sigma = moving.worst_value(kernel, values, field)
        np.testing.assert_allclose(sigma, fixed.worst_value(kernel, values), rtol=1e-13)
    worst = moving.worst_kernel(kernel, values, field)
    np.testing.assert_allclose(moving.violation(worst, kernel, field), 0, atol=1e-12)
    for call in (
        lambda: moving.worst_value(kernel, values),
        lambda: moving.worst_kernel(kernel, values),
        lambda: moving.penalty(worst, kernel) if row.penalized else moving.violation(worst, kernel),
    ):
        with pytest.raises(ValueError, match=r"`mean_field` must be given.*function of the mean"):
            call()


def test_scenarios_as_a_function_of_the_mean_field():
    kernels, values = [sparse_kernel(seed) for seed in (0, 1)], values_of(0)
    laws = [array(kernel) for kernel in kernels]
    moving = rmfg.Scenarios(lambda m: [laws[0], m[0] * laws[0] + (1 - m[0]) * laws[1]])
    for share in (0.0, 0.5, 1.0):
        field = np.array([share, 1 - share, *np.zeros(NUM_STATES - 2)])
        mixed = share * laws[0] + (1 - share) * laws[1]
        expected = np.minimum(laws[0] @ values, mixed @ values)
        found = moving.worst_value(dense_kernel(0), values, field)
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)
    with pytest.raises(ValueError, match="`mean_field` must be given"):
        moving.worst_value(dense_kernel(0), values)


@over_sets(tuple(row for row in SETS if row.support == "nominal" and row.has_radius))
def test_nominal_support_keeps_a_point_mass(row):
    kernel = rmfg.DenseKernel(np.broadcast_to(np.eye(8)[:, None], (*SHAPE, NUM_STATES)))
    ambiguity, values = row.build(row.sizes[-1], kernel), values_of(0)
    sigma = ambiguity.worst_value(kernel, values)
    np.testing.assert_allclose(sigma, np.tile(values[:, None], (1, NUM_ACTIONS)), rtol=1e-15)
    np.testing.assert_allclose(array(ambiguity.worst_kernel(kernel, values)), array(kernel))


@pytest.mark.parametrize(
    ("ambiguity", "expected"),
    [
        (rmfg.ReverseKullbackLeibler(every_row(0.3)), np.exp(-0.3)),
        (rmfg.Hellinger(every_row(0.3)), 0.7**2),
        (rmfg.TotalVariation(every_row(0.3)), 0.7),
        (rmfg.Contamination(every_row(0.3)), 0.7),
        (rmfg.Lp(every_row(0.3), 2), 1 - 0.3 / np.sqrt(2)),
        (rmfg.Lp(every_row(0.3), np.inf), 0.7),
        (rmfg.Interval.around(every_row(0.3)), 0.7),
        (rmfg.Lp(every_row(0.3), 1), 0.85),
        (rmfg.Wasserstein(every_row(0.3), 1 - np.eye(8)), 0.7),
        (rmfg.Wasserstein(every_row(0.3), 2 * (1 - np.eye(8)), 2.0), 1 - (0.3 / 2) ** 2),
    ],
    ids=lambda value: type(value).__name__,
)
def test_mass_leaves_a_point_mass_as_far_as_the_radius_allows(ambiguity, expected):
    """All mass at V = 1, one state at V = 0, the others at V = 1 too high to matter."""
    values = np.array([5.0, 0.0, 1.0, 5.0, 5.0, 5.0, 5.0, 5.0])
    kernel = same_row(np.eye(8)[2])
    sigma = ambiguity.worst_value(kernel, values)
    np.testing.assert_allclose(sigma, expected, rtol=1e-14)
    law = array(ambiguity.worst_kernel(kernel, values))[0, 0]
    np.testing.assert_allclose(
        law, (1 - expected) * np.eye(8)[1] + expected * np.eye(8)[2], atol=1e-14
    )


def test_closed_forms():
    """Two states in reach, p = (1/2, 1/2), V = (0, 1): the value is the mass left at V = 1."""
    kernel, values = same_row([0.5, 0.5] + 6 * [0]), np.array([0.0, 1, 0.5, 9, 9, 9, 9, 9])

    def sigma(ambiguity):
        return ambiguity.worst_value(kernel, values)[0, 0]

    low = sigma(rmfg.KullbackLeibler(every_row(0.2)))
    distance = low * np.log(2 * low) + (1 - low) * np.log(2 * (1 - low))
    assert distance == pytest.approx(0.2, abs=1e-13)
    nominal = {"support": "nominal"}
    left = sigma(rmfg.ReverseKullbackLeibler(every_row(0.2), **nominal))
    assert left == pytest.approx(0.5 - np.sqrt(1 - np.exp(-0.4)) / 2, abs=1e-15)
    assert sigma(rmfg.ChiSquare(every_row(0.16))) == pytest.approx(0.3, abs=1e-15)
    left = sigma(rmfg.Hellinger(every_row(0.1), **nominal))
    assert left == pytest.approx(0.5 - 0.9 * np.sqrt(1 - 0.81), abs=1e-15)
    left = sigma(rmfg.Lp(every_row(0.2), 2, **nominal))
    assert left == pytest.approx(0.5 - 0.2 / np.sqrt(2), abs=1e-15)
    assert sigma(rmfg.CVaR(every_row(0.2))) == pytest.approx(1 - 0.5 / 0.8, abs=1e-15)
    penalized = sigma(rmfg.EntropyPenalty(every_row(0.5)))
    assert penalized == pytest.approx(-0.5 * np.log((1 + np.exp(-2)) / 2), abs=1e-15)


@over_sets(tuple(row for row in SETS if row.kind in ("KL", "chi-square", "Hellinger")))
def test_radii_around_the_collapse(row):
    """Where the set first holds the law on the lowest value alone, formulas change."""
    kernel, values = dense_kernel(6), values_of(1)
    dense = array(kernel)
    lowest = np.where(dense > 0, values, np.inf).min(-1)
    mass = np.where(values == lowest[..., None], dense, 0).sum(-1)
    edge = {"KL": -np.log(mass), "chi-square": 1 / mass - 1, "Hellinger": 1 - np.sqrt(mass)}
    factors = np.array([1 - 1e-3, 1 - 1e-8, 1 - 1e-13, 1, 1 + 1e-13, 1 + 1e-8, 1 + 1e-3])
    for shift in range(3):
        chosen = np.resize(np.roll(factors, shift), SHAPE)
        sizes = np.clip(edge[row.kind] * chosen, 0, row.huge)
        ambiguity = row.build(sizes, kernel)
        sigma = ambiguity.worst_value(kernel, values)
        worst = ambiguity.worst_kernel(kernel, values)
        gap = array(worst) @ values - sigma
        assert gap.max() <= 1e-9 * np.ptp(values)
        for one in row.rows(sizes, kernel)[::5]:
            exact, _ = row.reference(one, values)
            assert abs(sigma[one.place] - exact) <= 1e-12 * np.ptp(values), one
            assert row.outside(one, array(worst)[one.place]) <= 1e-12 * (1 + one.size), one


def test_interval_of_a_single_law():
    """Bounds without room, for some rows or for all: the law between them is the answer."""
    kernel, other, values = dense_kernel(5), dense_kernel(6), values_of(0)
    law, edge = array(kernel), array(other)
    lower, upper = np.minimum(law, edge), np.maximum(law, edge)
    lower[:4], upper[:4] = edge[:4], edge[:4]
    tight = rmfg.Interval(lower, upper)
    sigma = tight.worst_value(kernel, values)
    np.testing.assert_allclose(sigma[:4], (edge @ values)[:4], atol=1e-13)
    assert np.isfinite(sigma).all()
    np.testing.assert_allclose(array(tight.worst_kernel(kernel, values))[:4], edge[:4], atol=1e-13)


# Sizes that leave their range -------------------------------------------------------------------


@over_sets(tuple(row for row in WITH_SIZE if row.kind not in ("L2", "interval around")))
def test_moving_sizes_outside_their_range(row):
    """Refused by name where numbers can be seen; NaN, never a value, in code that JAX traces."""
    kernel, values, field = (
        dense_kernel(2),
        values_of(0),
        np.array([0.5, 0.5, *np.zeros(NUM_STATES - 2)]),
    )
    moving = row.make(lambda m: -m[0], kernel)
    name = {"CVaR": "level", "entropy penalty": "strength"}.get(row.kind, "radius")
    for call in (moving.worst_value, moving.worst_kernel):
        with pytest.raises(ValueError, match=rf"`{name}` must lie in.*-0.5"):
            call(kernel, values, field)
    with jax.enable_x64(True):

        @jax.jit
        def nature(field, temperature):
            soft = moving.soften(kernel, ProximalStep(values, 0 * values, temperature), field)
            worst = moving.worst(kernel, values, field)
            return worst.value, worst.kernel.law, soft.value

        answers = nature(jnp.asarray(field), jnp.asarray(0.1))
    for answer in answers:
        assert np.isnan(np.asarray(answer)).all()
    measured = moving.penalty if row.penalized else moving.violation
    assert np.isnan(np.asarray(measured(dense_kernel(3), kernel, field))).all()


@pytest.mark.parametrize("given", [lambda m: m, lambda m: "0.1", lambda m: np.ones((5, 8))])
def test_moving_sizes_of_another_shape(given):
    field = np.full(NUM_STATES, 1 / NUM_STATES)
    with pytest.raises((ValueError, TypeError), match=r"`radius` must"):
        rmfg.TotalVariation(given).worst_value(dense_kernel(2), values_of(0), field)
