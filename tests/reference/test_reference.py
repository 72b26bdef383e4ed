"""The references against hand values, closed forms, and each other."""

import ast
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.special import rel_entr

from . import games, worst_case

P = np.array([0.4, 0.3, 0.1, 0.2])
V = np.array([1.0, 2.0, 5.0, 4.0])
HOLE = np.array([0.0, 0.5, 0.3, 0.2])  # does not reach state 0, where V is lowest

DIVERGENCES = {
    "kullback_leibler": lambda p, q: rel_entr(q, p).sum(),
    "reverse_kullback_leibler": lambda p, q: rel_entr(p, q).sum(),
    "chi_square": lambda p, q: ((q - p)[p > 0] ** 2 / p[p > 0]).sum(),
    "hellinger": lambda p, q: 1 - np.sqrt(p * q).sum(),
}
CREATES_MASS = ("reverse_kullback_leibler", "hellinger")


def random_rows(count: int, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return pairs (p, V), every other one with a state that p does not reach."""
    generator = np.random.default_rng(seed)
    rows = []
    for index in range(count):
        size = 2 + index % 5
        p, values = generator.dirichlet(np.ones(size)), generator.normal(size=size)
        if index % 2:
            p[generator.integers(size)] = 0.0
        rows.append((p / p.sum(), values))
    return rows


def total_variation_by_hand(p: np.ndarray, values: np.ndarray, radius: float) -> float:
    """Move mass `radius` from the highest values to the lowest one, and return the new mean."""
    left, total = min(radius, 1.0), float(p @ values)
    for state in np.argsort(-values):
        moved = min(left, p[state])
        left, total = left - moved, total - moved * (values[state] - values.min())
    return total


def discrete_metric(size: int) -> np.ndarray:
    """Return the metric that is 1 between any two states."""
    return 1.0 - np.eye(size)


def test_references_are_independent():
    for path in Path(__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & {"rmfg", "jax", "equinox"}


# Linear programs


@pytest.mark.parametrize(("radius", "expected"), [(0, 2.3), (1, 1.1), (2, 1.0)])
def test_l1_example_of_craam(radius, expected):
    value, law = worst_case.lp(P, V, radius, order=1)
    assert value == pytest.approx(expected, abs=1e-14)
    assert law @ V == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("radius", [0, 1e-9, 0.05, 0.3, 0.9, 1.5])
def test_total_variation_formula(radius):
    for p, values in random_rows(10):
        value, law = worst_case.total_variation(p, values, radius)
        assert value == pytest.approx(total_variation_by_hand(p, values, radius), abs=1e-13)
        assert 0.5 * np.abs(law - p).sum() <= radius + 1e-14


def test_contamination_formula():
    assert worst_case.contamination(HOLE, V, 0.1)[0] == pytest.approx(0.9 * (HOLE @ V) + 0.1 * 1)
    nominal = worst_case.contamination(HOLE, V, 0.1, support="nominal")[0]
    assert nominal == pytest.approx(0.9 * (HOLE @ V) + 0.1 * 2)


def test_wasserstein_with_the_discrete_metric_is_total_variation():
    for p, values in random_rows(10):
        for support in ("all", "nominal"):
            moved = worst_case.wasserstein(p, values, 0.2, discrete_metric(len(p)), 1, support)[0]
            expected = worst_case.total_variation(p, values, 0.2, support)[0]
            assert moved == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize("order", [1, 2])
def test_wasserstein_from_a_point_mass(order):
    # From state 0 of a line, all mass may go as far as the radius: V falls by 1 per unit of cost.
    position = np.arange(4.0)
    metric = np.abs(position[:, None] - position)
    p = np.array([1.0, 0.0, 0.0, 0.0])
    value, law = worst_case.wasserstein(p, -(position**order), 1.5, metric, order)
    assert value == pytest.approx(-(1.5**order), abs=1e-13)
    assert games.transport_distance(p, law, metric**order) <= 1.5**order + 1e-13


def test_interval_fills_the_low_states_first():
    value, law = worst_case.interval(P, V, np.maximum(P - 0.2, 0), P + 0.2)
    assert law == pytest.approx([0.6, 0.4, 0.0, 0.0], abs=1e-14)
    assert value == pytest.approx(1.4, abs=1e-14)
    assert worst_case.interval(P, V, 0.25, 0.25)[0] == pytest.approx(V.mean(), abs=1e-14)
    with pytest.raises(RuntimeError, match="HiGHS"):
        worst_case.interval(P, V, 0.0, 0.2)


def test_cvar_is_the_mean_of_the_lowest_values():
    assert worst_case.cvar(P, V, 0.0)[0] == pytest.approx(P @ V, abs=1e-14)
    assert worst_case.cvar(P, V, 0.5)[0] == pytest.approx(0.8 * 1 + 0.2 * 2, abs=1e-14)
    assert worst_case.cvar(HOLE, V, 0.5)[0] == pytest.approx(2.0, abs=1e-14)


def test_scenarios_take_the_lowest_mean():
    laws = [P, HOLE, np.full(4, 0.25)]
    value, law = worst_case.scenarios(P, V, laws)
    assert value == pytest.approx(min(law @ V for law in laws), abs=1e-14)
    assert law == pytest.approx(P, abs=1e-14)


# Norm balls


def test_l2_ball_inside_the_simplex():
    # Then sigma = <p, V> - radius |V - mean V|, and with weights the centring is weighted.
    p, values, weights = np.full(3, 1 / 3), np.array([0.0, 1.0, 3.0]), np.array([1.0, 2.0, 0.5])
    plain = p @ values - 0.1 * np.linalg.norm(values - values.mean())
    centre = (values / weights**2).sum() / (1 / weights**2).sum()
    weighted = p @ values - 0.1 * np.linalg.norm((values - centre) / weights)
    assert worst_case.lp_dual(p, values, 0.1, 2)[0] == pytest.approx(plain, abs=1e-14)
    assert worst_case.lp_dual(p, values, 0.1, 2, weights)[0] == pytest.approx(weighted, abs=1e-14)
    assert worst_case.lp(p, values, 0.1, 2, weights)[0] == pytest.approx(weighted, abs=1e-9)


@pytest.mark.parametrize("order", [1.5, 2, 3])
@pytest.mark.parametrize("support", ["all", "nominal"])
def test_lp_program_and_dual_agree(order, support):
    for p, values in random_rows(6):
        weights = np.linspace(0.5, 2, len(p))
        for radius in (1e-3, 0.2, 2.0):
            program, law = worst_case.lp(p, values, radius, order, weights, support)
            dual, dual_law = worst_case.lp_dual(p, values, radius, order, weights, support)
            assert program == pytest.approx(dual, abs=1e-9 * np.ptp(values))
            assert np.linalg.norm(weights * (law - p), order) <= radius + 1e-8
            assert np.linalg.norm(weights * (dual_law - p), order) <= radius + 1e-14


def test_max_norm_ball_is_an_interval():
    for p, values in random_rows(6):
        expected = worst_case.interval(p, values, p - 0.1, p + 0.1)[0]
        assert worst_case.lp(p, values, 0.1, np.inf)[0] == pytest.approx(expected, abs=1e-13)


# Divergences


@pytest.mark.parametrize("name", DIVERGENCES)
def test_program_and_dual_agree(name):
    for p, values in random_rows(6):
        for radius in (0.01, 0.3, 3.0):
            program = getattr(worst_case, name)(p, values, radius)[0]
            dual = getattr(worst_case, name + "_dual")(p, values, radius)[0]
            assert program == pytest.approx(dual, abs=2e-8 * np.ptp(values))


@pytest.mark.parametrize("name", DIVERGENCES)
@pytest.mark.parametrize("radius", [0.0, 1e-10, 1e-4, 0.3, 2.0])
def test_dual_value_is_attained_inside_the_set(name, radius):
    # A dual value bounds sigma from below and a law inside from above, so both are exact here.
    for p, values in random_rows(4):
        value, law = getattr(worst_case, name + "_dual")(p, values, radius)
        assert law @ values == pytest.approx(value, abs=1e-14)
        assert law.sum() == pytest.approx(1, abs=1e-14)
        assert law.min() >= 0
        assert DIVERGENCES[name](p, law) <= radius + 2e-15


def test_two_states_by_hand():
    # V = (0, 1) and p = (1/2, 1/2): the value is q(1) on the sphere of the divergence.
    p, values = np.full(2, 0.5), np.array([0.0, 1.0])
    chi_square = worst_case.chi_square_dual(p, values, 0.16)[0]
    assert chi_square == pytest.approx(0.5 - np.sqrt(0.16) / 2, abs=1e-16)
    reverse = worst_case.reverse_kullback_leibler_dual(p, values, 0.2)[0]
    assert reverse == pytest.approx(0.5 - np.sqrt(1 - np.exp(-0.4)) / 2, abs=1e-16)
    affinity = 0.9
    hellinger = worst_case.hellinger_dual(p, values, 1 - affinity)[0]
    assert hellinger == pytest.approx(0.5 - affinity * np.sqrt(1 - affinity**2), abs=1e-16)
    low = worst_case.kullback_leibler_dual(p, values, 0.2)[0]
    distance = low * np.log(2 * low) + (1 - low) * np.log(2 * (1 - low))
    assert distance == pytest.approx(0.2, abs=1e-15)


def test_mass_appears_where_the_law_has_none():
    # Nothing is at V = 0, all at V = 1: reverse KL keeps exp(-radius), Hellinger (1 - radius)^2.
    p, values = np.array([0.0, 1.0]), np.array([0.0, 1.0])
    kept = {"reverse_kullback_leibler": np.exp(-0.3), "hellinger": 0.7**2}
    for name in CREATES_MASS:
        for suffix, accuracy in (("", 1e-8), ("_dual", 1e-15)):
            reference = getattr(worst_case, name + suffix)
            value, law = reference(p, values, 0.3)
            assert value == pytest.approx(kept[name], abs=accuracy)
            assert law == pytest.approx([1 - kept[name], kept[name]], abs=accuracy)
            assert reference(p, values, 0.3, support="nominal")[0] == 1.0


@pytest.mark.parametrize("name", CREATES_MASS)
def test_mass_appears_beside_a_spread_out_law(name):
    # Only beyond a radius: 0.19 for reverse KL and 0.13 for Hellinger in this row.
    for radius, appears in ((0.1, False), (0.3, True)):
        value, law = getattr(worst_case, name + "_dual")(HOLE, V, radius)
        program, other_law = getattr(worst_case, name)(HOLE, V, radius)
        assert value == pytest.approx(program, abs=1e-8)
        assert law == pytest.approx(other_law, abs=1e-6)
        assert DIVERGENCES[name](HOLE, law) == pytest.approx(radius, abs=1e-15)
        assert law[0] > 0.03 if appears else law[0] < 1e-20


@pytest.mark.parametrize("suffix", ["", "_dual"])
@pytest.mark.parametrize(
    ("name", "radius"),
    [
        ("kullback_leibler", -np.log(0.5)),  # radii at which the set first holds the lowest state
        ("chi_square", 1 / 0.5 - 1),
        ("hellinger", 1 - np.sqrt(0.5)),
        ("reverse_kullback_leibler", 300.0),
    ],
)
def test_large_radius_gives_the_lowest_value_in_reach(name, radius, suffix):
    reference = getattr(worst_case, name + suffix)
    options = {"support": "nominal"} if name in CREATES_MASS else {}
    for larger in (1.001, 3):
        assert reference(HOLE, V, larger * radius, **options)[0] == pytest.approx(2, abs=1e-7)
    if name in CREATES_MASS:
        assert reference(HOLE, V, 2000.0)[0] == pytest.approx(1, abs=1e-7)


@pytest.mark.parametrize("strength", [0.01, 0.5, 20.0])
def test_entropy_penalty_program_and_dual_agree(strength):
    for p, values in random_rows(6):
        program, law = worst_case.entropy_penalty(p, values, strength)
        dual, dual_law = worst_case.entropy_penalty_dual(p, values, strength)
        assert program == pytest.approx(dual, abs=1e-9 * max(1.0, strength))
        assert law == pytest.approx(dual_law, abs=1e-5)
        assert dual_law @ values + strength * rel_entr(dual_law, p).sum() == pytest.approx(dual)


def test_all_sets_shift_and_scale_with_the_values():
    same_call = ("contamination", "total_variation", "cvar", *DIVERGENCES)
    rows: list[tuple[str, Callable, tuple]]
    rows = [(name, getattr(worst_case, name), ()) for name in same_call]
    rows += [("wasserstein", worst_case.wasserstein, (discrete_metric(4),))]
    rows += [("lp", worst_case.lp, (2,)), ("lp_dual", worst_case.lp_dual, (2,))]
    for name, sigma, rest in rows:
        plain = sigma(P, V, 0.1, *rest)[0]
        moved = sigma(P, 1e6 + 1e-3 * V, 0.1, *rest)[0]
        assert moved == pytest.approx(1e6 + 1e-3 * plain, abs=1e-9), name
        flat = sigma(P, np.full(4, 7.0), 0.1, *rest)[0]
        assert flat == pytest.approx(7.0, abs=1e-13), name


# Games


def two_state_game() -> tuple[np.ndarray, np.ndarray, float]:
    """Return a game where action 0 stays, action 1 switches, and state 1 pays 1."""
    stay = np.eye(2)
    return np.stack([stay, stay[::-1]], axis=1), np.array([[0.0, 0.0], [1.0, 1.0]]), 0.5


def contaminated(p: np.ndarray, values: np.ndarray) -> float:
    """Return the support function of a contamination of 0.2, in closed form."""
    return float(0.8 * (p @ values) + 0.2 * values.min())


def test_robust_values_by_hand():
    # Switch from 0, stay in 1: low = 0.5 (0.8 high + 0.2 low), high = 1 + the same.
    kernel, reward, discount = two_state_game()
    best = games.optimal_robust_value(kernel, reward, discount, contaminated)
    assert best == pytest.approx([0.8, 1.8], abs=1e-12)
    policy = games.deterministic_policies(2, 2)[0]  # never move: low = 0, high = 1 + 0.4 high
    value = games.robust_value(kernel, reward, discount, policy, contaminated)
    assert value == pytest.approx([0, 1 / 0.6], abs=1e-12)
    gap = games.exploitability(kernel, reward, discount, policy, contaminated)
    assert gap == pytest.approx(0.8, abs=1e-12)


def test_optimum_solves_the_bellman_equation():
    generator = np.random.default_rng(3)
    kernel, reward = generator.dirichlet(np.ones(3), size=(3, 2)), generator.normal(size=(3, 2))
    best = games.optimal_robust_value(kernel, reward, 0.8, total_variation_of_a_tenth)
    nature = [[total_variation_of_a_tenth(row, best) for row in rows] for rows in kernel]
    assert (reward + 0.8 * np.array(nature)).max(1) == pytest.approx(best, abs=1e-11)


def total_variation_of_a_tenth(p: np.ndarray, values: np.ndarray) -> float:
    """Return the support function of total variation 0.1."""
    return total_variation_by_hand(p, values, 0.1)


def test_stationary_laws_of_every_recurrent_class():
    # State 0 is transient, 1 absorbs, 2 and 3 alternate lazily.
    chain = np.array([[0.2, 0.3, 0.5, 0], [0, 1, 0, 0], [0, 0, 0.5, 0.5], [0, 0, 1, 0]])
    laws = games.stationary_laws(chain)
    assert laws == pytest.approx(np.array([[0, 1, 0, 0], [0, 0, 2 / 3, 1 / 3]]), abs=1e-14)
    assert laws @ chain == pytest.approx(laws, abs=1e-14)


def test_transport_distance_on_a_line():
    # On a line it is the area between the two distribution functions.
    position = np.array([0.0, 1.0, 3.0, 4.0])
    cost = np.abs(position[:, None] - position)
    area = np.abs(np.cumsum(P - HOLE))[:-1] @ np.diff(position)
    assert games.transport_distance(P, HOLE, cost) == pytest.approx(area, abs=1e-14)
    assert games.transport_distance(P, P, cost) == pytest.approx(0, abs=1e-14)
