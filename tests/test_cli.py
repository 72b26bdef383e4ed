"""The command line: what it answers, and that it writes whole files or none."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray
from cli_folder import certified, filled, runner

import rmfg
from rmfg.model.ambiguity.names import SETS
from rmfg.solvers.names import SOLVERS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("cli"))


@pytest.fixture
def command(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(folder)
    return runner(capsys)


@pytest.fixture(scope="module")
def saved(folder: Path) -> Path:
    return certified(folder)


def test_solve_verify_load_and_plain_xarray(command, folder):
    line = "solve game.npz --set total-variation --radius 0.1 -o eq.nc --plot eq.png --tol 1e-6"
    code, out, err = command(*line.split())
    assert (code, err) == (0, "")
    assert "status       certified" in out
    assert out.splitlines()[-2:] == ["wrote        eq.nc", "wrote        eq.png"]
    equilibrium = rmfg.load(folder / "eq.nc")
    assert equilibrium.game.name == "game"
    with xarray.open_dataset(folder / "eq.nc") as dataset:
        np.testing.assert_array_equal(dataset["policy"], equilibrium.policy)
        assert dataset.attrs["ambiguity"] == "total-variation"
    code, out, err = command("verify", "eq.nc", "--tol", "1e-6")
    assert (code, err) == (0, "")
    assert "verified" in out
    assert "the game is the one in the file" in out
    code, out, _ = command("verify", "eq.nc", "--tol", "1e-13", "--json")
    found = json.loads(out)
    assert code == (0 if found["verified"] else 1)
    assert found["certificate"]["tol"] == 1e-13


@pytest.mark.parametrize("source", ["game.npz", "game.nc", "games.py:ready", "games.py:build"])
def test_json_is_one_object(command, source):
    code, out, _ = command("solve", source, "--json", "--tol", "1e-6")
    found = json.loads(out)
    assert code == 0
    assert found["status"] == "certified"
    assert (found["num_states"], found["num_actions"], found["discount"]) == (3, 2, 0.8)
    proof = found["certificate"]
    assert proof["relative_exploitability"] == proof["exploitability"] / proof["scale"]
    assert all(proof["conditions"].values())
    assert found["files"] == {"equilibrium": None, "figure": None}


def test_parameters_reach_functions_in_files(command):
    _, plain, _ = command("solve", "games.py:build", "--json", "--tol", "1e-6")
    arguments = ("-p", "bonus=1", "-p", "discount=0.5", "--json", "--tol", "1e-6")
    _, other, _ = command("solve", "games.py:build", *arguments)
    assert json.loads(other)["discount"] == 0.5
    assert json.loads(other)["value"]["min"] != json.loads(plain)["value"]["min"]


def test_uncertified_answers_are_written_and_exit_with_one(command, folder):
    line = "solve rock-paper-scissors --max-steps 1 --tol 1e-9 -o rps.nc --quiet"
    code, out, err = command(*line.split())
    assert (code, out, err) == (1, "", "")
    assert rmfg.load(folder / "rps.nc").status == "max steps"
    code, out, _ = command("verify", "rps.nc")
    assert code == 1
    assert "NOT VERIFIED" in out


def tampered(saved: Path, name: str, change) -> None:
    with xarray.open_dataset(saved) as dataset:
        copy = dataset.load().copy(deep=True)
    change(copy)
    copy.to_netcdf(saved.parent / name)


def test_verify_rebuilds_games_of_the_zoo(command, saved):
    code, out, _ = command("verify", "saved.nc", "--tol", "1e-6", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["judged_on"] == "the game built again"
    assert found["rebuilt_difference"] == 0
    assert found["not_rebuilt"] is None


def reverse_policy(dataset: xarray.Dataset) -> None:
    dataset["policy"].values[:] = np.eye(3)[0]


def claim_more(dataset: xarray.Dataset) -> None:
    dataset["value"].values[:] += 1e3


def change_the_game(dataset: xarray.Dataset) -> None:
    dataset["reward"].values[:] += 1.0


def change_the_recipe(dataset: xarray.Dataset) -> None:
    dataset.attrs["recipe"] = dataset.attrs["recipe"].replace("0.9", "0.8")


@pytest.mark.parametrize("change", [reverse_policy, claim_more, change_the_game, change_the_recipe])
def test_verify_refutes(command, saved, change):
    name = f"{change.__name__}.nc"
    tampered(saved, name, change)
    code, out, err = command("verify", name, "--tol", "1e-6", "--json")
    assert (code, err) == (1, "")
    assert json.loads(out)["verified"] is False


def test_refuses_files_whose_laws_are_none(command, saved):
    def double(dataset: xarray.Dataset) -> None:
        dataset["policy"].values[:] *= 2

    tampered(saved, "double.nc", double)
    code, out, err = command("verify", "double.nc")
    assert (code, out) == (2, "")
    assert "double.nc" in err
    assert "`policy`" in err


def test_interruption(command):
    code, out, _ = command("solve", "games.py:interrupted", "-o", "out.nc")
    assert (code, out) == (130, "")
    assert not Path("out.nc").exists()


def test_games(command):
    code, out, _ = command("games")
    assert code == 0
    assert all(name in out for name in rmfg.zoo.names())
    code, out, _ = command("games", "beach-bar")
    assert code == 0
    assert "num_states" in out
    assert "arXiv:2007.03458" in out
    _, out, _ = command("games", "--json")
    assert [entry["name"] for entry in json.loads(out)["games"]] == rmfg.zoo.names()
    _, out, _ = command("games", "beach-bar", "--json")
    assert json.loads(out)["parameters"]["num_states"] == 21


def test_doctor(command):
    code, out, _ = command("doctor", "--json")
    found = json.loads(out)
    assert (code, found["ok"]) == (0, True)
    assert found["devices"]
    assert all(found["precision"].values())
    _, out, _ = command("doctor")
    assert "all is well" in out


def test_help_names_every_set_and_solver(command):
    code, out, _ = command("solve", "--help")
    assert code == 0
    text = " ".join(re.sub(r"-\n +", "-", out).split())
    assert ", ".join(SETS) in text
    assert "|".join(SOLVERS) in text
    assert command() == command("--help")


def test_help_loads_nothing_heavy():
    script = (
        "import sys\nfrom rmfg.cli import main\nassert main(['solve', '--help']) == 0\n"
        "assert main(['--version']) == 0\n"
        "heavy = {'jax', 'numpy', 'scipy', 'matplotlib', 'xarray'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, timeout=60)


def test_a_closed_pipe_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    call = [sys.executable, "-m", "rmfg", "solve", "--help"]
    done = subprocess.run(call, stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(writing)
    assert done.stderr == b""
