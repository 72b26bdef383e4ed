"""The tables that every law runs over: ambiguity sets, kernels, values, games, solvers.

All is of one size, (S, A) = (8, 5): what is compiled once serves every law, seed and radius. A row
of `SETS` brings its own mathematics, written down once more in NumPy (`excess`) and as programs that
share nothing with the library (`reference`, `program`). By standing here it gets all tests.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from reference import games as brute_force
from reference import nearest, worst_case
from scipy.special import rel_entr

import rmfg

NUM_STATES, NUM_ACTIONS, WIDTH = 8, 5, 5
SHAPE = (NUM_STATES, NUM_ACTIONS)
POSITIONS = np.random.default_rng(5).uniform(0, 3, NUM_STATES)
LINE = np.abs(np.subtract.outer(np.arange(NUM_STATES), np.arange(NUM_STATES))).astype(float)
SCATTERED = np.abs(np.subtract.outer(POSITIONS, POSITIONS))
WEIGHTS = np.linspace(0.5, 2, NUM_STATES)


# Kernels and values -----------------------------------------------------------------------------


def sparse_rows(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Successors and probabilities (S, A, K): rows of one to all slots, with equal and with tiny
    probabilities, and padding that repeats a real successor.
    """
    random = np.random.default_rng(seed)
    successors = np.zeros((*SHAPE, WIDTH), dtype=int)
    law = np.zeros((*SHAPE, WIDTH))
    for number, place in enumerate(np.ndindex(SHAPE)):
        size = 1 + number % WIDTH
        row = random.dirichlet(np.ones(size))
        if number % 7 == 3:
            row = np.full(size, 1 / size)
        if number % 7 == 5 and size > 1:
            row[0] = 1e-12
        states = random.permutation(NUM_STATES)[:size]
        slots = random.permutation(WIDTH)[:size]
        successors[place] = states[0]
        successors[place][slots], law[place][slots] = states, row / row.sum()
    return successors, law


def sparse_kernel(seed: int) -> rmfg.SparseKernel:
    """A kernel with at most five successors of eight."""
    return rmfg.SparseKernel(*sparse_rows(seed))


def dense_kernel(seed: int) -> rmfg.DenseKernel:
    """The same kernel as `sparse_kernel(seed)`."""
    dense = np.zeros((*SHAPE, NUM_STATES))
    successors, law = sparse_rows(seed)
    for s, a, k in np.ndindex(law.shape):
        dense[s, a, successors[s, a, k]] += law[s, a, k]
    return rmfg.DenseKernel(dense)


def full_kernel(seed: int) -> rmfg.DenseKernel:
    """A dense kernel with rows of every length up to all eight states."""
    random = np.random.default_rng(100 + seed)
    dense = random.dirichlet(np.full(NUM_STATES, 0.7), SHAPE)
    for number, place in enumerate(np.ndindex(SHAPE)):
        if number % 3:
            dense[place][random.permutation(NUM_STATES)[: number % NUM_STATES]] = 0
    return rmfg.DenseKernel(dense / dense.sum(-1, keepdims=True))


KERNELS = {"dense": dense_kernel, "sparse": sparse_kernel}


def values_of(seed: int) -> np.ndarray:
    """Values (S,): spread out, tied, heavy-tailed, far from zero."""
    values = np.random.default_rng(1000 + seed).normal(size=NUM_STATES)
    return [values, np.round(values), np.exp(3 * values), 100 + values][seed % 4]


def array(kernel: rmfg.Kernel) -> np.ndarray:
    """The probabilities (S, A, S)."""
    return np.asarray(kernel.to_dense())


# Ambiguity sets ---------------------------------------------------------------------------------


class Surroundings:
    """A nominal kernel, and what the sets that are given kernel by kernel put around it."""

    def __init__(self, kernel: rmfg.Kernel):
        self.kernel, self.law = kernel, array(kernel)

    @functools.cached_property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """An interval (S, A, S): other margins for every entry, some of them zero."""
        random, law = np.random.default_rng(9), self.law
        margins = random.uniform(0, 0.3, (2, *law.shape)) * (random.uniform(size=law.shape) < 0.8)
        return np.maximum(law - margins[0], 0), np.minimum(law + margins[1], 1)

    @functools.cached_property
    def scenarios(self) -> list[rmfg.Kernel]:
        """The kernel itself and two others of its kind."""
        make = sparse_kernel if isinstance(self.kernel, rmfg.SparseKernel) else full_kernel
        return [self.kernel, make(71), make(72)]

    @functools.cached_property
    def scenario_laws(self) -> np.ndarray:
        """The scenarios as one array (N, S, A, S)."""
        return np.array([array(kernel) for kernel in self.scenarios])


class Row(NamedTuple):
    """One row of a nominal kernel, and the size that its set has."""

    p: np.ndarray
    size: float
    around: Surroundings
    place: tuple[int, int]


