"""Laws over tables: every ambiguity set, on dense and on sparse kernels, for many values.

A law is checked on all 40 rows of a kernel at once. Nothing is compared with the library itself
where the definition, in NumPy, can say what must come out.
"""

import itertools

import jax
import numpy as np
from eight_states import EPS, NUM_STATES, SHAPE, array, push, rounding, sparse_kernel, values_of
from registry import KERNELS, SETS, over_kernels, over_sets

import rmfg

SEEDS = range(8)


def reachable_minimum(row, kernel, values):
    dense = array(kernel)
    everywhere = np.full(SHAPE, values.min())
    return np.where(dense > 0, values, np.inf).min(-1) if row.support == "nominal" else everywhere


@over_kernels
@over_sets()
def test_support_function(row, form, ledger):
    for seed in SEEDS:
        kernel, values = KERNELS[form](seed), values_of(seed)
        other, dense = values_of(seed + 4 * len(SEEDS)), array(kernel)
        ambiguity, mean = row.build(row.middle(), kernel), dense @ values
        sigma = ambiguity.worst_value(kernel, values)
        assert sigma.shape == SHAPE
        assert sigma.dtype == np.float64
        slack = rounding(values, other)

        ledger.at_most("sigma is at most the nominal mean", sigma - mean, slack)
        lowest = reachable_minimum(row, kernel, values)
        ledger.at_most("sigma is at least the lowest value in reach", lowest - sigma, 0)

        raised = values + np.random.default_rng(seed).exponential(size=NUM_STATES) * (seed % 3)
        rise = ambiguity.worst_value(kernel, raised) - sigma
        ledger.at_most("monotone in V", -rise, 8 * slack)
        ledger.at_most("nonexpansive in V", rise - (raised - values).max(), 8 * slack)

        for shift in (1.0, -1e6):
            moved = ambiguity.worst_value(kernel, values + shift) - shift
            ledger.at_most("shift", np.abs(moved - sigma), rounding(values + shift) + 8 * slack)
        if not row.penalized:
            for scale in (1e-6, 3.0, 1e6):
                scaled = ambiguity.worst_value(kernel, scale * values) / scale
                ledger.at_most("positive homogeneity", np.abs(scaled - sigma), 8 * slack)

        mixed = ambiguity.worst_value(kernel, 0.3 * values + 0.7 * other)
        chord = 0.3 * sigma + 0.7 * ambiguity.worst_value(kernel, other)
        ledger.at_most("concave in V", chord - mixed, 8 * slack)

        constant = ambiguity.worst_value(kernel, np.full(NUM_STATES, 2.5))
        ledger.at_most("constant V", np.abs(constant - 2.5), 4 * EPS)


@over_kernels
@over_sets()
def test_size(row, form, ledger):
    for seed in SEEDS:
        kernel, values = KERNELS[form](seed), values_of(seed)
        mean, slack = array(kernel) @ values, rounding(values)
        ladder = [
            row.build(size, kernel).worst_value(kernel, values)
            for size in (*row.sizes, *(() if row.huge is None else (row.huge,)))
        ]
        for smaller, larger in itertools.pairwise(ladder):
            ledger.at_most("not increasing in the radius", larger - smaller, slack)
        if row.has_radius:
            zero = row.build(0.0, kernel)
            sigma, worst = zero.worst_value(kernel, values), zero.worst_kernel(kernel, values)
            exact = 8 * EPS * np.abs(values).max()
            ledger.at_most("radius 0 is the nominal mean", np.abs(sigma - mean), exact)
            off = np.abs(array(worst) - array(kernel))
            ledger.at_most("radius 0 is the nominal law", off, 4 * EPS)
        if row.huge is not None:
            lowest = reachable_minimum(row, kernel, values)
            off = np.abs(ladder[-1] - lowest)
            ledger.at_most("a huge radius is the minimum", off, slack)


