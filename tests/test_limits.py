"""Games that are infinite or no games somewhere, and limits that hold inside of steps.

Known equilibria: closed forms where agents choose a state at once, and bisection of the smooth
conditions in `reference`.
"""

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import open_games

import rmfg
from rmfg.core import deadline
from rmfg.core.meter import Meter

SHARES = np.array([0.0, 0.4, 0.9])
DISCOUNT = 0.9


def market(cost, appeal=SHARES, slip=0.1):
    """Everybody picks a place; with probability `slip` one lands anywhere.

    r(s, a, m) = appeal(s) - cost(m(s)). Who stays away cannot do better: at the equilibrium places
    that are picked are equally good, and no other is better.
    """
    size = len(appeal)
    kernel = np.broadcast_to((1 - slip) * np.eye(size) + slip / size, (size, size, size))
    return rmfg.TabularGame(
        kernel, lambda m: jnp.broadcast_to((appeal - cost(m))[:, None], (size, size)), DISCOUNT
    )


def walled(m):
    """NaN where more than 0.55 stand in one place."""
    return jnp.where(m > 0.55, jnp.nan, 3 * m)


COSTS = {
    "log(m)": (jnp.log, np.log),
    "m / (1 - m)": (lambda m: m / (1 - m), lambda m: m / (1 - m)),
    "-log(1 - m)": (lambda m: -jnp.log(1 - m), lambda m: -np.log1p(-m)),
    "NaN in crowds": (walled, lambda m: 3 * m),
}


@pytest.mark.parametrize("name", COSTS)
@pytest.mark.parametrize("solver", ["auto", "newton", "newton, from a corner"])
def test_games_that_are_infinite_somewhere_are_solved(name, solver):
    traced, plain = COSTS[name]
    game, start = market(traced), None
    if solver.endswith("corner"):
        start = np.array([0.44, 0.44, 0.12])
    method = None if solver == "auto" else rmfg.Newton()
    answer = rmfg.solve(game, solver=method, initial=start, tol=1e-7)
    assert answer.status == "certified", answer
    law = open_games.equal_places(plain, SHARES, 0.1)
    np.testing.assert_allclose(answer.distribution, law, atol=1e-5)


SLOW = {
    "picard": (lambda: rmfg.Picard(temperature=1.0, damping=0.3), 1.0),
    "picard, all the way": (lambda: rmfg.Picard(temperature=3.0, damping=1.0), 3.0),
    "anderson": (lambda: rmfg.Anderson(rmfg.Picard(temperature=1.0)), 1.0),
    "policy iteration, soft": (lambda: rmfg.PolicyIteration("soft", temperature=3.0), 3.0),
}


@pytest.mark.parametrize("name", ["log(m)", "NaN in crowds"])
@pytest.mark.parametrize("solver", SLOW)
def test_soft_methods_stay_where_the_game_is_finite(name, solver):
    """They come to the soft equilibrium, in closed form up to a bisection."""
    traced, plain = COSTS[name]
    make, temperature = SLOW[solver]
    method, problem = make(), rmfg.Problem(market(traced))
    state = method.init(problem, np.full(3, 1 / 3))
    for _ in range(60):
        state = method.step(problem, state)
    law = open_games.soft_places(plain, SHARES, 0.1, temperature, DISCOUNT)
    np.testing.assert_allclose(method.candidate(problem, state).distribution, law, atol=2e-3)


AVERAGING = {
    "fictitious play": rmfg.FictitiousPlay,
    "mirror descent": rmfg.MirrorDescent,
    "policy iteration, smooth": lambda: rmfg.PolicyIteration("smooth"),
}


@pytest.mark.parametrize("name", ["m / (1 - m)", "NaN in crowds"])
@pytest.mark.parametrize("solver", AVERAGING)
def test_averages_stay_where_the_game_is_finite(name, solver):
    traced, plain = COSTS[name]
    answer = rmfg.solve(market(traced), solver=AVERAGING[solver](), max_steps=80, tol=1e-6)
    assert answer.status in ("certified", "max steps"), answer
    law = open_games.equal_places(plain, SHARES, 0.1)
    assert np.abs(answer.distribution - law).max() <= 0.08


