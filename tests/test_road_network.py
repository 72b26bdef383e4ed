"""The road network: its congestion, its kernel and its population, against closed forms and by hand."""

import functools
import importlib.resources

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from road_files import CLOSED, CLOSED_TRIPS, PIGOU, PIGOU_TRIPS, watched, written

import rmfg
from rmfg.zoo import tntp
from rmfg.zoo.road_network import ENTRY, road_network
from rmfg.zoo.traffic import assign, flow_ratio, travel_times


@pytest.fixture(scope="module")
def sioux_falls():
    return road_network()


@pytest.fixture
def write(tmp_path):
    """Write the files of a network and return the path of the first."""
    return functools.partial(written, tmp_path)


def random_law(game, seed=0):
    return np.random.default_rng(seed).dirichlet(np.full(game.num_states, 0.1))


def leaving(game, law):
    """The probability of leaving each state, under the first action that leaves."""
    return 1 - np.asarray(game.kernel(law).probabilities)[:, :, 0].min(axis=1)


def empty(game):
    """The law of travelers who are all at one zone."""
    return np.eye(game.num_states)[-1]


def published_roads():
    """The files of Sioux Falls, in its own unit of time, which is 0.01 h."""
    folder = importlib.resources.files("rmfg") / "zoo" / "data" / "sioux_falls"
    return tntp.read_network(folder / "SiouxFalls_net.tntp")


def proportional_policy(game):
    """Travelers split over the roads as the static flows do: by the flow that enters each road."""
    kernel = game.kernel(game.initial)
    entering = game.initial * leaving(game, game.initial)
    weight = np.where(kernel.probabilities[..., 1] > 0, entering[kernel.successors[..., 1]], 0)
    arrives = kernel.probabilities[..., 1:].sum(-1) > 0
    weight = np.where(weight.sum(-1, keepdims=True) > 0, weight, arrives)
    return weight / weight.sum(-1, keepdims=True)


def test_sioux_falls_is_the_published_network(sioux_falls):
    layout = sioux_falls.layout
    assert (len(layout.node_names), len(layout.tail)) == (24, 76)
    # No one on the way to d leaves d; 528 pairs of zones have trips; 24 zones are arrived at.
    assert sioux_falls.num_states == 24 * 76 - 76 + 528 + 24
    num_successors = sioux_falls.kernel(sioux_falls.initial).law.shape[0]
    assert (sioux_falls.num_actions, num_successors) == (5, 25)
    at_zones = 2 * 360_600 * 0.01
    travelers = watched(sioux_falls, "travelers", sioux_falls.initial)
    assert travelers - at_zones == pytest.approx(74_802, abs=1)
    assert (layout.x[2], layout.y[0]) == (-96.77430341, 43.61282792)
    assert {"2-6 to 13", "at 3 to 13", "arrived at 13"} <= set(sioux_falls.state_names)
    assert ENTRY.name == sioux_falls.name == "road-network"


def test_static_assignment_meets_the_published_flows(sioux_falls):
    flows = watched(sioux_falls, "link_flows", sioux_falls.initial)
    published = sioux_falls.observables["link_flows"].reference
    assert np.corrcoef(flows, published)[0, 1] > 0.9999
    np.testing.assert_allclose(flows, published, rtol=0.03)


@pytest.mark.parametrize("power", [1.0, 4.0, 5.5, 20.0])
@pytest.mark.parametrize("b", [0.0, 1e-3, 0.15, 1.0, 1e9])
def test_flow_ratio_solves_littles_law(power, b):
    load = np.concatenate([[0.0], np.geomspace(1e-12, 1e12, 500)])
    b, power = np.full_like(load, b), np.full_like(load, power)
    x = flow_ratio(load, b, power)
    assert x[0] == 0
    np.testing.assert_allclose(x * (1 + b * x**power), load, rtol=1e-12)
    with jax.enable_x64(True):
        slope = jax.grad(lambda array: flow_ratio(array, b, power).sum())(jnp.asarray(load))
    np.testing.assert_allclose(slope, 1 / (1 + (power + 1) * b * x**power), rtol=1e-12)


