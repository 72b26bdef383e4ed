"""Mirror descent, policy iteration and Anderson acceleration: updates, limits, rates.

Judged by NumPy calculations, closed forms of the zoo, and the certificate.
"""

import numpy as np
import pytest
from eight_states import NUM_STATES, array
from registry import SOLVERS, CrowdedGame, lonely_game

import rmfg
from rmfg.cli import choices
from rmfg.solvers.anderson import _nearest_law

NATURE = rmfg.TotalVariation(0.1)
UNIFORM = np.full(NUM_STATES, 1 / NUM_STATES)
OFF_CENTER = np.array([0.6, 0.3, 0.1])
NEW = [name for name in SOLVERS if name.split(",")[0] in ("mirror descent", "policy iteration")]


def walk(solver, problem, start, steps):
    """All states of a solver that is driven by hand."""
    states = [solver.init(problem, start)]
    for _ in range(steps):
        states.append(solver.step(problem, states[-1]))
    return states


def residuals(solver, problem, start, steps):
    return np.array([solver.residual(state) for state in walk(solver, problem, start, steps)])


def softmax(numbers):
    weights = np.exp(numbers - numbers.max(1, keepdims=True))
    return weights / weights.sum(1, keepdims=True)


def worth(game, policy, law):
    """The policy's robust action values, by the definition."""
    value = rmfg.evaluate(game, NATURE, policy, law, tol=1e-13)
    return rmfg.robust_q(game, NATURE, law, value)


# Mirror descent ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NEW)
@pytest.mark.parametrize("mean_field", ["state", "state-action"])
def test_states_hold_laws(name, mean_field):
    game = CrowdedGame("sparse", mean_field)
    problem, solver = rmfg.Problem(game, NATURE), SOLVERS[name]()
    start = np.full(game.mean_field_shape, 1 / np.prod(game.mean_field_shape))
    for state in walk(solver, problem, start, 4):
        policy, law = solver.candidate(problem, state)[:2]
        for rows in (policy, law):
            assert rows.min() >= 0
            np.testing.assert_allclose(rows.sum(-1), 1, atol=1e-12)
        assert type(law) is np.ndarray


@pytest.mark.parametrize("optimistic", [False, True])
def test_mirror_descent_is_the_update_as_written(optimistic):
    game = CrowdedGame("dense")
    solver, problem = rmfg.MirrorDescent(0.7, optimistic=optimistic), rmfg.Problem(game, NATURE)
    total, spread, policy, law = 0.0, 0.0, np.full((NUM_STATES, 5), 0.2), UNIFORM
    for state in walk(solver, problem, UNIFORM, 3)[1:]:
        q = worth(game, policy, law)
        advantage = q - (policy * q).sum(1, keepdims=True)
        total, spread = total + advantage, spread + (policy * advantage**2).sum(1, keepdims=True)
        policy = softmax(0.7 * (total + optimistic * advantage) / np.sqrt(spread))
        found, law = solver.candidate(problem, state)[:2]
        np.testing.assert_allclose(found, policy, atol=1e-8)


def test_mirror_descent_has_no_unit():
    """Rewards in cents, and some more for everybody, change no policy."""
    base = rmfg.zoo.make("lasry-lions-chain")
    kernel = base.kernel(np.full(7, 1 / 7))
    cents = rmfg.TabularGame(kernel, lambda m: 100 * base.reward(m) + 50, 0.9, num_states=7)
    solver, ends = rmfg.MirrorDescent(), []
    for game in (base, cents):
        problem = rmfg.Problem(game)
        ends.append(solver.candidate(problem, walk(solver, problem, np.full(7, 1 / 7), 8)[-1]))
    np.testing.assert_allclose(ends[0].policy, ends[1].policy, atol=1e-6)


def test_mirror_descent_reaches_the_mixed_equilibrium():
    """The law in the game's notes, where greedy methods cycle."""
    game = rmfg.zoo.make("lasry-lions-chain")
    answer = rmfg.solve(game, solver=rmfg.MirrorDescent(), tol=1e-3, max_steps=150)
    assert answer.status == "certified", answer
    half = [0.00111787, 0.04952394, 0.27750186]
    np.testing.assert_allclose(answer.distribution, [*half, 0.34371267, *half[::-1]], atol=1e-3)
    kernel, reward = array(answer.kernel), np.asarray(game.reward(answer.distribution))
    best, own = np.zeros(7), np.zeros(7)
    for _ in range(300):
        best = (reward + 0.9 * kernel @ best).max(1)
        own = (answer.policy * (reward + 0.9 * kernel @ own)).sum(1)
    assert (best - own).max() <= 1.01e-3 * answer.certificate.scale
    chain = np.einsum("sat,sa->st", kernel, answer.policy)
    np.testing.assert_allclose(answer.distribution @ chain, answer.distribution, atol=1e-12)


