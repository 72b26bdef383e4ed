"""Observables: what games let people watch, in answers, files, figures and the log."""

import dataclasses
import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray
from registry import SMALL_ZOO
from scipy.optimize import brentq

import rmfg
from rmfg.cli import main
from rmfg.zoo import tntp

GAMES = {name: rmfg.zoo.make(name, **SMALL_ZOO.get(name, {})) for name in rmfg.zoo.names()}
WATCHED = [name for name, game in GAMES.items() if game.observables]

every_game = pytest.mark.parametrize("name", GAMES)
every_watched = pytest.mark.parametrize("name", WATCHED)


def laws(game, count=4):
    """Random mean fields; every second leaves most entries nearly empty."""
    size = int(np.prod(game.mean_field_shape))
    for seed in range(count):
        random = np.random.default_rng(seed)
        yield random.dirichlet(np.full(size, (1.0, 0.05)[seed % 2])).reshape(game.mean_field_shape)


def answer_of(game, seed=0, **changes):
    """An answer that nobody solved for: observables only look at its population."""
    random = np.random.default_rng(seed)
    policy = random.dirichlet(np.ones(game.num_actions), game.num_states)
    distribution = random.dirichlet(np.ones(game.num_states))
    measured = "exploitability exploitability_lower mean_exploitability consistency flow_imbalance "
    measured += "drift nature_gap infeasibility adjustment"
    fields = {
        "policy": policy,
        "distribution": distribution,
        "value": np.zeros(game.num_states),
        "kernel": game.kernel(game.mean_field_of(distribution, policy)),
        "certificate": rmfg.Certificate(
            **dict.fromkeys(measured.split(), 0.0), scale=1.0, tol=1e-8
        ),
        "status": rmfg.Status.CERTIFIED,
        "game": game,
        "ambiguity": rmfg.Nominal(),
    }
    return rmfg.Equilibrium(**{**fields, **changes})


def crowd_game(**observables):
    """Three places that nobody leaves."""
    kernel = np.broadcast_to(np.eye(3)[:, None], (3, 2, 3))
    return rmfg.TabularGame(
        kernel, lambda m: -m[:, None] * np.ones(2), 0.9, observables=observables
    )


def saved(answer, tmp_path, change=None):
    """The answer as its file gives it back, after a change of the file."""
    answer.save(tmp_path / "eq.nc")
    if change is not None:
        with xarray.open_dataset(tmp_path / "eq.nc") as opened:
            data = opened.load()
        change(data)
        data.to_netcdf(tmp_path / "eq.nc")
    return rmfg.load(tmp_path / "eq.nc")


# Laws over the zoo


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


# Answers and files


@every_game
def test_files_keep_what_is_watched(name, tmp_path):
    answer = answer_of(GAMES[name])
    again, data = saved(answer, tmp_path), answer.to_xarray()
    assert answer.observables.keys() == again.observables.keys() == GAMES[name].observables.keys()
    for key, value in answer.observables.items():
        np.testing.assert_array_equal(again.observables[key], value)
        assert again.observables[key].dtype == np.float64
        was, now = answer.game.observables[key], again.game.observables[key]
        assert (now.unit, now.over) == (was.unit, was.over)
        np.testing.assert_array_equal(now.reference, was.reference)
        np.testing.assert_array_equal(data[f"observable_{key}"].values, value)
        assert data[f"observable_{key}"].dims == ((was.over,) if was.over else ())
        assert data[f"observable_{key}"].attrs["unit"] == was.unit
        assert again.to_xarray()[f"observable_{key}"].identical(data[f"observable_{key}"])
    shown = str(answer).splitlines()
    assert str(again).splitlines()[-1] == shown[-1]
    scalars = [key for key, value in answer.observables.items() if np.ndim(value) == 0]
    line = [row for row in shown if row.startswith("observables")]
    assert len(line) == bool(scalars)
    assert all(f"{key} {answer.observables[key]:.6g}" in line[0] for key in scalars)


