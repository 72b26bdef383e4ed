"""Operators, best responses, stationary laws and certificates."""

import numpy as np

import rmfg
from wrong_input.samples import POLICY, UNIFORM, VALUES, game, kernel

VARIATION = rmfg.TotalVariation(0.1)


def certify(policy=POLICY, law=UNIFORM, nature=None, **options):
    return lambda: rmfg.certify(game(), VARIATION, policy, law, nature, **options)


def stationary(law, policy, **options):
    return lambda: rmfg.stationary_distribution(law, policy, **options)


CASES = {
    "values: wrong shape": (
        lambda: rmfg.robust_q(game(), VARIATION, UNIFORM, np.zeros(4)),
        ValueError,
        ["`values`", "(3,)", "(4,)"],
    ),
    "mean_field: wrong shape": (
        lambda: rmfg.robust_q(game(), VARIATION, POLICY, VALUES),
        ValueError,
        ["`mean_field`", "(3,)", "(3, 2)"],
    ),
    "mean_field: not a law": (
        lambda: rmfg.best_response(game(), VARIATION, np.array([0.5, 0.5, 0.5])),
        ValueError,
        ["`mean_field`", "sum to one", "1.5"],
    ),
    "mean_field: NaN": (
        lambda: rmfg.best_response(game(), VARIATION, np.array([np.nan, 0.5, 0.5])),
        ValueError,
        ["`mean_field`", "nan"],
    ),
    "mean_field: state for state-action": (
        lambda: rmfg.best_response(game(mean_field="state-action"), VARIATION, UNIFORM),
        ValueError,
        ["`mean_field`", "(3, 2)", "(3,)", "state-action"],
    ),
    "policy: swapped axes": (
        lambda: rmfg.evaluate(game(), VARIATION, POLICY.T, UNIFORM),
        ValueError,
        ["`policy`", "(3, 2)", "(2, 3)"],
    ),
    "policy: not a law": (
        lambda: rmfg.evaluate(game(), VARIATION, POLICY * 1.1, UNIFORM),
        ValueError,
        ["`policy`", "(s=0)", "1.1"],
    ),
    "policy: NaN": (
        lambda: rmfg.evaluate(game(), VARIATION, POLICY * np.nan, UNIFORM),
        ValueError,
        ["`policy`", "nan"],
    ),
    "start: wrong shape": (
        lambda: rmfg.best_response(game(), VARIATION, UNIFORM, start=np.zeros(4)),
        ValueError,
        ["`start`", "(3,)", "(4,)"],
    ),
    **{
        f"tol {value}": (
            lambda value=value: rmfg.best_response(game(), VARIATION, UNIFORM, tol=value),
            ValueError,
            ["`tol`", f"{value:g}"],
        )
        for value in (0.0, -1e-8, 1e-17, 2.0, float("nan"))
    },
    "stationary: swapped axes": (
        stationary(kernel(), POLICY.T),
        ValueError,
        ["`policy`", "(3, 2)", "(2, 3)"],
    ),
    "stationary: not a law": (
        stationary(kernel(), POLICY * 0.5),
        ValueError,
        ["`policy`", "(s=0)", "0.5"],
    ),
    "stationary: several classes": (
        stationary(np.broadcast_to(np.eye(3)[:, None], (3, 2, 3)), POLICY),
        ValueError,
        ["3 recurrent classes", "[0]; [1]; [2]", "`initial`"],
    ),
    "stationary: initial": (
        stationary(np.broadcast_to(np.eye(3)[:, None], (3, 2, 3)), POLICY, initial=np.ones(3)),
        ValueError,
        ["`initial`", "sum to one", "3"],
    ),
    "certify: policy": (certify(policy=POLICY.T), ValueError, ["`policy`", "(3, 2)"]),
    "certify: policy is no law": (
        certify(policy=POLICY * 0.9),
        ValueError,
        ["`policy`", "(s=0)", "0.9"],
    ),
    "certify: distribution": (certify(law=POLICY), ValueError, ["`distribution`", "(3,)"]),
    "certify: distribution is no law": (
        certify(law=UNIFORM * 1.2),
        ValueError,
        ["`distribution`", "sum to one", "1.2"],
    ),
    "certify: negative distribution": (
        certify(law=np.array([1.5, -0.5, 0])),
        ValueError,
        ["`distribution`", "negative", "-0.5"],
    ),
    "certify: kernel of another game": (
        certify(nature=np.full((2, 2, 2), 0.5)),
        ValueError,
        ["`kernel`", "(2, 2)", "(3, 2)"],
    ),
    "certify: kernel is no law": (
        certify(nature=kernel((0, 0), [1, 1, 1])),
        ValueError,
        ["(s=0, a=0)", "3"],
    ),
    "certify: tol": (certify(tol=0.0), ValueError, ["`tol`", "0"]),
    "certify: population": (
        certify(population="worst"),
        ValueError,
        ["population", "'worst'", "Did you mean 'worst_case'"],
    ),
}