def test_mirror_descent_reaches_the_closed_form_on_state_action_laws():
    """All roads equally good: pi = 1 / S + distance_cost (mean length - length) / crowding."""
    game = rmfg.zoo.make("crowded-actions")
    apart = np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
    lengths = np.minimum(apart, 5 - apart)
    policy = 0.2 + (lengths.mean(1, keepdims=True) - lengths) / 5
    solver, problem = rmfg.MirrorDescent(), rmfg.Problem(game)
    last = walk(solver, problem, np.diag([0.6, 0.1, 0.1, 0.1, 0.1]), 60)[-1]
    np.testing.assert_allclose(last.mean_field, policy / 5, atol=5e-3)


def test_mirror_descent_lets_nature_mix():
    """Between two targets nature is indifferent; one answer of it alone moves everybody."""
    game = rmfg.zoo.make("coordination")
    answer = rmfg.solve(game, NATURE, solver=rmfg.MirrorDescent(), tol=1e-3, max_steps=200)
    assert answer.status == "certified", answer
    chain = np.einsum("sat,sa->st", array(answer.kernel), answer.policy)
    np.testing.assert_allclose(answer.distribution @ chain, answer.distribution, atol=1e-10)


def test_optimism_ends_the_chase():
    """Rock, paper, scissors: plain descent circles, optimistic descent comes to rest."""
    problem = rmfg.Problem(rmfg.zoo.make("rock-paper-scissors"))
    ends = {}
    for optimistic in (False, True):
        solver = rmfg.MirrorDescent(optimistic=optimistic)
        states = walk(solver, problem, OFF_CENTER, 80)[-20:]
        ends[optimistic] = max(np.abs(state.mean_field - 1 / 3).max() for state in states)
    assert ends[True] <= 1e-2
    assert ends[False] >= 0.1


# Policy iteration -------------------------------------------------------------------------------


def test_policy_iteration_is_the_update_as_written():
    game, problem = CrowdedGame("dense"), rmfg.Problem(CrowdedGame("dense"), NATURE)
    q = worth(game, np.full((NUM_STATES, 5), 0.2), UNIFORM)
    best = np.eye(5)[q.argmax(1)]
    expected = {
        "greedy": (rmfg.PolicyIteration(), best),
        "soft": (rmfg.PolicyIteration("soft", temperature=0.3), softmax(q / 0.3)),
        "smooth": (rmfg.PolicyIteration("smooth", damping=0.25), 0.75 * 0.2 + 0.25 * best),
    }
    for solver, policy in expected.values():
        state = walk(solver, problem, UNIFORM, 1)[-1]
        found, law = solver.candidate(problem, state)[:2]
        np.testing.assert_allclose(found, policy, atol=1e-9)
        # The law is stationary under nature's answer to the uniform policy.
        value = rmfg.evaluate(game, NATURE, np.full_like(policy, 0.2), UNIFORM, tol=1e-13)
        kernel = NATURE.worst_kernel(game.kernel(UNIFORM), value)
        chain = np.einsum("sat,sa->st", array(kernel), policy)
        np.testing.assert_allclose(law @ chain, law, atol=1e-12)


def test_greedy_policy_iteration_without_interaction_is_robust_policy_iteration():
    answer = rmfg.solve(
        lonely_game("dense"), NATURE, solver=rmfg.PolicyIteration(), tol=1e-10, max_steps=12
    )
    assert answer.status == "certified", answer


def test_greedy_cycles_where_soft_and_smooth_converge():
    """Rock, paper, scissors: whole policies chase each other; mixtures come to rest."""
    problem, third = rmfg.Problem(rmfg.zoo.make("rock-paper-scissors")), np.full(3, 1 / 3)
    greedy = walk(rmfg.PolicyIteration(), problem, OFF_CENTER, 12)
    policies = [state.response.policy for state in greedy]
    assert any(np.array_equal(policies[-1], policy) for policy in policies[6:-1])
    assert not np.array_equal(policies[-1], policies[-2])
    soft = rmfg.PolicyIteration("soft", temperature=1.0)
    assert residuals(soft, problem, OFF_CENTER, 60)[-1] <= 1e-6
    smooth = walk(rmfg.PolicyIteration("smooth"), problem, OFF_CENTER, 100)
    away = [np.abs(state.mean_field - third).max() for state in smooth]
    assert max(away[90:]) <= 0.07  # rounding decides which of three equal actions is first
    assert max(away[90:]) <= 0.6 * max(away[10:20])


# Anderson acceleration --------------------------------------------------------------------------


def test_anderson_needs_at_most_half_of_the_steps():
    problem = rmfg.Problem(rmfg.zoo.make("lasry-lions-chain"), NATURE)
    picard, start = rmfg.Picard(temperature=60.0), np.full(7, 1 / 7)
    plain = residuals(picard, problem, start, 30)
    fast = residuals(rmfg.Anderson(picard), problem, start, 15)
    tolerance = 1e-8
    assert plain[-1] <= tolerance
    assert 2 * np.argmax(fast <= tolerance) <= np.argmax(plain <= tolerance)
    assert fast.min() <= tolerance


