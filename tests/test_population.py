"""Finite populations: exact against enumeration of joint states, simulators against exact laws, and
bounds against the truth.
"""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from reference import joint_game

import rmfg
from rmfg.population.counts import Compositions, num_compositions
from rmfg.population.dynamics import dynamics
from rmfg.population.exact import facing

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


# Counting ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("agents", "states"), [(1, 3), (4, 2), (3, 4), (0, 3)])
def test_compositions_are_all_and_each_once(agents, states):
    table = Compositions(agents, states).table
    every = [c for c in itertools.product(range(agents + 1), repeat=states) if sum(c) == agents]
    assert sorted(map(tuple, table)) == sorted(every)
    assert len(table) == num_compositions(agents, states)


def test_independent_agents_are_multinomial():
    law = np.array([0.2, 0.5, 0.3])
    counts = Compositions(5, 3)
    expected = scipy.stats.multinomial.pmf(counts.table, 5, law)
    np.testing.assert_allclose(counts.probabilities(law), expected, rtol=1e-12)


@pytest.mark.parametrize("chance", [0.0, 1e-300, 0.3, 1.0, 1 + 4e-16, 1 - 1e-16])
def test_two_states_make_binomial_laws(chance):
    rows = np.array([[max(1 - chance, 0.0), chance], [1.0, 0.0]])
    found = Compositions(50, 2).convolved(rows[None], np.array([[50, 0]]))[0]
    np.testing.assert_allclose(found, scipy.stats.binom.pmf(np.arange(51), 50, min(chance, 1)))


def test_the_next_composition_is_the_convolution_of_rows():
    rows = np.random.default_rng(0).dirichlet(np.ones(3), 3)
    counts = Compositions(3, 3)
    found = counts.convolved(np.broadcast_to(rows, (len(counts), 3, 3)), counts.table)
    index = {tuple(row): i for i, row in enumerate(counts.table)}
    for here, law in zip(counts.table, found, strict=True):
        expected = np.zeros(len(counts))
        movers = np.repeat(np.arange(3), here)
        for ends in itertools.product(range(3), repeat=3):
            chance = np.prod([rows[start, end] for start, end in zip(movers, ends, strict=True)])
            expected[index[tuple(np.bincount(ends, minlength=3))]] += chance
        np.testing.assert_allclose(law, expected, atol=1e-15)


# The exact game ---------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", SETS)
def test_exact_agrees_with_enumeration_of_joint_states(name, shape):
    (states, actions, agents), (ambiguity, worst) = shape, SETS[name]
    game = crowded(states, actions, seed=sum(shape))
    policy = np.random.default_rng(1).dirichlet(np.ones(actions), states)
    law = np.random.default_rng(2).dirichlet(np.ones(states))
    moving = dynamics(rmfg.Problem(game, ambiguity), policy, "worst_case", law)
    found = enumerated(game, agents, policy, moved_by(moving), worst)
    with jax.enable_x64(True):
        finite = facing(moving, agents)
        best, played = finite.optimal(1e-12), finite.played(1e-12)
    index = {tuple(row): i for i, row in enumerate(finite.others.table)}
    for joint in np.ndindex(*[states] * agents):
        place = joint[0], index[tuple(np.bincount(joint[1:], minlength=states))]
        assert abs(best.value[place] - found.best[joint]) <= 1e-10
        assert abs(played.value[place] - found.played[joint]) <= 1e-10
    gap = rmfg.finite_gap(game, ambiguity, policy, agents, initial=law)
    assert gap.method == "exact"
    assert abs(gap.value - found.gap(law)) <= 1e-8
    assert gap.low <= gap.value <= gap.high <= gap.upper.value + 1e-8


