"""Wrong input: each case raises one error that names the argument, the place, the value, the way out.

The cases run in one process of their own, without the type checks of the tests, as a user meets them.
`python tests/test_wrong_input.py` prints what happens.
"""

import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.xdist_group("wrong input")

UNIFORM = np.full(3, 1 / 3)
POLICY = np.full((3, 2), 0.5)
VALUES = np.array([1.0, 2.0, 4.0])


def kernel(place=None, entry=None) -> np.ndarray:
    """A kernel (3, 2, 3), with one entry replaced."""
    law = np.random.default_rng(0).dirichlet(np.ones(3), (3, 2))
    if place is not None:
        law[place] = entry
    return law


def reward(place=None, entry=None) -> np.ndarray:
    payoff = np.random.default_rng(1).normal(size=(3, 2))
    if place is not None:
        payoff[place] = entry
    return payoff


def slots(entry=None) -> np.ndarray:
    """Successors (3, 2, 2): the state itself and the next."""
    successors = np.broadcast_to((np.arange(3)[:, None, None] + [0, 1]) % 3, (3, 2, 2)).copy()
    if entry is not None:
        successors[2, 1] = entry
    return successors


HALF = np.full((3, 2, 2), 0.5)


def game(**options):
    import rmfg

    return rmfg.TabularGame(kernel(), reward(), 0.9, **options)