@dataclasses.dataclass(frozen=True)
class SetRow:
    """An ambiguity set: how it is built, and what it is.

    `make(sizes, kernel)` builds it from sizes (S, A); `sizes` grow from cautious to bold.
    `excess(row, q)` says how far q is outside, in the set's own unit; `inside(row)` says the same as
    constraints of a program; `reference(row, values)` is the exact worst case, `program(row, values)`
    another method's.
    """

    name: str
    make: Callable[[np.ndarray, rmfg.Kernel], rmfg.Ambiguity]
    sizes: tuple[float, ...]
    excess: Callable[[Row, np.ndarray], float]
    inside: Callable[[Row], nearest.Constraints]
    reference: Callable[[Row, np.ndarray], worst_case.Answer]
    program: Callable[[Row, np.ndarray], worst_case.Answer] | None = None
    support: str = "nominal"
    has_radius: bool = True  # size 0 is the nominal law alone
    huge: float | None = None  # a size at which the set holds every law in reach
    too_large: float | None = None  # a size that the constructor refuses
    penalized: bool = False

    @property
    def kind(self) -> str:
        """The name of the set without its options."""
        return self.name.split(",")[0]

    def build(self, size: float | np.ndarray, kernel: rmfg.Kernel) -> rmfg.Ambiguity:
        """The set; sizes are always given per (s, a), so that all of them share what is compiled."""
        return self.make(np.broadcast_to(np.asarray(size, float), SHAPE).copy(), kernel)

    def middle(self) -> np.ndarray:
        """Sizes (S, A), all different, neither negligible nor everything."""
        return np.linspace(self.sizes[0], self.sizes[-2], SHAPE[0] * SHAPE[1]).reshape(SHAPE)

    def outside(self, row: Row, q: np.ndarray) -> float:
        """How far a law is outside the set, support included; 0 inside."""
        unreachable = q[row.p == 0].sum() if self.support == "nominal" else 0.0
        return max(self.excess(row, q), unreachable, 0.0)

    def mass_outside(self, row: Row, q: np.ndarray) -> float:
        """The total variation between a law and the nearest one of the set, by a program."""
        own, reached = self.inside(row), nearest.reached(row.p, self.support)
        return nearest.variation(q, lambda law: [*own(law), *reached(law)])

    def rows(self, size: float | np.ndarray, kernel: rmfg.Kernel) -> list[Row]:
        """All rows of a kernel, in the order of `numpy.ndindex`."""
        around, sizes = Surroundings(kernel), np.broadcast_to(size, SHAPE)
        return [Row(around.law[at], float(sizes[at]), around, at) for at in np.ndindex(SHAPE)]


def _nominal(row: Row, values: np.ndarray) -> worst_case.Answer:
    return float(row.p @ values), row.p


def _interval(row: Row, values: np.ndarray) -> worst_case.Answer:
    lower, upper = (bound[row.place] for bound in row.around.bounds)
    return worst_case.interval(row.p, values, lower, upper)


def _interval_excess(row: Row, q: np.ndarray) -> float:
    lower, upper = (bound[row.place] for bound in row.around.bounds)
    return float(np.max(np.maximum(lower - q, q - upper)))


def _scenarios(row: Row, values: np.ndarray) -> worst_case.Answer:
    laws = row.around.scenario_laws[(slice(None), *row.place)]
    return worst_case.scenarios(row.p, values, list(laws))


def _scenarios_excess(row: Row, q: np.ndarray) -> float:
    """Least total variation to a mixture: variables are the weights, then gain and loss."""
    laws, size = row.around.scenario_laws[(slice(None), *row.place)], NUM_STATES
    cost = np.concatenate([np.zeros(len(laws)), np.full(2 * size, 0.5)])
    balance = np.hstack([laws.T, np.eye(size), -np.eye(size)])
    one = np.concatenate([np.ones(len(laws)), np.zeros(2 * size)])
    found = worst_case.linear_program(
        cost, A_eq=np.vstack([balance, one]), b_eq=np.append(q, 1), bounds=(0, None)
    )
    return float(cost @ found)


def _around(row: Row, values: np.ndarray, support: str) -> worst_case.Answer:
    upper = np.minimum(row.p + row.size, 1) * ((row.p > 0) | (support == "all"))
    return worst_case.interval(row.p, values, np.maximum(row.p - row.size, 0), upper)


def _chi_square(p: np.ndarray, q: np.ndarray) -> float:
    reached = p > 0
    return np.inf if q[~reached].any() else float(((q - p)[reached] ** 2 / p[reached]).sum())


def _transport(p: np.ndarray, q: np.ndarray, metric: np.ndarray, order: float) -> float:
    return max(brute_force.transport_distance(p, q, metric**order), 0.0) ** (1 / order)


