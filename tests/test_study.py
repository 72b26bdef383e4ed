"""Studies of finite populations: their numbers against closed forms, the command, and the figure."""

import json
import math
import sys

import numpy as np
import pytest
import scipy.stats
import xarray

import rmfg
from rmfg.study import finite

NUMBERS = [2, 10, 100]


@pytest.fixture(scope="module")
def answer() -> rmfg.Equilibrium:
    """Agents who do not meet: each is by itself in one of two places, and one action is better."""
    kernel = np.array([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.2, 0.8]]])
    reward = np.array([[1.0, 0.0], [0.5, 0.0]])
    game = rmfg.TabularGame(kernel, reward, 0.8, name="alone")
    return rmfg.solve(game, rmfg.TotalVariation(0.05), tol=1e-11)


@pytest.fixture(scope="module")
def study(answer) -> xarray.Dataset:
    return rmfg.finite_study(answer.game, answer, NUMBERS, num_runs=400, seed=3)


def test_distances_are_those_of_independent_agents(answer, study):
    # At all times all agents are independent, each with the equilibrium's law.
    share = answer.distribution[0]
    for place, agents in enumerate(NUMBERS):
        law = scipy.stats.binom(agents, share)
        mean = 2 * law.expect(lambda k, n=agents: abs(k / n - share))
        row = study.isel(agents=place)
        half = float(row["distance_high"] - row["distance_low"]) / 2
        # 95% intervals: two widths are four standard errors.
        assert abs(float(row["distance"]) - mean) <= 2 * half
        assert 0 < half < 0.2 * mean
    assert abs(study.attrs["distance_slope"] + 0.5) < 0.1


def test_returns_are_the_value(study):
    about = study.attrs
    for name in ("mean_return_low", "mean_return_high"):
        assert study[name].shape == (len(NUMBERS),)
    half = (study["mean_return_high"] - study["mean_return_low"]) / 2
    cut = 2 * finite.CUT_OFF * about["scale"]
    assert (abs(study["mean_return"] - about["value"]) <= 2 * half + cut).all()


def test_nobody_gains_where_nobody_meets_anybody(study):
    slack = 1e-8 * study.attrs["scale"]
    assert (study["epsilon_high"] <= slack).all()
    assert (study["bound"] <= slack).all()
    assert (study["constants"] == "proved").all()


def test_a_study_is_its_pieces():
    game = rmfg.zoo.make("lasry-lions-chain", num_states=3)
    equilibrium = rmfg.solve(game, rmfg.TotalVariation(0.1, support="nominal"))
    found = rmfg.finite_study(game, equilibrium, [4, 2], num_runs=4, num_steps=10)
    assert found["agents"].values.tolist() == [2, 4]
    for row, agents in enumerate([2, 4]):
        gap = rmfg.finite_gap(game, None, equilibrium, agents)
        bound = rmfg.finite_bound(equilibrium, agents, posterior=False)
        assert found["epsilon"].values[row] == pytest.approx(gap.value)
        assert found["verification"].values[row] == pytest.approx(gap.upper.value)
        assert found["bound"].values[row] == pytest.approx(bound.value)
    again = rmfg.finite_study(game, equilibrium, [4], num_runs=4, num_steps=10, gap=None)
    assert "epsilon" not in again
    # What happens among four agents does not depend on who else is asked for.
    assert again["distance"].values[0] == found["distance"].values[1]


def test_runs_are_batched_without_being_lost(answer, monkeypatch):
    monkeypatch.setattr(finite, "RECORDED", 1)
    found = rmfg.finite_study(answer.game, answer, [5], num_runs=7, num_steps=3, gap=None)
    values = np.array([found["distance_low"], found["distance"], found["distance_high"]])
    assert np.isfinite(values).all()
    assert len(set(values.ravel().tolist())) == 3, "seven different runs have an interval"


@pytest.mark.parametrize("power", [-1.0, -0.5])
def test_slopes_are_those_of_powers(power):
    numbers = np.array([2.0, 30.0, 1000.0, 1e6])
    found, error = finite.slope(numbers, 3 * numbers**power)
    assert found == pytest.approx(power)
    assert error < 1e-12
    assert all(math.isnan(number) for number in finite.slope(numbers, [1.0, 0.0, np.nan, 1.0]))