def test_anderson_converges_where_picard_cycles():
    game = rmfg.zoo.make("beach-bar", num_states=7)
    picard, start = rmfg.Picard(temperature=0.3), np.full(7, 1 / 7)
    problem = rmfg.Problem(game)
    assert residuals(picard, problem, start, 40).min() >= 0.1
    solver = rmfg.Anderson(picard)
    states = walk(solver, problem, start, 40)
    assert solver.residual(states[-1]) <= 1e-10
    policy, law = solver.candidate(problem, states[-1])[:2]
    # The point is a soft equilibrium: one more sweep of the soft operator keeps it.
    value = states[-1].inner.response.value
    kept = rmfg.soft_operator(game, rmfg.Nominal(), 0.3, law, value)
    np.testing.assert_allclose(kept, value, atol=1e-8)
    chain = np.einsum("sat,sa->st", array(game.kernel(law)), policy)
    np.testing.assert_allclose(law @ chain, law, atol=1e-10)


def test_anderson_solves_a_linear_map_in_as_many_steps_as_it_has_states():
    """Agents without a choice, a step at a time: m <- m P, a linear system in S - 1 unknowns."""
    chain = np.random.default_rng(3).dirichlet(np.ones(5), 5) * 0.1 + 0.9 * np.eye(5)
    game = rmfg.TabularGame(chain[:, None, :], np.zeros((5, 1)), 0.5)
    solver = rmfg.Anderson(rmfg.Picard(damping=1.0, long_run=False), memory=5)
    found = residuals(solver, rmfg.Problem(game), np.eye(5)[0], 6)
    assert found[-1] <= 1e-9
    assert found[1] >= 1e-2


def test_anderson_begins_with_the_wrapped_solver_s_step():
    problem, picard = rmfg.Problem(CrowdedGame("dense"), NATURE), rmfg.Picard(damping=0.3)
    solver = rmfg.Anderson(picard, memory=2)
    own, wrapped = (walk(x, problem, UNIFORM, 1)[-1] for x in (picard, solver))
    np.testing.assert_array_equal(own.guess, wrapped.inner.guess)
    states = walk(solver, problem, UNIFORM, 5)
    assert all(len(state.guesses) <= 3 for state in states)
    for state in states:
        np.testing.assert_allclose(state.inner.guess.sum(), 1, atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_the_projection_is_the_nearest_law(seed):
    """The law x nearest to p is the one with (p - x) . (y - x) <= 0 for all laws y."""
    point = np.random.default_rng(seed).normal(scale=0.1 + seed, size=6)
    law = _nearest_law(point)
    assert law.min() >= 0
    assert law.sum() == pytest.approx(1, abs=1e-12)
    assert ((np.eye(6) - law) @ (point - law)).max() <= 1e-12
    np.testing.assert_allclose(_nearest_law(law), law, atol=1e-15)


@pytest.mark.parametrize(
    "solver", [rmfg.FictitiousPlay, rmfg.MirrorDescent, rmfg.PolicyIteration, rmfg.Auto]
)
def test_anderson_says_what_it_can_wrap(solver):
    with pytest.raises(TypeError, match=r"`solver` must repeat one map .* rmfg\.Picard"):
        rmfg.solve(rmfg.zoo.make("move-forward"), solver=rmfg.Anderson(solver()))


# Arguments --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: rmfg.MirrorDescent(0.0), "step_size"),
        (lambda: rmfg.MirrorDescent(np.nan), "step_size"),
        (lambda: rmfg.PolicyIteration("gredy"), "greedy"),
        (lambda: rmfg.PolicyIteration(temperature=1.0), "temperature"),
        (lambda: rmfg.PolicyIteration("smooth", temperature=1.0), "temperature"),
        (lambda: rmfg.PolicyIteration("soft"), "temperature"),
        (lambda: rmfg.PolicyIteration("soft", temperature=-1.0), "temperature"),
        (lambda: rmfg.PolicyIteration("soft", temperature=1.0, damping=0.5), "damping"),
        (lambda: rmfg.PolicyIteration(damping=0.5), "damping"),
        (lambda: rmfg.PolicyIteration("smooth", damping=1.5), "damping"),
        (lambda: rmfg.Anderson(memory=0), "memory"),
        (lambda: rmfg.Anderson(memory=2.5), "memory"),
        (lambda: rmfg.Anderson(regularization=0.0), "regularization"),
    ],
)
def test_wrong_arguments_are_named(make, name):
    with pytest.raises(ValueError, match=name):
        make()


def test_anderson_wraps_a_solver():
    with pytest.raises(TypeError, match="solver"):
        rmfg.Anderson("picard")


def test_solvers_print_as_the_calls_that_make_them():
    assert str(rmfg.MirrorDescent()) == "MirrorDescent(step_size=0.5, optimistic=False)"
    assert str(rmfg.PolicyIteration("soft", temperature=2)) == (
        "PolicyIteration(kind=soft, temperature=2)"
    )
    typed = choices.solver("anderson", {"temperature": "0.1", "memory": "3"}, 0)
    assert str(typed).startswith("Anderson(solver=Picard(damping=0.5, temperature=0.1, ")
    assert typed.memory == 3
