"""The command line: what it answers, what it refuses, and that it writes whole files or none."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray

import rmfg
from rmfg.cli import choices, main, values
from rmfg.model.ambiguity import catalog
from rmfg.model.ambiguity.names import SETS
from rmfg.solvers.names import SOLVERS

KERNEL = np.random.default_rng(0).dirichlet(np.ones(3), (3, 2))
REWARD = np.array([[0.0, 1.0], [2.0, 0.5], [1.0, 0.0]])
GAME = {"kernel": KERNEL, "reward": REWARD, "discount": 0.8}

SOURCE = """
import numpy as np
import rmfg

print("hello from the file")
KERNEL = np.full((3, 2, 3), 1 / 3)
REWARD = np.array([[0.0, 1.0], [2.0, 0.5], [1.0, 0.0]])
ready = rmfg.TabularGame(KERNEL, REWARD, 0.8)
number = 3

def build(discount: float = 0.8, bonus: "float" = 0.0):
    return rmfg.TabularGame(KERNEL, REWARD + bonus, discount)

def needs(discount):
    return build(discount)

def returns_nothing():
    pass

def fails():
    raise KeyError("no such thing")

def bad_rows():
    return rmfg.TabularGame(KERNEL * 2, REWARD, 0.8)

def interrupted():
    raise KeyboardInterrupt

def fails_when_solved():
    return rmfg.TabularGame(KERNEL, lambda m: REWARD + late(m), 0.8, num_states=3, num_actions=2)

def late(m):
    return undefined_name