WRONG = {
    "no agents": ({"agents": []}, "`agents`"),
    "half an agent": ({"agents": [1.5]}, "`agents`"),
    "twice": ({"agents": [3, 3]}, "each once"),
    "one run": ({"num_runs": 1}, "`num_runs`"),
    "a method": ({"gap": "guess"}, "gap"),
    "a nature": ({"nature": "kind"}, "nature"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_refused_by_name(answer, name):
    given, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        rmfg.finite_study(answer.game, answer, **{"agents": [2], **given})


# The figure -------------------------------------------------------------------------------------


def test_the_figure_says_what_it_shows(study, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # importing it now fails
    figure = rmfg.plot_finite(study, tmp_path / "study.png")
    assert (tmp_path / "study.png").read_bytes().startswith(b"\x89PNG")
    said = [text.get_text() for text in figure.texts]
    assert any("alone" in text for text in said)
    assert any("total-variation, radius 0.05" in text and "400 runs" in text for text in said)
    left, right = figure.axes
    assert "slope -0." in left.get_title(loc="left")
    assert {axes.get_xlabel() for axes in (left, right)} == {"agents"}
    with pytest.raises(ValueError, match="format"):
        rmfg.plot_finite(study, tmp_path / "study.bmp")


# The command ------------------------------------------------------------------------------------


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Run `rmfg` in a folder with two answers; return exit code, standard output and error."""
    from rmfg.cli import main

    monkeypatch.chdir(tmp_path)
    game = rmfg.zoo.make("sis-epidemic", discount=0.5)
    rmfg.solve(game, rmfg.Contamination(0.1), tol=1e-6).save("zoo.nc")
    nameless = rmfg.zoo.make("sis-epidemic")
    nameless.recipe = None
    rmfg.solve(nameless, max_steps=1, solver=rmfg.Picard(), tol=1e-12).save("nameless.nc")
    capsys.readouterr()

    def run(line: str) -> tuple[int, str, str]:
        code = main(["simulate", *line.split()])
        return code, *capsys.readouterr()

    return run


def test_simulate_prints_and_writes(command, tmp_path):
    code, out, err = command("zoo.nc --agents 2,5,1e3 --runs 5 -o out.nc --plot out.png")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "game         sis-epidemic: 2 states, discount 0.5"
    assert [line.split()[0] for line in lines[6:9]] == ["2", "5", "1000"]
    assert lines[-2:] == ["wrote        out.nc", "wrote        out.png"]
    assert (tmp_path / "out.png").stat().st_size > 1000
    with xarray.open_dataset("out.nc") as found:
        assert found["agents"].values.tolist() == [2, 5, 1000]
        assert found.attrs["num_runs"] == 5
        rmfg.plot_finite(found)
    code, out, _ = command("zoo.nc --agents 2,5,1e3 --runs 5 --json")
    rows = json.loads(out)["rows"]
    assert code == 0
    assert f"{rows[0]['distance']:.3g}" in lines[6]


def test_simulate_exits_with_one_where_the_answer_is_not_certified(command):
    code, out, _ = command("nameless.nc --game sis-epidemic --agents 3 --runs 2 --gap none")
    assert code == 1
    assert "epsilon -" in out
    assert "epsilon  " not in out


REFUSED = {
    "nothing.nc": "`EQ.nc`: there is no file",
    "nameless.nc": "--game path/to/file.py:NAME",
    "zoo.nc --agents 1.5": "`--agents`",
    "zoo.nc --agents ten": "`--agents`",
    "zoo.nc --runs 1": "`--runs`",
    "zoo.nc --steps 0": "`--steps`",
    "zoo.nc --gap guess": "gap",
    "zoo.nc --nature kind": "nature",
    "zoo.nc -p discount=0.4": "`-p discount`",
    "zoo.nc --game sis-epidemic -p discount=0.4": "differs by",
    "zoo.nc --game beach-bar": "differs by",
    "zoo.nc -o zoo.nc": "both name",
    "zoo.nc -o no/out.nc": "does not exist",
    "zoo.nc --plot out.bmp": "format",
}


@pytest.mark.parametrize("line", REFUSED)
def test_simulate_refuses(command, line, tmp_path):
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    code, out, err = command(line)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert REFUSED[line] in err
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
