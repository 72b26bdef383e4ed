"""The tables that every law runs over: ambiguity sets, kernels, games, solvers.

All is of one size, (S, A) = (8, 5): what is compiled once serves every law, seed and radius. A row
of `SETS` brings its own mathematics, written down once more in NumPy (`excess`) and as programs that
share nothing with the library (`reference`, `program`). By standing here it gets all tests.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from eight_states import LINE, SCATTERED, SHAPE, WEIGHTS, dense_kernel, sparse_kernel
from reference import nearest, worst_case
from scipy.special import rel_entr
from set_rows import (
    PLAIN,
    SetRow,
    Surroundings,
    around,
    ball,
    chi_square,
    interval,
    interval_excess,
    nominal,
    norm_ball,
    scenarios,
    scenarios_excess,
    transport_ball,
)

import rmfg

KERNELS = {"dense": dense_kernel, "sparse": sparse_kernel}
DIVERGENT = (1e-4, 0.02, 0.4, 3.0)

SETS: tuple[SetRow, ...] = (
    SetRow(
        "nominal",
        lambda size, _: rmfg.Nominal(),
        (0.0, 0.0),
        lambda row, q: float(np.abs(q - row.p).max()),
        lambda row: nearest.bounds(row.p, row.p),
        nominal,
        has_radius=False,
    ),
    *(
        SetRow(
            f"contamination, support {support}",
            lambda size, _, support=support: rmfg.Contamination(size, support=support),
            PLAIN,
            lambda row, q: float(np.max((1 - row.size) * row.p - q)),
            lambda row: nearest.bounds((1 - row.size) * row.p, 1.0),
            lambda row, values, support=support: worst_case.contamination(
                row.p, values, row.size, support
            ),
            support=support,
            huge=1.0,
            too_large=1.01,
        )
        for support in ("all", "nominal")
    ),
    *(
        ball(
            "total variation",
            rmfg.TotalVariation,
            PLAIN,
            lambda p, q: 0.5 * float(np.abs(q - p).sum()),
            lambda p, size: nearest.norm_ball(p, 2 * size, 1),
            worst_case.total_variation,
            support=support,
            huge=1.0,
            too_large=1.01,
        )
        for support in ("all", "nominal")
    ),
    norm_ball("L1", 1, None, "all"),
    norm_ball("L1, weighted", 1, WEIGHTS, "all"),
    norm_ball("L1, weighted", 1, WEIGHTS, "nominal"),
    norm_ball("L2", 2, None, "all"),
    norm_ball("L2, weighted", 2, WEIGHTS, "nominal"),
    norm_ball("L3", 3, WEIGHTS, "all"),
    norm_ball("Linf", np.inf, None, "all"),
    norm_ball("Linf, weighted", np.inf, WEIGHTS, "nominal"),
    SetRow(
        "interval",
        lambda size, kernel: rmfg.Interval(*Surroundings(kernel).bounds),
        (0.0, 0.0),
        interval_excess,
        lambda row: nearest.bounds(*(bound[row.place] for bound in row.around.bounds)),
        interval,
        support="all",
        has_radius=False,
    ),
    *(
        SetRow(
            f"interval around, support {support}",
            lambda size, _, support=support: rmfg.Interval.around(size, support=support),
            PLAIN,
            lambda row, q: float(np.abs(q - row.p).max()) - row.size,
            lambda row: nearest.bounds(row.p - row.size, row.p + row.size),
            lambda row, values, support=support: around(row, values, support),
            support=support,
            huge=1.0,
            too_large=1.01,
        )
        for support in ("all", "nominal")
    ),
    ball(
        "KL",
        rmfg.KullbackLeibler,
        DIVERGENT,
        lambda p, q: float(rel_entr(q, p).sum()),
        nearest.kullback_leibler,
        worst_case.kullback_leibler_dual,
        worst_case.kullback_leibler,
        huge=1e3,
    ),
    *(
        ball(
            "reverse KL",
            rmfg.ReverseKullbackLeibler,
            DIVERGENT,
            lambda p, q: float(rel_entr(p, q).sum()),
            nearest.reverse_kullback_leibler,
            worst_case.reverse_kullback_leibler_dual,
            worst_case.reverse_kullback_leibler,
            support,
            huge=1e3,
        )
        for support in ("all", "nominal")
    ),
    ball(
        "chi-square",
        rmfg.ChiSquare,
        DIVERGENT,
        chi_square,
        nearest.chi_square,
        worst_case.chi_square_dual,
        worst_case.chi_square,
        huge=1e15,
    ),
    *(
        ball(
            "Hellinger",
            rmfg.Hellinger,
            (1e-4, 0.02, 0.2, 0.7),
            lambda p, q: 1 - float(np.sqrt(p * q).sum()),
            nearest.hellinger,
            worst_case.hellinger_dual,
            worst_case.hellinger,
            support,
            huge=1.0,
            too_large=1.01,
        )
        for support in ("all", "nominal")
    ),
    SetRow(
        "CVaR",
        lambda size, _: rmfg.CVaR(size),
        PLAIN,
        lambda row, q: float(np.max(q - row.p / (1 - row.size))),
        lambda row: nearest.bounds(0.0, row.p / (1 - row.size)),
        lambda row, values: worst_case.cvar(row.p, values, row.size),
        too_large=1.0,
    ),
    transport_ball("Wasserstein", LINE, 1.0, "all"),
    transport_ball("Wasserstein", LINE, 1.0, "nominal"),
    transport_ball("Wasserstein 2", SCATTERED, 2.0, "all"),
    SetRow(
        "scenarios",
        lambda size, kernel: rmfg.Scenarios(Surroundings(kernel).scenarios),
        (0.0, 0.0),
        scenarios_excess,
        lambda row: nearest.mixture(row.around.scenario_laws[(slice(None), *row.place)]),
        scenarios,
        support="all",
        has_radius=False,
    ),
    SetRow(
        "entropy penalty",
        lambda size, _: rmfg.EntropyPenalty(size),
        (10.0, 1.0, 0.3, 0.02),
        lambda row, q: 0.0,
        lambda row: nearest.bounds(0.0, 1.0),
        lambda row, values: worst_case.entropy_penalty_dual(row.p, values, row.size),
        lambda row, values: worst_case.entropy_penalty(row.p, values, row.size),
        has_radius=False,
        penalized=True,
    ),
)

ONE_OF_EACH = tuple({row.kind: row for row in reversed(SETS)}.values())[::-1]
# One row for each code path; L3 is computed as L2, both transports are one.
PATHS = tuple(row for row in ONE_OF_EACH if row.kind not in ("L3", "Wasserstein 2"))
WITH_SIZE = tuple(row for row in PATHS if row.has_radius or row.penalized)


def over_sets(rows: tuple[SetRow, ...] = SETS) -> pytest.MarkDecorator:
    """Run a test for every set; all tests of a set go to one process, and share what it compiles."""
    cases = [
        pytest.param(row, id=row.name, marks=pytest.mark.xdist_group(row.kind)) for row in rows
    ]
    return pytest.mark.parametrize("row", cases)


over_kernels = pytest.mark.parametrize("form", KERNELS)


# Games ------------------------------------------------------------------------------------------


def lonely_game(form: str, discount: float = 0.9) -> rmfg.TabularGame:
    """Agents who do not see each other: the mean-field game is a robust MDP."""
    reward = np.random.default_rng(31).normal(size=SHAPE)
    return rmfg.TabularGame(KERNELS[form](3), reward, discount)


class CrowdedGame(rmfg.MeanFieldGame):
    """Agents who shun crowds, on a kernel whose rows even out as the first state fills up."""

    num_states, num_actions = SHAPE

    def __init__(self, form: str, mean_field: str = "state", discount: float = 0.9):
        self.discount, self.mean_field = discount, mean_field
        self.base = KERNELS[form](4)
        self.payoff = np.random.default_rng(41).normal(size=SHAPE)
        self.aversion = np.asarray(0.3)

    def kernel(self, mean_field: Any) -> Any:
        first = mean_field[0] if self.mean_field == "state" else mean_field[0].sum()
        law = self.base.probabilities
        even = (law > 0) / (law > 0).sum(-1, keepdims=True)
        moved = (1 - 0.5 * first) * law + 0.5 * first * even
        if isinstance(self.base, rmfg.SparseKernel):
            return rmfg.SparseKernel(self.base.successors, moved)
        return moved

    def reward(self, mean_field: Any) -> Any:
        if self.mean_field == "state":
            return self.payoff - self.aversion * mean_field[:, None]
        return self.payoff - self.aversion * mean_field


SMALL_ZOO = {
    "beach-bar": {"num_states": 7},
    "two-beach-bars": {"num_states": 7, "bars": (1, 5)},
    "four-rooms": {"size": 5},
    "kinetic-congestion": {"num_rows": 2, "num_columns": 3},
    "mf-garnet": {"num_states": 8, "num_actions": 3, "branching": 3, "sparse": True},
    "ev-charging": {"num_periods": 2, "num_levels": 3},
}

SOLVERS: dict[str, Callable[[], rmfg.Solver]] = {
    "auto": rmfg.Auto,
    "picard": rmfg.Picard,
    "picard, one step": lambda: rmfg.Picard(long_run=False),
    "picard, soft": lambda: rmfg.Picard(temperature=0.1),
    "fictitious play": rmfg.FictitiousPlay,
    "mirror descent": rmfg.MirrorDescent,
    "mirror descent, optimistic": lambda: rmfg.MirrorDescent(optimistic=True),
    "policy iteration, greedy": rmfg.PolicyIteration,
    "policy iteration, soft": lambda: rmfg.PolicyIteration("soft", temperature=0.1),
    "policy iteration, smooth": lambda: rmfg.PolicyIteration("smooth"),
    "anderson": rmfg.Anderson,
    "anderson, soft": lambda: rmfg.Anderson(rmfg.Picard(temperature=0.1)),
}