def _ball(
    name: str,
    kind: type[rmfg.Ambiguity],
    sizes: tuple[float, ...],
    distance: Callable[[np.ndarray, np.ndarray], float],
    inside: Callable[[np.ndarray, float], nearest.Constraints],
    reference: Callable[..., worst_case.Answer],
    program: Callable[..., worst_case.Answer] | None = None,
    support: str | None = None,
    options: dict[str, Any] | None = None,
    **facts: Any,
) -> SetRow:
    """A set { q : distance(p, q) <= size }; `options` go to the set and to its programs."""
    choice = {} if support is None else {"support": support}

    def asked(method: Callable[..., worst_case.Answer]) -> Callable[..., worst_case.Answer]:
        return lambda row, values: method(row.p, values, row.size, **choice)

    return SetRow(
        name=name if support is None else f"{name}, support {support}",
        make=lambda size, _: kind(size, **(options or {}), **choice),
        sizes=sizes,
        excess=lambda row, q: distance(row.p, q) - row.size,
        inside=lambda row: inside(row.p, row.size),
        reference=asked(reference),
        program=None if program is None else asked(program),
        support=support or "nominal",
        **facts,
    )


def _norm_ball(name: str, order: float, weights: np.ndarray | None, support: str) -> SetRow:
    scale = 1.0 if weights is None else weights
    exact = worst_case.lp if order in (1, np.inf) else worst_case.lp_dual

    def ask(method: Callable[..., worst_case.Answer]) -> Callable[..., worst_case.Answer]:
        return lambda p, values, size, support: method(p, values, size, order, weights, support)

    return _ball(
        name,
        rmfg.Lp,
        PLAIN,
        lambda p, q: float(np.linalg.norm(scale * (q - p), order)),
        lambda p, size: nearest.norm_ball(p, size, order, scale),
        ask(exact),
        None if exact is worst_case.lp else ask(worst_case.lp),
        support,
        {"p": order, "weights": weights},
        huge=10.0,
    )


def _transport_ball(name: str, metric: np.ndarray, order: float, support: str) -> SetRow:
    def reference(p: np.ndarray, values: np.ndarray, size: float, support: str):
        return worst_case.wasserstein(p, values, size, metric, order, support)

    return _ball(
        name,
        rmfg.Wasserstein,
        (1e-3, 0.1, 0.7, 2.5),
        lambda p, q: _transport(p, q, metric, order),
        lambda p, size: nearest.transport(p, size, metric, order),
        reference,
        support=support,
        options={"metric": metric, "order": order},
        huge=100.0,
    )


PLAIN = (1e-3, 0.05, 0.3, 0.8)
DIVERGENT = (1e-4, 0.02, 0.4, 3.0)

SETS: tuple[SetRow, ...] = (
    SetRow(
        "nominal",
        lambda size, _: rmfg.Nominal(),
        (0.0, 0.0),
        lambda row, q: float(np.abs(q - row.p).max()),
        lambda row: nearest.bounds(row.p, row.p),
        _nominal,
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
        _ball(
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
    _norm_ball("L1", 1, None, "all"),
    _norm_ball("L1, weighted", 1, WEIGHTS, "all"),
    _norm_ball("L1, weighted", 1, WEIGHTS, "nominal"),
    _norm_ball("L2", 2, None, "all"),
    _norm_ball("L2, weighted", 2, WEIGHTS, "nominal"),
    _norm_ball("L3", 3, WEIGHTS, "all"),
    _norm_ball("Linf", np.inf, None, "all"),
    _norm_ball("Linf, weighted", np.inf, WEIGHTS, "nominal"),
    SetRow(
        "interval",
        lambda size, kernel: rmfg.Interval(*Surroundings(kernel).bounds),
        (0.0, 0.0),
        _interval_excess,
        lambda row: nearest.bounds(*(bound[row.place] for bound in row.around.bounds)),
        _interval,
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
            lambda row, values, support=support: _around(row, values, support),
            support=support,
            huge=1.0,
            too_large=1.01,
        )
        for support in ("all", "nominal")
    ),
    _ball(
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
        _ball(
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
    _ball(
        "chi-square",
        rmfg.ChiSquare,
        DIVERGENT,
        _chi_square,
        nearest.chi_square,
        worst_case.chi_square_dual,
        worst_case.chi_square,
        huge=1e15,
    ),
    *(
        _ball(
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
    _transport_ball("Wasserstein", LINE, 1.0, "all"),
    _transport_ball("Wasserstein", LINE, 1.0, "nominal"),
    _transport_ball("Wasserstein 2", SCATTERED, 2.0, "all"),
    SetRow(
        "scenarios",
        lambda size, kernel: rmfg.Scenarios(Surroundings(kernel).scenarios),
        (0.0, 0.0),
        _scenarios_excess,
        lambda row: nearest.mixture(row.around.scenario_laws[(slice(None), *row.place)]),
        _scenarios,
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
