"""Actions that a state does not have: a mask on the game, and nobody plays, gains or moves by them.

The law behind every case: a game with a mask is the game in which the missing actions are copies of
one that the state has. The copies are made here, in NumPy.
"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from eight_states import array
from reference import games as brute_force
from registry import SOLVERS

import rmfg

SIZE, ACTIONS = 4, 3
MASK = np.array(
    [[True, True, True], [False, True, True], [True, False, True], [False, False, True]]
)
RANDOM = np.random.default_rng(17)
LAW = RANDOM.dirichlet(np.ones(SIZE), (SIZE, ACTIONS))
PAYOFF = RANDOM.normal(size=(SIZE, ACTIONS))
NATURE = rmfg.TotalVariation(0.1)


def copied(numbers):
    """What the game reads: for missing actions the state's first one."""
    found = np.array(numbers)
    for s, a in zip(*np.nonzero(~MASK), strict=True):
        found[s, a] = found[s, np.flatnonzero(MASK[s])[0]]
    return found


def spoiled(numbers, garbage):
    found = np.array(numbers)
    found[~MASK] = garbage
    return found


def crowd(m):
    return 0.5 * (m if m.ndim == 2 else m[:, None])


def game_of(form="dense", mean_field="state", garbage=np.nan, **options):
    """A game whose numbers for missing actions are garbage, and a mask."""
    payoff, law = spoiled(PAYOFF, garbage), spoiled(LAW, garbage)
    if form == "sparse":
        successors = np.broadcast_to(np.arange(SIZE), LAW.shape)
        return rmfg.TabularGame(
            lambda m: rmfg.SparseKernel(successors, jnp.asarray(law)),
            lambda m: payoff - crowd(m),
            0.9,
            actions=MASK,
            mean_field=mean_field,
            num_states=SIZE,
            num_actions=ACTIONS,
            **options,
        )
    return rmfg.TabularGame(
        law, lambda m: payoff - crowd(m), 0.9, actions=MASK, mean_field=mean_field, **options
    )


def twin(mean_field="state"):
    """The same game with copies, and no mask."""
    payoff, law = copied(PAYOFF), copied(LAW)
    # A copy is crowded by those who play what it is a copy of.
    stand_in = np.where(MASK, np.arange(ACTIONS), MASK.argmax(1)[:, None])

    def reward(m):
        if m.ndim == 1:
            return payoff - crowd(m)
        return payoff - jnp.take_along_axis(crowd(m), stand_in, 1)

    return rmfg.TabularGame(law, reward, 0.9, mean_field=mean_field)


def legal(policy):
    assert (np.asarray(policy)[~MASK] == 0).all()
    np.testing.assert_allclose(np.asarray(policy).sum(1), 1, atol=1e-12)


@pytest.mark.parametrize("garbage", [np.nan, np.inf, -1e300, 7.0])
@pytest.mark.parametrize("form", ["dense", "sparse"])
def test_what_is_given_for_missing_actions_is_not_read(form, garbage):
    game, uniform = game_of(form, garbage=garbage), np.full(SIZE, 0.25)
    np.testing.assert_array_equal(game.reward(uniform), copied(PAYOFF) - 0.125)
    np.testing.assert_allclose(array(game.kernel(uniform)), copied(LAW), atol=1e-15)


DIFFERENT = [name for name in SOLVERS if name not in ("picard, one step", "anderson, soft")]


@pytest.mark.parametrize("mean_field", ["state", "state-action"])
@pytest.mark.parametrize("solver", DIFFERENT)
def test_a_mask_is_the_game_with_copies(solver, mean_field):
    """No solver plays what there is not, and the game with copies certifies the same numbers."""
    game = game_of(mean_field=mean_field)
    answer = rmfg.solve(game, NATURE, solver=SOLVERS[solver](), tol=1e-6, max_steps=40)
    legal(answer.policy)
    law, policy = answer.distribution, answer.policy
    proof = answer.certificate
    other = rmfg.certify(twin(mean_field), NATURE, policy, law, answer.kernel, tol=1e-6)
    for name in ("exploitability", "consistency", "nature_gap", "scale", "infeasibility"):
        assert getattr(other, name) == pytest.approx(getattr(proof, name), abs=1e-9), name
    assert other.certified == proof.certified
    if solver == "auto":
        assert proof.certified, answer


