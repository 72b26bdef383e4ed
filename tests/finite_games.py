"""Random games for few agents, and their solutions by a program that knows nothing of rmfg."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from reference import joint_game

import rmfg

DISCOUNT = 0.9
SETS = {
    "nominal": (rmfg.Nominal(), joint_game.nominal),
    "total variation": (rmfg.TotalVariation(0.1), joint_game.total_variation(0.1)),
    "nominal support": (
        rmfg.TotalVariation(0.1, support="nominal"),
        joint_game.total_variation(0.1, support="nominal"),
    ),
    "contamination": (rmfg.Contamination(0.1), joint_game.contamination(0.1)),
}
SHAPES = [(2, 2, 2), (2, 3, 3), (3, 2, 3)]


def crowded(states=2, actions=2, seed=0, moving=True):
    """A random game whose rewards, and perhaps kernel, move with the population."""
    random = np.random.default_rng(seed)
    kernels = random.dirichlet(np.ones(states), (2, states, actions))
    base, matrix = random.normal(size=(states, actions)), random.normal(size=(states, states))

    def kernel(mean_field):
        share = 0.5 * mean_field[0] if moving else 0.25
        return (1 - share) * kernels[0] + share * kernels[1]

    def reward(mean_field):
        return base + (matrix @ mean_field)[:, None]

    return rmfg.TabularGame(kernel, reward, DISCOUNT, num_states=states, num_actions=actions)


def mean_field_policy(game, ambiguity):
    answer = rmfg.solve(game, ambiguity, tol=1e-9)
    assert answer.status == "certified"
    return answer


def moved_by(moving):
    """Nature's kernel for the others, as a function of the empirical law."""

    @functools.cache
    def at(law):
        with jax.enable_x64(True):
            _, slots, rows, _ = moving.rows(
                jnp.array(law), jnp.asarray(moving.values), jax.random.key(0)
            )
            dense = np.zeros((len(law), *np.shape(rows)[1:]))
            np.add.at(dense, (np.asarray(slots), *np.indices(np.shape(rows))[1:]), rows)
        return np.moveaxis(dense, 0, -1)

    # There are far fewer laws than joint states.
    return lambda law: at(tuple(law))


def enumerated(game, agents, policy, others, worst):
    """The game of so many agents by the program that knows nothing of the library."""
    return joint_game.solve(
        lambda m: np.asarray(game.kernel(m).to_dense()),
        lambda m: np.asarray(game.reward(m)),
        DISCOUNT,
        agents,
        policy,
        others,
        worst,
    )