"""


def broken(**changes: object) -> dict:
    return {name: x for name, x in {**GAME, **changes}.items() if x is not None}


HEADER = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 1000000000)}".ljust(
    117
)
WIDE = b"\x93NUMPY\x01\x00v\x00" + HEADER + b"\n"
NAN = np.where(np.arange(18).reshape(3, 2, 3) == 7, np.nan, KERNEL)
NEGATIVE = KERNEL - [[[0.9, 0, 0]]] + [[[0, 0.9, 0]]]

ARRAY_FILES = {
    "short.npz": broken(reward=None),
    "no_kernel.npz": broken(kernel=None),
    "no_discount.npz": broken(discount=None),
    "typo.npz": broken(intial=np.ones(3) / 3),
    "both.npz": broken(successors=np.zeros((3, 2, 1), int), probabilities=np.ones((3, 2, 1))),
    "swapped.npz": broken(kernel=np.swapaxes(KERNEL, 1, 2)),
    "rows.npz": broken(kernel=KERNEL * 1.1),
    "negative.npz": broken(kernel=NEGATIVE),
    "nan.npz": broken(kernel=NAN),
    "reward_shape.npz": broken(reward=REWARD.T),
    "reward_nan.npz": broken(reward=REWARD * np.nan),
    "discount_one.npz": broken(discount=1.0),
    "discounts.npz": broken(discount=np.array([0.8, 0.9])),
    "text.npz": broken(kernel=np.full((3, 2, 3), "x")),
    "complex.npz": broken(reward=REWARD + 0j),
    "names.npz": broken(state_names=np.array(["a", "b"])),
    "initial.npz": broken(initial=np.ones(3)),
    "successor.npz": {
        "successors": np.full((3, 2, 1), 3),
        "probabilities": np.ones((3, 2, 1)),
        "reward": REWARD,
        "discount": 0.8,
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with games and files that are none."""
    home = tmp_path_factory.mktemp("cli")
    np.savez(home / "game.npz", **GAME)
    for name, arrays in ARRAY_FILES.items():
        np.savez(home / name, **arrays)
    np.savez(home / "objects.npz", kernel=np.array([None, {}]), reward=REWARD, discount=0.8)
    np.save(home / "metric.npy", np.abs(np.subtract.outer(np.arange(3.0), np.arange(3.0))))
    np.save(home / "small.npy", np.zeros((2, 2)))
    np.save(home / "words.npy", np.array(["a"]))
    whole = (home / "game.npz").read_bytes()
    (home / "cut.npz").write_bytes(whole[: len(whole) // 2])
    (home / "empty.npz").write_bytes(b"")
    (home / "fake.nc").write_bytes(b"no netCDF" * 20)
    axes = ("state", "action", "next_state")
    dataset = xarray.Dataset(
        {"kernel": (axes, KERNEL), "reward": (axes[:2], REWARD)}, attrs={"discount": 0.8}
    )
    dataset.to_netcdf(home / "game.nc")
    (home / "cut.nc").write_bytes((home / "game.nc").read_bytes()[:3000])
    (home / "games.py").write_text(SOURCE)
    (home / "syntax.py").write_text("x = 1\ndef broken(:\n")
    (home / "raises.py").write_text("x = 1\nraise RuntimeError('on purpose')\n")
    (home / "exits.py").write_text("import sys\nsys.exit('bye')\n")
    (home / "null.py").write_bytes(b"game = 1\0\n")
    (home / "generator.py").write_text("raise GeneratorExit\n")
    (home / "base.py").write_text("raise BaseException('all the way up')\n")
    (home / "latin.py").write_bytes(b"game = '\xff'\n")
    (home / "zipped.npy").write_bytes(b"PK\x03\x04" + bytes(40))
    (home / "wide.npy").write_bytes(WIDE)
    (home / "folder").mkdir()
    (home / "link.nc").symlink_to("same.png")
    for pipe in ("pipe.nc", "pipe.png"):
        os.mkfifo(home / pipe)
    (home / "locked.nc").touch(0o444)
    return home


@pytest.fixture
def command(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run a command in the folder; return exit code, standard output and standard error."""
    monkeypatch.chdir(folder)

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture(scope="module")
def saved(folder: Path) -> Path:
    """A certified equilibrium of a game of the zoo."""
    path = folder / "saved.nc"
    equilibrium = rmfg.solve(rmfg.zoo.make("move-forward"), rmfg.TotalVariation(0.1), tol=1e-6)
    assert equilibrium.status == "certified"
    equilibrium.save(path)
    return path


WRONG = [
    ("solve beach-bat", "beach-bar"),
    ("solve Beach-bar", "beach-bar"),
    ("solve no/such/thing", "no/such/thing"),
    ("solve game.csv", "game.csv"),
    ("solve beach-bar -p num_state=5", "num_states"),
    ("solve beach-bar -p num_states", "key=value"),
    ("solve beach-bar -p num_states=5 -p num_states=6", "twice"),
    ("solve beach-bar -p num_states=-5", "`num_states`"),
    ("solve beach-bar -p num_states=2.5", "2.5"),
    ("solve beach-bar -p num_states=many", "'many'"),
    ("solve beach-bar -p ring=maybe", "`ring`"),
    ("solve beach-bar -p discount=1", "`discount`"),
    ("solve beach-bar -p noise=nan", "`noise`"),
    ("solve road-network -p network=none.tntp", "none.tntp"),
    ("solve game.npz -p num_states=5", "num_states"),
    ("solve game.npz --set total-variaton --radius 0.1", "total-variation"),
    ("solve game.npz --set total-variation", "`radius`"),
    ("solve game.npz --set cvar", "`level`"),
    ("solve game.npz --set total-variation --radius -0.1", "-0.1"),
    ("solve game.npz --set total-variation --radius nan", "nan"),
    ("solve game.npz --set total-variation --radius 1.5", "1.5"),
    ("solve game.npz --set total-variation --radius much", "'much'"),
    ("solve game.npz --radius 0.1", "nominal"),
    ("solve game.npz --set interval --radius 0.1", "`lower`"),
    ("solve game.npz --set kl --radius 0.1 --support nominal", "`support`"),
    ("solve game.npz --set total-variation --radius 0.1 --support some", "'some'"),
    ("solve game.npz --set total-variation --radius 0.1 --set-option radius=1", "twice"),
    ("solve game.npz --set total-variation --set-option raduis=1 --radius 0", "`raduis`"),
    ("solve game.npz --set total-variation --set-option radius=big", "'big'"),
    ("solve game.npz --set lp --radius 0.1 --set-option p=0.5", "`p`"),
    ("solve game.npz --set lp --radius 0.1 --set-option weights=1,1", "weights"),
    ("solve game.npz --set wasserstein --radius 0.1", "`metric`"),
    ("solve game.npz --set wasserstein --radius 0.1 --set-option metric=moon", "line, ring"),
    ("solve game.npz --set wasserstein --radius 0.1 --set-option metric=none.npy", "none.npy"),
    ("solve game.npz --set wasserstein --radius 0.1 --set-option metric=small.npy", "`metric`"),
    ("solve game.npz --set wasserstein --radius 0.1 --set-option metric=words.npy", "words.npy"),
    ("solve game.npz --tol 0", "`tol`"),
    ("solve game.npz --tol 2", "`tol`"),
    ("solve game.npz --tol nan", "`tol`"),
    ("solve game.npz --tol small", "'small'"),
    ("solve game.npz --solver picart", "picard"),
    ("solve game.npz --solver picard --solver-option dampin=1", "damping"),
    ("solve game.npz --solver picard --solver-option damping=2", "`damping`"),
    ("solve game.npz --solver picard --solver-option damping=some", "`damping`"),
    ("solve game.npz --population worst", "worst_case"),
    ("solve game.npz --max-steps 0", "`max_steps`"),
    ("solve game.npz --max-steps 1.5", "'1.5'"),
    ("solve game.npz --max-seconds -1", "`max_seconds`"),
    ("solve game.npz -o nowhere/eq.nc", "nowhere"),
    ("solve game.npz -o folder", "folder"),
    ("solve game.npz --plot nowhere/eq.png", "nowhere"),
    ("solve game.npz --plot picture.bmp", "picture.bmp"),
    ("solve game.npz -o same.png", "netCDF"),
    ("solve game.npz -o link.nc --plot same.png", "both"),
    ("solve game.npz -o out.npz", ".nc"),
    ("solve game.npz -o folder/", "folder"),
    ("solve game.npz -o absent/", "folder"),
    ("solve game.npz -o pipe.nc", "named pipe"),
    ("solve game.npz --plot pipe.png", "named pipe"),
    ("solve game.npz -o locked.nc", "read-only"),
    ("solve absent.npz", "absent.npz"),
    ("solve absent.nc", "absent.nc"),
    ("solve cut.npz", "cut.npz"),
    ("solve empty.npz", "empty.npz"),
    ("solve objects.npz", "objects.npz"),
    ("solve short.npz", "`reward`"),
    ("solve no_kernel.npz", "`kernel`"),
    ("solve no_discount.npz", "`discount`"),
    ("solve typo.npz", "initial"),
    ("solve both.npz", "both"),
    ("solve swapped.npz", "`kernel`"),
    ("solve rows.npz", "1.1"),
    ("solve negative.npz", "negative"),
    ("solve nan.npz", "(s=1, a=0, next=1)"),
    ("solve reward_shape.npz", "reward"),
    ("solve reward_nan.npz", "`reward`"),
    ("solve discount_one.npz", "`discount`"),
    ("solve discounts.npz", "`discount`"),
    ("solve text.npz", "`kernel`"),
    ("solve complex.npz", "`reward`"),
    ("solve names.npz", "`state_names`"),
    ("solve initial.npz", "`initial`"),
    ("solve successor.npz", "`successors`"),
    ("solve fake.nc", "fake.nc"),
    ("solve cut.nc", "cut.nc"),
    ("solve saved.nc", "rmfg verify"),
    ("solve absent.py:game", "absent.py"),
    ("solve games.py", "games.py:NAME"),
    ("solve games.py:buidl", "build"),
    ("solve games.py:number", "type int"),
    ("solve games.py:returns_nothing", "NoneType"),
    ("solve games.py:needs", "-p discount"),
    ("solve games.py:build -p discont=0.5", "discount"),
    ("solve games.py:build -p discount=1.5", "`discount`"),
    ("solve games.py:ready -p discount=0.5", "discount"),
    ("solve games.py:fails", "KeyError: 'no such thing'"),
    ("solve games.py:bad_rows", "games.py, line 24"),
    ("solve games.py:fails_when_solved", "NameError"),
    ("solve syntax.py:game", "syntax.py, line 2"),
    ("solve raises.py:game", "raises.py, line 2: RuntimeError: on purpose"),
    ("solve exits.py:game", "exits.py, line 2"),
    ("solve null.py:game", "null.py"),
    ("solve generator.py:game", "generator.py, line 1: GeneratorExit"),
    ("solve base.py:game", "base.py, line 1: BaseException: all the way up"),
    ("solve latin.py:game", "latin.py"),
    ("solve game.npz --set wasserstein --radius 0.1 --set-option metric=zipped.npy", "zipped.npy"),
    ("solve game.npz --set wasserstein --radius 0.1 --set-option metric=wide.npy", "wide.npy"),
    ("verify absent.nc", "absent.nc"),
    ("verify cut.nc", "cut.nc"),
    ("verify fake.nc", "fake.nc"),
    ("verify game.nc", "not an equilibrium"),
    ("verify game.npz", "game.npz"),
    ("verify folder", "folder"),
    ("verify saved.nc --tol 0", "`tol`"),
    ("games beach", "beach-bar"),
    ("solve", "GAME"),
    ("solv game.npz", "solv"),
    ("solve game.npz --raduis 1", "--raduis"),
    ("solve game.npz extra", "extra"),
]


@pytest.mark.parametrize(("line", "needle"), WRONG, ids=[line for line, _ in WRONG])
def test_wrong_input_is_one_line(command, folder, saved, line, needle):
    arguments = line.split()
    if arguments[0] == "solve" and len(arguments) > 1:
        for option, name in (("-o", "out.nc"), ("--plot", "out.png")):
            if option not in arguments:
                arguments += [option, name]
    before = sorted(folder.rglob("*"))
    code, out, err = command(*arguments)
    lines = [text for text in err.splitlines() if text != "hello from the file"]
    assert (code, out, len(lines)) == (2, "", 1), err
    assert lines[0].startswith("rmfg: error: ")
    assert needle in lines[0]
    assert "Traceback" not in err
    written = {path.name for path in set(folder.rglob("*")) - set(before)}
    assert written <= {"__pycache__"}


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


def test_bugs_are_not_called_wrong_input(command, monkeypatch):
    def examine():
        raise RuntimeError("unforeseen")

    monkeypatch.setattr("rmfg.cli.commands.doctor.examine", examine)
    code, out, err = command("doctor")
    assert (code, out) == (70, "")
    assert "RuntimeError: unforeseen" in err


def test_tracebacks_on_demand(command, monkeypatch):
    monkeypatch.setenv("RMFG_TRACEBACK", "1")
    code, _, err = command("games", "nothing")
    assert code == 2
    assert err.startswith("Traceback")


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


@pytest.mark.parametrize("name", [name for name in SETS if name != "nominal"])
def test_every_set_can_be_typed(folder, monkeypatch, name):
    monkeypatch.chdir(folder)
    np.save("kernels.npy", np.stack([KERNEL, KERNEL]))
    np.save("radius.npy", np.full((3, 2), 0.1))
    options = {
        "interval": {"lower": "0", "upper": "0.9"},
        "scenarios": {"kernels": "kernels.npy"},
        "wasserstein": {"metric": "metric.npy", "order": "2"},
        "lp": {"radius": "radius.npy", "p": "inf", "weights": "1,2,1"},
    }.get(name, {})
    sized = name not in ("interval", "scenarios", "lp")
    made = choices.ambiguity(name, 0.1 if sized else None, None, options, 3)
    assert catalog.name_of(made) == name
    assert (made.violation(rmfg.DenseKernel(KERNEL), rmfg.DenseKernel(KERNEL)) <= 1e-12).all()


def test_metrics_by_name():
    line, ring = (
        choices.ambiguity("wasserstein", 0.1, None, {"metric": word}, 5).metric
        for word in ("line", "ring")
    )
    assert line[0].tolist() == [0, 1, 2, 3, 4]
    assert ring[0].tolist() == [0, 1, 2, 2, 1]


def test_values_follow_annotations():
    def function(
        many: "tuple[int, ...]" = (1,),
        text: "str | None" = None,
        path: "Path | None" = None,
        flag=False,
        number: float = 1.0,
        **others,
    ):
        pass

    given = {"many": "3", "text": "12", "path": "none", "flag": "True", "number": "1e-3"}
    found = values.arguments("function", function, given)
    expected = {"many": (3,), "text": "12", "path": "none", "flag": True, "number": 1e-3}
    assert found == expected
    assert values.literal("none") is None
    assert values.literal("1,2.5") == (1, 2.5)
    assert values.literal("-3") == -3