@over_kernels
@over_sets()
def test_worst_kernel(row, form, ledger):
    for seed in SEEDS:
        kernel, values = KERNELS[form](seed), values_of(seed)
        ambiguity = row.build(row.middle(), kernel)
        sigma, worst = (
            ambiguity.worst_value(kernel, values),
            ambiguity.worst_kernel(kernel, values),
        )
        assert type(worst) is type(kernel)
        assert worst.probabilities.dtype == np.float64
        worst.check()
        dense, span = array(worst), np.ptp(values) or 1.0

        paid = ambiguity.penalty(worst, kernel)
        gap = dense @ values + paid - sigma
        ledger.at_most("the worst kernel attains sigma", gap, 1e-9 * span)
        ledger.at_most("sigma is a lower bound of what it attains", -gap, rounding(values))
        assert row.penalized or not np.any(paid)
        other = values_of(seed + 1)
        tangent = dense @ other + paid - ambiguity.worst_value(kernel, other)
        ledger.at_most("the worst kernel is a supergradient", -tangent, rounding(values, other))

        rows = row.rows(row.middle(), kernel)[seed % 2 :: 2]
        outside = [row.outside(one, dense[one.place]) for one in rows]
        ledger.at_most("the worst kernel is inside, by definition", outside, 1e-12)
        measured = ambiguity.violation(worst, kernel)
        ledger.at_most("the worst kernel is inside, by `violation`", measured, 1e-12)

        if form == "sparse":
            twin = KERNELS["dense"](seed)
            same = ambiguity.worst_value(twin, values)
            ledger.at_most("sparse sigma = dense sigma", abs(same - sigma), rounding(values))
            law = array(ambiguity.worst_kernel(twin, values))
            # Where the divergence is flat, laws differ by the root of what values differ by.
            ledger.at_most("sparse kernel = dense kernel", abs(law - dense), 1e-9)


@over_kernels
@over_sets()
def test_violation(row, form, ledger):
    for seed in SEEDS[:3]:
        kernel = KERNELS[form](seed)
        sizes = row.middle()
        ambiguity, rows = row.build(sizes, kernel), row.rows(sizes, kernel)
        inside = ambiguity.violation(kernel, kernel)
        ledger.at_most("the nominal kernel is inside", inside, 0)
        # Half way to a law on other states, and shaken inside the support.
        random, dense = np.random.default_rng(seed), array(kernel)
        away = random.dirichlet(np.ones(NUM_STATES), SHAPE)
        shaken = dense * random.uniform(0.5, 1.5, dense.shape)
        beyond = 0.99 * array(ambiguity.worst_kernel(kernel, values_of(seed))) + 0.01 * away
        for laws in ((dense + away) / 2, shaken / shaken.sum(-1, keepdims=True), beyond):
            pushed = rmfg.DenseKernel(laws)
            pushed = pushed.to_sparse() if form == "sparse" else pushed
            measured = ambiguity.violation(pushed, kernel)
            # A few rows each time, without those whose tiny probabilities a solver cannot see.
            chosen = [one for n, one in enumerate(rows) if n % 8 == seed and n % 7 != 5]
            nearest = np.array([row.mass_outside(one, laws[one.place]) for one in chosen])
            found = np.array([measured[one.place] for one in chosen])
            ledger.at_most("`violation` is no less than the distance", nearest - found, 1e-8)
            ledger.at_most("and no more", found - nearest, 1e-8 + 1e-3 * nearest)
            variation = np.maximum(laws - dense, 0).sum(-1)
            if row.kind not in ("interval", "scenarios", "entropy penalty"):
                ledger.at_most("it is at most the distance from p", measured, variation + 8 * EPS)
            if row.has_radius:
                exact = row.build(0.0, kernel).violation(pushed, kernel)
                ledger.at_most("radius 0 leaves p alone", abs(exact - variation), 8 * EPS)
        short = ambiguity.violation(push(kernel, kernel.probabilities * 0.9), kernel)
        ledger.at_most("what is missing counts", abs(short - 0.1), 1e-14)
        hole = ambiguity.violation(push(kernel, kernel.probabilities * np.nan), kernel)
        ledger.holds("NaN stays", np.isnan(hole))


# Between sets -----------------------------------------------------------------------------------


def sigma_of(ambiguity, seed=0, form="dense"):
    return ambiguity.worst_value(KERNELS[form](seed), values_of(seed))


def test_nested_sets(ledger):
    """A smaller set has a higher value; radii (S, A) keep it to one compilation a set."""

    def full(number):
        return np.full(SHAPE, number)

    for seed in SEEDS:
        slack = rounding(values_of(seed))
        for radius in (1e-3, 0.05, 0.4):
            variation = sigma_of(rmfg.TotalVariation(full(np.sqrt(radius / 2))), seed)
            for kind in (rmfg.KullbackLeibler, rmfg.ReverseKullbackLeibler):
                smooth = sigma_of(kind(full(radius)), seed)
                ledger.at_most("Pinsker: KL inside TV(sqrt(r / 2))", variation - smooth, slack)
            variation = sigma_of(rmfg.TotalVariation(full(np.sqrt(radius) / 2)), seed)
            chi = sigma_of(rmfg.ChiSquare(full(radius)), seed)
            ledger.at_most("chi-square inside TV(sqrt(r) / 2)", variation - chi, slack)
            smooth = sigma_of(rmfg.KullbackLeibler(full(np.log1p(radius))), seed)
            ledger.at_most("chi-square inside KL(log(1 + r))", smooth - chi, slack)
            hellinger = sigma_of(rmfg.Hellinger(full(radius)), seed)
            smooth = sigma_of(rmfg.KullbackLeibler(full(radius)), seed)
            ledger.at_most("KL(r) inside Hellinger(r)", hellinger - smooth, slack)
            variation = sigma_of(rmfg.TotalVariation(full(radius)), seed)
            mixture = sigma_of(rmfg.Contamination(full(radius)), seed)
            ledger.at_most("contamination inside TV", variation - mixture, slack)
            density = sigma_of(rmfg.CVaR(full(radius)), seed)
            ledger.at_most("CVaR inside TV of its level", variation - density, slack)
            for kind in (rmfg.TotalVariation, rmfg.Contamination, rmfg.Hellinger):
                everywhere, near = (
                    sigma_of(kind(full(radius), support=s), seed) for s in ("all", "nominal")
                )
                ledger.at_most("nominal support inside all", everywhere - near, slack)


