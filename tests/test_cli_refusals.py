"""What the command line refuses: wrong input is one line, and a bug is not called wrong input."""

from pathlib import Path

import pytest
from cli_folder import certified, filled, runner


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
    ("verify absent.nc", "`EQ.nc`: there is no file 'absent.nc'"),
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