@functools.cache
def cases() -> dict:
    """Name -> (what to call, the kind of error, words that its message must hold)."""
    import jax.numpy as jnp

    import rmfg
    from rmfg.model.ambiguity import catalog

    variation = rmfg.TotalVariation(0.1)
    dense = rmfg.DenseKernel(kernel())

    def table(*arguments, **options):
        return lambda: rmfg.TabularGame(*arguments, **options)

    def watching(observables):
        return lambda: game(observables=observables)

    def solve(*arguments, **options):
        return lambda: rmfg.solve(game(), *arguments, **options)

    def certify(policy=POLICY, law=UNIFORM, nature=None, **options):
        return lambda: rmfg.certify(game(), variation, policy, law, nature, **options)

    def sigma(ambiguity, *field):
        return lambda: ambiguity().worst_value(dense, VALUES, *field)

    def stationary(law, policy, **options):
        return lambda: rmfg.stationary_distribution(law, policy, **options)

    bad_rows = {
        "not a law": (kernel((1, 0), [0.5, 0.4, 0.3]), ["`probabilities`", "(s=1, a=0)", "1.2"]),
        "counts": (np.ones((3, 2, 3)), ["`probabilities`", "sums to 3", "keepdims=True"]),
        "negative": (kernel((0, 1), [-0.5, 1, 0.5]), ["negative", "-0.5", "(s=0, a=1, next=0)"]),
        "NaN": (kernel((2, 1), np.nan), ["`probabilities`", "nan", "(s=2, a=1"]),
        "infinite": (kernel((2, 1, 0), np.inf), ["`probabilities`", "inf", "(s=2, a=1, next=0)"]),
        "swapped axes": (np.moveaxis(kernel(), -1, 0), ["`probabilities`", "(S, A, S)", "axes"]),
        "two axes": (np.eye(3), ["`probabilities`", "shape", "(3, 3)"]),
        "no states": (np.zeros((0, 2, 0)), ["`probabilities`", "(0, 2, 0)"]),
    }
    found = {
        f"kernel: {name}": (table(law, reward(), 0.9), ValueError, words)
        for name, (law, words) in bad_rows.items()
    }
    found |= {
        f"dense kernel: {name}": (lambda law=law: rmfg.DenseKernel(law), ValueError, words)
        for name, (law, words) in bad_rows.items()
    }
    found |= {
        # Games
        "kernel of a function": (
            table(lambda m: kernel((1, 0), [0.5, 0.4, 0.3]), reward(), 0.9),
            ValueError,
            ["sum to one", "(s=1, a=0)"],
        ),
        "kernel of a function: swapped axes": (
            table(lambda m: np.moveaxis(kernel(), -1, 0), reward(), 0.9),
            ValueError,
            ["(S, A, S)", "axes"],
        ),
        "kernel and reward disagree": (
            table(kernel(), np.zeros((2, 3)), 0.9),
            ValueError,
            ["`reward`", "(3, 2)", "(2, 3)", "axes"],
        ),
        "reward: NaN": (
            table(kernel(), reward((2, 1), np.nan), 0.9),
            ValueError,
            ["`reward`", "nan", "(s=2, a=1)"],
        ),
        "reward: infinite": (
            table(kernel(), reward((0, 0), -np.inf), 0.9),
            ValueError,
            ["`reward`", "inf", "(s=0, a=0)"],
        ),
        "reward: three axes": (
            table(kernel(), np.zeros((3, 2, 3)), 0.9),
            ValueError,
            ["`reward`", "(3, 2, 3)", "mean over next"],
        ),
        "reward of a function: NaN": (
            table(kernel(), lambda m: reward((1, 1), np.nan), 0.9),
            ValueError,
            ["`reward`", "(s=1, a=1)"],
        ),
        **{
            f"discount {value}": (
                table(kernel(), reward(), value),
                ValueError,
                ["`discount`", "[0, 1)", f"{value:g}"],
            )
            for value in (1.0, 1.5, -0.1, float("nan"), float("inf"))
        },
        "mean_field: unknown": (
            table(kernel(), reward(), 0.9, mean_field="states"),
            ValueError,
            ["mean_field", "'states'", "Did you mean 'state'"],
        ),
        "two functions without sizes": (
            table(lambda m: kernel(), lambda m: reward(), 0.9),
            ValueError,
            ["`num_states`", "`num_actions`", "functions"],
        ),
        "sizes that disagree": (
            table(kernel(), reward(), 0.9, num_states=4),
            ValueError,
            ["`num_states` is 4", "3"],
        ),
        "state_names: too few": (
            table(kernel(), reward(), 0.9, state_names=["a", "b"]),
            ValueError,
            ["`state_names`", "3", "2"],
        ),
        "initial of the game: wrong sum": (
            table(kernel(), reward(), 0.9, initial=[0.5, 0.5, 0.5]),
            ValueError,
            ["`initial`", "sum to one", "1.5"],
        ),
        "initial of the game: wrong shape": (
            table(kernel(), reward(), 0.9, initial=[0.5, 0.5]),
            ValueError,
            ["`initial`", "(3,)", "(2,)"],
        ),
        # Observables
        "observables: no mapping": (
            table(kernel(), reward(), 0.9, observables=[lambda m: m[0]]),
            TypeError,
            ["`observables`", "map names to functions", "a list", "{'crowd': lambda m: m[0]}"],
        ),
        "observables: a name with a blank": (
            watching({"in the first place": lambda m: m[0]}),
            ValueError,
            ["`observables`", "names like those of variables", "'in the first place'"],
        ),
        "observables: a name that is none": (
            watching({0: lambda m: m[0]}),
            ValueError,
            ["`observables`", "names like those of variables", "int 0"],
        ),
        "observables: no function": (
            watching({"crowd": 0.5}),
            TypeError,
            ["`observables['crowd']`", "function of (mean_field)", "float 0.5"],
        ),
        "observables: a function of two": (
            watching({"crowd": lambda s, m: m[s]}),
            TypeError,
            ["`observables['crowd']`", "1 argument"],
        ),
        "observables: a branch on numbers": (
            watching({"crowd": lambda m: m[0] if m[0] > m[1] else m[1]}),
            TypeError,
            ["`observables['crowd']`", "JAX can trace", "jnp.where"],
        ),
        "observables: another shape for other numbers": (
            watching({"crowds": lambda m: m[m > 0.1]}),
            TypeError,
            ["`observables['crowds']`", "JAX can trace"],
        ),
        "observables: NaN": (
            watching({"crowd": lambda m: jnp.log(m[0] - 1)}),
            ValueError,
            ["`observables['crowd']`", "finite", "nan", "Guard"],
        ),
        "observables: infinite at a place": (
            watching({"crowds": rmfg.Observable(lambda m: 1 / (m - m[1]), over="state")}),
            ValueError,
            ["`observables['crowds']`", "finite", "inf", "at state 0"],
        ),
        "observables: a table": (
            watching({"crowds": lambda m: jnp.outer(m, m)}),
            ValueError,
            ["`observables['crowds']`", "one number", "(3, 3)"],
        ),
        "observables: a text": (
            watching({"crowd": lambda m: "large"}),
            TypeError,
            ["`observables['crowd']`", "real numbers", "'large'"],
        ),
        "observables: one number for many": (
            watching({"crowd": rmfg.Observable(lambda m: m[0], over="state")}),
            ValueError,
            ["`observables['crowd']`", "one number for each state", "()"],
        ),
        "observables: too few": (
            watching({"crowds": rmfg.Observable(lambda m: m[1:], over="state")}),
            ValueError,
            ["`observables['crowds']`", "2 numbers", "each state", "3"],
        ),
        "observables: reference of another shape": (
            watching({"crowd": rmfg.Observable(lambda m: m[0], reference=np.ones(2))}),
            ValueError,
            ["`observables['crowd']`", "reference", "(2,)", "()"],
        ),
        "observable: reference that is infinite": (
            lambda: rmfg.Observable(lambda m: m, over="state", reference=[1, np.inf, 1]),
            ValueError,
            ["`reference`", "finite", "inf", "(state=1)"],
        ),
        "observable: unit that is no text": (
            lambda: rmfg.Observable(lambda m: m[0], unit=3),
            TypeError,
            ["`unit`", "a text", "int 3"],
        ),
        "observable: unit of two lines": (
            lambda: rmfg.Observable(lambda m: m[0], "cars\nstatus       certified"),
            ValueError,
            ["`unit`", "one line", "cars"],
        ),
        "observable: over two words": (
            lambda: rmfg.Observable(lambda m: m, over="each state"),
            ValueError,
            ["`over`", "one word", "'each state'"],
        ),
        # Sparse kernels
        "sparse: shapes differ": (
            lambda: rmfg.SparseKernel(slots(), kernel()),
            ValueError,
            ["`successors`", "`probabilities`", "(3, 2, 2)", "(3, 2, 3)"],
        ),
        "sparse: no such state": (
            lambda: rmfg.SparseKernel(slots([2, 3]), HALF),
            ValueError,
            ["`successors`", "0 to 2", "3", "(s=2, a=1, k=1)"],
        ),
        "sparse: negative state": (
            lambda: rmfg.SparseKernel(slots([-1, 0]), HALF),
            ValueError,
            ["`successors`", "-1", "(s=2, a=1, k=0)"],
        ),
        "sparse: twice the same": (
            lambda: rmfg.SparseKernel(slots([1, 1]), HALF),
            ValueError,
            ["`successors`", "state 1 twice", "(s=2, a=1)", "one slot"],
        ),
        "sparse: not integers": (
            lambda: rmfg.SparseKernel(slots().astype(float), HALF),
            TypeError,
            ["`successors`", "integers", "float64"],
        ),
        "sparse: not a law": (
            lambda: rmfg.SparseKernel(slots(), HALF * 0.9),
            ValueError,
            ["`probabilities`", "(s=0, a=0)", "0.9"],
        ),
        # Ambiguity sets
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
        # Operators
        "values: wrong shape": (
            lambda: rmfg.robust_q(game(), variation, UNIFORM, np.zeros(4)),
            ValueError,
            ["`values`", "(3,)", "(4,)"],
        ),
        "mean_field: wrong shape": (
            lambda: rmfg.robust_q(game(), variation, POLICY, VALUES),
            ValueError,
            ["`mean_field`", "(3,)", "(3, 2)"],
        ),
        "mean_field: not a law": (
            lambda: rmfg.best_response(game(), variation, np.array([0.5, 0.5, 0.5])),
            ValueError,
            ["`mean_field`", "sum to one", "1.5"],
        ),
        "mean_field: NaN": (
            lambda: rmfg.best_response(game(), variation, np.array([np.nan, 0.5, 0.5])),
            ValueError,
            ["`mean_field`", "nan"],
        ),
        "mean_field: state for state-action": (
            lambda: rmfg.best_response(game(mean_field="state-action"), variation, UNIFORM),
            ValueError,
            ["`mean_field`", "(3, 2)", "(3,)", "state-action"],
        ),
        "policy: swapped axes": (
            lambda: rmfg.evaluate(game(), variation, POLICY.T, UNIFORM),
            ValueError,
            ["`policy`", "(3, 2)", "(2, 3)"],
        ),
        "policy: not a law": (
            lambda: rmfg.evaluate(game(), variation, POLICY * 1.1, UNIFORM),
            ValueError,
            ["`policy`", "(s=0)", "1.1"],
        ),
        "policy: NaN": (
            lambda: rmfg.evaluate(game(), variation, POLICY * np.nan, UNIFORM),
            ValueError,
            ["`policy`", "nan"],
        ),
        "start: wrong shape": (
            lambda: rmfg.best_response(game(), variation, UNIFORM, start=np.zeros(4)),
            ValueError,
            ["`start`", "(3,)", "(4,)"],
        ),
        **{
            f"tol {value}": (
                lambda value=value: rmfg.best_response(game(), variation, UNIFORM, tol=value),
                ValueError,
                ["`tol`", f"{value:g}"],
            )
            for value in (0.0, -1e-8, 1e-17, 2.0, float("nan"))
        },
        # Stationary laws
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
        # Certificates
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
        # Solve
        "solve: not a game": (
            lambda: rmfg.solve("beach-bar"),
            TypeError,
            ["`game`", "str", "rmfg.zoo.make"],
        ),
        "solve: not a set": (
            solve("total-variation"),
            TypeError,
            ["`ambiguity`", "str", "rmfg.TotalVariation"],
        ),
        "solve: a radius for a set": (solve(0.1), TypeError, ["`ambiguity`", "float"]),
        "solve: a solver by name": (
            solve(solver="picard"),
            TypeError,
            ["`solver`", "'picard'", "rmfg.FictitiousPlay()"],
        ),
        "solve: a solver that is not made": (
            solve(solver=rmfg.Picard),
            TypeError,
            ["`solver`", "Picard"],
        ),
        "solve: population": (
            solve(population="nominel"),
            ValueError,
            ["population", "'nominel'", "Did you mean 'nominal'"],
        ),
        "solve: population of another game": (
            solve(population=np.full((2, 2, 2), 0.5)),
            ValueError,
            ["`population`", "(2, 2)", "(3, 2)"],
        ),
        "solve: population is no law": (
            solve(population=np.ones((3, 2, 3))),
            ValueError,
            ["sum to one", "3"],
        ),
        "solve: initial of the wrong shape": (
            solve(initial=np.full(4, 0.25)),
            ValueError,
            ["`initial`", "(3,)", "(4,)"],
        ),
        "solve: initial is no law": (
            solve(initial=np.ones(3)),
            ValueError,
            ["`initial`", "sum to one", "3"],
        ),
        "solve: initial NaN": (
            solve(initial=np.array([np.nan, 0.5, 0.5])),
            ValueError,
            ["`initial`", "nan"],
        ),
        "solve: initial is an answer to another game": (
            lambda: rmfg.solve(
                game(), initial=rmfg.solve(rmfg.zoo.make("move-forward"), max_steps=1)
            ),
            ValueError,
            ["`initial`", "(3,)", "(7,)"],
        ),
        "solve: tol": (solve(tol=0.0), ValueError, ["`tol`", "0"]),
        **{
            f"solve: {name} {value!r}": (
                solve(**{name: value}),
                TypeError if value == "many" else ValueError,
                [f"`{name}`", "positive", repr(value)],
            )
            for name in ("max_steps", "max_seconds")
            for value in (0, -1, float("nan"), "many")
        },
        "Picard: damping": (lambda: rmfg.Picard(damping=1.5), ValueError, ["`damping`", "1.5"]),
        "Picard: no damping": (lambda: rmfg.Picard(damping=0.0), ValueError, ["`damping`", "0"]),
        "Picard: temperature": (
            lambda: rmfg.Picard(temperature=-1.0),
            ValueError,
            ["`temperature`", "-1"],
        ),
        "zoo: unknown game": (
            lambda: rmfg.zoo.make("beach-baar"),
            ValueError,
            ["'beach-baar'", "Did you mean 'beach-bar'"],
        ),
        "zoo: unknown parameter": (
            lambda: rmfg.zoo.make("beach-bar", num_sates=3),
            ValueError,
            ["'num_sates'", "Did you mean 'num_states'"],
        ),
        "load: no file": (lambda: rmfg.load("nowhere.nc"), ValueError, ["`path`", "nowhere.nc"]),
        "load: a folder": (
            lambda: rmfg.load(tempfile.gettempdir()),
            ValueError,
            ["`path`", tempfile.gettempdir()],
        ),
        "load: no path": (lambda: rmfg.load(3), TypeError, ["`path`", "int 3"]),
        "prove: no answer": (lambda: rmfg.prove(3), TypeError, ["`answer`", "rmfg.solve"]),
        "zoo: no name": (lambda: rmfg.zoo.make(3), TypeError, ["`name`", "int 3"]),
        "zoo: no coupling": (
            lambda: rmfg.zoo.make("mf-garnet", kernel_coupling="a"),
            ValueError,
            ["`kernel_coupling`", "additive"],
        ),
        "zoo: a date": (
            lambda: rmfg.zoo.make("move-forward", noise=np.datetime64("2020-01-01")),
            ValueError,
            ["`noise`", "finite number"],
        ),
        "zoo: too many rates": (
            lambda: rmfg.zoo.make("ev-charging", num_rates=2**70),
            ValueError,
            ["`num_rates`", "memory"],
        ),
        "zoo: a long clock": (
            lambda: rmfg.zoo.make("ev-charging", num_periods=10**6),
            ValueError,
            ["`num_periods`", "memory"],
        ),
        "zoo: a dense garnet": (
            lambda: rmfg.zoo.make("mf-garnet", num_states=10**6),
            ValueError,
            ["`num_states`", "memory"],
        ),
        "zoo: infinite appeal": (
            lambda: rmfg.zoo.make("investment", taste=400),
            ValueError,
            ["`taste`", "infinite"],
        ),
        "from_functions: no function": (
            lambda: rmfg.TabularGame.from_functions(
                lambda s, a, m: m, np.ones((40, 40)) * 1j, 3, 2, 0.9
            ),
            TypeError,
            ["`reward`", "(s, a, m)"],
        ),
        "from_functions: too large": (
            lambda: rmfg.TabularGame.from_functions(
                lambda s, a, m: m, lambda s, a, m: 0.0, 10**6, 2, 0.9
            ),
            ValueError,
            ["`num_states`"],
        ),
        "TabularGame: masked actions": (
            lambda: rmfg.TabularGame(
                kernel(), reward(), 0.9, actions=np.ma.masked_equal(np.eye(3, 2), 0)
            ),
            ValueError,
            ["`actions`", "masked"],
        ),
        "finite_study: another game": (
            lambda: rmfg.finite_study(
                rmfg.zoo.make("contraction-game"), rmfg.solve(game(), max_steps=1), [2]
            ),
            ValueError,
            ["`game`", "(2, 2)", "(3, 2)"],
        ),
        "finite_bound: no game": (
            lambda: rmfg.finite_bound(rmfg.solve(game(), max_steps=1), 2, game=1.5),
            TypeError,
            ["`game`", "1.5"],
        ),
        "simulate: agents beyond memory": (
            lambda: rmfg.simulate(game(), np.full((3, 2), 0.5), 10**13, 1, method="agents"),
            ValueError,
            ["`num_agents`", "memory"],
        ),
        "a name that does not exist": (lambda: rmfg.Wassertein, AttributeError, ["Wassertein"]),
    }
    return found


