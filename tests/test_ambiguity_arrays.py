"""Ambiguity sets on arrays of every kind: NumPy or JAX, single or double, one state or long rows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from eight_states import array, dense_kernel, every_row, sparse_kernel, values_of
from reference import worst_case
from registry import PATHS, over_sets
from scipy.special import rel_entr

import rmfg

pytestmark = pytest.mark.usefixtures("precision_is_the_callers")


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