@every_game
def test_a_loaded_answer_gives_the_same_figure(name, tmp_path):
    answer = answer_of(GAMES[name])
    again = saved(answer, tmp_path)
    for equilibrium, path in ((answer, "fresh.png"), (again, "loaded.png")):
        rmfg.plot(equilibrium, tmp_path / path)
    assert (tmp_path / "fresh.png").read_bytes() == (tmp_path / "loaded.png").read_bytes()


def test_an_answer_of_another_population_is_watched_anew(tmp_path):
    answer = answer_of(GAMES["sis-epidemic"])
    moved = dataclasses.replace(answer, distribution=np.array([0.25, 0.75]))
    assert moved.observables == {"infected": 0.75}
    again = saved(answer, tmp_path)
    lost = dataclasses.replace(again, distribution=np.array([0.25, 0.75]))
    with pytest.raises(
        ValueError, match=r"`observables\['infected'\]`.*alone: build the game again"
    ):
        _ = lost.observables
    rebuilt = dataclasses.replace(lost, game=rmfg.zoo.remake(again.game.recipe))
    assert rebuilt.observables == {"infected": 0.75}


def test_functions_alone_have_no_unit(tmp_path):
    game = crowd_game(largest=jnp.max, crowds=lambda m: 2 * m, first=lambda m: m[0])
    answer = answer_of(game)
    law = answer.distribution
    assert list(answer.observables) == ["crowds", "first", "largest"]
    np.testing.assert_array_equal(answer.observables["crowds"], 2 * law)
    assert answer.observables["largest"] == law.max()
    assert f"observables  first {law[0]:.6g}, largest {law.max():.6g}" in str(answer)
    assert saved(answer, tmp_path).observables.keys() == answer.observables.keys()


class Spelled(rmfg.MeanFieldGame):
    """A game of its own class."""

    num_states, num_actions, discount = 3, 2, 0.9
    observables = {"first": lambda m: m[0]}  # noqa: RUF012

    def kernel(self, mean_field):
        return jnp.broadcast_to(jnp.eye(3)[:, None], (3, 2, 3))

    def reward(self, mean_field):
        return -mean_field[:, None] * jnp.ones(2)


def test_classes_have_observables_too(tmp_path):
    answer = rmfg.solve(Spelled(), tol=1e-6)
    assert answer.observables == {"first": answer.distribution[0]}
    assert saved(answer, tmp_path).observables == answer.observables
    game = Spelled()
    game.observables = {"first": lambda m: float(m[0])}
    with pytest.raises(
        TypeError, match=r"`observables\['first'\]` must be a function that JAX can"
    ):
        rmfg.solve(game)


def test_what_is_not_finite_costs_no_answer(tmp_path):
    """It is found where it is asked for, and nowhere else."""
    game = crowd_game(odds=lambda m: m[0] / m[1], first=lambda m: m[0])
    answer = answer_of(game, distribution=np.array([0.5, 0.0, 0.5]))
    again = saved(answer, tmp_path)
    for each in (answer, again):
        with pytest.raises(ValueError, match=r"`observables\['odds'\]` must be finite, but is inf"):
            _ = each.observables
        assert "observables  first 0.5, odds inf" in str(each)
    certificate = rmfg.certify(game, rmfg.Nominal(), answer.policy, answer.distribution)
    assert np.isfinite(certificate.exploitability)


def test_an_axis_of_another_length_costs_no_answer(tmp_path):
    halves = rmfg.Observable(lambda m: m[:2], "people", over="next_state")
    answer = answer_of(crowd_game(halves=halves))
    again = saved(answer, tmp_path)
    np.testing.assert_array_equal(again.observables["halves"], answer.distribution[:2])
    assert again.game.observables["halves"].over == "next_state"