@functools.cache
def accepted() -> dict:
    """Input that is fine though it is not what is in the examples: name -> (call, number expected)."""
    import rmfg

    dense, law = rmfg.DenseKernel(kernel()), np.array([1, 0, 0])
    integers, pure = np.array([1, 2, 4]), np.eye(2, dtype=int)[[0, 1, 0]]
    chain = np.einsum("sat,sa->st", kernel(), pure)
    worth = np.linalg.solve(np.eye(3) - 0.9 * chain, (pure * reward()).sum(1))
    return {
        "integer radius": (
            lambda: rmfg.TotalVariation(1).worst_value(dense, VALUES),
            np.ones((3, 2)),
        ),
        "integer order": (
            lambda: rmfg.Lp(0, 3).worst_value(dense, VALUES),
            kernel() @ VALUES,
        ),
        "integer values": (
            lambda: rmfg.Nominal().worst_value(dense, integers),
            kernel() @ VALUES,
        ),
        "integer policy": (
            lambda: rmfg.evaluate(game(), rmfg.Nominal(), pure, UNIFORM),
            worth,
        ),
        "integer mean field": (
            lambda: rmfg.robust_q(game(), rmfg.Nominal(), law, VALUES),
            reward() + 0.9 * kernel() @ VALUES,
        ),
        "integer rewards and discount": (
            lambda: (
                rmfg.best_response(
                    rmfg.TabularGame(kernel(), np.arange(6).reshape(3, 2), 0),
                    rmfg.Nominal(),
                    UNIFORM,
                ).value
            ),
            [1, 3, 5],
        ),
        "lists": (
            lambda: rmfg.TabularGame(kernel().tolist(), reward().tolist(), 0.9).reward(UNIFORM),
            reward(),
        ),
        "initial as a list": (
            lambda: np.sum(rmfg.solve(game(), initial=[1, 0, 0], max_steps=1).distribution),
            1,
        ),
        "policy as a list": (
            lambda: rmfg.stationary_distribution(np.roll(np.eye(3), 1, 1)[:, None], [[1]] * 3),
            UNIFORM,
        ),
        "certify integers": (
            lambda: rmfg.certify(game(), rmfg.Nominal(), pure, law).consistency,
            np.abs(law - law @ chain).sum(),
        ),
        "a law in float32": (
            lambda: rmfg.robust_q(
                game(), rmfg.Nominal(), UNIFORM.astype(np.float32), VALUES.astype(np.float32)
            ),
            reward() + 0.9 * kernel() @ VALUES,
        ),
    }