@pytest.mark.parametrize("agents", [2, 3])
@pytest.mark.parametrize("name", SETS)
def test_equilibria_of_few_agents_agree_with_enumeration_of_joint_states(name, agents):
    ambiguity, worst = SETS[name]
    game = crowded(seed=1)
    found = rmfg.finite_equilibrium(game, ambiguity, agents)
    assert found.status == "certified"
    size, actions = game.num_states, game.num_actions
    number = {tuple(row): i for i, row in enumerate(found.counts)}

    def played(array, counts):
        """What agents in each state do, or nature to them, while all agents stand in `counts`."""
        rows = np.full((size, *array.shape[2:]), 1 / array.shape[-1])
        for state in np.flatnonzero(counts):
            rows[state] = array[state, number[tuple(counts - np.eye(size, dtype=int)[state])]]
        return rows

    shape = (size,) * agents
    plans = np.zeros((*shape, size, actions))
    for joint in np.ndindex(shape):
        plans[joint] = played(found.policy, np.bincount(joint, minlength=size))

    def others(law):
        return played(found.kernel, np.rint(law * agents).astype(int))

    truth = enumerated(game, agents, plans, others, worst)
    # Both games of one agent are solved to a twentieth of the tolerance.
    solved = 0.1 * found.tol * found.scale
    gain = float((truth.best - truth.played).max())
    assert gain <= found.exploitability + 1e-9 <= gain + 2 * solved
    assert found.exploitability <= found.tol * found.scale
    for joint in np.ndindex(shape):
        others = number[tuple(np.bincount(joint[1:], minlength=size))]
        assert abs(truth.played[joint] - found.value[joint[0], others]) <= solved


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


def test_crowds_that_hardly_form_are_no_unit_of_finite_equilibria():
    """Four agents in three places: all in one place would cost e^25, and seldom are."""
    kernel = np.broadcast_to(np.eye(3), (3, 3, 3))
    place = np.array([0.0, 1.0, 0.5])[:, None] * np.ones(3)
    game = rmfg.TabularGame(kernel, lambda m: place - jnp.exp(25 * m)[:, None] / 1e5, 0.9)
    found = rmfg.finite_equilibrium(game, None, 4, tol=1e-3, max_steps=1)
    assert np.ptp(np.exp(25 * np.array([0.25, 1.0]))) / 1e5 / 0.1 > 1e6
    assert found.scale < 1e5


def test_a_finite_equilibrium_says_when_it_is_none():
    game = rmfg.zoo.make("lasry-lions-chain", num_states=3)
    found = rmfg.finite_equilibrium(game, rmfg.TotalVariation(0.1), 3, tol=1e-6, max_steps=3)
    assert found.status == "max steps"
    assert max(found.exploitability, found.nature_gap) > found.tol * found.scale
    with pytest.raises(ValueError, match="`game` reads a law over states and actions"):
        rmfg.finite_equilibrium(rmfg.zoo.make("crowded-actions"), None, 2)
    with pytest.raises(ValueError, match="`num_agents` = 1000 agents"):
        rmfg.finite_equilibrium(rmfg.zoo.make("beach-bar"), None, 1000)


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


# Bounds -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("moving", [False, True])
def test_bounds_are_never_below_the_truth(moving):
    ambiguity = rmfg.TotalVariation(0.1)
    close = []
    for seed in (1, 5):
        answer = mean_field_policy(crowded(seed=seed, moving=moving), ambiguity)
        for agents in (2, 20):
            bound = rmfg.finite_bound(answer, agents)
            truth = bound.posterior
            assert truth.method == "exact"
            slack = 1e-8
            assert truth.high <= truth.upper.value + slack
            if np.isfinite(bound.value):
                assert truth.value <= bound.value + slack
                assert truth.upper.value <= bound.value + slack
            if truth.value > 2e-3:
                close.append(truth.upper.value / truth.value)
    # Where there is much to gain, the bound by what is met is within a small factor.
    assert not moving or np.median(close) <= 10


@pytest.mark.parametrize("moving", [False, True])
def test_samples_agree_with_the_exact_game(moving):
    answer = mean_field_policy(crowded(seed=1, moving=moving), rmfg.TotalVariation(0.1))
    exact = rmfg.finite_gap(answer.game, None, answer, 20, method="exact")
    sampled = rmfg.finite_gap(answer.game, None, answer, 20, method="sample", num_runs=200)
    assert sampled.low <= exact.value <= sampled.high
    assert sampled.proved != moving
    # The sampled bound estimates the exact one where agent 1 has no influence.
    if not moving:
        assert sampled.upper.low <= exact.upper.value + 1e-6


def test_bounds_at_other_numbers_have_the_same_constants():
    answer = mean_field_policy(crowded(seed=1), rmfg.TotalVariation(0.1))
    few = rmfg.finite_bound(answer, 10, posterior=False)
    many = rmfg.finite_bound(answer, 1000, posterior=False)
    assert few.at(1000) == many
    assert many.value < few.value


