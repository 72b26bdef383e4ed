"""Runs of solvers: where they begin, how the loop ends, what moves the population, what is told."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest
from eight_states import NUM_STATES, array
from registry import SOLVERS, CrowdedGame, lonely_game

import rmfg


@pytest.fixture(scope="module")
def forward():
    return rmfg.zoo.make("move-forward")


# How the loop ends ------------------------------------------------------------------------------


def test_a_limit_on_steps():
    game = rmfg.zoo.make("rock-paper-scissors")
    start = np.array([0.6, 0.3, 0.1])
    answer = rmfg.solve(game, solver=rmfg.Picard(), initial=start, max_steps=7)
    assert answer.status == "max steps"
    assert answer.steps == 7
    assert not answer.certificate.certified
    assert "max_steps" in answer.status.advice
    assert answer.status.advice in str(answer)


def test_a_limit_on_seconds():
    game = rmfg.zoo.make("rock-paper-scissors")
    start = np.array([0.6, 0.3, 0.1])
    answer = rmfg.solve(
        game, solver=rmfg.Picard(), initial=start, max_seconds=1e-9, max_steps=10**6
    )
    assert answer.status == "max seconds"
    assert answer.steps <= 1
    np.testing.assert_allclose(answer.policy.sum(1), 1)


def test_throw_carries_the_best_answer():
    game = rmfg.zoo.make("rock-paper-scissors")
    with pytest.raises(rmfg.NotCertifiedError, match="max steps: The best answer") as caught:
        rmfg.solve(game, initial=np.array([0.6, 0.3, 0.1]), max_steps=2, throw=True)
    assert caught.value.equilibrium.status == "max steps"
    assert rmfg.solve(rmfg.zoo.make("move-forward"), throw=True).status == "certified"


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_best_answer_seen_is_returned(solver):
    """More steps never give a worse answer than fewer, nor than the start."""
    game, start = rmfg.zoo.make("rock-paper-scissors"), np.array([0.6, 0.3, 0.1])
    merits = []
    for steps in (1, 2, 4, 9, 18):
        answer = rmfg.solve(
            game, solver=SOLVERS[solver](), initial=start, max_steps=steps, tol=1e-12
        )
        found = answer.certificate
        parts = (found.relative_exploitability, found.relative_nature_gap)
        merits.append(max(*parts, found.consistency, found.flow_imbalance))
    assert all(later <= sooner + 1e-12 for sooner, later in itertools.pairwise(merits))


@pytest.mark.parametrize("offset", [-1e7, 1e7])
def test_an_offset_of_rewards_changes_nothing(offset):
    """A hundred million times what they differ by is no more than rounding to the answer."""
    plain = lonely_game("dense")
    kernel, reward = plain.kernel(np.full(NUM_STATES, 0.125)), plain.reward(np.zeros(NUM_STATES))
    answer = rmfg.solve(rmfg.TabularGame(kernel, reward + offset, 0.9), rmfg.TotalVariation(0.1))
    assert answer.status == "certified", answer
    expected = rmfg.solve(plain, rmfg.TotalVariation(0.1))
    np.testing.assert_allclose(answer.policy, expected.policy, atol=1e-6)
    np.testing.assert_allclose(answer.value - 10 * offset, expected.value, atol=1e-5)


def test_the_certificate_outranks_the_solver(monkeypatch):
    """A loop that claims success does not make an answer certified."""
    from rmfg.solvers import loop

    monkeypatch.setattr(loop, "_judged", lambda problem, found, goal: (found, 0.0))
    game = rmfg.zoo.make("rock-paper-scissors")
    answer = rmfg.solve(game, initial=np.array([0.6, 0.3, 0.1]))
    assert answer.status == "not certified"
    assert not answer.certificate.certified


class Hole(rmfg.MeanFieldGame):
    """A reward that is NaN where nobody is: the first best response empties a state."""

    num_states, num_actions, discount = 3, 2, 0.5

    def kernel(self, mean_field):
        return jnp.zeros((3, 2, 3)).at[:, 0, 1].set(1.0).at[:, 1, 2].set(1.0)

    def reward(self, mean_field):
        empty = jnp.where(mean_field[0] > 0.2, 0.0, jnp.nan)
        return jnp.array([[1.0, 0], [1, 0], [1, 0]]) + empty


@pytest.mark.parametrize("solver", SOLVERS)
def test_nan_at_a_visited_mean_field_is_never_certified(solver):
    try:
        answer = rmfg.solve(Hole(), solver=SOLVERS[solver](), max_steps=50, tol=1e-6)
    except ValueError as error:
        refused = "finite" in str(error)
    else:
        refused = answer.status != "certified" and not answer.certificate.certified
    assert refused


def test_non_finite_has_its_own_status():
    answer = rmfg.solve(Hole(), solver=rmfg.Picard(damping=0.3), max_steps=50, tol=1e-6)
    assert answer.status == "non-finite"
    assert "NaN or infinite" in answer.status.advice
    assert np.isfinite(answer.distribution).all()


# Where it begins, and what moves the population ------------------------------------------------


def test_initial_from_an_earlier_answer(forward):
    first = rmfg.solve(forward, rmfg.TotalVariation(0.1))
    again = rmfg.solve(forward, rmfg.TotalVariation(0.1), initial=first)
    assert again.status == "certified"
    assert again.steps == 0
    given = rmfg.solve(forward, rmfg.TotalVariation(0.1), initial=first.distribution)
    assert given.steps == 0


def test_initial_of_the_game_is_the_first_guess():
    law = np.array([0.5, 0.25, 0.25])
    base = rmfg.zoo.make("rock-paper-scissors")
    game = rmfg.TabularGame(base.kernel(law), base._reward, 0.9, initial=law)
    answer = rmfg.solve(game, solver=rmfg.Picard(), max_steps=1, tol=1e-12)
    moved = 0.5 * law + 0.5 * np.eye(3)[1]
    assert min(np.abs(answer.distribution - guess).sum() for guess in (law, moved)) <= 1e-12


def test_a_law_over_states_starts_a_state_action_game():
    game = CrowdedGame("dense", "state-action")
    law = np.eye(NUM_STATES)[2]
    first, second = (
        rmfg.solve(game, solver=rmfg.Picard(), initial=start, max_steps=1, tol=1e-12)
        for start in (law, np.repeat(law[:, None] / 5, 5, axis=1))
    )
    np.testing.assert_array_equal(first.distribution, second.distribution)


def test_several_recurrent_classes_do_not_stop_a_solver():
    """Nobody can leave; where people start is where they stay."""
    stay = np.broadcast_to(np.eye(4)[:, None], (4, 2, 4))
    game = rmfg.TabularGame(stay, np.arange(8.0).reshape(4, 2), 0.9)
    start = np.array([0.1, 0.2, 0.3, 0.4])
    answer = rmfg.solve(game, initial=start)
    assert answer.status == "certified"
    np.testing.assert_allclose(answer.distribution, start, atol=1e-8)


def test_what_moves_the_population(forward):
    """Agents fear nature, the population moves by the simulator, or by somebody's kernel."""
    nature = rmfg.TotalVariation(0.2)
    base = forward.kernel(np.full(7, 1 / 7))
    backward = np.roll(array(base)[::-1, ::-1, ::-1], 0, axis=1)  # mirrored: a law of its own
    laws = {}
    for name, population in {
        "worst_case": "worst_case",
        "nominal": "nominal",
        "array": backward,
        "kernel": rmfg.DenseKernel(backward),
    }.items():
        answer = rmfg.solve(forward, nature, population=population)
        assert answer.status == "certified", answer
        moved = {"worst_case": answer.kernel, "nominal": base}.get(name, rmfg.DenseKernel(backward))
        chain = np.einsum("sat,sa->st", array(moved), answer.policy)
        law = answer.distribution
        assert np.abs(law - law @ chain).sum() <= 1e-7
        laws[name] = law
    np.testing.assert_allclose(laws["array"], laws["kernel"], atol=1e-7)
    np.testing.assert_allclose(laws["nominal"], [0, 0, 0, 0, 0, 0.025, 0.975], atol=1e-7)
    assert np.abs(laws["worst_case"] - laws["nominal"]).sum() > 0.1


def test_same_input_same_answer(forward):
    first, second = (rmfg.solve(forward, rmfg.KullbackLeibler(0.1)) for _ in range(2))
    for name in ("policy", "distribution", "value"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert first.certificate == second.certificate


def test_a_meter_is_told_and_closed():
    from rmfg.core.meter import Meter

    class Notes(Meter):
        def __init__(self):
            self.seen, self.closed = [], False

        def update(self, step, numbers):
            self.seen.append((step, numbers))

        def close(self):
            self.closed = True

    notes = Notes()
    rmfg.solve(rmfg.zoo.make("move-forward"), progress=notes, max_steps=5)
    assert notes.closed
    assert [step for step, _ in notes.seen] == list(range(len(notes.seen)))
    assert all(np.isfinite(list(numbers.values())).all() for _, numbers in notes.seen)


def test_the_log_answers_what_a_user_asks(forward):
    answer = rmfg.solve(forward, rmfg.TotalVariation(0.1))
    text = str(answer)
    for words in (
        "move-forward: 7 states, 3 actions",
        "total-variation, radius 0.1, support all",
        "certified at tol 1e-08",
        "exploitability",
        "consistency",
        "infeasibility",
        " s\n",
    ):
        assert words in text