def outcomes() -> dict[str, list]:
    """What each call does: the names of its error's classes, and the message."""
    found = {}
    for name, (call, _, _) in cases().items():
        try:
            answer = call()
        except Exception as error:  # the point is to see which
            kinds = [kind.__name__ for kind in type(error).__mro__]
            found[name] = [kinds, str(error)]
        else:
            found[name] = [["no error"], f"returned {answer!r}"[:300]]
    for name, (call, expected) in accepted().items():
        try:
            off = float(np.max(np.abs(np.asarray(call()) - expected)))
        except Exception as error:
            found[name] = [type(error).__name__, f"{error}"[:300]]
        else:
            found[name] = ["accepted", off]
    return found


@pytest.fixture(scope="module")
def outcome() -> dict[str, list]:
    """Run everything once, in a process where nothing checks types."""
    run = subprocess.run(
        [sys.executable, "-W", "error", __file__],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize("name", cases())
def test_one_clear_error(name, outcome):
    _, kind, words = cases()[name]
    kinds, message = outcome[name]
    assert kind.__name__ in kinds, f"{kinds[0]}: {message}"
    missing = [word for word in words if word not in message]
    assert not missing, f"{missing} not in: {message}"
    assert len(message) <= 400
    assert "\n" not in message.strip()


@pytest.mark.parametrize("name", accepted())
def test_unusual_but_fine(name, outcome):
    verdict, off = outcome[name]
    assert verdict == "accepted", off
    assert off <= 1e-6


def test_wrong_input_comes_before_any_work(tmp_path):
    """Nothing is written where something is wrong."""
    import rmfg

    answer = rmfg.solve(rmfg.zoo.make("move-forward"), max_steps=1)
    with pytest.raises(ValueError, match=r"`path`.*does not exist"):
        answer.save(tmp_path / "missing" / "eq.nc")
    with pytest.raises(ValueError, match=r"`path`.*is a folder"):
        answer.save(tmp_path)
    assert list(Path(tmp_path).iterdir()) == []


if __name__ == "__main__":
    print(json.dumps(outcomes()))