def test_a_new_number_compiles_nothing_anew():
    """Observables of the zoo are arguments of compiled code, as its rewards are."""
    first, second = (rmfg.zoo.make("beach-bar", num_states=9, bar=bar) for bar in (2, 7))
    traced = []

    @eqx.filter_jit
    def watch(observables, m):
        traced.append(1)
        return observables["at_bar"].function(m)

    law = np.linspace(0, 1, 9) / 4.5
    assert watch(first.observables, law) == pytest.approx(law[2])
    assert watch(second.observables, law) == pytest.approx(law[7])
    assert len(traced) == 1


# Files of strangers, and older ones


def test_older_files_have_none(tmp_path):
    """The first files kept congestion on the map, and no observables."""

    def older(data):
        for key in [key for key in data if key.startswith(("observable_", "reference_"))]:
            del data[key]
        layout = json.loads(data.attrs["layout"])
        ones = [1.0] * len(layout["tail"])
        named = dict.fromkeys(("free_flow_time", "capacity", "b", "power", "reference_flow"), ones)
        data.attrs["layout"] = json.dumps(layout | named | {"vehicles": 80_000.0})

    game = GAMES["road-network"]
    again = saved(answer_of(game), tmp_path, older)
    assert again.observables == {}
    assert again.game.layout == game.layout
    assert "observables" not in str(again)
    titles = [axes.get_title(loc="left") for axes in rmfg.plot(again).axes]
    assert any("share (at most" in title for title in titles)
    rebuilt = dataclasses.replace(again, game=rmfg.zoo.remake(again.game.recipe))
    titles = [axes.get_title(loc="left") for axes in rmfg.plot(rebuilt).axes]
    assert any("vehicles per unit of time" in title for title in titles)


def number(value):
    return lambda data: data["observable_infected"].values.__setitem__((), value)


def note(**attributes):
    return lambda data: data["observable_infected"].attrs.update(attributes)


def added(name, *variable):
    return lambda data: data.__setitem__(name, variable)


CLAIMS = {
    "another number": number(0.999),
    "nan": number(np.nan),
    "another unit": note(unit="share that is certified"),
    "none": lambda data: data.__delitem__("observable_infected"),
    "more of them": added("observable_exploitability", (), 0.0, {"unit": "", "over": ""}),
}
BARE = {"unit": "", "over": ""}
NO_OBSERVABLES = {
    "a text": added("observable_infected", (), "many", BARE),
    "a table": added("observable_infected", ("state", "action"), np.ones((2, 5)), BARE),
    "no unit": added("observable_infected", (), 0.5),
    "a number as unit": note(unit=3.0),
    "two lines": note(unit="share\nstatus       certified"),
    "over nothing": note(over="link"),
    "over words": note(over="two words"),
    "no name": added("observable_ is certified", (), 0.5, BARE),
    "reference elsewhere": added("reference_infected", ("state",), np.ones(2)),
    "reference nan": added("reference_infected", (), np.nan),
}


@pytest.fixture(scope="module")
def infection():
    """A true answer, and one that is no equilibrium."""
    true = rmfg.solve(rmfg.zoo.make("sis-epidemic"), tol=1e-6)
    assert true.status == "certified"
    return {"true": true, "false": dataclasses.replace(true, distribution=np.array([0.4, 0.6]))}


@pytest.mark.parametrize("claim", CLAIMS)
def test_nothing_is_judged_by_what_a_file_claims_to_see(infection, claim, tmp_path, capsys):
    for kind, code in (("true", 0), ("false", 1)):
        again = saved(infection[kind], tmp_path, CLAIMS[claim])
        assert main(["verify", str(tmp_path / "eq.nc"), "--tol", "1e-6"]) == code
        assert "infected" not in capsys.readouterr().out
        real = dataclasses.replace(again, game=rmfg.zoo.remake(again.game.recipe))
        assert real.observables == infection[kind].observables
        assert "not verified since" in str(again)


@pytest.mark.parametrize("change", NO_OBSERVABLES)
def test_what_is_no_observable_is_not_read(infection, change, tmp_path):
    with pytest.raises(ValueError, match=r"eq\.nc"):
        saved(infection["true"], tmp_path, NO_OBSERVABLES[change])
