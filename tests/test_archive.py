"""Saved answers: what is written is read back, by the library and by plain xarray, or refused."""

import dataclasses
import errno
import json
import os
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
import xarray
from eight_states import NUM_STATES, SHAPE, array
from registry import SETS, lonely_game, over_kernels, over_sets

import rmfg
from rmfg.cli.verification import verify

CHEAP = tuple(row for row in SETS if row.kind in ("total variation", "nominal"))


def answer_of(row, form, **changes):
    """An answer for every set without solving anything: the archive does not ask how it was found."""
    game = lonely_game(form)
    uniform = np.full(NUM_STATES, 1 / NUM_STATES)
    nominal = game.kernel(uniform)
    fields = {
        "policy": np.random.default_rng(0).dirichlet(np.ones(SHAPE[1]), NUM_STATES),
        "distribution": uniform,
        "value": np.linspace(-1, 1, NUM_STATES) / 3,
        "kernel": nominal,
        "certificate": rmfg.Certificate(
            0.1, -0.2, 0.3, 0.4, 0.5, 0.6, 0.7, np.inf, 0.8, 0.9, 1e-8, 2.0, 5.0, 3
        ),
        "status": rmfg.Status.MAX_STEPS,
        "game": game,
        "ambiguity": row.build(row.middle(), nominal),
        "solver": "somebody",
        "steps": 7,
        "seconds": 0.25,
    }
    return rmfg.Equilibrium(**{**fields, **changes})


@over_kernels
@over_sets()
def test_round_trip(row, form, tmp_path):
    """Every number, bit by bit, for every set and both kernels."""
    answer, path = answer_of(row, form), tmp_path / "eq.nc"
    answer.save(path)
    again = rmfg.load(path)
    for name in ("policy", "distribution", "value"):
        np.testing.assert_array_equal(getattr(again, name), getattr(answer, name))
        assert getattr(again, name).dtype == np.float64
    assert again.certificate == answer.certificate
    assert again.status is rmfg.Status.MAX_STEPS
    assert (again.solver, again.steps, again.seconds) == ("somebody", 7, 0.25)
    assert again.population == "worst_case"

    nominal = answer.game.kernel(answer.distribution)
    for kernel in (again.kernel, again.game.kernel(again.distribution)):
        assert type(kernel) is type(nominal)
        np.testing.assert_array_equal(kernel.probabilities, nominal.probabilities)
        np.testing.assert_array_equal(array(kernel), array(nominal))
    np.testing.assert_array_equal(
        again.game.reward(again.distribution), answer.game.reward(answer.distribution)
    )
    assert again.game.discount == answer.game.discount

    assert type(again.ambiguity) is type(answer.ambiguity)
    before, after = (
        {field.name: getattr(a, field.name) for field in dataclasses.fields(a)}
        for a in (answer.ambiguity, again.ambiguity)
    )
    for name, value in before.items():
        if name == "kernels":
            for old, new in zip(value, after[name], strict=True):
                np.testing.assert_array_equal(array(old), array(new))
        elif isinstance(value, str) or value is None:
            assert after[name] == value
        else:
            np.testing.assert_array_equal(after[name], value)


@pytest.mark.parametrize("name", ["mf-garnet", "move-forward", "rock-paper-scissors", "four-rooms"])
def test_a_solved_game_can_be_certified_again_from_its_file(name, tmp_path):
    """Also where kernel and reward depend on the mean field: they are kept as they are there."""
    small = {"mf-garnet": {"num_states": 8, "num_actions": 3, "branching": 3, "sparse": True}}
    size = {"four-rooms": {"size": 5}, **small}.get(name, {})
    game = rmfg.zoo.make(name, **size)
    nature = rmfg.TotalVariation(0.1, support="nominal")
    answer = rmfg.solve(game, nature, max_steps=10, population="nominal")
    answer.save(tmp_path / "eq.nc")
    again = rmfg.load(tmp_path / "eq.nc")
    for judged_on in (again.game, rmfg.zoo.remake(again.game.recipe)):
        found = rmfg.certify(
            judged_on,
            again.ambiguity,
            again.policy,
            again.distribution,
            again.kernel,
            population=again.population,
            tol=again.certificate.tol,
        )
        for field in dataclasses.fields(found):
            if field.name == "scale" and judged_on is again.game:
                continue  # a frozen game cannot tell what rewards are elsewhere
            number, before = getattr(found, field.name), getattr(answer.certificate, field.name)
            same = before if before is None else pytest.approx(before, rel=1e-9, abs=1e-12)
            assert number == same, field.name
    assert again.game.name == game.name
    assert again.game.layout == game.layout
    assert again.game.state_names == game.state_names
    assert again.game.action_names == game.action_names
    assert json.loads(json.dumps(again.game.recipe)) == json.loads(json.dumps(game.recipe))
    assert again.as_saved
    hearsay = str(dataclasses.replace(answer, as_saved=True))
    assert str(again) == hearsay
    assert [line for line in hearsay.splitlines() if line not in str(answer).splitlines()] == [
        f"status       {answer.status} at tol 1e-08, as saved: not verified since"
    ]


