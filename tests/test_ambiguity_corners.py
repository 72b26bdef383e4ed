"""Ambiguity sets where they are easy to get wrong: edges, extremes, types, and closed forms."""

import equinox as eqx
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
    sparse_kernel,
    values_of,
)
from reference import worst_case
from registry import ONE_OF_EACH, SETS, over_sets
from scipy.special import rel_entr

import rmfg
from rmfg.model.ambiguity.soft import ProximalStep

# One row for each code path; L3 is computed as L2, both transports are one.
PATHS = tuple(row for row in ONE_OF_EACH if row.kind not in ("L3", "Wasserstein 2"))
WITH_SIZE = tuple(row for row in PATHS if row.has_radius or row.penalized)


def same_row(p) -> rmfg.DenseKernel:
    """A dense kernel whose rows are all the same."""
    return rmfg.DenseKernel(np.broadcast_to(np.asarray(p, float), (*SHAPE, NUM_STATES)))


def every_row(size) -> np.ndarray:
    return np.full(SHAPE, float(size))


@pytest.fixture(autouse=True)
def _precision_is_the_callers():
    assert not jax.config.jax_enable_x64
    yield
    assert not jax.config.jax_enable_x64


# Types ------------------------------------------------------------------------------------------


@over_sets()
def test_numpy_gives_numpy_in_double_precision(row):
    for kernel in (dense_kernel(0), sparse_kernel(0)):
        ambiguity, values = row.build(row.middle(), kernel), values_of(0)
        worst = ambiguity.worst_kernel(kernel, values)
        answers = {
            "worst_value": ambiguity.worst_value(kernel, values),
            "worst_kernel": worst.probabilities,
            "violation": ambiguity.violation(worst, kernel),
            "penalty": ambiguity.penalty(worst, kernel),
        }
        for name, answer in answers.items():
            assert type(answer) is np.ndarray, name
            assert answer.dtype == np.float64, name


@over_sets(PATHS)
def test_jax_arrays_stay_jax_arrays_in_the_callers_precision(row):
    """Compiled by the caller, in float32: finite, a law, and as good as float32 allows."""
    kernel, values = dense_kernel(1), values_of(0)
    ambiguity = row.build(row.middle(), kernel)

    @jax.jit
    def nature(law, values):
        single = rmfg.DenseKernel(law)
        return ambiguity.worst_value(single, values), ambiguity.worst_kernel(single, values)

    single = (jnp.asarray(numbers, jnp.float32) for numbers in (array(kernel), values))
    sigma, worst = nature(*single)
    for answer in (sigma, worst.law):
        assert isinstance(answer, jax.Array)
        assert answer.dtype == jnp.float32
    # The caller's compilation must leave no trace in what NumPy callers get afterwards.
    exact = ambiguity.worst_value(kernel, values)
    assert exact.dtype == np.float64
    np.testing.assert_allclose(sigma, exact, atol=2e-4 * np.ptp(values))
    laws = array(worst)
    assert laws.min() >= -1e-6
    np.testing.assert_allclose(laws.sum(-1), 1, atol=1e-5)
    paid = rel_entr(laws, array(kernel)).sum(-1) * row.middle() if row.penalized else 0
    np.testing.assert_allclose(laws @ values + paid, exact, atol=2e-3 * np.ptp(values))


def test_double_precision_jax_arrays_inside_a_context():
    kernel, values = dense_kernel(0), values_of(0)
    ambiguity = rmfg.TotalVariation(every_row(0.1))
    with jax.enable_x64(True):
        doubled = rmfg.DenseKernel(jnp.asarray(array(kernel)))
        sigma = ambiguity.worst_value(doubled, jnp.asarray(values))
        assert isinstance(sigma, jax.Array)
        assert sigma.dtype == jnp.float64
        np.testing.assert_allclose(sigma, ambiguity.worst_value(kernel, values), rtol=1e-14)


# Sizes ------------------------------------------------------------------------------------------


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


# Sizes of the state space -----------------------------------------------------------------------


@over_sets(PATHS)
def test_one_state(row):
    kernel, values = rmfg.DenseKernel(np.ones((1, 2, 1))), np.array([3.0])
    size = np.full((1, 2), row.sizes[1])
    ambiguity = {
        "Wasserstein": lambda: rmfg.Wasserstein(size, np.zeros((1, 1))),
        "interval": lambda: rmfg.Interval(0.0, 1.0),
        "scenarios": lambda: rmfg.Scenarios([kernel]),
    }.get(row.kind, lambda: row.make(size, kernel))()
    np.testing.assert_array_equal(ambiguity.worst_value(kernel, values), [[3.0, 3.0]])
    worst = ambiguity.worst_kernel(kernel, values)
    np.testing.assert_array_equal(array(worst), np.ones((1, 2, 1)))
    np.testing.assert_array_equal(ambiguity.violation(worst, kernel), [[0, 0]])


@pytest.mark.parametrize(
    "ambiguity",
    [
        rmfg.TotalVariation(0.2, support="nominal"),
        rmfg.CVaR(0.3),
        rmfg.Interval.around(0.01, support="nominal"),
        rmfg.Lp(0.1, np.inf),
        rmfg.KullbackLeibler(0.1),
    ],
    ids=lambda ambiguity: type(ambiguity).__name__,
)
def test_many_successors(ambiguity):
    """Long rows are sorted, short ones compared pair by pair: same answers."""
    random, size, width = np.random.default_rng(0), 60, 40
    successors = random.permuted(np.tile(np.arange(size), (size, 1, 1)), axis=-1)[..., :width]
    law = random.dirichlet(np.ones(width), (size, 1))
    kernel = rmfg.SparseKernel(successors, law)
    dense, values = array(kernel), random.normal(size=size)
    sigma = ambiguity.worst_value(kernel, values)
    worst = ambiguity.worst_kernel(kernel, values)
    assert (ambiguity.violation(worst, kernel) <= 1e-12).all()
    assert np.abs(array(worst) @ values - sigma[..., 0][:, None]).max() <= 1e-11
    reference = {
        rmfg.TotalVariation: lambda p: worst_case.total_variation(p, values, 0.2, "nominal"),
        rmfg.CVaR: lambda p: worst_case.cvar(p, values, 0.3),
        rmfg.IntervalAround: lambda p: worst_case.interval(
            p, values, np.maximum(p - 0.01, 0), np.where(p > 0, p + 0.01, 0)
        ),
        rmfg.Lp: lambda p: worst_case.lp(p, values, 0.1, np.inf),
        rmfg.KullbackLeibler: lambda p: worst_case.kullback_leibler_dual(p, values, 0.1),
    }[type(ambiguity)]
    for s in (0, 17, 59):
        assert sigma[s, 0] == pytest.approx(reference(dense[s, 0])[0], abs=1e-11)


def test_distances_that_need_a_program_cannot_be_traced():
    kernel = dense_kernel(0)
    for ambiguity in (rmfg.Wasserstein(0.1, 1 - np.eye(8)), rmfg.Scenarios([kernel])):
        with pytest.raises(TypeError, match=r"linear program.*cannot be traced"):
            jax.jit(lambda k, a=ambiguity: a.violation(k, kernel))(kernel)


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
