"""Constants of rewards and kernels: F2 to F4 of docs/guarantees.md against NumPy."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest
from eight_states import array
from registry import SMALL_ZOO
from soft_games import ROUNDING, distance, laws_of, rows_apart

import rmfg
from rmfg.model.dobrushin import dobrushin, farthest

# Facts about laws -------------------------------------------------------------------------------


def test_softmax_from_spread_to_l1(ledger):
    """F4, and that it cannot be improved."""
    random = np.random.default_rng(0)

    def tilted(weights, q):
        law = weights * np.exp(q - q.max(-1, keepdims=True))
        return law / law.sum(-1, keepdims=True)

    for heat, size in itertools.product((0.1, 1.0, 7.0), (2, 3, 8)):
        weights = random.dirichlet(np.ones(size), 1000)
        q, change = random.normal(size=(2, 1000, size)) * random.choice([0.01, 1, 9], (2, 1000, 1))
        moved = np.abs(tilted(weights, (q + change) / heat) - tilted(weights, q / heat)).sum(-1)
        ledger.at_most("softmax", moved, np.ptp(change, axis=-1) / (2 * heat) + ROUNDING)
    small = np.array([1e-5, -1e-5])
    moved = np.abs(tilted(np.ones(2), small) - 0.5).sum()
    assert moved == pytest.approx(np.ptp(small) / 2, rel=1e-9)


def test_dobrushin_shrinks_differences_of_occupations_and_values(ledger):
    """F3: all pairs of rows, and random occupations under random policies."""
    random = np.random.default_rng(0)
    for seed in range(5):
        law = np.random.default_rng(seed).dirichlet(np.full(4, 0.7), (4, 3))
        rows = law.reshape(-1, 4)
        expected = max(np.abs(p - q).sum() / 2 for p, q in itertools.product(rows, rows))
        found = dobrushin(rmfg.DenseKernel(law))
        assert found == pytest.approx(expected, rel=1e-14)
        one, two = random.dirichlet(np.full(12, 0.3), (2, 200))
        moved = np.abs((one - two) @ rows).sum(-1)
        ledger.at_most("occupations", moved, found * np.abs(one - two).sum(-1) + ROUNDING)
        values = random.normal(size=(200, 4))
        spread = np.ptp(values @ rows.T, axis=-1)
        ledger.at_most("values", spread, found * np.ptp(values, axis=-1) + ROUNDING)
    assert farthest(np.eye(3)) == 1
    assert farthest(np.ones((5, 1))) == 0


# Constants of games -----------------------------------------------------------------------------


def affine_game(seed, kind):
    """Reward and kernel affine in the mean field, with all numbers at random."""
    random = np.random.default_rng(seed)
    shape = {"state": (4,), "state-action": (4, 2)}[kind]
    rewards = random.normal(size=(*shape, 4, 2))
    kernels = random.dirichlet(np.ones(4), (*shape, 4, 2))
    axes = len(shape)
    return rmfg.TabularGame(
        lambda m: jnp.tensordot(m, kernels, axes),
        lambda m: jnp.tensordot(m, rewards, axes) + 1,
        0.5,
        mean_field=kind,
        num_states=4,
        num_actions=2,
    )


@pytest.mark.parametrize("kind", ["state", "state-action"])
@pytest.mark.parametrize("seed", range(3))
def test_constants_of_affine_games_are_exact(seed, kind, ledger):
    """F2: the largest of all pairs of point masses, which no other pair exceeds."""
    game = affine_game(seed, kind)
    known = rmfg.contraction(game, rmfg.Nominal(), 1.0)
    points = np.eye(int(np.prod(game.mean_field_shape))).reshape(-1, *game.mean_field_shape)
    pairs = list(itertools.combinations(points, 2))
    rewards = max(np.abs(game.reward(m) - game.reward(n)).max() / 2 for m, n in pairs)
    kernels = max(rows_apart(game.kernel(m), game.kernel(n)) / 2 for m, n in pairs)
    for constant, expected in ((known.reward, rewards), (known.kernel, kernels)):
        assert constant.proved
        assert "affine" in constant.reason
        assert constant.value == pytest.approx(expected, rel=1e-12)
    assert known.dobrushin.proved
    for m, n in itertools.combinations(laws_of(game.mean_field_shape, seed, 6), 2):
        apart = distance(m, n)
        moved = np.abs(game.reward(m) - game.reward(n)).max()
        ledger.at_most("reward", moved, rewards * apart + ROUNDING)
        moved = rows_apart(game.kernel(m), game.kernel(n))
        ledger.at_most("kernel", moved, kernels * apart + ROUNDING)
        ledger.at_most("dobrushin", dobrushin(game.kernel(m)), known.dobrushin.value + ROUNDING)


def curved_game(lipschitz=None):
    """Reward -m(s)^2, whose constant is one, and a kernel that forgets with the square of m(0)."""
    even, rows = np.full((3, 2, 3), 1 / 3), np.random.default_rng(0).dirichlet(np.ones(3), (3, 2))
    return rmfg.TabularGame(
        lambda m: rows + (m[0] ** 2 / 4) * (even - rows),
        lambda m: -(m**2)[:, None] * np.ones(2),
        0.5,
        num_states=3,
        num_actions=2,
        lipschitz=lipschitz,
    )


def test_what_is_estimated_says_so():
    known = rmfg.contraction(curved_game(), rmfg.Nominal(), 1.0)
    for constant in (known.reward, known.kernel, known.support, known.policy, known.modulus):
        assert not constant.proved
        assert "(estimated: " in str(constant)
    assert not known.proved
    # Point masses are among the samples: the largest slope of the square is seen.
    assert known.reward.value == pytest.approx(1.0, rel=1e-9)
    again = rmfg.contraction(curved_game(), rmfg.Nominal(), 1.0)
    assert again == known
    few = rmfg.contraction(curved_game(), rmfg.Nominal(), 1.0, num_samples=2, seed=3)
    assert few.reward.value <= known.reward.value


def test_what_is_declared_is_believed():
    known = rmfg.contraction(curved_game(rmfg.Lipschitz(reward=1.0)), rmfg.Nominal(), 1.0)
    assert known.reward == rmfg.Constant(1.0, True, "declared by the game")
    assert not known.kernel.proved
    known = rmfg.contraction(curved_game(rmfg.Lipschitz(1.0, 0.5)), rmfg.Nominal(), 1.0)
    assert known.kernel == known.mover == rmfg.Constant(0.5, True, "declared by the game")
    assert curved_game(rmfg.Lipschitz(reward=np.inf)).lipschitz.reward is None
    with pytest.raises(ValueError, match=r"`lipschitz.kernel` must be at least 0"):
        curved_game(rmfg.Lipschitz(kernel=-1.0))


DECLARED = {
    "beach-bar": {"floor": 0.02},
    "two-beach-bars": {"floor": 0.02},
    "four-rooms": {"floor": 0.02},
    "investment": {},
    "kinetic-congestion": {},
    "mf-garnet": {},
}


@pytest.mark.parametrize("coupling", ["additive", "multiplicative"])
@pytest.mark.parametrize("name", DECLARED)
def test_constants_that_the_zoo_declares_hold(name, coupling, ledger):
    options = SMALL_ZOO.get(name, {}) | DECLARED[name]
    if name == "mf-garnet":
        options |= {"kernel_coupling": coupling}
    elif coupling == "additive":
        pytest.skip("only mf-garnet has two couplings")
    game = rmfg.zoo.make(name, **options)
    declared = game.lipschitz
    laws = laws_of(game.mean_field_shape, 0)
    pairs = [*itertools.combinations(laws[::2], 2)]
    pairs += [(m, m + 1e-3 * (n - m)) for m, n in itertools.pairwise(laws)]
    for m, n in pairs:
        apart = distance(m, n) + ROUNDING
        if declared.reward is not None:
            moved = np.abs(game.reward(m) - game.reward(n)).max()
            ledger.at_most("declared reward", moved, declared.reward * apart)
        if declared.kernel is not None:
            moved = rows_apart(game.kernel(m), game.kernel(n))
            ledger.at_most("declared kernel", moved, declared.kernel * apart)
        if declared.smallest is not None:
            before, after = array(game.kernel(m)), array(game.kernel(n))
            ledger.holds("the support does not move", (before > 0) == (after > 0))
            ledger.at_most("smallest", declared.smallest, before[before > 0].min() + 1e-15)


class Jump(rmfg.MeanFieldGame):
    """A reward that jumps, or has a hole, where nobody is: its slope is zero almost everywhere."""

    num_states, num_actions, discount = 3, 2, 0.5

    def __init__(self, below):
        self.below = np.asarray(below)

    def kernel(self, mean_field):
        return jnp.full((3, 2, 3), 1 / 3)

    def reward(self, mean_field):
        return jnp.ones((3, 2)) * jnp.where(mean_field[0] > 0.2, 0.0, self.below)


def test_jumps_and_holes_are_seen():
    assert rmfg.contraction(Jump(1.0), rmfg.Nominal(), 1.0).reward.value > 0.4
    hole = rmfg.contraction(Jump(np.nan), rmfg.Nominal(), 1.0)
    assert np.isnan(hole.reward.value)
    assert not hole.contractive
    assert hole.bound(1e-9) == np.inf