def test_sets_under_two_names(ledger):
    def full(number):
        return np.full(SHAPE, number)

    ones, metric = np.ones(NUM_STATES), 1 - np.eye(NUM_STATES)
    for seed in SEEDS:
        slack, dense = rounding(values_of(seed)), array(KERNELS["dense"](seed))
        for radius in (1e-3, 0.05, 0.4):
            level = full(radius)
            pairs = {
                "Wasserstein with the 0-1 metric = TV": (
                    rmfg.Wasserstein(level, metric),
                    rmfg.TotalVariation(level),
                ),
                "L1(r) = TV(r / 2)": (rmfg.Lp(level, 1), rmfg.TotalVariation(level / 2)),
                "L1 with weights 1": (rmfg.Lp(level, 1, ones), rmfg.Lp(level, 1)),
                "L2 with weights 1": (rmfg.Lp(level, 2, ones), rmfg.Lp(level, 2)),
                "L2 with weights 2 = half the radius": (
                    rmfg.Lp(level, 2, 2 * ones),
                    rmfg.Lp(level / 2, 2),
                ),
                "Linf = interval around": (
                    rmfg.Lp(level, np.inf),
                    rmfg.Interval.around(level),
                ),
                "interval = interval around": (
                    rmfg.Interval(np.maximum(dense - radius, 0), np.minimum(dense + radius, 1)),
                    rmfg.Interval.around(level),
                ),
                "CVaR = density ratio as an interval": (
                    rmfg.Interval(np.zeros_like(dense), np.minimum(dense / (1 - radius), 1)),
                    rmfg.CVaR(level),
                ),
            }
            for name, (left, right) in pairs.items():
                off = np.abs(sigma_of(left, seed) - sigma_of(right, seed))
                ledger.at_most(name, off, 8 * slack)


def test_entropy_penalty_is_the_dual_of_kl(ledger):
    """With its own multiplier, KL's value is the penalized one less strength times radius."""
    for seed in SEEDS:
        kernel, values = KERNELS["dense"](seed), values_of(seed)
        strength = np.full(SHAPE, 0.3)
        penalized = rmfg.EntropyPenalty(strength)
        worst = penalized.worst_kernel(kernel, values)
        radius = penalized.penalty(worst, kernel) / strength
        sigma = rmfg.KullbackLeibler(radius).worst_value(kernel, values)
        expected = penalized.worst_value(kernel, values) - strength * radius
        # A point mass has radius zero and every multiplier.
        ledger.at_most("KL by its multiplier", abs(sigma - expected), 1e-7 * np.ptp(values))


def test_scenarios_hold_their_mixtures(ledger):
    kernels = [sparse_kernel(seed) for seed in (1, 2, 3)]
    hull = rmfg.Scenarios(kernels)
    mixture = sum(w * array(k) for w, k in zip((0.2, 0.5, 0.3), kernels, strict=True))
    mixture = rmfg.DenseKernel(mixture / mixture.sum(-1, keepdims=True))
    ledger.at_most("a mixture is inside", hull.violation(mixture, kernels[0]), 1e-12)
    for seed in SEEDS:
        values = values_of(seed)
        lowest = np.min([array(kernel) @ values for kernel in kernels], axis=0)
        off = np.abs(hull.worst_value(kernels[0], values) - lowest)
        ledger.at_most("scenarios are the least mean", off, rounding(values))


def test_the_table_is_complete():
    kinds = {type(row.build(row.sizes[1], KERNELS["dense"](0))) for row in SETS}
    everything = {getattr(rmfg, name) for name in dir(rmfg) if name[0].isupper()}
    sets = {kind for kind in everything if isinstance(kind, type)}
    sets = {kind for kind in sets if issubclass(kind, rmfg.Ambiguity)} - {rmfg.Ambiguity}
    assert kinds == sets
    assert jax.config.jax_enable_x64 is False