class Lawless(rmfg.MeanFieldGame):
    """Rows that sum to more than one where few are in state 0, and all answers lead there."""

    num_states, num_actions, discount = 3, 2, 0.5

    def __init__(self, sound_above=0.2):
        self.sound_above = np.asarray(sound_above)

    def kernel(self, mean_field):
        rows = jnp.zeros((3, 2, 3)).at[:, 0, 1].set(1.0).at[:, 1, 2].set(1.0)
        return rows * jnp.where(mean_field[0] > self.sound_above, 1.0, 1.2)

    def reward(self, mean_field):
        return jnp.array([[1.0, 0], [1, 0], [1, 0]]) - mean_field[:, None]


@pytest.mark.parametrize(
    "solver",
    [rmfg.Auto, rmfg.Picard, rmfg.Newton, rmfg.FictitiousPlay, rmfg.MirrorDescent, rmfg.Anderson],
)
def test_the_best_answer_is_never_lost(solver):
    """Nowhere near the only candidate for an equilibrium is this a game: what was best is returned."""
    answer = rmfg.solve(Lawless(), solver=solver(), max_steps=40)
    assert answer.status in ("non-finite", "max steps", "not certified"), answer
    assert np.isfinite(answer.certificate.exploitability)
    np.testing.assert_allclose(answer.policy.sum(1), 1)


def test_a_game_that_is_finite_only_where_it_begins():
    """The uniform population is outside: `initial` of the game or of the call is where to look."""

    def reward(m):
        return jnp.where(m[0] > 0.4, 0.0, jnp.nan) + jnp.zeros((3, 1)) - m[:, None]

    kernel = np.tile([[[0.6, 0.2, 0.2]]], (3, 1, 1))
    start = np.array([0.8, 0.1, 0.1])
    with pytest.raises(ValueError, match="`reward` must be finite"):
        rmfg.TabularGame(kernel, reward, 0.9)
    game = rmfg.TabularGame(kernel, reward, 0.9, initial=start)
    answer = rmfg.solve(game)
    assert answer.status == "certified"
    np.testing.assert_allclose(answer.distribution, [0.6, 0.2, 0.2], atol=1e-9)


def test_what_fails_later_loses_nothing(monkeypatch):
    steps = []

    def step(self, problem, state):
        steps.append(1)
        if len(steps) == 3:
            raise ValueError("out of order")
        return original(self, problem, state)

    original = rmfg.Picard.step
    monkeypatch.setattr(rmfg.Picard, "step", step)
    game = rmfg.zoo.make("rock-paper-scissors")
    answer = rmfg.solve(game, solver=rmfg.Picard(), initial=np.array([0.6, 0.3, 0.1]))
    assert answer.status == "failed"
    assert "ValueError: out of order" in answer.solver
    assert answer.steps == 2
    assert np.isfinite(answer.certificate.exploitability)


# Numbers beyond the range of floating point -----------------------------------------------------


@pytest.mark.parametrize("make", [rmfg.Picard, rmfg.Newton])
@pytest.mark.parametrize("temperature", [1e-320, 1e-301, 1e301])
def test_temperatures_beyond_the_range_are_refused(make, temperature):
    with pytest.raises(ValueError, match=r"`temperature` must (lie between 1e-300|be a positive)"):
        make(temperature=temperature)


def test_temperatures_at_the_end_of_the_range_are_greedy():
    game = rmfg.zoo.make("move-forward")
    answer = rmfg.solve(game, solver=rmfg.Picard(temperature=1e-300), max_steps=60)
    assert answer.status == "certified"


# Time -------------------------------------------------------------------------------------------


def test_limits_nest_and_end():
    assert not deadline.time_is_up()
    with deadline.until(deadline.now() + 1e3):
        assert not deadline.time_is_up()
        with deadline.until(deadline.now() - 1), pytest.raises(deadline.TimeIsUp):
            deadline.check_time()
        with deadline.until(deadline.now() - 1), deadline.from_here(1e3):
            deadline.check_time()
        deadline.check_time()
    assert not deadline.time_is_up()