@pytest.mark.parametrize("mean_field", ["state", "state-action"])
def test_newton_s_method_plays_what_there_is(mean_field):
    answer = rmfg.solve(game_of(mean_field=mean_field), NATURE, solver=rmfg.Newton())
    assert answer.certificate.certified, answer
    legal(answer.policy)


def test_the_best_response_is_the_best_of_all_allowed_policies():
    game, law = game_of(), np.array([0.4, 0.3, 0.2, 0.1])
    reward = np.asarray(game.reward(law))
    values = []
    for choice in itertools.product(*(np.flatnonzero(row) for row in MASK)):
        rows = np.arange(SIZE)
        chain = LAW[rows, choice]
        values.append(np.linalg.solve(np.eye(SIZE) - 0.9 * chain, reward[rows, choice]))
    found = rmfg.best_response(game, rmfg.Nominal(), law)
    np.testing.assert_allclose(found.value, np.max(values, 0), atol=1e-9)
    legal(found.policy)
    assert np.isneginf(found.q[~MASK]).all()
    assert np.isfinite(found.q[MASK]).all()


def test_other_radii_of_missing_actions_change_nothing():
    """A missing action that nature leaves alone would be the better one."""
    sizes = np.where(MASK, 0.2, 0.0)
    law = np.array([0.4, 0.3, 0.2, 0.1])
    values = [
        rmfg.best_response(game_of(), rmfg.TotalVariation(radius), law).value
        for radius in (sizes, np.full(MASK.shape, 0.2))
    ]
    np.testing.assert_allclose(*values, atol=1e-9)


def test_the_soft_operator_sums_over_what_there_is():
    law, values = np.array([0.4, 0.3, 0.2, 0.1]), np.array([1.0, -2.0, 0.5, 3.0])
    q = rmfg.robust_q(game_of(), rmfg.Nominal(), law, values)
    soft = rmfg.soft_operator(game_of(), rmfg.Nominal(), 0.5, law, values)
    for s in range(SIZE):
        weights = np.exp((PAYOFF[s] - crowd(law)[s] + 0.9 * LAW[s] @ values)[MASK[s]] / 0.5)
        assert soft[s] == pytest.approx(0.5 * np.log(weights.sum()), abs=1e-12)
        assert np.isneginf(q[s][~MASK[s]]).all()


def test_a_penalty_said_as_a_mask():
    """Two states whose bad action costs 1e10: with a mask the unit is that of what can be earned."""
    law = np.array([[[0.5, 0.5], [0, 1]], [[0, 1], [0.5, 0.5]]])
    reward = np.array([[5.0, 10.0], [-1.0, -1e10]])
    mask = np.array([[True, True], [True, False]])
    game = rmfg.TabularGame(law, reward, 0.95, actions=mask)
    answer = rmfg.solve(game)
    assert answer.certificate.certified
    # State 1 keeps everybody and pays -1 for ever; in state 0 the two actions are worth, by hand,
    # (5 - 9.5) / (1 - 0.475) = -8.57 and 10 - 19 = -9.
    np.testing.assert_allclose(answer.value, [-4.5 / 0.525, -20.0], atol=1e-6)
    np.testing.assert_array_equal(answer.policy, [[1, 0], [1, 0]])
    worse = rmfg.certify(game, rmfg.Nominal(), np.array([[0, 1.0], [1, 0]]), np.array([0.0, 1]))
    assert not worse.certified
    assert worse.exploitability == pytest.approx(9 - 4.5 / 0.525, abs=1e-9)


# Refused ----------------------------------------------------------------------------------------


def test_a_candidate_that_plays_a_missing_action_is_refused():
    policy = np.full(MASK.shape, 1 / 3)
    with pytest.raises(ValueError, match=r"`policy` must be zero .* 0\.333333 at \(s=1, a=0\)"):
        rmfg.certify(game_of(), NATURE, policy, np.full(SIZE, 0.25))
    with pytest.raises(ValueError, match="`policy` must be zero"):
        rmfg.evaluate(game_of(), NATURE, policy, np.full(SIZE, 0.25))
    with pytest.raises(ValueError, match="`policy` must be zero"):
        rmfg.simulate(game_of(), policy, 5, 2, nature="nominal")


