"""Solvers: what they must reach, and what they are when driven by hand.

Every claim is judged by a NumPy calculation or by the certificate of a game with a known answer.
"""

import numpy as np
import pytest
from eight_states import NUM_STATES, SHAPE, array
from reference import games as brute_force
from registry import SETS, SOLVERS, CrowdedGame, lonely_game, over_kernels

import rmfg

LINE = np.abs(np.subtract.outer(np.arange(7.0), np.arange(7.0)))

# Nature in the move-forward game, seven states in a row.
NATURES = {
    "nominal": rmfg.Nominal(),
    "contamination": rmfg.Contamination(0.1),
    "total variation": rmfg.TotalVariation(0.1),
    "total variation, nominal support": rmfg.TotalVariation(0.1, support="nominal"),
    "KL": rmfg.KullbackLeibler(0.1),
    "chi-square": rmfg.ChiSquare(0.1),
    "Hellinger": rmfg.Hellinger(0.05),
    "CVaR": rmfg.CVaR(0.3),
    "Wasserstein": rmfg.Wasserstein(0.1, LINE),
    "penalty": rmfg.EntropyPenalty(1.0),
}


@pytest.fixture(scope="module")
def forward():
    return rmfg.zoo.make("move-forward")


def judge(game, law, policy, ambiguity, kernel):
    """Exploitability and consistency by value iteration in NumPy on nature's own support function."""
    field = game.mean_field_of(law, policy)
    nominal, reward = game.kernel(field), game.reward(field)
    best, own = np.zeros(len(law)), np.zeros(len(law))
    for _ in range(600):
        best = (reward + game.discount * ambiguity.worst_value(nominal, best)).max(1)
        q = reward + game.discount * ambiguity.worst_value(nominal, own)
        own = (policy * q).sum(1)
    pushed = np.einsum("s,sa,sat->t", law, policy, array(kernel))
    return (best - own).max(), np.abs(pushed - law).sum()


@pytest.mark.parametrize("name", NATURES)
def test_without_interaction_the_default_certifies(name, forward):
    ambiguity = NATURES[name]
    answer = rmfg.solve(forward, ambiguity)
    assert answer.status == "certified", answer
    assert answer.certificate.tol == 1e-8
    gain, moved = judge(forward, answer.distribution, answer.policy, ambiguity, answer.kernel)
    assert gain <= 1.01e-8 * answer.certificate.scale + 1e-12
    assert moved <= 1.01e-8
    # Everyone goes right, whatever nature does.
    np.testing.assert_allclose(answer.policy[:-1, 2], 1)


@over_kernels
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_on_both_kernels(solver, form):
    """An answer that is no worse than a tenth, or than a temperature allows, and NumPy confirms it."""
    game, ambiguity = lonely_game(form), rmfg.TotalVariation(0.1)
    tol = 0.9 if "soft" in solver else 0.1
    answer = rmfg.solve(game, ambiguity, solver=SOLVERS[solver](), tol=tol, max_steps=300)
    assert answer.status == "certified", answer
    gain, moved = judge(game, answer.distribution, answer.policy, ambiguity, answer.kernel)
    assert gain <= answer.certificate.exploitability + 1e-9
    assert moved == pytest.approx(answer.certificate.consistency, abs=1e-12)
    assert type(answer.kernel) is type(game.kernel(answer.distribution))
    for numbers in (answer.policy, answer.distribution, answer.value):
        assert type(numbers) is np.ndarray
        assert numbers.dtype == np.float64


@pytest.mark.parametrize("row", [row for row in SETS if row.kind in ("CVaR", "reverse KL")])
def test_an_answer_is_the_robust_mdp_s(row):
    """Without interaction the law is the stationary law of nature's chain, found in NumPy."""
    game = lonely_game("dense")
    ambiguity = row.build(row.middle(), game.kernel(np.full(NUM_STATES, 0.125)))
    answer = rmfg.solve(game, ambiguity)
    assert answer.status == "certified"
    chain = np.einsum("sat,sa->st", array(answer.kernel), answer.policy)
    laws = brute_force.stationary_laws(chain)
    shares, *_ = np.linalg.lstsq(laws.T, answer.distribution, rcond=None)
    np.testing.assert_allclose(shares @ laws, answer.distribution, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("lasry-lions-chain", {}), ("coordination", {}), ("beach-bar", {"num_states": 7})],
)
def test_fictitious_play_in_monotone_games(name, parameters):
    game = rmfg.zoo.make(name, **parameters)
    answer = rmfg.solve(game, solver=rmfg.FictitiousPlay(), tol=1e-2)
    assert answer.status == "certified", answer
    gain, moved = judge(game, answer.distribution, answer.policy, rmfg.Nominal(), answer.kernel)
    assert gain <= 1.01e-2 * answer.certificate.scale
    assert moved <= 1.01e-2


