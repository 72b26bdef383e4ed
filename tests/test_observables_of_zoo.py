"""What the zoo lets people watch: finite, with derivatives and units, and what its names say."""

import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq
from watched_games import GAMES

from rmfg.zoo import tntp

WATCHED = [name for name, game in GAMES.items() if game.observables]

every_watched = pytest.mark.parametrize("name", WATCHED)


def laws(game, count=4):
    """Random mean fields; every second leaves most entries nearly empty."""
    size = int(np.prod(game.mean_field_shape))
    for seed in range(count):
        random = np.random.default_rng(seed)
        yield random.dirichlet(np.full(size, (1.0, 0.05)[seed % 2])).reshape(game.mean_field_shape)


@every_watched
def test_observables_trace_are_finite_and_have_units(name):
    game = GAMES[name]
    traced = eqx.filter_jit(lambda game, m: {k: o.function(m) for k, o in game.observables.items()})
    shapes = {}
    for field in laws(game):
        with jax.enable_x64(True):
            compiled = traced(game, jnp.asarray(field))
        for key, observable in game.observables.items():
            value = observable(field)
            assert type(value) is np.ndarray
            assert value.dtype == np.float64
            assert np.isfinite(value).all()
            assert shapes.setdefault(key, value.shape) == value.shape
            assert value.ndim == bool(observable.over)
            assert observable.unit
            np.testing.assert_allclose(compiled[key], value, rtol=1e-12, atol=1e-15)


@every_watched
def test_observables_have_derivatives(name):
    """Populations are designed by what is watched of them."""
    game = GAMES[name]
    field, step = next(laws(game)), 1e-6
    toward = np.random.default_rng(9).dirichlet(np.ones(field.size)).reshape(field.shape) - field
    for observable in game.observables.values():
        with jax.enable_x64(True):
            _, slope = jax.jvp(observable.function, (jnp.asarray(field),), (jnp.asarray(toward),))
        ahead, behind = (observable(field + sign * step * toward) for sign in (1, -1))
        numeric = (ahead - behind) / (2 * step)
        size = np.abs(numeric).max() + np.abs(observable(field)).max()
        np.testing.assert_allclose(slope, numeric, rtol=0, atol=1e-6 * size)


def mass(game, field):
    """The law over states, and over states and actions."""
    return (field, None) if game.mean_field == "state" else (field.sum(1), field)


def rooms(game, law):
    shares = np.zeros(4)
    for state, name in enumerate(game.state_names):
        row, column = json.loads(name.replace("(", "[").replace(")", "]"))
        middle = game.layout.rows // 2
        if middle not in (row, column):
            shares[2 * (row > middle) + (column > middle)] += law[state]
    return shares


def loads(game, joint):
    """The energy that a car draws in each period, from the names of states."""
    drawn, full = np.zeros(game.layout.columns), game.layout.rows - 1
    for state, name in enumerate(game.state_names):
        level, period = int(name.split()[1]), int(name.split()[3])
        for action in range(game.num_actions):
            drawn[period] += joint[state, action] * min(action, full - level)
    return drawn * len(drawn)


# What is watched, written down again.
FORMULAS = {
    "beach-bar": lambda g, m, _: {"at_bar": m[3]},
    "two-beach-bars": lambda g, m, _: {"at_bars": m[[1, 5]]},
    "four-rooms": lambda g, m, _: {"in_rooms": rooms(g, m)},
    "kinetic-congestion": lambda g, m, _: {"at_goal": m[5]},
    "coordination": lambda g, m, _: {"at_targets": m[[2, 4]]},
    "sis-epidemic": lambda g, m, _: {"infected": m[1]},
    "malware-spread": lambda g, m, _: {"mean_infection": m @ np.linspace(0, 1, 11)},
    "investment": lambda g, m, _: {
        "mean_quality": m @ np.arange(10),
        "competition": m @ np.arange(1, 11),
    },
    "crowded-actions": lambda g, _, q: {
        "mean_trip": sum(
            q[s, a] * min((s - a) % 5, (a - s) % 5) for s in range(5) for a in range(5)
        )
    },
    "ev-charging": lambda g, _, q: {
        "load": loads(g, q),
        "mean_load": loads(g, q).mean(),
        "peak_load": loads(g, q).max(),
    },
}


@every_watched
def test_observables_are_what_their_names_say(name):
    if name == "road-network":
        pytest.skip("its flows have a test of their own")
    game = GAMES[name]
    for field in laws(game):
        expected = FORMULAS[name](game, *mass(game, field))
        assert expected.keys() == game.observables.keys()
        for key, value in expected.items():
            np.testing.assert_allclose(game.observables[key](field), value, rtol=1e-12, atol=1e-15)


def test_flows_obey_littles_law():
    """Link by link f t(f) = m vehicles, solved here by bisection from the file of the network."""
    game, folder = GAMES["road-network"], tntp.__file__.replace("tntp.py", "data/sioux_falls/")
    with open(folder + "SiouxFalls_net.tntp") as file:
        rows = [line.split() for line in file if line.strip().endswith(";") and "~" not in line]
    links = np.array([row[:7] for row in rows], dtype=float)
    assert len(links) == 76
    capacity, free, b, power = links[:, 2], links[:, 4] / 100, links[:, 5], links[:, 6]
    on_link = np.array(game.layout.state_link)
    for field in laws(game, 2):
        vehicles = game.observables["travelers"](field)
        here = np.array([field[on_link == link].sum() for link in range(76)]) * vehicles

        def missing(flow, link):
            time = free[link] * (1 + b[link] * (flow / capacity[link]) ** power[link])
            return flow * time - here[link]  # noqa: B023

        flows = np.array(
            [brentq(missing, 0, here[n] / free[n] + 1, args=(n,), xtol=1e-9) for n in range(76)]
        )
        found = {key: each(field) for key, each in game.observables.items()}
        np.testing.assert_allclose(found["link_flows"], flows, rtol=1e-9, atol=1e-6)
        np.testing.assert_allclose(found["link_loads"], flows / capacity, rtol=1e-9, atol=1e-9)
        times = free * (1 + b * (flows / capacity) ** power)
        np.testing.assert_allclose(found["link_times"], times, rtol=1e-9)
        np.testing.assert_allclose(found["on_roads"], here.sum(), rtol=1e-12)
