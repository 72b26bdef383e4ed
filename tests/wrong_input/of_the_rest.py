"""The zoo, files, games of functions, finitely many agents, and names."""

import tempfile

import numpy as np

import rmfg
from wrong_input.samples import game, kernel, reward

CASES = {
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
