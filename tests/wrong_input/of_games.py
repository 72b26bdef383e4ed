"""Games: rewards, discounts, sizes, names, first laws."""

import numpy as np

import rmfg
from wrong_input.samples import kernel, reward


def table(*arguments, **options):
    return lambda: rmfg.TabularGame(*arguments, **options)


CASES = {
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
}
