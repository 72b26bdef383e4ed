"""Observables of a game."""

import jax.numpy as jnp
import numpy as np

import rmfg
from wrong_input.samples import game, kernel, reward


def table(*arguments, **options):
    return lambda: rmfg.TabularGame(*arguments, **options)


def watching(observables):
    return lambda: game(observables=observables)


CASES = {
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
}