def test_evaluations_cut_short_are_bounds():
    """However early the clock strikes, the certificate's bounds hold."""
    game = rmfg.zoo.make("beach-bar", num_states=9)
    law = np.full(9, 1 / 9)
    policy = np.full((9, 3), 1 / 3)
    full = rmfg.certify(game, rmfg.Nominal(), policy, law)
    with deadline.from_here(0.0):
        cut = rmfg.certify(game, rmfg.Nominal(), policy, law)
    assert cut.exploitability >= full.exploitability - 1e-9
    assert cut.exploitability_lower <= full.exploitability + 1e-9
    assert cut.exploitability > full.exploitability


def test_a_limit_holds_inside_of_a_long_step():
    """Sweeps that would take minutes: one step is cut, and the best answer is kept."""
    game = rmfg.zoo.make("beach-bar", num_states=300)
    rmfg.solve(game, rmfg.TotalVariation(0.1), max_steps=1)  # compiled before the clock runs
    begin = time.perf_counter()
    answer = rmfg.solve(game, rmfg.TotalVariation(0.1), tol=1e-12, max_seconds=8.0)
    taken = time.perf_counter() - begin
    assert answer.status == "max seconds" or answer.certificate.certified
    assert taken <= 30
    assert np.isfinite(answer.certificate.exploitability)


def test_a_limit_before_anything_is_known():
    game = rmfg.zoo.make("beach-bar", num_states=9)
    answer = rmfg.solve(game, max_seconds=1e-9)
    assert answer.status == "max seconds"
    np.testing.assert_allclose(answer.policy.sum(1), 1)
    assert not answer.certificate.certified


def test_limits_do_not_reach_outside():
    """What is traced inside of a limit knows nothing of it."""
    with deadline.until(deadline.now() - 1):
        assert float(jax.jit(lambda x: 2 * x)(1.0)) == 2.0


# Progress ---------------------------------------------------------------------------------------


class Heard(Meter):
    """Writes down what it is told."""

    def __init__(self):
        self.told, self.closed = [], 0

    def update(self, step, numbers):
        self.told.append((step, dict(numbers)))

    def close(self):
        self.closed += 1


EVEN, LAZY = np.full((3, 3), 1 / 3), np.full(3, 1 / 3)

CALLS = {
    "solve": lambda game, told: rmfg.solve(game, max_steps=2, progress=told),
    "certify": lambda game, told: rmfg.certify(game, rmfg.Nominal(), EVEN, LAZY, progress=told),
    "simulate": lambda game, told: rmfg.simulate(game, EVEN, 5, 4, nature="nominal", progress=told),
    "finite_gap, exact": lambda game, told: rmfg.finite_gap(
        game, rmfg.Nominal(), EVEN, 2, method="exact", progress=told
    ),
    "finite_gap, sampled": lambda game, told: rmfg.finite_gap(
        game, rmfg.Nominal(), EVEN, 2, method="sample", num_runs=2, num_steps=3, progress=told
    ),
    "finite_equilibrium": lambda game, told: rmfg.finite_equilibrium(
        game, rmfg.Nominal(), 2, max_steps=1, progress=told
    ),
    "find_equilibria": lambda game, told: rmfg.find_equilibria(game, num_starts=1, progress=told),
    "trace": lambda game, told: rmfg.trace(game, rmfg.Contamination, [0.0], progress=told),
    "contraction": lambda game, told: rmfg.contraction(
        game, rmfg.KullbackLeibler(0.1), 5.0, num_samples=2, progress=told
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_long_calls_tell_a_meter(call, capsys):
    game, meter = market(lambda m: m), Heard()
    CALLS[call](game, meter)
    assert meter.told
    assert meter.closed >= 1
    CALLS[call](game, True)
    assert capsys.readouterr() == ("", "")


def test_equilibria_are_looked_for_where_a_game_is_finite():
    """Most starts gather everybody in one place, where this game is infinite."""
    found = rmfg.find_equilibria(market(COSTS["m / (1 - m)"][0]), num_starts=3)
    law = open_games.equal_places(COSTS["m / (1 - m)"][1], SHARES, 0.1)
    assert len(found) == 1
    np.testing.assert_allclose(found[0].distribution, law, atol=1e-6)
