"""The front door and the solvers."""

import numpy as np

import rmfg
from wrong_input.samples import game


def solve(*arguments, **options):
    return lambda: rmfg.solve(game(), *arguments, **options)


CASES = {
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
        lambda: rmfg.solve(game(), initial=rmfg.solve(rmfg.zoo.make("move-forward"), max_steps=1)),
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
}