@pytest.mark.parametrize(
    ("mask", "error", "words"),
    [
        (MASK.T, ValueError, r"`actions` must have shape \(4, 3\)"),
        (MASK.astype(float), TypeError, "`actions` must be booleans"),
        (np.zeros_like(MASK), ValueError, "`actions` must allow an action .* none in state 0"),
        ([[True], [True, False]], ValueError, "`actions`"),
        (True, ValueError, r"`actions` must have shape \(states, actions\)"),
        ("yes", TypeError, "`actions` must be booleans"),
    ],
)
def test_wrong_masks_are_named(mask, error, words):
    with pytest.raises(error, match=words):
        rmfg.TabularGame(LAW, PAYOFF, 0.9, actions=mask)


def test_a_first_guess_on_missing_actions_is_refused():
    with pytest.raises(ValueError, match=r"`initial` must be zero .* \(s=1, a=0\)"):
        rmfg.solve(game_of(mean_field="state-action"), initial=np.full(MASK.shape, 1 / 12))


# Elsewhere --------------------------------------------------------------------------------------


class Masked(rmfg.MeanFieldGame):
    """The mask as an attribute of a class."""

    num_states, num_actions, discount = SIZE, ACTIONS, 0.9
    actions = MASK

    def kernel(self, mean_field):
        return jnp.asarray(spoiled(LAW, np.nan))

    def reward(self, mean_field):
        return jnp.asarray(spoiled(PAYOFF, np.nan)) - crowd(mean_field)


def test_a_class_may_have_a_mask():
    one, other = (rmfg.solve(game, NATURE) for game in (Masked(), game_of()))
    assert one.status == "certified"
    np.testing.assert_allclose(one.policy, other.policy, atol=1e-6)


def test_a_changed_mask_counts():
    game = game_of(garbage=0.0)
    before = rmfg.solve(game).policy
    game.actions = np.ones_like(MASK)
    game.actions[0] = before[0] == 0
    after = rmfg.solve(game).policy
    assert (after[0][before[0] > 0] == 0).all()


def test_the_gain_among_few_agents_is_over_what_there_is():
    """Two agents: the exact gain is that of the game with copies."""
    policy = MASK / MASK.sum(1, keepdims=True)
    start = np.full(SIZE, 0.25)
    games = (game_of(garbage=1e3), twin())
    found = [rmfg.finite_gap(game, NATURE, policy, 2, initial=start) for game in games]
    assert found[0].value == pytest.approx(found[1].value, abs=1e-8)
    assert found[0].value > 0.01
    play = rmfg.finite_equilibrium(games[0], NATURE, 2, max_steps=20, tol=1e-2)
    assert (np.asarray(play.policy).transpose(0, 2, 1)[~MASK] == 0).all()


def test_files_keep_the_mask(tmp_path):
    answer = rmfg.solve(game_of(), NATURE)
    answer.save(tmp_path / "masked.nc")
    again = rmfg.load(tmp_path / "masked.nc")
    np.testing.assert_array_equal(again.game.actions, MASK)
    proof = rmfg.certify(again.game, NATURE, again.policy, again.distribution, again.kernel)
    assert proof.certified
    assert proof.exploitability == pytest.approx(answer.certificate.exploitability, abs=1e-9)


def test_a_slope_through_a_mask():
    """The derivative of the equilibrium's value in a reward, against a difference."""
    base = game_of(garbage=0.0)
    answer = rmfg.solve(base, tol=1e-11)

    def value(bonus):
        payoff = jnp.asarray(spoiled(PAYOFF, 0.0)).at[2, 2].add(bonus)
        game = rmfg.TabularGame(LAW, lambda m: payoff - crowd(m), 0.9, actions=MASK)
        return rmfg.implicit(game, rmfg.Nominal(), answer).value.sum()

    def solved(bonus):
        payoff = spoiled(PAYOFF, 0.0)
        payoff[2, 2] += bonus
        game = rmfg.TabularGame(LAW, lambda m: payoff - crowd(m), 0.9, actions=MASK)
        return rmfg.solve(game, tol=1e-11).value.sum()

    with jax.enable_x64(True):
        slope = float(jax.jvp(value, (0.0,), (1.0,))[1])
    step = 1e-5
    assert slope == pytest.approx((solved(step) - solved(-step)) / (2 * step), rel=1e-3, abs=1e-4)


def test_the_law_of_an_answer_is_stationary_for_its_chain():
    answer = rmfg.solve(game_of("sparse"), NATURE)
    assert answer.certificate.certified
    chain = np.einsum("sat,sa->st", array(answer.kernel), answer.policy)
    (law,) = brute_force.stationary_laws(chain)
    np.testing.assert_allclose(answer.distribution, law, atol=1e-7)