def test_constants_are_proved_where_they_follow_from_the_game():
    still = rmfg.finite_bound(
        mean_field_policy(crowded(moving=False), rmfg.Nominal()), 100, posterior=False
    )
    moving = rmfg.finite_bound(
        mean_field_policy(crowded(moving=True), rmfg.Nominal()), 100, posterior=False
    )
    assert still.proved
    assert still.movement.proved
    assert still.support.value == 0
    assert not moving.movement.proved
    assert "estimated" in str(moving)
    assert still.fluctuation == pytest.approx(0.1 + 0.02)
    more = rmfg.finite_bound(
        mean_field_policy(crowded(moving=False), rmfg.Nominal()), 10_000, posterior=False
    )
    assert more.value < still.value


# The simulator ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["agents", "counts"])
def test_simulated_laws_are_the_exact_ones(method):
    game, ambiguity = crowded(3, 2, seed=4), rmfg.TotalVariation(0.1)
    policy = np.random.default_rng(1).dirichlet(np.ones(2), 3)
    start = np.array([0.2, 0.3, 0.5])
    runs, agents, steps = 1000, 3, 3
    data = rmfg.simulate(
        game,
        policy,
        agents,
        steps,
        nature="worst_case",
        ambiguity=ambiguity,
        initial=start,
        num_runs=runs,
        method=method,
    )
    moving = dynamics(rmfg.Problem(game, ambiguity), policy, "worst_case", start)
    joint = joint_game.simulate_law(moved_by(moving), policy, start, agents, steps)
    for moment in (1, 2):
        exact = joint_game.expected(joint, lambda law, moment=moment: np.asarray(law) ** moment)
        seen = data.empirical_law.values[:, -1] ** moment
        error = seen.std(axis=0) / np.sqrt(runs)
        assert np.all(np.abs(seen.mean(axis=0) - exact) <= 5 * error)


@pytest.mark.parametrize("method", ["agents", "counts"])
def test_seeds_reproduce_and_nobody_is_lost(method):
    game = rmfg.zoo.make("beach-bar", num_states=7)
    policy = np.full((7, 3), 1 / 3)

    def run(seed):
        return rmfg.simulate(game, policy, 50, 10, num_runs=3, seed=seed, method=method)

    one, same, other = run(1), run(1), run(2)
    assert one.identical(same)
    assert not one.empirical_law.equals(other.empirical_law)
    np.testing.assert_allclose(one.empirical_law.sum("state"), 1, atol=1e-12)
    np.testing.assert_allclose(one.actions.sum("action"), 1, atol=1e-12)


def test_returns_of_many_agents_are_the_value():
    answer = mean_field_policy(crowded(seed=1), rmfg.TotalVariation(0.1))
    data = rmfg.simulate(answer.game, answer, 10**9, 200, num_runs=2, seed=3)
    assert data.attrs["method"] == "counts"
    expected = answer.value @ answer.distribution
    assert float(data.mean_return) == pytest.approx(expected, abs=1e-3)
    assert float(data.distance.max()) <= 1e-3


@pytest.mark.parametrize("nature", ["nominal", "worst_case", "random", "adversary", "kernel"])
def test_every_nature_moves_within_its_set(nature):
    game, ambiguity = crowded(3, 2, seed=4), rmfg.TotalVariation(0.1)
    policy, law = np.full((3, 2), 0.5), np.full(3, 1 / 3)
    rule = game.kernel(law) if nature == "kernel" else nature
    moving = dynamics(rmfg.Problem(game, ambiguity), policy, rule, law)
    kernel = moved_by(moving)(law)
    assert np.max(ambiguity.violation(rmfg.DenseKernel(kernel), game.kernel(law))) <= 1e-12
    nominal = np.asarray(game.kernel(law).to_dense())
    assert np.allclose(kernel, nominal) == (nature in ("nominal", "kernel"))


def test_the_population_is_moved_as_the_equilibrium_says():
    game = rmfg.zoo.make("sis-epidemic")
    answer = rmfg.solve(game, rmfg.TotalVariation(0.05), population="nominal", tol=1e-9)
    named = rmfg.finite_gap(game, None, answer, 4, nature="nominal")
    worst = rmfg.finite_gap(game, None, answer, 4, nature="worst_case")
    assert rmfg.finite_gap(game, None, answer, 4).value == named.value != worst.value
    assert rmfg.simulate(game, answer, 4, 2).attrs["nature"] == "nominal"


def test_agents_can_be_kept():
    game = rmfg.zoo.make("beach-bar", num_states=7)
    data = rmfg.simulate(game, np.full((7, 3), 1 / 3), 20, 5, num_runs=2, keep_agents=True)
    counted = (data.agent_state.values[..., None] == np.arange(7)).mean(axis=2)
    np.testing.assert_allclose(counted, data.empirical_law.values, atol=1e-12)


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
