"""Newton's method: certified answers where closed forms or NumPy can say what they must be.

The games need what makes equilibria hard: mixed policies, nature mixing between laws that tie,
states that nobody visits, populations that never meet, laws over state-action pairs.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from eight_states import array

import rmfg
from rmfg.core.meter import Meter

TOL = 1e-9
CHAIN = [0.00111787, 0.04952394, 0.27750186, 0.34371267, 0.27750186, 0.04952394, 0.00111787]


def judge(answer):
    """Exploitability, consistency and nature's gap, from nature's support function alone."""
    game, law, policy = answer.game, answer.distribution, answer.policy
    field = game.mean_field_of(law, policy)
    nominal, reward = game.kernel(field), game.reward(field)
    best, own = np.zeros(len(law)), np.zeros(len(law))
    for _ in range(300):
        best = (reward + game.discount * answer.ambiguity.worst_value(nominal, best)).max(1)
        q = reward + game.discount * answer.ambiguity.worst_value(nominal, own)
        own = (policy * q).sum(1)
    mover = {"worst_case": answer.kernel, "nominal": nominal}.get(
        answer.population if isinstance(answer.population, str) else "", answer.population
    )
    pushed = np.einsum("s,sa,sat->t", law, policy, array(mover))
    worst = answer.ambiguity.worst_value(nominal, best)
    visited = law[:, None] * policy > 0
    gap = np.where(visited, array(answer.kernel) @ best - worst, 0).max()
    return (best - own).max(), np.abs(pushed - law).sum(), gap


def confirmed(answer, tol=TOL):
    """Fail unless the answer is certified, and NumPy agrees."""
    assert answer.status == "certified", answer
    assert answer.certificate.tol == tol
    gain, moved, gap = judge(answer)
    unit = answer.certificate.scale
    assert gain <= 1.01 * tol * unit
    assert moved <= 1.01 * tol
    assert gap <= 1.01 * tol * unit
    np.testing.assert_allclose(answer.policy.sum(1), 1, atol=1e-13)
    np.testing.assert_allclose(answer.distribution.sum(), 1, atol=1e-13)
    outside = answer.ambiguity.violation(
        answer.kernel, answer.game.kernel(answer.mean_field), answer.mean_field
    )
    assert outside.max() <= tol


def newton(game, ambiguity=None, **options):
    return rmfg.solve(game, ambiguity, solver=rmfg.Newton(), tol=TOL, max_steps=60, **options)


# Closed forms -----------------------------------------------------------------------------------


def islands():
    """Two islands of two beaches each: everyone goes to the emptier beach of their island."""
    kernel = np.zeros((4, 2, 4))
    for s, a in np.ndindex(4, 2):
        kernel[s, a, 2 * (s // 2) + a] = 1
    return rmfg.TabularGame(kernel, lambda m: -jnp.broadcast_to(m[:, None], (4, 2)), 0.9)


def lasry_lions(answer):
    np.testing.assert_allclose(answer.distribution, CHAIN, atol=5e-9)
    mixed = {1: (0, 0.880318, 0.119682), 2: (0, 0.994129, 0.005871)}
    for state, expected in mixed.items():
        np.testing.assert_allclose(answer.policy[state], expected, atol=5e-7)
        np.testing.assert_allclose(answer.policy[6 - state][::-1], expected, atol=5e-7)
    assert answer.value @ answer.distribution == pytest.approx(-140.310757, abs=5e-7)


def rock_paper_scissors(answer):
    np.testing.assert_allclose(answer.distribution, 1 / 3, atol=TOL)
    np.testing.assert_allclose(answer.value, 0, atol=20 * TOL)


def four_rooms(answer):
    size = answer.game.num_states
    np.testing.assert_allclose(answer.distribution, 1 / size, atol=50 * TOL)
    np.testing.assert_allclose(answer.value, 10 * np.log(size), rtol=20 * TOL)


def sis(answer):
    price = (10 - 1) / (1 - 0.9 * (1 - 0.1))
    ill = 1 / (0.9 * 0.8 * price)
    assert ill == pytest.approx(0.0293209877, abs=5e-11)
    assert answer.distribution[1] == pytest.approx(ill, abs=10 * TOL)
    contacts = answer.policy @ np.arange(5) / 4
    np.testing.assert_allclose(contacts, [0.1 / (0.8 * (1 - ill)), 1], atol=1e-6)
    np.testing.assert_allclose(answer.value, [0, -price], atol=1e-6)


def coordination(answer):
    left = np.array([0, 0.025, 0.95, 0.025, 0, 0, 0])
    laws = (left, left[::-1], (left + left[::-1]) / 2)
    assert min(np.abs(answer.distribution - law).sum() for law in laws) <= 1e-8


def crowded_actions(answer):
    away = np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
    away = np.minimum(away, 5 - away)
    expected = 1 / 5 + (away.mean() - away) / 5
    np.testing.assert_allclose(answer.policy, expected, atol=1e-7)
    np.testing.assert_allclose(answer.distribution, 1 / 5, atol=10 * TOL)
    np.testing.assert_allclose(answer.value, -(away.mean() / 5 + 5 / 25) / 0.1, atol=1e-7)


def nobody_swims(answer):
    np.testing.assert_allclose(answer.distribution, [0.3, 0.3, 0.2, 0.2], atol=10 * TOL)
    np.testing.assert_allclose(answer.value, [-3, -3, -2, -2], atol=1e-7)


def all_forward(answer):
    np.testing.assert_allclose(answer.distribution, [0, 0, 0, 0, 0, 0.025, 0.975], atol=TOL)
    values = [41.4901, 46.2258, 50.3782, 53.8826, 56.6673, 58.6525, 59.7525]
    np.testing.assert_allclose(answer.value, values, atol=5e-5)
    np.testing.assert_array_equal(answer.policy[:-1], np.tile([0.0, 0, 1], (6, 1)))


@dataclasses.dataclass(frozen=True)
class Known:
    """A game whose equilibrium is known, and a start that is not it."""

    make: Callable[[], Any]
    check: Callable[[Any], None]
    start: Any = None


def zoo(name, **parameters):
    return lambda: rmfg.zoo.make(name, **parameters)


RANDOM = np.random.default_rng(0)
KNOWN = {
    "mixed policies": Known(zoo("lasry-lions-chain"), lasry_lions),
    "pure responses cycle": Known(
        zoo("rock-paper-scissors"), rock_paper_scissors, np.array([0.6, 0.3, 0.1])
    ),
    "many ties": Known(zoo("four-rooms", size=5), four_rooms, RANDOM.dirichlet(np.ones(20))),
    "a kernel that moves": Known(zoo("sis-epidemic"), sis),
    "several equilibria": Known(zoo("coordination"), coordination, np.eye(7)[2]),
    "state-action pairs": Known(
        zoo("crowded-actions"), crowded_actions, RANDOM.dirichlet(np.ones(25)).reshape(5, 5)
    ),
    "two classes": Known(islands, nobody_swims, np.array([0.5, 0.1, 0.1, 0.3])),
    "transient states": Known(zoo("move-forward"), all_forward),
}


@pytest.mark.parametrize("case", KNOWN)
def test_closed_forms(case):
    known = KNOWN[case]
    answer = newton(known.make(), initial=known.start)
    confirmed(answer)
    known.check(answer)


# Nature -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def beach():
    return rmfg.zoo.make("beach-bar", num_states=11)


NATURE = rmfg.TotalVariation(0.07)


@pytest.fixture(scope="module")
def robust(beach):
    return newton(beach, NATURE)


def test_nature_mixes_at_ties(beach, robust):
    """Both ends of the beach are equally bad, and no greedy nature keeps the population at rest."""
    confirmed(robust)
    law, policy = robust.distribution, robust.policy
    np.testing.assert_allclose(law, law[::-1], atol=1e-8)
    assert (policy.max(1) < 0.99).any()
    nominal = beach.kernel(law)
    gained = np.maximum(array(robust.kernel) - array(nominal), 0)
    sent = np.einsum("s,sa,sat->t", law, policy, gained)
    assert sent.sum() == pytest.approx(0.07, abs=1e-3)
    assert sent[0] == pytest.approx(sent[10], abs=1e-6)
    greedy = array(NATURE.worst_kernel(nominal, robust.value))
    pushed = np.einsum("s,sa,sat->t", law, policy, greedy)
    assert np.abs(pushed - law).sum() > 0.01


@pytest.mark.parametrize("population", ["nominal", "a kernel"])
def test_what_moves_the_population(population, beach):
    """Agents fear nature; the population moves by the simulator, or by a windy kernel."""
    windy = 0.9 * array(beach.kernel(np.full(11, 1 / 11))) + 0.1 * np.eye(11)[0]
    chosen = rmfg.DenseKernel(windy) if population == "a kernel" else population
    answer = newton(beach, NATURE, population=chosen)
    confirmed(answer)
    symmetric = np.abs(answer.distribution - answer.distribution[::-1]).max() <= 1e-7
    assert symmetric == (population == "nominal")


# By hand, and from an earlier answer ------------------------------------------------------------


def test_stepping_by_hand_is_solve():
    game, solver = rmfg.zoo.make("lasry-lions-chain"), rmfg.Newton()
    problem = rmfg.Problem(game)
    state = solver.init(problem, np.full(7, 1 / 7))
    certified, steps = False, 0
    while not certified and steps < 60:
        state, steps = solver.step(problem, state), steps + 1
        policy, law, kernel = solver.candidate(problem, state)
        certified = rmfg.certify(game, rmfg.Nominal(), policy, law, kernel, tol=TOL).certified
    answer = newton(game)
    assert answer.steps == steps
    np.testing.assert_allclose(answer.policy, policy, atol=1e-12)
    np.testing.assert_allclose(answer.distribution, law, atol=1e-12)


def test_an_earlier_answer_is_reproduced(beach, robust):
    again = rmfg.solve(beach, NATURE, solver=rmfg.Newton(start=robust), tol=TOL)
    confirmed(again)
    assert again.steps <= 1
    np.testing.assert_allclose(again.distribution, robust.distribution, atol=10 * TOL)
    np.testing.assert_allclose(again.policy, robust.policy, atol=1e-6)


def test_an_earlier_answer_is_followed(beach, robust):
    """Nearby radii take fewer steps than a path from uniform play, and end at the same place."""
    for radius in (0.065, 0.072, 0.08):
        warm = rmfg.solve(
            beach,
            rmfg.TotalVariation(radius),
            solver=rmfg.Newton(start=robust),
            tol=TOL,
            max_steps=12,
        )
        confirmed(warm)
    assert warm.steps < robust.steps
    cold = newton(beach, rmfg.TotalVariation(0.08))
    np.testing.assert_allclose(warm.distribution, cold.distribution, atol=100 * TOL)


# Wrong input ------------------------------------------------------------------------------------


def test_a_start_of_another_size(robust):
    with pytest.raises(ValueError, match=r"`start` .*\(11, 3\).*\(7, 3\)"):
        rmfg.solve(rmfg.zoo.make("lasry-lions-chain"), solver=rmfg.Newton(start=robust))


def test_a_start_with_other_actions(robust):
    stay = np.broadcast_to(np.eye(11)[:, None], (11, 2, 11))
    game = rmfg.TabularGame(stay, np.zeros((11, 2)), 0.9)
    with pytest.raises(ValueError, match=r"`start` .*\(11, 3\).*\(11, 2\)"):
        rmfg.solve(game, solver=rmfg.Newton(start=robust))


@pytest.mark.parametrize(
    ("name", "value"), [("temperature", 0.0), ("temperature", np.nan), ("restart", 1.5)]
)
def test_numbers_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"`{name}`"):
        rmfg.Newton(**{name: value})


# The default ------------------------------------------------------------------------------------


def relative(certificate):
    return max(
        certificate.relative_exploitability,
        certificate.consistency,
        certificate.relative_nature_gap,
    )


@pytest.mark.parametrize(
    ("name", "start", "words"),
    [
        ("move-forward", None, "Auto(): Picard iteration"),
        (
            "rock-paper-scissors",
            np.array([0.6, 0.3, 0.1]),
            "Auto(): Picard iteration, which did not contract in 5 steps; then Newton",
        ),
    ],
)
def test_the_default_says_what_it_chose(name, start, words):
    answer = rmfg.solve(rmfg.zoo.make(name), initial=start)
    assert answer.status == "certified"
    assert answer.solver == words
    assert words in str(answer)


class Notes(Meter):
    """Remembers the worst of the numbers of every candidate that was measured."""

    def __init__(self):
        self.seen = []

    def update(self, step, numbers):
        if numbers:
            self.seen.append(max(numbers.values()))

    def close(self):
        pass


@pytest.mark.parametrize("steps", [3, 7, 12])
def test_the_default_returns_the_best_of_all_that_it_saw(steps):
    notes = Notes()
    answer = rmfg.solve(
        rmfg.zoo.make("lasry-lions-chain"), tol=1e-13, max_steps=steps, progress=notes
    )
    assert notes.seen
    assert relative(answer.certificate) <= min(notes.seen) * (1 + 1e-6) + 1e-14


# The unit of what is relative -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("game", "start", "change"),
    [
        # A share of a hundredth of a third moves between the two that a shape meets, or from both.
        (zoo("rock-paper-scissors"), np.array([0.6, 0.3, 0.1]), 2 / 3),
        # The logarithm of a share.
        (zoo("four-rooms", size=5), None, 1.0),
        # The share itself, of a quarter.
        (islands, np.full(4, 0.25), 0.25),
    ],
    ids=["rock-paper-scissors", "four-rooms", "islands"],
)
def test_equal_rewards_are_no_unit(game, start, change):
    """What a hundredth of the shares changes is: at most twice `change`, at least half of it."""
    answer = newton(game(), initial=start)
    assert answer.status == "certified"
    unit = 1e-2 * change / (1 - answer.game.discount)
    assert np.ptp(answer.game.reward(answer.mean_field)) <= 1e-6 * unit
    assert unit / 2 <= answer.certificate.scale <= 2 * unit


def test_where_nothing_matters_the_value_is_the_unit():
    answer = newton(rmfg.TabularGame(np.full((3, 2, 3), 1 / 3), np.full((3, 2), 3.0), 0.8))
    assert answer.status == "certified"
    assert answer.certificate.scale == pytest.approx(3 / (1 - 0.8), rel=1e-9)
