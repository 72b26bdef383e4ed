"""The zoo: every game is well formed, has the properties it claims and the equilibria it states.

Values and stationarity are computed here in NumPy from the games' tensors, without rmfg's solvers.
"""

import functools
import re

import equinox as eqx
import jax
import numpy as np
import pytest

from rmfg import zoo
from rmfg.model.game import MeanFieldGame
from rmfg.model.layout import Ring
from rmfg.zoo import arguments

SMALL = {"num_states": 12, "num_actions": 3, "branching": 4}  # garnets of one shape compile once

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


@functools.cache
def default(name: str) -> MeanFieldGame:
    return zoo.make(name)


def made(name: str, parameters: dict) -> MeanFieldGame:
    return zoo.make(name, **parameters) if parameters else default(name)


def random_field(game: MeanFieldGame, seed: int) -> np.ndarray:
    """A random law; odd seeds leave most entries nearly empty."""
    concentration = 1.0 if seed % 2 == 0 else 0.05
    size = int(np.prod(game.mean_field_shape))
    law = np.random.default_rng(seed).dirichlet(np.full(size, concentration))
    return law.reshape(game.mean_field_shape)


def tensors(game: MeanFieldGame, field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(game.kernel(field).to_dense()), np.asarray(game.reward(field))


def optimal_value(kernel: np.ndarray, reward: np.ndarray, discount: float) -> np.ndarray:
    values = np.zeros(len(reward))
    for _ in range(10_000):
        image = (reward + discount * kernel @ values).max(1)
        if np.abs(image - values).max() <= 1e-13 * max(1.0, np.abs(image).max()):
            return image
        values = image
    raise RuntimeError("value iteration did not end")


def policy_value(kernel: np.ndarray, reward: np.ndarray, discount: float, policy: np.ndarray):
    chain = np.einsum("sat,sa->st", kernel, policy)
    return np.linalg.solve(np.eye(len(chain)) - discount * chain, (policy * reward).sum(1))


def greedy(game: MeanFieldGame, law: np.ndarray) -> np.ndarray:
    """The best response to a law over states; ties share equally."""
    kernel, reward = tensors(game, law)
    values = optimal_value(kernel, reward, game.discount)
    q = reward + game.discount * kernel @ values
    best = q >= q.max(1, keepdims=True) - 1e-9
    return best / best.sum(1, keepdims=True)


def judge(game: MeanFieldGame, law: np.ndarray, policy: np.ndarray):
    """Exploitability, distance of the law from its push-forward, and the policy's value."""
    field = game.mean_field_of(law, policy)
    kernel, reward = tensors(game, field)
    value = policy_value(kernel, reward, game.discount, policy)
    pushed = np.einsum("s,sa,sat->t", law, policy, kernel)
    gain = (optimal_value(kernel, reward, game.discount) - value).max()
    return gain, np.abs(pushed - law).sum(), value


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


def claiming(known: str):
    claims = [name for name in zoo.names() if known in zoo.describe(name).known]
    return pytest.mark.parametrize("name", claims)


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


# Equilibria that are written in the docstrings


def always(game: MeanFieldGame, action: int) -> np.ndarray:
    return np.tile(np.eye(game.num_actions)[action], (game.num_states, 1))


def uniform_policy(game: MeanFieldGame) -> np.ndarray:
    return np.full((game.num_states, game.num_actions), 1 / game.num_actions)


def forward_equilibria():
    game = default("move-forward")
    policy = always(game, 2)
    policy[-1] = (0, 1, 0)
    value = (41.4901, 46.2258, 50.3782, 53.8826, 56.6673, 58.6525, 59.7525)
    yield game, np.array([0, 0, 0, 0, 0, 0.025, 0.975]), policy, np.array(value)


def gesture_equilibria():
    game = default("rock-paper-scissors")
    yield game, np.full(3, 1 / 3), uniform_policy(game), np.zeros(3)


def four_room_equilibria():
    for game in (default("four-rooms"), zoo.make("four-rooms", wall_jumps=True)):
        law = np.full(104, 1 / 104)
        yield game, law, uniform_policy(game), np.full(104, 10 * np.log(104))


def coordination_equilibria():
    game = default("coordination")
    left = np.array([0, 0.025, 0.95, 0.025, 0, 0, 0])
    for law in (left, left[::-1], (left + left[::-1]) / 2):
        yield game, law, greedy(game, law), None


def contraction_equilibria():
    game = default("contraction-game")
    for tilt in (0, 1 / 9 - 1e-6, -1 / 9 + 1e-6):
        yield game, np.array([1 + tilt, 1 - tilt]) / 2, always(game, 0), None


def epidemic_equilibria():
    game = default("sis-epidemic")
    yield game, np.array([1.0, 0.0]), always(game, 4), None
    infected = 1 / (0.9 * 0.8 * 9 / (1 - 0.9 * 0.9))
    contact = 0.1 / (0.8 * (1 - infected))
    np.testing.assert_allclose([infected, contact], [0.0293209877, 0.1287758347], atol=5e-11)
    policy = always(game, 4)
    policy[0] = (1 - contact, 0, 0, 0, contact)
    law = np.array([1 - infected, infected])
    yield game, law, policy, np.array([0, -9 / (1 - 0.9 * 0.9)])


def gridlock_equilibria():
    game = default("kinetic-congestion")
    for arrived in (0.18, 0.5):
        law = np.full(25, (1 - arrived) / 24)
        law[24] = arrived
        yield game, law, always(game, 4), np.append(np.full(24, -10.0), 0)


def road_equilibria():
    for game in (default("crowded-actions"), zoo.make("crowded-actions", distance_cost=0.0)):
        cost = dict(game.recipe[1])["distance_cost"]
        lengths = np.array([[0, 1, 2, 2, 1][(s - a) % 5] for s in range(5) for a in range(5)])
        policy = 1 / 5 + cost * (1.2 - lengths.reshape(5, 5)) / 5.0
        value = -(cost * 1.2 / 5 + 5.0 / 25) / 0.1
        yield game, np.full(5, 1 / 5), policy, np.full(5, value)


CLOSED_FORMS = {
    "move-forward": forward_equilibria,
    "rock-paper-scissors": gesture_equilibria,
    "four-rooms": four_room_equilibria,
    "coordination": coordination_equilibria,
    "contraction-game": contraction_equilibria,
    "sis-epidemic": epidemic_equilibria,
    "kinetic-congestion": gridlock_equilibria,
    "crowded-actions": road_equilibria,
}


@claiming("closed form")
def test_stated_equilibria_are_equilibria(name):
    laws = []
    for game, law, policy, value in CLOSED_FORMS[name]():
        gain, moved, reached = judge(game, law, policy)
        assert gain <= 1e-10 * max(1, np.abs(reached).max())
        assert moved <= 1e-12
        if value is not None:
            np.testing.assert_allclose(reached, value, rtol=0, atol=6e-5)
        laws.append(tuple(law))
    if "several equilibria" in zoo.describe(name).known:
        assert len(set(laws)) >= 2


@claiming("several equilibria")
def test_several_equilibria_are_all_stated(name):
    assert name in CLOSED_FORMS


def test_contraction_game_ends_its_continuum_at_one_ninth():
    game = default("contraction-game")
    tilt = 1 / 9 + 1e-3
    gain, _, _ = judge(game, np.array([1 + tilt, 1 - tilt]) / 2, always(game, 0))
    # One switch costs 2 and moves an agent to the place that is 2 * tilt better ever after.
    assert gain == pytest.approx(0.9 * 2 * tilt / (1 - 0.9) - 2, rel=1e-6)


def test_lasry_lions_chain_has_the_reference_equilibrium():
    game = default("lasry-lions-chain")
    half = [0.00111787, 0.04952394, 0.27750186]
    law = np.array([*half, 0.34371267, *half[::-1]])
    left_half = [(0, 0, 1), (0, 0.880318, 0.119682), (0, 0.994129, 0.005871)]
    mirrored = [row[::-1] for row in left_half[::-1]]
    policy = np.array([*left_half, (0, 1, 0), *mirrored])
    gain, moved, value = judge(game, law, policy)
    assert gain <= 1e-5
    assert moved <= 1e-6
    assert law @ value == pytest.approx(-140.310757, abs=1e-5)


# Formulas, written down again state by state


def test_beach_bar_pays_as_documented():
    for ring in (False, True):
        game = zoo.make("beach-bar", num_states=5, bar=1, ring=ring, noise=0.3)
        field = np.array([0.1, 0.0, 0.4, 0.3, 0.2])
        steps = [1, 0, 1, 2, 2] if ring else [1, 0, 1, 2, 3]
        kernel, reward = tensors(game, field)
        for s in range(5):
            for a, move in enumerate((-1, 0, 1)):
                crowd = np.log(max(field[s], 1e-6))
                expected = -steps[s] / 5 - abs(move) / 5 - crowd
                assert reward[s, a] == pytest.approx(expected, abs=1e-14)
                law = np.zeros(5)
                for push, chance in ((-1, 0.15), (0, 0.7), (1, 0.15)):
                    target = s + move + push
                    law[target % 5 if ring else min(max(target, 0), 4)] += chance
                np.testing.assert_allclose(kernel[s, a], law, atol=1e-15)
        assert isinstance(game.layout, Ring) == ring


def test_walls_of_the_four_rooms_hold():
    def reached(**parameters):
        game = zoo.make("four-rooms", **parameters)
        state = game.state_names.index("(4, 0)")
        kernel, _ = tensors(game, np.full(104, 1 / 104))
        landed = np.flatnonzero(kernel[state, 0])  # up, into the wall at row 5
        return {game.state_names[target]: kernel[state, 0, target] for target in landed}

    assert reached() == pytest.approx({"(4, 0)": 0.6, "(4, 1)": 0.2, "(3, 0)": 0.2})
    assert "(6, 0)" in reached(wall_jumps=True)
    windy = reached(wind=0.5)
    assert windy["(4, 1)"] == pytest.approx(0.6)
    assert sum(windy.values()) == pytest.approx(1)


def test_wind_breaks_the_uniform_equilibrium():
    game = zoo.make("four-rooms", wind=0.3)
    _, moved, _ = judge(game, np.full(104, 1 / 104), uniform_policy(game))
    assert moved > 0.01


def test_epidemic_probabilities_are_exact():
    game = default("sis-epidemic")
    kernel, reward = tensors(game, np.array([0.996, 0.004]))
    assert kernel[0, 3, 1] == pytest.approx(0.8 * 0.75 * 0.004, rel=1e-14)
    np.testing.assert_allclose(kernel[1, :, 0], 0.1)
    np.testing.assert_allclose(reward, [np.arange(5) / 4, np.arange(5) / 4 - 10])


def test_malware_and_investment_pay_as_documented():
    game = zoo.make("malware-spread", num_states=3)
    kernel, reward = tensors(game, np.array([0.2, 0.4, 0.4]))
    np.testing.assert_allclose(reward, [[0, -0.5], [-0.4, -0.9], [-0.8, -1.3]])
    np.testing.assert_allclose(kernel[1], [[0, 0.5, 0.5], [1, 0, 0]])
    game = zoo.make("investment", num_states=3)
    kernel, reward = tensors(game, np.array([0.5, 0.0, 0.5]))
    np.testing.assert_allclose(reward[:, 0], np.array([1, 2, 3]) / (1 + 2))
    np.testing.assert_allclose(reward[:, 1], reward[:, 0] - 0.25)
    np.testing.assert_allclose(kernel[1], [[0.3, 0.7, 0], [0.15, 0.5, 0.35]])
    np.testing.assert_allclose(kernel[0, 1], [0.65, 0.35, 0])


def test_charging_price_rises_with_what_the_population_draws():
    game = zoo.make("ev-charging", num_periods=2, num_levels=3, num_rates=2, drive=0.4)
    field = np.zeros((6, 2))
    field[0, 1], field[3, 0] = 0.5, 0.5  # empty cars charge in period 0, others wait in period 1
    kernel, reward = tensors(game, field)
    price = np.array([1.8 + 0.5 * 1.0, 0.2])  # the mean car of period 0 draws one unit
    for level in range(3):
        for period in range(2):
            state = level * 2 + period
            drawn = min(1, 2 - level)
            missed = 5 * 0.4 if level == 0 else 0
            np.testing.assert_allclose(reward[state], [-missed, -price[period] * drawn])
            law = np.zeros(6)
            law[max(level + drawn - 1, 0) * 2 + 1 - period] += 0.4
            law[(level + drawn) * 2 + 1 - period] += 0.6
            np.testing.assert_allclose(kernel[state, 1], law)


# Garnets


@pytest.mark.parametrize("coupling", ["additive", "multiplicative"])
def test_sparse_and_dense_garnets_are_the_same_game(coupling):
    options = {**SMALL, "seed": 3, "kernel_coupling": coupling}
    dense, sparse = (zoo.make("mf-garnet", sparse=form, **options) for form in (False, True))
    for seed in (0, 1):
        field = random_field(dense, seed)
        assert type(dense.kernel(field)) is not type(sparse.kernel(field))
        for left, right in zip(tensors(dense, field), tensors(sparse, field), strict=True):
            np.testing.assert_allclose(left, right, atol=1e-15)


@pytest.mark.parametrize("coupling", ["additive", "multiplicative"])
def test_garnets_see_the_population_but_keep_their_successors(coupling):
    game = zoo.make("mf-garnet", kernel_coupling=coupling, **SMALL)
    (kernel, reward), (kernel_too, reward_too) = (
        tensors(game, random_field(game, seed)) for seed in (0, 1)
    )
    assert np.abs(kernel - kernel_too).max() > 0.01
    assert np.abs(reward - reward_too).max() > 0.01
    assert ((kernel > 0).sum(-1) == 4).all()
    np.testing.assert_array_equal(kernel > 0, kernel_too > 0)


def test_seeds_reproduce_and_differ():
    field = np.full(12, 1 / 12)
    first, again, other = (
        tensors(zoo.make("mf-garnet", seed=seed, **SMALL), field) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert np.abs(first[1] - other[1]).max() > 0.1


@pytest.mark.parametrize("coupling", ["potential", "monotone", "cyclic"])
def test_garnet_rewards_are_coupled_as_named(coupling):
    game = zoo.make("mf-garnet", reward_coupling=coupling, **SMALL)
    fields = [random_field(game, seed) for seed in (0, 1)]
    first, second = (tensors(game, field)[1][:, 0] for field in fields)
    product = (fields[0] - fields[1]) @ (first - second)
    if coupling == "monotone":
        assert product < 0
    if coupling == "cyclic":
        assert abs(product) < 1e-12


# Errors


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("beach-baar", {}, "unknown game 'beach-baar'.*Did you mean 'beach-bar'"),
        ("beach-bar", {"num_state": 3}, "'num_state'.*Did you mean 'num_states'"),
        ("beach-bar", {"num_states": 0}, "`num_states` must be a positive integer"),
        ("beach-bar", {"bar": 21}, "`bar` must hold state numbers from 0 to 20"),
        ("beach-bar", {"noise": 1.5}, r"`noise` must be in \[0, 1\], but is 1.5"),
        ("beach-bar", {"noise": float("nan")}, "`noise` must be a finite number"),
        ("beach-bar", {"floor": 0.0}, "`floor` must be above 0"),
        ("beach-bar", {"discount": 1.0}, "`discount` must lie in"),
        ("two-beach-bars", {"bars": (3,), "charms": (1.0, 2.0)}, "`charms`.*one entry per bar"),
        ("coordination", {"targets": ()}, "`targets` must be a sequence of state numbers"),
        ("four-rooms", {"size": 10}, "`size` must be odd"),
        ("sis-epidemic", {"num_actions": 1}, "`num_actions` must be an integer of at least 2"),
        ("investment", {"depreciation": -0.1}, "`depreciation` must be in"),
        ("mf-garnet", {"branching": 101}, "`branching` must be at most num_states=100"),
        ("mf-garnet", {"kernel_coupling": "aditive"}, "Did you mean 'additive'"),
        ("mf-garnet", {"seed": -1}, "`seed` must be an integer of at least 0"),
    ],
)
def test_wrong_arguments_are_refused_with_the_way_out(name, parameters, message):
    with pytest.raises(ValueError, match=message):
        zoo.make(name, **parameters)


@pytest.mark.parametrize("value", ["21", True, 2.5, None, np.float64(3), 0, -1])
def test_sizes_are_positive_integers(value):
    with pytest.raises(ValueError, match="`num_states` must be a positive integer"):
        arguments.whole("num_states", value)


@pytest.mark.parametrize("value", ["0.1", True, None, np.nan, np.inf, [0.1]])
def test_numbers_are_finite(value):
    with pytest.raises(ValueError, match="`noise` must be a finite number"):
        arguments.probability("noise", value)


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_flags_are_true_or_false(value):
    with pytest.raises(ValueError, match="`ring` must be True or False"):
        arguments.flag("ring", value)


def test_recipes_are_plain():
    game = zoo.make("two-beach-bars", bars=[3, 9], charms=[0.0, 1.0], attraction=2)
    recipe = dict(game.recipe[1])
    assert (recipe["bars"], recipe["charms"]) == ((3, 9), (0.0, 1.0))
    assert isinstance(recipe["attraction"], float)


def test_unknown_names_cannot_be_described():
    with pytest.raises(ValueError, match="Did you mean 'four-rooms'"):
        zoo.describe("four-room")