def test_published_flows_obey_littles_law(sioux_falls):
    game, layout, roads = sioux_falls, sioux_falls.layout, published_roads()
    flows = game.observables["link_flows"].reference
    travelers = watched(game, "travelers", game.initial)
    times = 0.01 * roads.free_flow_time * (1 + 0.15 * (flows / roads.capacity) ** 4)
    law = np.zeros(game.num_states)
    state_link = np.array(layout.state_link)
    for link in range(76):  # shared by the states of the link in any way, here at random
        states = np.flatnonzero(state_link == link)
        weights = np.random.default_rng(link).dirichlet(np.ones(len(states)))
        law[states] = weights * flows[link] * times[link] / travelers
    law[np.flatnonzero(state_link < 0)[0]] = 1 - law.sum()
    np.testing.assert_allclose(watched(game, "link_flows", law), flows, rtol=1e-12)
    np.testing.assert_allclose(watched(game, "link_times", law), times, rtol=1e-12)
    np.testing.assert_allclose(watched(game, "link_loads", law), flows / roads.capacity, rtol=1e-12)
    assert watched(game, "on_roads", law) == pytest.approx(flows @ times, rel=1e-12)
    leave = leaving(game, law)
    np.testing.assert_allclose(leave[state_link >= 0], 0.01 / times[state_link[state_link >= 0]])
    np.testing.assert_array_equal(leave[state_link < 0], 1)
    through = np.bincount(state_link[state_link >= 0], (law * leave)[state_link >= 0])
    np.testing.assert_allclose(through * travelers / 0.01, flows, rtol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_rows_are_laws_at_any_mean_field(sioux_falls, seed):
    sioux_falls.kernel(random_law(sioux_falls, seed)).check()


def test_empty_roads_are_free():
    game = road_network()
    law, times = empty(game), 0.01 * published_roads().free_flow_time
    np.testing.assert_array_equal(watched(game, "link_times", law), times)
    assert watched(game, "on_roads", law) == 0
    with jax.enable_x64(True):
        _, slopes = jax.jvp(
            lambda m: game.kernel(m).law, (jnp.asarray(law),), (jnp.ones_like(law),)
        )
    assert np.isfinite(slopes).all()


def test_kernel_can_be_traced(sioux_falls):
    law = random_law(sioux_falls)
    with jax.enable_x64(True):
        traced = eqx.filter_jit(lambda game, m: game.kernel(m).law)(sioux_falls, jnp.asarray(law))
    np.testing.assert_allclose(traced, sioux_falls.kernel(law).law, rtol=1e-12)


def test_waiting_costs_time_and_arriving_is_paid(sioux_falls):
    kernel = sioux_falls.kernel(sioux_falls.initial)
    reward = sioux_falls.reward(sioux_falls.initial)
    waits = kernel.probabilities[..., 0] == 1
    assert (~waits).any(axis=1).all()  # everyone can go on
    assert (reward[waits] == -1).all()
    arrived = np.char.startswith(sioux_falls.state_names, "arrived")
    assert (reward[~arrived] == -1).all()
    np.testing.assert_array_equal(~waits[arrived], [[True] + [False] * 4] * 24)
    assert len(np.unique(reward[arrived, 0])) == 1
    assert reward[arrived, 0].max() > 10


def test_static_flows_are_a_stationary_law_of_the_game():
    game = road_network(flows="none")
    chain = game.kernel(game.initial).chain(proportional_policy(game))
    np.testing.assert_allclose(game.initial @ chain, game.initial, atol=1e-15)
    assert game.observables["link_flows"].reference is None
    assert watched(game, "travelers", game.initial) == pytest.approx(82_014, rel=1e-3)
    assert watched(game, "arrivals", game.initial) == pytest.approx(360_600, rel=1e-3)


def test_unbalanced_trips_are_stationary_by_relocation(write):
    game = road_network(write(CLOSED, CLOSED_TRIPS), step=0.5)
    chain = game.kernel(game.initial).chain(proportional_policy(game))
    np.testing.assert_allclose(game.initial @ chain, game.initial, atol=1e-15)
    at_zone = np.array(game.layout.state_link) < 0
    trips = game.initial[at_zone] * watched(game, "travelers", game.initial) / 0.5
    # Row by row of the trip table, with the arrivals on its diagonal.
    np.testing.assert_allclose(trips, [3, 1, 4, 1, 1, 2, 4], rtol=1e-12)


def test_pigou_by_hand(write):
    game = road_network(write(PIGOU, PIGOU_TRIPS), discount=0.9, bonus=3.0, flows="none")
    links = ("1-2 to 2", "1-2 to 2", "2-1 to 1")
    zones = ("arrived at 1", "at 1 to 2", "at 2 to 1", "arrived at 2")
    assert game.state_names == links + zones
    # Vehicles: 6 * 2 + 4 * 2 + 10 * 2 = 40; and 20 trips spend two steps of 1 at zones.
    assert watched(game, "travelers", game.initial) == pytest.approx(80, rel=1e-6)
    law = np.array([12, 8, 20, 10, 10, 10, 10]) / 80
    np.testing.assert_allclose(game.initial, law, atol=1e-6)
    np.testing.assert_allclose(watched(game, "link_flows", law), [6, 4, 10], rtol=1e-6)
    expected = np.zeros((7, 2, 7))
    expected[0, 0, [0, 6]] = expected[1, 0, [1, 6]] = expected[2, 0, [2, 3]] = 0.5
    expected[4, 0, 0] = expected[4, 1, 1] = expected[5, 0, 2] = 1
    expected[3, 0, 4] = expected[6, 0, 5] = 1
    for state in (0, 1, 2, 3, 5, 6):  # waiting
        expected[state, 1, state] = 1
    np.testing.assert_allclose(game.kernel(law).to_dense(), expected, atol=1e-6)
    reward = game.reward(law)
    np.testing.assert_array_equal(reward[:, 0], [-1, -1, -1, 2, -1, -1, 2])
    np.testing.assert_array_equal(reward[:, 1], -1)
    # Both roads are as good: the law is an equilibrium, at any discount.
    go = expected[:, 0]
    value = np.linalg.solve(np.eye(7) - 0.9 * go, reward[:, 0])
    q = reward + 0.9 * expected @ value
    assert q[4, 0] == pytest.approx(q[4, 1], rel=1e-12)
    assert (value >= q.max(1) - 1e-12).all()


def test_zones_below_the_first_through_node_are_not_crossed(write):
    path = write(CLOSED, CLOSED_TRIPS)
    names = road_network(path).state_names
    assert "1-2 to 2" in names
    assert not {"1-2 to 3", "2-3 to 3", "4-2 to 3", "4-2 to 1"} & set(names)
    flows, mean = assign(tntp.read_network(path), np.array([[0, 1, 4], [1, 0, 0], [2, 0, 0.0]]))
    np.testing.assert_array_equal(flows[:4, 2], [0, 0, 4, 4])
    assert mean == (1 * 1 + 4 * 10 + 1 * 10 + 2 * 10) / 8
    through = road_network(write(CLOSED.replace("NODE> 4", "NODE> 1"), CLOSED_TRIPS)).state_names
    assert {"1-2 to 3", "2-3 to 3"} <= set(through)


def test_short_links_are_raised_with_their_delay(write):
    # Braess' files write a delay of 10 f as 1e-8 (1 + 1e9 f).
    text = PIGOU.replace("1 2 4 1 1 1 1", "1 2 1 1 1e-8 1e9 1")
    game = road_network(write(text, PIGOU_TRIPS), minimum_time=0.5, flows="none")
    assert watched(game, "link_times", empty(game))[1] == 0.5
    flow, time = (watched(game, f"link_{each}", game.initial)[1] for each in ("flows", "times"))
    assert (time - 0.5) / flow == pytest.approx(10)


def test_constant_delays_become_free_flow_time(write):
    text = PIGOU.replace("1 2 4 1 1 1 1", "1 2 4 1 1 0.5 0")
    game = road_network(write(text, PIGOU_TRIPS))
    for law in (empty(game), game.initial):
        assert watched(game, "link_times", law)[1] == 1.5


def test_demand_scales_the_population(write):
    path = write(PIGOU, PIGOU_TRIPS, flows="1 2 6\n1 2 4\n2 1 10\n")
    game = road_network(path, demand=2.0)
    # The road that congests still takes 2 at a flow of 4; all else is doubled.
    assert watched(game, "travelers", game.initial) == pytest.approx(2 * 80, rel=1e-6)
    assert game.observables["link_flows"].reference is None
    np.testing.assert_allclose(watched(game, "link_flows", game.initial), [16, 4, 20], rtol=1e-6)
    few = road_network(path, vehicles=10.0)
    assert watched(few, "travelers", few.initial) == pytest.approx(50, rel=1e-12)


def test_travel_times_follow_the_formula(write):
    roads = tntp.read_network(write(PIGOU))
    np.testing.assert_array_equal(travel_times(roads, np.array([6, 4, 10.0])), [2, 2, 2])


@pytest.mark.parametrize("step", [1.0, 0.02])
def test_what_enters_a_node_leaves_it_at_every_time_step(write, step):
    """Mass per step vanishes with the step, and what flows is in balance all the same."""
    game = road_network(network=write(PIGOU, PIGOU_TRIPS), step=step)
    answer = rmfg.solve(game, tol=1e-3)
    assert answer.status == "certified"
    chain = np.einsum("sat,sa->st", game.kernel(answer.distribution).to_dense(), answer.policy)
    np.fill_diagonal(chain, 0)
    inward, outward = answer.distribution @ chain, answer.distribution * chain.sum(1)
    busy = outward >= outward.mean()
    np.testing.assert_allclose(inward[busy], outward[busy], rtol=2e-3)