def test_sizes_that_are_functions_are_kept_as_they_are_at_the_answer(tmp_path):
    answer = answer_of(
        CHEAP[1], "dense", ambiguity=rmfg.TotalVariation(lambda m: 0.1 + m[0]), population="nominal"
    )
    answer.save(tmp_path / "eq.nc")
    again = rmfg.load(tmp_path / "eq.nc")
    assert again.population == "nominal"
    np.testing.assert_allclose(again.ambiguity.radius, 0.1 + 1 / NUM_STATES, rtol=1e-15)
    assert again.frozen_sizes == ("radius",)


@over_kernels
def test_a_population_of_its_own(form, tmp_path):
    own = lonely_game(form).kernel(np.full(NUM_STATES, 1 / NUM_STATES))
    answer_of(CHEAP[0], form, population=own).save(tmp_path / "eq.nc")
    again = rmfg.load(tmp_path / "eq.nc")
    assert type(again.population) is type(own)
    np.testing.assert_array_equal(array(again.population), array(own))


def test_plain_xarray_reads_it(tmp_path):
    """Without the library: named axes, arrays, attributes."""
    row = next(row for row in SETS if row.name == "KL")
    answer, path = answer_of(row, "sparse"), tmp_path / "eq.nc"
    answer.save(path)
    with xarray.open_dataset(path) as data:
        assert data["policy"].dims == ("state", "action")
        np.testing.assert_array_equal(data["distribution"].values, answer.distribution)
        np.testing.assert_array_equal(
            data["nature_probabilities"].values, answer.kernel.probabilities
        )
        np.testing.assert_array_equal(data["nature_successors"].values, answer.kernel.successors)
        assert data.attrs["status"] == "max steps"
        assert data.attrs["ambiguity"] == "kl"
        assert data.attrs["certificate_exploitability"] == 0.1
        assert data.attrs["discount"] == 0.9
    shown = answer.to_xarray()
    np.testing.assert_array_equal(shown["value"].values, answer.value)


def test_names_of_states_and_actions(tmp_path):
    game = rmfg.TabularGame(
        lonely_game("dense").kernel(np.full(NUM_STATES, 0.125)),
        np.zeros(SHAPE),
        0.9,
        state_names=[f"state {s}" for s in range(NUM_STATES)],
        action_names=["a", "b", "c", "d", "e"],
        name="named",
    )
    answer_of(CHEAP[0], "dense", game=game).save(tmp_path / "eq.nc")
    again = rmfg.load(tmp_path / "eq.nc").game
    assert again.state_names == tuple(f"state {s}" for s in range(NUM_STATES))
    assert again.action_names == ("a", "b", "c", "d", "e")
    assert again.name == "named"


# Files that are not what they should be ---------------------------------------------------------


def test_a_truncated_file_is_one_error(tmp_path):
    path = tmp_path / "eq.nc"
    answer_of(CHEAP[0], "dense").save(path)
    whole = path.read_bytes()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"`path`: .*eq\.nc"):
            rmfg.load(path)


def test_a_damaged_file_is_never_believed(tmp_path):
    """Flipped bytes give an error, or numbers that say so; never a crash of another kind."""
    path = tmp_path / "eq.nc"
    answer_of(CHEAP[0], "dense").save(path)
    whole, random = path.read_bytes(), np.random.default_rng(0)
    for _ in range(20):
        damaged = bytearray(whole)
        for place in random.integers(len(whole), size=30):
            damaged[place] ^= 0xFF
        path.write_bytes(bytes(damaged))
        try:
            again = rmfg.load(path)
        except ValueError:
            continue
        assert isinstance(again, rmfg.Equilibrium)


