"""What a row of the table of ambiguity sets says: how the set is built, and what it is, in NumPy.

Distances are written down by their definition; worst cases come from `reference`, which shares nothing
with the library.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from eight_states import NUM_STATES, SHAPE, array, full_kernel, sparse_kernel
from reference import games as brute_force
from reference import nearest, worst_case

import rmfg

PLAIN = (1e-3, 0.05, 0.3, 0.8)


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


def nominal(row: Row, values: np.ndarray) -> worst_case.Answer:
    return float(row.p @ values), row.p


def interval(row: Row, values: np.ndarray) -> worst_case.Answer:
    lower, upper = (bound[row.place] for bound in row.around.bounds)
    return worst_case.interval(row.p, values, lower, upper)


def interval_excess(row: Row, q: np.ndarray) -> float:
    lower, upper = (bound[row.place] for bound in row.around.bounds)
    return float(np.max(np.maximum(lower - q, q - upper)))


def scenarios(row: Row, values: np.ndarray) -> worst_case.Answer:
    laws = row.around.scenario_laws[(slice(None), *row.place)]
    return worst_case.scenarios(row.p, values, list(laws))


def scenarios_excess(row: Row, q: np.ndarray) -> float:
    """Least total variation to a mixture: variables are the weights, then gain and loss."""
    laws, size = row.around.scenario_laws[(slice(None), *row.place)], NUM_STATES
    cost = np.concatenate([np.zeros(len(laws)), np.full(2 * size, 0.5)])
    balance = np.hstack([laws.T, np.eye(size), -np.eye(size)])
    one = np.concatenate([np.ones(len(laws)), np.zeros(2 * size)])
    found = worst_case.linear_program(
        cost, A_eq=np.vstack([balance, one]), b_eq=np.append(q, 1), bounds=(0, None)
    )
    return float(cost @ found)


def around(row: Row, values: np.ndarray, support: str) -> worst_case.Answer:
    upper = np.minimum(row.p + row.size, 1) * ((row.p > 0) | (support == "all"))
    return worst_case.interval(row.p, values, np.maximum(row.p - row.size, 0), upper)


def chi_square(p: np.ndarray, q: np.ndarray) -> float:
    reached = p > 0
    return np.inf if q[~reached].any() else float(((q - p)[reached] ** 2 / p[reached]).sum())


def transport(p: np.ndarray, q: np.ndarray, metric: np.ndarray, order: float) -> float:
    return max(brute_force.transport_distance(p, q, metric**order), 0.0) ** (1 / order)


def ball(
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


def norm_ball(name: str, order: float, weights: np.ndarray | None, support: str) -> SetRow:
    scale = 1.0 if weights is None else weights
    exact = worst_case.lp if order in (1, np.inf) else worst_case.lp_dual

    def ask(method: Callable[..., worst_case.Answer]) -> Callable[..., worst_case.Answer]:
        return lambda p, values, size, support: method(p, values, size, order, weights, support)

    return ball(
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


def transport_ball(name: str, metric: np.ndarray, order: float, support: str) -> SetRow:
    def reference(p: np.ndarray, values: np.ndarray, size: float, support: str):
        return worst_case.wasserstein(p, values, size, metric, order, support)

    return ball(
        name,
        rmfg.Wasserstein,
        (1e-3, 0.1, 0.7, 2.5),
        lambda p, q: transport(p, q, metric, order),
        lambda p, size: nearest.transport(p, size, metric, order),
        reference,
        support=support,
        options={"metric": metric, "order": order},
        huge=100.0,
    )
