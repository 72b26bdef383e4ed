"""What finite populations accept: games that are infinite where nobody is, files, wrong input."""

import jax.numpy as jnp
import numpy as np
import pytest
from finite_games import crowded

import rmfg

# Games that are not finite everywhere -----------------------------------------------------------


def logarithmic(everywhere):
    """The log of the crowd where one is, or everywhere that of the crowd in the second state."""
    kernel = np.full((2, 2, 2), 0.5)

    def reward(mean_field):
        return -jnp.log(mean_field[1] if everywhere else mean_field[:, None]) * jnp.ones((2, 2))

    return rmfg.TabularGame(kernel, reward, 0.9)


ASKED = {
    "simulate": lambda game, answer: rmfg.simulate(game, answer, 2, 20, num_runs=10).returns,
    "exact": lambda game, answer: rmfg.finite_gap(game, None, answer, 2, method="exact").value,
    "sample": lambda game, answer: rmfg.finite_gap(game, None, answer, 2, method="sample").value,
}


@pytest.mark.parametrize("name", ASKED)
def test_games_need_be_finite_only_where_somebody_is(name):
    game = logarithmic(everywhere=False)
    assert np.isfinite(ASKED[name](game, rmfg.solve(game, max_steps=5))).all()
    game = logarithmic(everywhere=True)
    answer = rmfg.solve(game, max_steps=5)
    with pytest.raises(ValueError, match="`game` gave NaN or infinity at the empirical law"):
        ASKED[name](game, answer)


@pytest.mark.parametrize("method", ["agents", "counts"])
def test_kernels_need_be_laws_only_where_somebody_is(method):
    def kernel(mean_field):
        crowd = mean_field / mean_field[:, None]  # infinite and NaN from an empty state
        return jnp.broadcast_to((crowd / crowd.sum(1, keepdims=True))[:, None], (2, 2, 2))

    game = rmfg.TabularGame(kernel, np.array([[1.0, 0.0], [0.0, 1.0]]), 0.9)
    policy = np.full((2, 2), 0.5)
    data = rmfg.simulate(game, policy, 2, 20, num_runs=10, method=method)
    laws = data.empirical_law.values
    assert (laws == 0).any()
    np.testing.assert_allclose(laws.sum(axis=-1), 1)
    assert np.isfinite(data.returns).all()


# Files ------------------------------------------------------------------------------------------


def test_what_is_read_from_a_file_is_no_finite_population(tmp_path):
    game = rmfg.zoo.make("sis-epidemic")
    answer = rmfg.solve(game, rmfg.KullbackLeibler(0.02))
    answer.save(tmp_path / "eq.nc")
    loaded = rmfg.load(tmp_path / "eq.nc")
    with pytest.raises(ValueError, match="remake"):
        rmfg.finite_gap(loaded.game, None, loaded, 3)
    real = rmfg.zoo.remake(loaded.game.recipe)
    gap = rmfg.finite_gap(real, None, loaded, 3)
    assert gap.value == pytest.approx(rmfg.finite_gap(game, None, answer, 3).value, abs=1e-9)


def test_a_game_that_stands_still_is_read_back_as_it_is(tmp_path):
    random = np.random.default_rng(0)
    game = rmfg.TabularGame(random.dirichlet(np.ones(3), (3, 2)), random.normal(size=(3, 2)), 0.9)
    rmfg.solve(game, rmfg.TotalVariation(0.1)).save(tmp_path / "eq.nc")
    loaded = rmfg.load(tmp_path / "eq.nc")
    # Nobody meets anybody: what is optimal in the crowd is so among few.
    assert rmfg.finite_gap(loaded.game, None, loaded, 3).value <= 1e-7


# Wrong input ------------------------------------------------------------------------------------


GAME, POLICY = crowded(), np.full((2, 2), 0.5)
WRONG = {
    "agents": (lambda: rmfg.simulate(GAME, POLICY, 0, 5), ["`num_agents`", "0"]),
    "steps": (lambda: rmfg.simulate(GAME, POLICY, 5, 2.5), ["`num_steps`", "2.5"]),
    "policy": (lambda: rmfg.simulate(GAME, np.ones((2, 2)), 5, 5), ["`policy`"]),
    "nature": (lambda: rmfg.simulate(GAME, POLICY, 5, 5, nature="evil"), ["nature", "evil"]),
    "no set": (
        lambda: rmfg.simulate(GAME, POLICY, 5, 5, nature="worst_case"),
        ["`nature`", "`ambiguity`"],
    ),
    "random others": (
        lambda: rmfg.finite_gap(GAME, rmfg.TotalVariation(0.1), POLICY, 3, nature="random"),
        ["nature", "random"],
    ),
    "method": (lambda: rmfg.simulate(GAME, POLICY, 5, 5, method="x"), ["method", "x"]),
    "kernel": (
        lambda: rmfg.simulate(GAME, POLICY, 5, 5, nature=np.full((3, 2, 3), 1 / 3)),
        ["`nature`", "(3, 2)"],
    ),
    "initial": (
        lambda: rmfg.simulate(GAME, POLICY, 5, 5, initial=np.array([1.0, 1.0])),
        ["`initial`"],
    ),
    "memory": (lambda: rmfg.simulate(GAME, POLICY, 5, 10**9), ["`num_steps`", "fewer runs"]),
    "counts": (
        lambda: rmfg.simulate(GAME, POLICY, 5, 5, method="counts", keep_agents=True),
        ["`keep_agents`"],
    ),
    "too large": (
        lambda: rmfg.finite_gap(GAME, None, POLICY, 10**6, method="exact"),
        ["`num_agents`", "sample"],
    ),
    "too long": (
        lambda: rmfg.finite_gap(GAME, None, POLICY, 10**6, method="sample", num_runs=10**9),
        ["`num_runs`", "gap=None"],
    ),
    "one run": (
        lambda: rmfg.finite_gap(GAME, None, POLICY, 10, method="sample", num_runs=1),
        ["`num_runs`"],
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_refused_by_name(name):
    act, words = WRONG[name]
    with pytest.raises(ValueError, match=words[0]) as found:
        act()
    for word in words:
        assert word in str(found.value)
