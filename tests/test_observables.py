"""Observables: what games let people watch, in answers, files, figures and the log."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from watched_games import GAMES, answer_of, crowd_game, saved

import rmfg

every_game = pytest.mark.parametrize("name", GAMES)


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
