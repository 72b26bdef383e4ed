"""The sparse blocks of the slope against forward differentiation of the smoothed equations."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse.linalg

import rmfg
from rmfg.model.problem import Problem
from rmfg.solvers import slope
from rmfg.solvers.blocks import blocks, has_blocks
from rmfg.solvers.smoothing import Center, Play, Smoothing, residual

SETS = {
    "nominal": rmfg.Nominal(),
    "total variation": rmfg.TotalVariation(0.1, support="nominal"),
    "contamination": rmfg.Contamination(0.1, support="nominal"),
    "cvar": rmfg.CVaR(0.2),
    "KL": rmfg.KullbackLeibler(0.1),
    "reverse KL": rmfg.ReverseKullbackLeibler(0.1, support="nominal"),
    "chi-square": rmfg.ChiSquare(0.1),
    "Hellinger": rmfg.Hellinger(0.05, support="nominal"),
    "interval": rmfg.IntervalAround(0.1, support="nominal"),
    "L2": rmfg.Lp(0.1, p=2, support="nominal"),
    "entropy penalty": rmfg.EntropyPenalty(0.5),
}
CASES = {
    **{name: ("four-rooms", ambiguity, "worst_case") for name, ambiguity in SETS.items()},
    "nominal population": ("four-rooms", SETS["total variation"], "nominal"),
    "line": ("beach-bar", SETS["KL"], "worst_case"),
}
SIZES = {"four-rooms": {"size": 5, "wind": 0.2}, "beach-bar": {"num_states": 9}}


def law_of(game):
    """The uniform law."""
    return np.full(game.num_states, 1 / game.num_states)


def point_of(game, seed):
    """Any point: values of a few units, and a law with no empty states."""
    random = np.random.default_rng(seed)
    law = random.dirichlet(np.ones(game.num_states)) + 0.1 / game.num_states
    return np.concatenate([random.normal(size=game.num_states), law / law.sum()])


def smoothing_of(game, temperature, seed):
    """A center that is neither uniform nor what is played."""
    random = np.random.default_rng(seed)
    size, actions = game.num_states, game.num_actions
    center = Center(
        jax.nn.log_softmax(random.normal(size=(size, actions))),
        jnp.asarray(random.normal(size=size)),
        jnp.asarray(random.dirichlet(np.ones(size))),
        jnp.asarray(random.uniform(0.2, 1, (size, actions))),
        jnp.asarray(0.1 * random.normal(size=(size, actions))),
    )
    return Smoothing(center, *(jnp.asarray(x) for x in (np.log(temperature), 1e-3, 3.0)))


def forward(problem, point, smoothing):
    """The slope, one direction after another, and what is played."""
    slopes, play = _forward(problem, jnp.asarray(point), smoothing)
    return np.asarray(slopes), play


@eqx.filter_jit
def _forward(problem, point, smoothing):
    return jax.jacfwd(lambda at: residual(problem, at, smoothing), has_aux=True)(point)


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize(("name", "ambiguity", "population"), CASES.values(), ids=CASES)
def test_blocks_are_the_slope_where_coupling_is_local(name, ambiguity, population, ledger):
    game = rmfg.zoo.make(name, **SIZES[name])
    problem = Problem(game, ambiguity, population)
    for seed, temperature in enumerate((1.0, 0.03)):
        point, smoothing = point_of(game, seed), smoothing_of(game, temperature, seed)
        slopes, play = forward(problem, point, smoothing)
        found = blocks(problem, point, smoothing, play).toarray()
        ledger.at_most("blocks", np.abs(found - slopes), 1e-9 * np.abs(slopes).max())


def test_what_many_states_share_is_left_to_gmres(ledger):
    """Where a reward depends on a mean over all states, few steps solve what the blocks do not."""
    game = rmfg.zoo.make("four-rooms", size=11, wind=0.2)
    heights = jnp.linspace(0, 1, game.num_states)

    def reward(mean_field):
        return game.reward(mean_field) - 3 * heights[:, None] * (heights @ mean_field)

    shared = rmfg.TabularGame(game.kernel(law_of(game)), reward, game.discount)
    problem = Problem(shared, rmfg.TotalVariation(0.1, support="all"))
    point, smoothing = point_of(shared, 0), smoothing_of(shared, 0.1, 0)
    slopes, play = forward(problem, point, smoothing)
    assert has_blocks(problem, point, play)
    right = np.random.default_rng(1).normal(size=point.size)
    steps = []
    solve = scipy.sparse.linalg.splu(blocks(problem, point, smoothing, play)).solve
    scipy.sparse.linalg.gmres(
        slopes,
        right,
        M=scipy.sparse.linalg.LinearOperator(slopes.shape, matvec=solve),
        rtol=1e-10,
        callback=steps.append,
        callback_type="pr_norm",
    )
    assert len(steps) <= 20
    found = slope.linearize(problem, point, smoothing)
    assert isinstance(found, slope.KrylovSlope)
    change = found.solve(right)[:-1]
    ledger.at_most("solved", np.abs(slopes @ change - right), 1e-4 * np.abs(right).max())


def test_blocks_are_for_graphs_whose_factors_stay_sparse():
    """Lines and grids have sparse factors, and random graphs have not."""
    for game, sparse in (
        (rmfg.zoo.make("beach-bar", num_states=301), True),
        (rmfg.zoo.make("four-rooms", size=21), True),
        (rmfg.zoo.make("mf-garnet", num_states=500, branching=6, sparse=True), False),
    ):
        # What is played matters by its pattern alone.
        kernel = game.kernel(law_of(game))
        policy = np.full((game.num_states, game.num_actions), 1 / game.num_actions)
        play = Play(policy, kernel, *[law_of(game)] * 5)
        assert has_blocks(Problem(game), point_of(game, 0), play) == sparse


def test_windy_rooms_are_certified():
    """Beyond one dense matrix, in a game where nearly every cell mixes and nature's answers tie."""
    game = rmfg.zoo.make("four-rooms", size=11, wind=0.1)
    found = rmfg.solve(game, rmfg.TotalVariation(0.05, support="nominal"), tol=1e-8)
    assert found.certificate.certified
    assert "Newton" in found.solver