def test_fictitious_play_finds_the_mixed_equilibrium():
    """Rock, paper, scissors: pure responses chase each other, their average comes to rest."""
    game = rmfg.zoo.make("rock-paper-scissors")
    solver, problem = rmfg.FictitiousPlay(power=3), rmfg.Problem(game)
    state = solver.init(problem, np.array([0.6, 0.3, 0.1]))
    gains = []
    for step in range(1, 161):
        state = solver.step(problem, state)
        if step in (10, 40, 160):
            policy, law, kernel = solver.candidate(problem, state)
            gains.append(rmfg.certify(game, rmfg.Nominal(), policy, law, kernel).exploitability)
    assert np.abs(law - 1 / 3).max() <= 0.01
    assert gains[0] > 2 * gains[1] > 4 * gains[2]


# By hand ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", [name for name in SOLVERS if name != "auto"])
def test_stepping_by_hand_is_the_loop(solver):
    """The public loop around public steps, with the certificate as the judge."""
    game, ambiguity, steps = CrowdedGame("dense"), rmfg.TotalVariation(0.1), 6
    method, start = SOLVERS[solver](), np.full(NUM_STATES, 1 / NUM_STATES)
    problem = rmfg.Problem(game, ambiguity)
    state = method.init(problem, start)
    seen = [method.candidate(problem, state)]
    for _ in range(steps):
        state = method.step(problem, state)
        seen.append(method.candidate(problem, state))
    answer = rmfg.solve(game, ambiguity, solver=method, max_steps=steps, tol=1e-12)
    assert answer.status in ("max steps", "certified")

    def merit(policy, law, kernel):
        found = rmfg.certify(game, ambiguity, policy, law, kernel)
        parts = (found.relative_exploitability, found.relative_nature_gap)
        return max(*parts, found.consistency, found.flow_imbalance)

    merits = [merit(*candidate) for candidate in seen]
    best = seen[int(np.argmin(merits))]
    assert isinstance(best.policy, np.ndarray)
    found = merit(answer.policy, answer.distribution, answer.kernel)
    if found < min(merits) * (1 - 1e-9):
        # Where only the law fell short, its own long run was better.
        law = rmfg.stationary_distribution(answer.kernel, answer.policy, initial=best.distribution)
        np.testing.assert_allclose(answer.distribution, law, atol=1e-3)
    else:
        np.testing.assert_allclose(answer.policy, best.policy, atol=1e-12)
        np.testing.assert_allclose(answer.distribution, best.distribution, atol=1e-12)


def test_picard_is_damped_as_written():
    """m <- (1 - damping) m + damping * image, with the image one push or the stationary law."""
    game, ambiguity = CrowdedGame("dense"), rmfg.TotalVariation(0.1)
    start = np.full(NUM_STATES, 1 / NUM_STATES)
    best = rmfg.best_response(game, ambiguity, start)
    images = {
        False: np.einsum("s,sa,sat->t", start, best.policy, array(best.kernel)),
        True: rmfg.stationary_distribution(best.kernel, best.policy, initial=start),
    }
    for forever, image in images.items():
        solver = rmfg.Picard(damping=0.25, long_run=forever)
        problem = rmfg.Problem(game, ambiguity)
        state = solver.init(problem, start)
        np.testing.assert_allclose(state.image, image, atol=1e-12)
        residual = float(state.residual())
        assert residual == pytest.approx(np.abs(image - start).sum(), abs=1e-12)
        law = solver.candidate(problem, solver.step(problem, state)).distribution
        np.testing.assert_allclose(law, 0.75 * start + 0.25 * image, atol=1e-12)


@pytest.mark.parametrize("temperature", [0.01, 0.1, 1.0])
def test_the_bias_of_a_temperature_is_bounded(temperature):
    """At most temperature * log A / (1 - discount), and not zero."""
    game = lonely_game("dense")
    solver = rmfg.Picard(damping=1.0, temperature=temperature)
    problem = rmfg.Problem(game, rmfg.TotalVariation(0.1))
    state = solver.step(problem, solver.init(problem, np.full(NUM_STATES, 0.125)))
    policy, law, _ = solver.candidate(problem, state)
    found = rmfg.certify(game, rmfg.TotalVariation(0.1), policy, law)
    bound = temperature * np.log(SHAPE[1]) / (1 - game.discount)
    assert 0 < found.exploitability <= bound


def test_picard_contracts_to_one_equilibrium():
    """A hot temperature makes the map contract: all starts end at the same law."""
    problem = rmfg.Problem(CrowdedGame("dense"), rmfg.TotalVariation(0.1))
    solver, ends = rmfg.Picard(damping=1.0, temperature=5.0), []
    for seed in range(3):
        state = solver.init(problem, np.random.default_rng(seed).dirichlet(np.ones(NUM_STATES)))
        distances = []
        for _ in range(12):
            state = solver.step(problem, state)
            distances.append(np.abs(state.image - state.guess).sum())
        assert distances[-1] <= 1e-8 <= distances[0]
        ends.append(state.image)
    assert max(np.abs(ends[0] - end).max() for end in ends) <= 1e-8
