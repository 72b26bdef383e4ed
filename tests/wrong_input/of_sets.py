"""Ambiguity sets: sizes, orders, weights, metrics, bounds, scenarios, names."""

import numpy as np

import rmfg
from rmfg.model.ambiguity import catalog
from wrong_input.samples import VALUES, kernel

DENSE = rmfg.DenseKernel(kernel())


def sigma(ambiguity, *field):
    return lambda: ambiguity().worst_value(DENSE, VALUES, *field)


CASES = {
    **{
        f"{kind.__name__}: {value}": (
            lambda kind=kind, value=value: kind(value),
            ValueError,
            [f"`{name}`", shown],
        )
        for kind, name in (
            (rmfg.Contamination, "radius"),
            (rmfg.TotalVariation, "radius"),
            (rmfg.Lp, "radius"),
            (rmfg.KullbackLeibler, "radius"),
            (rmfg.ReverseKullbackLeibler, "radius"),
            (rmfg.ChiSquare, "radius"),
            (rmfg.Hellinger, "radius"),
            (rmfg.CVaR, "level"),
            (rmfg.IntervalAround, "below"),
            (rmfg.EntropyPenalty, "strength"),
        )
        for value, shown in ((-0.1, "-0.1"), (float("nan"), "nan"), (float("inf"), "inf"))
    },
    **{
        f"{kind.__name__} above its range": (
            lambda kind=kind: kind(1.25),
            ValueError,
            [f"`{name}`", "1.25"],
        )
        for kind, name in (
            (rmfg.Contamination, "radius"),
            (rmfg.TotalVariation, "radius"),
            (rmfg.Hellinger, "radius"),
            (rmfg.CVaR, "level"),
            (rmfg.IntervalAround, "below"),
        )
    },
    "CVaR at one": (lambda: rmfg.CVaR(1.0), ValueError, ["`level`", "1", "infinite"]),
    "penalty of nothing": (
        lambda: rmfg.EntropyPenalty(0.0),
        ValueError,
        ["`strength`", "0", "CVaR or scenarios"],
    ),
    "radius of one axis": (
        lambda: rmfg.TotalVariation(np.full(3, 0.1)),
        ValueError,
        ["`radius`", "(states, actions)", "(3,)"],
    ),
    "radius of another game": (
        sigma(lambda: rmfg.TotalVariation(np.full((2, 3), 0.1))),
        ValueError,
        ["`radius`", "(3, 2)", "(2, 3)"],
    ),
    "radius of the wrong place": (
        lambda: rmfg.KullbackLeibler(np.array([[0.1, 0.1], [0.1, -2.0], [0.1, 0.1]])),
        ValueError,
        ["`radius`", "-2", "(s=1, a=1)"],
    ),
    "radius of a mean field that is not given": (
        sigma(lambda: rmfg.TotalVariation(lambda m: m[0])),
        ValueError,
        ["`mean_field` must be given", "`radius`"],
    ),
    "support: unknown": (
        lambda: rmfg.TotalVariation(0.1, support="nominel"),
        ValueError,
        ["support", "'nominel'", "Did you mean 'nominal'", "all"],
    ),
    "support: no word": (
        lambda: rmfg.TotalVariation(0.1, support=3),  # pyright: ignore[reportArgumentType]
        TypeError,
        ["`support`", "'nominal'", "3"],
    ),
    "radius: true": (lambda: rmfg.TotalVariation(True), TypeError, ["`radius`", "True"]),
    "radius: a string": (
        lambda: rmfg.KullbackLeibler("0.1"),  # pyright: ignore[reportArgumentType]
        TypeError,
        ["`radius`", "'0.1'"],
    ),
    "radius: complex": (
        lambda: rmfg.Lp(np.full((3, 2), 0.1j)),
        TypeError,
        ["`radius`", "complex"],
    ),
    "radius: masked": (
        lambda: rmfg.CVaR(np.ma.masked_array(np.ones((3, 2)) / 2, np.eye(3, 2))),
        ValueError,
        ["`level`", "masked"],
    ),
    "order beyond powers": (
        lambda: rmfg.Lp(0.1, 1e11),
        ValueError,
        ["`p`", "infinity", "1e+11"],
    ),
    "weights beyond powers": (
        lambda: rmfg.Lp(0.1, 2, np.array([1.0, 1e-320, 1.0])),
        ValueError,
        ["`weights`", "1e-60"],
    ),
    "metric: NaN": (
        lambda: rmfg.Wasserstein(0.1, np.full((3, 3), np.nan)),
        ValueError,
        ["`metric`", "nan", "(from=0, to=0)"],
    ),
    "metric: beyond powers": (
        lambda: rmfg.Wasserstein(0.1, 1e90 * (1 - np.eye(3)), 2),
        ValueError,
        ["`metric`", "1e+90", "unit"],
    ),
    "order below one": (lambda: rmfg.Lp(0.1, 0.5), ValueError, ["`p`", "at least 1", "0.5"]),
    "order NaN": (lambda: rmfg.Lp(0.1, float("nan")), ValueError, ["`p`", "nan"]),
    "weights: not positive": (
        lambda: rmfg.Lp(0.1, 2, np.array([1.0, 0.0, 1.0])),
        ValueError,
        ["`weights`", "positive", "(s=1)"],
    ),
    "weights: two axes": (
        lambda: rmfg.Lp(0.1, 2, np.ones((3, 2))),
        ValueError,
        ["`weights`", "(states,)", "(3, 2)"],
    ),
    "weights of another game": (
        sigma(lambda: rmfg.Lp(0.1, 2, np.ones(5))),
        ValueError,
        ["`weights`", "(3,)", "(5,)"],
    ),
    "metric: not square": (
        lambda: rmfg.Wasserstein(0.1, np.ones((3, 2))),
        ValueError,
        ["`metric`", "(states, states)", "(3, 2)"],
    ),
    "metric: negative": (
        lambda: rmfg.Wasserstein(0.1, np.eye(3) - 1),
        ValueError,
        ["`metric`", "-1"],
    ),
    "metric: diagonal": (
        lambda: rmfg.Wasserstein(0.1, np.ones((3, 3))),
        ValueError,
        ["`metric`", "zero on the diagonal", "(s=0)"],
    ),
    "metric of another game": (
        sigma(lambda: rmfg.Wasserstein(0.1, 1 - np.eye(5))),
        ValueError,
        ["`metric`", "(3, 3)", "(5, 5)"],
    ),
    "transport order below one": (
        lambda: rmfg.Wasserstein(0.1, 1 - np.eye(3), 0.5),
        ValueError,
        ["`order`", "at least 1", "0.5"],
    ),
    "interval: crossed": (
        lambda: rmfg.Interval(0.6, 0.4),
        ValueError,
        ["`lower`", "`upper`", "0.6", "0.4"],
    ),
    "interval: no room": (
        lambda: rmfg.Interval(np.zeros(3), np.full(3, 0.2)),
        ValueError,
        ["`upper`", "at least one", "Widen"],
    ),
    "interval: no room for numbers": (
        sigma(lambda: rmfg.Interval(0.0, 0.2)),
        ValueError,
        ["`upper`", "at least one"],
    ),
    "interval of another game": (
        sigma(lambda: rmfg.Interval(np.zeros(5), np.ones(5))),
        ValueError,
        ["`lower`", "(5,)"],
    ),
    "scenarios: none": (lambda: rmfg.Scenarios([]), ValueError, ["`kernels`", "empty"]),
    "scenarios of another game": (
        sigma(lambda: rmfg.Scenarios([np.full((2, 2, 2), 0.5)])),
        ValueError,
        ["`kernels`", "scenario 0", "(2, 2)", "(3, 2)"],
    ),
    "set by an unknown name": (
        lambda: catalog.make("total-varation", radius=0.1),
        ValueError,
        ["'total-varation'", "Did you mean 'total-variation'"],
    ),
    "set by name: unknown field": (
        lambda: catalog.make("kl", radius=0.1, support="all"),
        ValueError,
        ["`support`", "kl", "`radius`"],
    ),
    "set by name: missing field": (
        lambda: catalog.make("kl"),
        ValueError,
        ["`radius` must be given", "kl"],
    ),
}