def test_missing_files_and_strangers(tmp_path):
    with pytest.raises(ValueError, match=r"`path`: there is no file .*none\.nc"):
        rmfg.load(tmp_path / "none.nc")
    with pytest.raises(ValueError, match="`path`: there is no file"):
        rmfg.load(tmp_path)
    text = tmp_path / "text.nc"
    text.write_text("not netCDF at all\n" * 100)
    with pytest.raises(ValueError, match="not a readable netCDF file"):
        rmfg.load(text)
    other = tmp_path / "other.nc"
    xarray.Dataset({"temperature": ("x", np.arange(3.0))}).to_netcdf(other)
    with pytest.raises(ValueError, match="not an equilibrium saved by rmfg"):
        rmfg.load(other)
    half = tmp_path / "half.nc"
    answer_of(CHEAP[0], "dense").to_xarray().drop_vars("policy").to_netcdf(half)
    with pytest.raises(ValueError, match=r"`path`: .*half\.nc.*policy"):
        rmfg.load(half)
    older = answer_of(CHEAP[0], "dense").to_xarray()
    for name in ("flow_imbalance", "drift", "adjustment", "sensitivity", "nearly_closed", "atol"):
        del older.attrs[f"certificate_{name}"]
    older.to_netcdf(tmp_path / "older.nc")
    claimed = rmfg.load(tmp_path / "older.nc").certificate
    assert np.isnan(claimed.drift)
    assert claimed.exploitability == 0.1
    assert not claimed.certified
    bare = tmp_path / "bare.nc"
    data = answer_of(CHEAP[0], "dense").to_xarray()
    del data.attrs["certificate_consistency"]
    data.to_netcdf(bare)
    with pytest.raises(ValueError, match=r"`path`: .*bare\.nc.*certificate_consistency"):
        rmfg.load(bare)


def test_numbers_that_were_changed_are_checked(tmp_path):
    """A file is input: rows that are no laws are refused."""
    data = answer_of(CHEAP[0], "dense").to_xarray()
    data["nominal_probabilities"][0, 0] = 0.5
    data.to_netcdf(tmp_path / "eq.nc")
    with pytest.raises(ValueError, match=r"sum to one.*\(s=0, a=0\)"):
        rmfg.load(tmp_path / "eq.nc")


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "eq.nc"
    answer_of(CHEAP[0], "dense").save(path)
    before = path.read_bytes()

    def cut_short(self, content):
        with self.open("wb") as stream:
            stream.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", cut_short)
    with pytest.raises(OSError, match=r"`path`.*No space left.* is kept"):
        answer_of(CHEAP[0], "dense", steps=8).save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OSError, match=r"`path`.*No space left.*nothing is left"):
        answer_of(CHEAP[0], "dense").save(tmp_path / "new.nc")
    assert list(tmp_path.iterdir()) == [path]


def test_an_old_file_is_replaced(tmp_path):
    path = tmp_path / "eq.nc"
    answer_of(CHEAP[0], "dense", steps=1).save(path)
    answer_of(CHEAP[0], "sparse", steps=2).save(path)
    assert rmfg.load(path).steps == 2
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o600 == 0o600


def functions(kind):
    """A game of functions of one state and one action, which count in JAX's own integers."""

    def transition(s, a, m):
        return jnp.where(jnp.arange(3) == a, 0.8, 0.1)

    def reward(s, a, m):
        return 1.0 * (s == 2) - jnp.sum(m[s])

    return rmfg.TabularGame.from_functions(transition, reward, 3, 3, 0.9, mean_field=kind)


SMALL = {
    "beach-bar": {"num_states": 5},
    "two-beach-bars": {"num_states": 5},
    "four-rooms": {"size": 5},
    "kinetic-congestion": {"num_rows": 2, "num_columns": 2},
    "lasry-lions-chain": {"num_states": 3},
    "mf-garnet": {"num_states": 5, "num_actions": 2, "branching": 2},
    "ev-charging": {"num_periods": 2, "num_levels": 2, "num_rates": 2},
}


@pytest.mark.parametrize("name", [*rmfg.zoo.names(), "state", "state-action"])
def test_every_kind_of_game_can_be_saved_and_verified(name, tmp_path):
    """What was solved is never lost: saved, read, and judged on the game built again."""
    if name == "road-network":
        pytest.skip("its size is that of its files; it is saved in tests/test_observables.py")
    own = name in ("state", "state-action")
    game = functions(name) if own else rmfg.zoo.make(name, **SMALL.get(name, {}))
    answer = rmfg.solve(game, rmfg.Contamination(0.1, support="nominal"), max_steps=2)
    answer.save(tmp_path / "eq.nc")
    found = verify(tmp_path / "eq.nc", game=game if own else None)
    assert found.rebuilt == 0
    assert found.same_game
    assert found.verified == (answer.status == "certified")
    assert len(repr(rmfg.load(tmp_path / "eq.nc")).splitlines()) == 1
