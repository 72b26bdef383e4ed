"""The zoo: every game is well formed, and has the properties that its entry claims."""

import re

import equinox as eqx
import jax
import numpy as np
import pytest
from zoo_games import SMALL, claiming, default, random_field, tensors

from rmfg import zoo
from rmfg.model.game import MeanFieldGame

CASES = [(name, {}) for name in zoo.names()] + [
    ("beach-bar", {"num_states": 6, "ring": True, "bar": 0, "attraction": 4.0}),
    ("two-beach-bars", {"bars": (3, 9, 20), "charms": (0.0, -0.5, 1.0)}),
    ("four-rooms", {"size": 5, "wind": 0.3}),
    ("four-rooms", {"wall_jumps": True}),
    ("kinetic-congestion", {"num_rows": 2, "num_columns": 3}),
    ("contraction-game", {"switch_cost": 20.0}),
    ("crowded-actions", {"distance_cost": 0.0}),
    ("ev-charging", {"num_periods": 2, "num_levels": 3, "drive": 1.0}),
    ("mf-garnet", {**SMALL, "sparse": True, "seed": 7}),
    ("mf-garnet", {**SMALL, "kernel_coupling": "additive"}),
]

every_case = pytest.mark.parametrize(("name", "parameters"), CASES, ids=str)
every_entry = pytest.mark.parametrize("name", zoo.names())


def made(name: str, parameters: dict) -> MeanFieldGame:
    return zoo.make(name, **parameters) if parameters else default(name)


# Every game


@every_case
def test_rows_are_laws_and_rewards_are_finite_at_random_mean_fields(name, parameters):
    game = made(name, parameters)
    for seed in range(4):
        field = random_field(game, seed)
        kernel, reward = game.kernel(field), game.reward(field)
        assert (kernel.num_states, kernel.num_actions) == reward.shape
        assert reward.shape == (game.num_states, game.num_actions)
        assert kernel.probabilities.dtype == reward.dtype == np.float64
        assert kernel.probabilities.min() >= 0
        np.testing.assert_allclose(kernel.probabilities.sum(-1), 1, rtol=0, atol=1e-12)
        assert np.isfinite(reward).all()
        kernel.check()


@every_case
def test_games_can_be_traced_and_passed_to_compiled_code(name, parameters):
    game = made(name, parameters)
    field = random_field(game, 0)

    @eqx.filter_jit
    def compiled(passed, m):
        kernel = passed.kernel(m)
        return passed.reward(m), kernel.expectation(jax.numpy.arange(kernel.num_states) * 1.0)

    with jax.enable_x64(True):
        reward, expected = compiled(game, jax.numpy.asarray(field))
    eager = game.kernel(field).expectation(np.arange(game.num_states) * 1.0)
    np.testing.assert_allclose(reward, game.reward(field), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(expected, eager, rtol=1e-10)


@every_case
def test_recipe_makes_the_same_game_again(name, parameters):
    game = made(name, parameters)
    recipe_name, recipe = game.recipe
    assert game.name == recipe_name == name
    assert set(dict(recipe)) == set(zoo.describe(name).parameters)
    assert hash(recipe) is not None
    again = zoo.make(recipe_name, **dict(recipe))
    field = random_field(game, 2)
    np.testing.assert_array_equal(game.reward(field), again.reward(field))
    kernels = (jax.tree.leaves(one.kernel(field)) for one in (game, again))
    for left, right in zip(*kernels, strict=True):
        np.testing.assert_array_equal(left, right)


@every_entry
def test_entries_are_complete(name):
    entry = zoo.describe(name)
    assert entry.name == name
    assert entry.summary.endswith(".")
    assert "\n" not in entry.summary
    assert re.search(r"arXiv:\d{4}\.\d{5}|doi:10\.|https://", entry.source)
    assert "r = " in entry.equations
    assert entry.known
    assert entry.build.__doc__
    assert "discount" in entry.parameters


@every_entry
def test_layouts_hold_every_state(name):
    game = default(name)
    if game.layout is not None:
        assert game.layout.num_places == game.num_states
        assert game.layout.num_moves in (None, game.num_actions)


# What entries claim


@claiming("no interaction")
def test_games_without_interaction_do_not_see_the_mean_field(name):
    game = default(name)
    pair = [tensors(game, random_field(game, seed)) for seed in (0, 1)]
    for left, right in zip(*pair, strict=True):
        np.testing.assert_array_equal(left, right)


@claiming("monotone")
def test_monotone_games_punish_what_the_others_do_more(name):
    game = default(name)
    for seed in range(0, 12, 2):
        fields = [random_field(game, seed), random_field(game, seed + 1)]
        (kernel, reward), (kernel_too, reward_too) = (tensors(game, field) for field in fields)
        np.testing.assert_array_equal(kernel, kernel_too)
        more = fields[0] - fields[1]
        gained = reward - reward_too
        if game.mean_field == "state":
            # The interaction is the same for all actions, so laws over states are enough.
            np.testing.assert_allclose(gained, gained[:, :1].repeat(game.num_actions, 1), atol=1e-9)
            gained = gained[:, 0]
        assert (more * gained).sum() <= 1e-9


@claiming("potential")
def test_potential_games_have_symmetric_interactions(name):
    game = default(name)
    with jax.enable_x64(True):
        field = jax.numpy.asarray(random_field(game, 0))
        slopes = np.asarray(jax.jit(jax.jacfwd(game.reward))(field))
    if game.mean_field == "state":
        slopes = slopes[:, 0]
    size = int(np.prod(game.mean_field_shape))
    matrix = slopes.reshape(size, size)
    np.testing.assert_allclose(matrix, matrix.T, rtol=1e-9, atol=1e-9)


@claiming("contractive")
def test_contractive_games_bring_populations_closer_under_every_policy(name):
    game = default(name)
    kernel, _ = tensors(game, random_field(game, 0))
    rows = kernel.reshape(-1, game.num_states)
    dobrushin = np.abs(rows[:, None] - rows).sum(-1).max() / 2
    assert dobrushin <= 1 - dict(game.recipe[1])["slip"] + 1e-12
    assert dobrushin < 1
