"""What a file claims is never an input of its own judgment: edited files, and what is made of them."""

import dataclasses
import json

import numpy as np
import pytest
import xarray

import rmfg
from rmfg.cli import main

GAME = rmfg.zoo.make("move-forward", num_states=4)
SET = rmfg.TotalVariation(0.1, support="nominal")
NESTED = "[" * 5_000 + "]" * 5_000


def settled(policy):
    """The law that a policy leads to under the nominal kernel, by plain powers of its chain."""
    law = np.full(GAME.num_states, 1 / GAME.num_states)
    for _ in range(5_000):
        law = np.einsum("s,sa,sat->t", law, policy, GAME.kernel(law).to_dense())
    return law


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A true answer, and one whose policy, law and values agree and are no equilibrium."""
    home = tmp_path_factory.mktemp("forged")
    true = rmfg.solve(GAME, SET, population="nominal")
    assert true.status == "certified"
    policy = np.tile(np.eye(GAME.num_actions)[0], (GAME.num_states, 1))
    assert np.abs(policy - true.policy).sum() > 1
    law = settled(policy)
    garbage = dataclasses.replace(
        true,
        policy=policy,
        distribution=law,
        value=rmfg.evaluate(GAME, SET, policy, law),
        kernel=rmfg.best_response(GAME, SET, law).kernel,
    )
    true.save(home / "true.nc")
    garbage.save(home / "garbage.nc")
    return home


def verified(path, capsys, *options):
    """Exit code, and what `rmfg verify` found, or nothing where it refused the file."""
    capsys.readouterr()
    code = main(["verify", str(path), "--json", *options])
    out, err = capsys.readouterr()
    assert code in (0, 1, 2)
    assert "Traceback" not in err
    assert len(err.splitlines()) == (code == 2)
    found = json.loads(out) if out else None
    assert (found is None) == (code == 2)
    if found is not None:
        assert found["verified"] is (code == 0)
    return code, found


def attribute(name, value):
    """Overwrite an attribute of the file."""

    def change(data):
        data.attrs[name] = value

    return change


def array(name, function):
    """Overwrite an array of the file."""

    def change(data):
        data[name].values[:] = function(data[name].values)

    return change


def uniform(rows):
    return np.full_like(rows, 1 / rows.shape[-1])


def sharpened(rows):
    """Other laws on the same successors."""
    return rows**2 / (rows**2).sum(axis=-1, keepdims=True)


def recipe(**changes):
    given = dict(GAME.recipe[1]) | changes
    return json.dumps(["move-forward", list(given.items())])


UNBUILDABLE = {
    "no such game": '["no-such-game", []]',
    "null": "null",
    "false": "false",
    "zero": "0",
    "empty list": "[]",
    "empty text": '""',
    "object": "{}",
    "number": "17",
    "text": '"move-forward"',
    "words": "move-forward",
    "cut": '["move-forward", [["num_states", 4]',
    "nested": NESTED,
    "nested parameter": f'["move-forward", [["num_states", {NESTED}]]]',
    "pairs that are none": '["move-forward", [1, 2]]',
    "triples": '["move-forward", [["num_states", 4, 5]]]',
    "keys that are none": '["move-forward", [[4, "num_states"]]]',
    "unknown parameter": '["move-forward", [["size", 4]]]',
    "wrong parameter": '["move-forward", [["num_states", -4]]]',
    "null parameter": '["move-forward", [["num_states", null]]]',
    "huge game": '["move-forward", [["num_states", 100000000000]]]',
    "beyond integers": '["move-forward", [["num_states", 1e400]]]',
    "a number as attribute": 3.0,
    "numbers as attribute": np.arange(3),
}
OTHER = {
    "another size": recipe(num_states=5),
    "another discount": recipe(discount=0.5),
    "another game": json.dumps(rmfg.zoo.make("rock-paper-scissors").recipe),
}
CLAIMS = {
    "range of rewards 1e30": attribute("reward_range", 1e30),
    "range of rewards inf": attribute("reward_range", np.inf),
    "range of rewards nan": attribute("reward_range", np.nan),
    "tol": attribute("certificate_tol", 1.0),
    "scale": attribute("certificate_scale", 1e30),
    "scale inf": attribute("certificate_scale", np.inf),
    "exploitability": attribute("certificate_exploitability", 0.0),
    "consistency": attribute("certificate_consistency", 0.0),
    "status": attribute("status", "certified"),
    "moving": attribute("frozen", 0),
    "frozen": attribute("frozen", 1),
    "solver": attribute("solver", "a proof"),
    "name": attribute("game", "another"),
    "guarantee": attribute("guarantee", ""),
    "functions": attribute("ambiguity_functions", '["radius"]'),
    "population": attribute("population", "worst_case"),
    "no doubt": attribute("ambiguity_fields", '{"radius": 0.0, "support": "nominal"}'),
    "more doubt": attribute("ambiguity_fields", '{"radius": 0.3, "support": "nominal"}'),
    "values": array("value", lambda v: v + 1e3),
    "values all equal": array("value", np.zeros_like),
    "another law": array("distribution", uniform),
    "another nature": array("nature_probabilities", sharpened),
}
GAMES = {
    "short-sighted": attribute("discount", 0.0),
    "rewards all equal": array("reward", np.zeros_like),
    "large rewards": array("reward", lambda r: r * 1e30),
    "rewards that are offset": array("reward", lambda r: r + 1e12),
    "another kernel": array("nominal_probabilities", sharpened),
    "another mean field": attribute("mean_field", "state-action"),
}
NO_ANSWERS = {
    f"{name} {kind}": array(name, change)
    for name in ("policy", "distribution", "nature_probabilities", "nominal_probabilities")
    for kind, change in {
        "nan": lambda a: a * np.nan,
        "infinite": lambda a: a / 0.0,
        "negative": lambda a: -a,
        "zero": np.zeros_like,
        "twice": lambda a: 2 * a,
        "tiny": lambda a: a * 1e-300,
    }.items()
} | {
    "value nan": array("value", lambda v: v * np.nan),
    "value infinite": array("value", lambda v: v + np.inf),
    "reward nan": array("reward", lambda r: r * np.nan),
    "discount one": attribute("discount", 1.0),
    "discount nan": attribute("discount", np.nan),
    "discount word": attribute("discount", "much"),
    "status word": attribute("status", "excellent"),
    "set word": attribute("ambiguity", "cloud"),
    "set fields": attribute("ambiguity_fields", '{"radius": -1.0}'),
    "set fields nan": attribute("ambiguity_fields", '{"radius": NaN}'),
    "set fields nested": attribute("ambiguity_fields", NESTED),
    "set fields no object": attribute("ambiguity_fields", "3"),
    "mean field word": attribute("mean_field", "moon"),
    "population word": attribute("population", "everybody"),
    "steps word": attribute("steps", "few"),
    "format": attribute("format", "rmfg equilibrium 0"),
}
SWAPPED = {
    f"{name} {kind}": (name, change)
    for name in ("policy", "distribution", "value", "reward", "nature_probabilities")
    for kind, change in {
        "cut": lambda a: a[:-1],
        "scalar": lambda a: np.float64(1.0),
        "empty": lambda a: a[:0],
        "words": lambda a: np.full(a.shape, "x"),
        "with one axis more": lambda a: a[..., None],
    }.items()
}


def edited(files, source, change, recipe_kept=True):
    with xarray.open_dataset(files / f"{source}.nc") as opened:
        data = opened.load().copy(deep=True)
    if not recipe_kept:
        data.attrs["recipe"] = ""
    with np.errstate(all="ignore"):
        change(data)
    path = files / "edited.nc"
    data.to_netcdf(path)
    return path


def nothing(data):
    pass


def test_a_true_answer_is_verified_and_a_false_one_is_not(files, capsys):
    """The table below shows something only if both hold."""
    assert verified(files / "true.nc", capsys)[0] == 0
    assert verified(edited(files, "true", nothing, False), capsys)[0] == 0
    code, found = verified(files / "garbage.nc", capsys)
    assert code == 1
    assert found["value_error"] < 1e-12
    assert found["rebuilt_difference"] == 0
    assert not found["certificate"]["conditions"]["exploitability"]


@pytest.mark.parametrize("recipe_kept", [True, False], ids=["recipe", "no recipe"])
@pytest.mark.parametrize("claim", CLAIMS)
def test_claims_do_not_help_a_false_answer(files, capsys, claim, recipe_kept):
    code, _ = verified(edited(files, "garbage", CLAIMS[claim], recipe_kept), capsys)
    assert code == 1


@pytest.mark.parametrize("source", ["true", "garbage"])
@pytest.mark.parametrize("change", GAMES)
def test_a_game_that_its_recipe_does_not_give_is_refuted(files, capsys, change, source):
    code, found = verified(edited(files, source, GAMES[change]), capsys)
    assert code == 1
    assert not found["same_game"]


@pytest.mark.parametrize("text", UNBUILDABLE)
def test_a_recipe_that_cannot_be_followed_verifies_nothing(files, capsys, text):
    path = edited(files, "true", attribute("recipe", UNBUILDABLE[text]))
    code, found = verified(path, capsys)
    assert code == 1
    assert found["not_rebuilt"]
    assert found["judged_on"] == "the game in the file"


def test_a_verdict_says_what_could_not_be_built(files, capsys):
    path = edited(files, "true", attribute("recipe", UNBUILDABLE["no such game"]))
    assert main(["verify", str(path)]) == 1
    shown = capsys.readouterr().out
    assert "now          NOT VERIFIED at tol 1e-08" in shown
    assert "rebuilt game   NOT REBUILT: ValueError: unknown game 'no-such-game'" in shown


@pytest.mark.parametrize("source", ["true", "garbage"])
@pytest.mark.parametrize("text", OTHER)
def test_the_recipe_of_another_game_verifies_nothing(files, capsys, text, source):
    code, found = verified(edited(files, source, attribute("recipe", OTHER[text])), capsys)
    assert code == 1
    assert found["not_rebuilt"] is None


@pytest.mark.parametrize("change", NO_ANSWERS)
def test_what_is_no_answer_is_not_read(files, capsys, change):
    path = edited(files, "true", NO_ANSWERS[change])
    with pytest.raises(ValueError, match=r"edited\.nc"):
        rmfg.load(path)
    assert verified(path, capsys)[0] == 2


@pytest.mark.parametrize("change", SWAPPED)
def test_arrays_of_other_shapes_are_not_read(files, capsys, change):
    name, made = SWAPPED[change]

    def swap(data):
        array = np.asarray(made(data[name].values))
        axes = [f"new_{axis}" for axis in range(array.ndim)]
        data[name] = (axes, array)

    path = edited(files, "true", swap)
    with pytest.raises(ValueError, match=r"edited\.nc"):
        rmfg.load(path)
    assert verified(path, capsys)[0] == 2


@pytest.mark.parametrize("name", ["policy", "distribution", "nature_probabilities"])
def test_rounding_below_zero_is_zero(files, capsys, name):
    def below(rows):
        moved, place = rows.copy(), np.argmin(rows, axis=-1, keepdims=True)
        np.put_along_axis(moved, place, 0.0, axis=-1)
        moved /= moved.sum(axis=-1, keepdims=True)
        np.put_along_axis(moved, place, -5e-16, axis=-1)
        return moved

    path = edited(files, "true", array(name, below))
    again = rmfg.load(path)
    laws = again.kernel.probabilities if name.startswith("nature") else getattr(again, name)
    assert (np.asarray(laws) >= 0).all()
    np.testing.assert_allclose(np.sum(laws, axis=-1), 1, rtol=0, atol=1e-15)
    assert verified(path, capsys, "--tol", "1e-6")[0] == 0


def test_the_tolerance_is_the_verifiers(files, capsys):
    """A file is judged at the usual tolerance whatever it claims, and at another on demand."""

    def nearly(data):
        data.attrs["certificate_tol"] = 1.0
        law = data["distribution"].values
        law[:] = (1 - 1e-4) * law + 1e-4 / len(law)

    path = edited(files, "true", nearly)
    code, found = verified(path, capsys)
    assert (code, found["certificate"]["tol"]) == (1, 1e-8)
    assert not found["certificate"]["conditions"]["consistency"]
    code, found = verified(path, capsys, "--tol", "1")
    assert found["certificate"]["tol"] == 1
    assert code == 0, found["certificate"]["conditions"]


def test_a_game_of_its_own_is_built_again_from_its_source(files, capsys):
    """Without a recipe the source can be named, and decides."""
    path = edited(files, "true", nothing, recipe_kept=False)
    code, found = verified(path, capsys, "--game", "move-forward", "-p", "num_states=4")
    assert (code, found["rebuilt_difference"]) == (0, 0)
    assert verified(path, capsys, "--game", "move-forward")[0] == 1
    assert verified(path, capsys, "--game", "no-such-game")[0] == 2
    assert verified(path, capsys, "-p", "num_states=4")[0] == 2
    forged = edited(files, "true", GAMES["large rewards"], recipe_kept=False)
    assert verified(forged, capsys, "--game", "move-forward", "-p", "num_states=4")[0] == 1


def test_sizes_that_were_functions_are_named(tmp_path, capsys):
    answer = rmfg.solve(GAME, rmfg.Contamination(lambda m: 0.1 + 0.1 * m[0]))
    answer.save(tmp_path / "eq.nc")
    code = main(["verify", str(tmp_path / "eq.nc")])
    assert code == (0 if answer.status == "certified" else 1)
    assert "its radius as at this mean field" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["true", "garbage"])
def test_bounds_do_not_rest_on_what_a_file_claims(files, tmp_path, kind):
    forged = tmp_path / "forged.nc"
    with xarray.open_dataset(files / f"{kind}.nc") as data:
        data = data.load()
    for name in ("exploitability", "mean_exploitability", "consistency", "drift"):
        data.attrs[f"certificate_{name}"] = 0.0
    data["value"].values[:] = 0.0
    data.to_netcdf(forged)
    honest, found = (
        rmfg.finite_bound(rmfg.load(path), 50, game=GAME, posterior=False)
        for path in (files / f"{kind}.nc", forged)
    )
    assert (found.value, found.tolerances) == (honest.value, honest.tolerances)
    assert (found.tolerances > 1e-3) == (kind == "garbage")
