"""Laws of all commands: what is declared is in the help, is read, arrives, and is refused if wrong."""

import dataclasses
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer

import rmfg
from rmfg.cli import main
from rmfg.cli.app import COMMANDS, app
from rmfg.cli.command import Command
from rmfg.model.ambiguity.names import SETS
from rmfg.solvers.names import SOLVERS

APPLICATION: Any = typer.main.get_command(app)
LINES: Mapping[str, Any] = APPLICATION.commands  # what Typer made of each
FIELDS = [
    pytest.param(name, field.name, id=f"{name} {field.name}")
    for name, kind in COMMANDS.items()
    for field in dataclasses.fields(kind)
]

# What is typed for a field, none of it the default, and what the command is to find there.
GIVEN: dict[str, tuple[str, Any]] = {
    "name": ("beach-bar", "beach-bar"),
    "game": ("move-forward", "move-forward"),
    "file": ("saved.nc", Path("saved.nc")),
    "set_name": ("total-variation", "total-variation"),
    "radius": ("0.25", 0.25),
    "support": ("nominal", "nominal"),
    "set_options": ("radius=0.25", ["radius=0.25"]),
    "parameters": ("discount=0.5", ["discount=0.5"]),
    "tol": ("1e-3", 1e-3),
    "atol": ("2", 2.0),
    "solver": ("picard", "picard"),
    "solver_options": ("damping=0.25", ["damping=0.25"]),
    "population": ("nominal", "nominal"),
    "max_steps": ("3", 3),
    "max_seconds": ("60", 60.0),
    "seed": ("7", 7),
    "agents": ("2,3", "2,3"),
    "runs": ("5", 5),
    "steps": ("4", 4),
    "nature": ("nominal", "nominal"),
    "gap": ("none", "none"),
    "rigorous": ("", True),
    "save": ("out.nc", Path("out.nc")),
    "plot": ("out.png", Path("out.png")),
    "as_json": ("", True),
    "quiet": ("", True),
}


class Wrong(NamedTuple):
    """What is typed wrongly, what the error must name, and the options that it is wrong with."""

    text: str
    needle: str
    others: tuple[str, ...] = ()


VARIATION = ("--set", "total-variation")
WRONG: dict[str, Wrong] = {
    "name": Wrong("beach", "beach-bar"),
    "game": Wrong("no/such/thing", "no/such/thing"),
    "file": Wrong("absent.nc", "absent.nc"),
    "set_name": Wrong("tv", "total-variation"),
    "radius": Wrong("much", "'much'"),
    "support": Wrong("some", "'nominal'", (*VARIATION, "--radius", "0.1")),
    "set_options": Wrong("raduis=1", "`raduis`", VARIATION),
    "parameters": Wrong("discount", "key=value"),
    "tol": Wrong("small", "'small'"),
    "atol": Wrong("-1", "`atol`"),
    "solver": Wrong("picart", "picard"),
    "solver_options": Wrong("dampin=1", "dampin"),
    "population": Wrong("all", "worst_case"),
    "max_steps": Wrong("1.5", "'1.5'"),
    "max_seconds": Wrong("nan", "`max_seconds`"),
    "seed": Wrong("one", "'one'"),
    "agents": Wrong("2;3", "`--agents`"),
    "runs": Wrong("0", "runs"),
    "steps": Wrong("few", "'few'"),
    "nature": Wrong("wind", "worst_case"),
    "gap": Wrong("some", "sample"),
    "rigorous": Wrong("=very", "--rigorous"),
    "save": Wrong("out.png", ".nc"),
    "plot": Wrong("out.nc", ".png"),
    "as_json": Wrong("=maybe", "--json"),
    "quiet": Wrong("=maybe", "--quiet"),
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a saved equilibrium."""
    home = tmp_path_factory.mktemp("options")
    equilibrium = rmfg.solve(rmfg.zoo.make("move-forward"), rmfg.TotalVariation(0.1), tol=1e-6)
    equilibrium.save(home / "saved.nc")
    return home


@pytest.fixture(autouse=True)
def at_the_desk(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk)
    monkeypatch.setenv("COLUMNS", "100")


def declared(command: str, field: str) -> Any:
    """What Typer made of a field."""
    found = {parameter.name: parameter for parameter in LINES[command].params}
    return found[field]


def typed(command: str, *texts: tuple[str, str]) -> list[str]:
    """A command line with these fields, each under its longest name, and what else is required."""
    line, fields = [command], dict(texts)
    required = [part.name for part in LINES[command].params if part.required]
    for field in required:
        fields.setdefault(field, GIVEN[field][0])
    for field, text in fields.items():
        part = declared(command, field)
        option = next((name for name in part.opts if name.startswith("--")), "")
        if text.startswith("="):
            line.append(option + text)
        else:
            line += [word for word in (option, text) if word]
    return line


def asked(monkeypatch: pytest.MonkeyPatch, line: list[str]) -> Command:
    """What a command line asks for."""
    seen: list[Command] = []
    kind = COMMANDS[line[0]]
    monkeypatch.setattr(kind, "run", lambda self: seen.append(self) or 0)
    assert main(line) == 0
    return seen[0]


def test_tables_are_complete():
    fields = {field.name for kind in COMMANDS.values() for field in dataclasses.fields(kind)}
    assert fields == GIVEN.keys() == WRONG.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_explain_themselves(name, capsys):
    kind = COMMANDS[name]
    assert set(LINES) == set(COMMANDS)
    assert main(["--help"]) == 0
    assert f"{name} {kind.summary}" in " ".join(capsys.readouterr().out.split())
    assert main([name, "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert " ".join((kind.__doc__ or "").split()) in shown


@pytest.mark.parametrize(("command", "field"), FIELDS)
def test_options_are_in_the_help(command, field, capsys):
    part = declared(command, field)
    assert part.help
    assert main([command, "--help"]) == 0
    shown = joined(capsys.readouterr().out)
    assert joined(part.help) in shown
    names = part.opts if part.param_type_name == "option" else [part.metavar]
    assert all(name in shown for name in names)


def joined(text: str) -> str:
    """Text as if on one line: help breaks lines also after hyphens."""
    return " ".join(re.sub(r"-\n +", "-", text).split())


def test_help_names_sets_and_solvers(capsys):
    assert main(["solve", "--help"]) == 0
    shown = joined(capsys.readouterr().out)
    assert f"The ambiguity set: {', '.join(SETS)}." in shown
    assert f"--solver {'|'.join(SOLVERS)} " in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_page_shows_every_option(command):
    page = (Path(__file__).parents[1] / "docs" / "command_line.md").read_text()
    section = page.partition(f"\n## {command}\n")[2].partition("\n## ")[0]
    options = [part.opts for part in LINES[command].params if part.param_type_name == "option"]
    missing = [names for names in options if not any(f"`{name}" in section for name in names)]
    assert section
    assert not missing
    if command == "solve":
        assert set(re.findall(r"`([\w-]+)`", section)) >= {*SETS, *SOLVERS}


@pytest.mark.parametrize(("command", "field"), FIELDS)
def test_what_is_typed_is_asked_for(monkeypatch, command, field):
    text, expected = GIVEN[field]
    request = asked(monkeypatch, typed(command, (field, text)))
    assert getattr(request, field) == expected
    for other in dataclasses.fields(request):
        if other.name != field and other.default is not dataclasses.MISSING:
            assert getattr(request, other.name) == other.default


@pytest.mark.parametrize(("command", "field"), FIELDS)
def test_all_names_of_an_option_mean_the_same(monkeypatch, command, field):
    text, expected = GIVEN[field]
    for option in declared(command, field).opts:
        if option.startswith("-"):
            line = [*typed(command), *filter(None, [option, text])]
            assert getattr(asked(monkeypatch, line), field) == expected


def test_what_is_given_is_not_the_default():
    for kind in COMMANDS.values():
        for field in dataclasses.fields(kind):
            assert field.default != GIVEN[field.name][1]


@pytest.mark.parametrize("field", ["parameters", "set_options", "solver_options"])
def test_pairs_may_come_again(monkeypatch, field):
    option = declared("solve", field).opts[-1]
    line = [*typed("solve"), option, "a=1", option, "b=2"]
    assert getattr(asked(monkeypatch, line), field) == ["a=1", "b=2"]


@pytest.mark.parametrize(("command", "field"), FIELDS)
def test_wrong_input_is_one_line(capsys, command, field):
    text, needle, others = WRONG[field]
    code = main([*typed(command, (field, text)), *others])
    out, err = capsys.readouterr()
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert err.startswith("rmfg: error: ")
    assert needle in err


# Options that offer words; `none` is the command line's own, and the library does not name it.
CHOICES = [
    pytest.param(name, part.name, id=f"{name} {part.name}")
    for name, line in LINES.items()
    for part in line.params
    if "|" in (part.metavar or "")
]


@pytest.mark.parametrize(("command", "field"), CHOICES)
def test_words_that_are_offered_are_known(capsys, command, field):
    text, _, others = WRONG[field]
    assert main([*typed(command, (field, text)), *others]) == 2
    offered = set(declared(command, field).metavar.split("|"))
    assert offered - {"none"} <= set(re.findall(r"[\w-]+", capsys.readouterr().err))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_read(capsys, monkeypatch, tmp_path, command):
    """A command that is given everything reads everything, and works."""
    kind, read = COMMANDS[command], set()

    def look(self: Command, name: str) -> Any:
        read.add(name)
        return object.__getattribute__(self, name)

    fields = {field.name: GIVEN[field.name][1] for field in dataclasses.fields(kind)}
    # The radius is given once, and the game is the one that was solved.
    fields |= {name: None for name in ("set_options", "parameters") if name in fields}
    fields |= {name: tmp_path / fields[name] for name in ("save", "plot") if name in fields}
    spied = type("Spied", (kind,), {"__getattribute__": look})
    for as_json in (True, False):  # who prints JSON need not ask whether to print nothing
        assert spied(**fields | {"as_json": as_json}).run() in (0, 1)
    assert fields.keys() <= read


class Arrived(KeyboardInterrupt):
    """A call was caught: the command line ends as if it were interrupted."""


def caught(
    monkeypatch: pytest.MonkeyPatch, function: str, line: list[str]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What a public function is called with."""
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def stop(*arguments: Any, **named: Any) -> None:
        calls.append((arguments, named))
        raise Arrived

    with monkeypatch.context() as patch:
        patch.setattr(rmfg, function, stop)
        assert main(line) == 130
    return calls[0]


def everything(command: str, *but: str) -> list[str]:
    fields = [field.name for field in dataclasses.fields(COMMANDS[command])]
    return typed(command, *((name, GIVEN[name][0]) for name in fields if name not in but))


NAMED_ALIKE = ("tol", "atol", "population", "max_steps", "max_seconds", "seed", "nature")


def arrived(named: dict[str, Any]) -> set[str]:
    """The options that came as they were typed, of those that the library calls by the same name."""
    found = {name for name in NAMED_ALIKE if name in named}
    assert {name: named[name] for name in found} == {name: GIVEN[name][1] for name in found}
    return found


def test_solve_hands_everything_on(monkeypatch, capsys):
    (game, ambiguity), named = caught(monkeypatch, "solve", everything("solve", "set_options"))
    assert (game.name, game.discount) == ("move-forward", 0.5)
    assert isinstance(ambiguity, rmfg.TotalVariation)
    assert (ambiguity.radius, ambiguity.support) == (0.25, "nominal")
    assert str(named["solver"]) == "Picard(damping=0.25, long_run=True)"
    assert named["progress"] is False
    assert arrived(named) == set(NAMED_ALIKE) - {"nature"}
    (_, ambiguity), named = caught(monkeypatch, "solve", everything("solve", "radius", "quiet"))
    assert (ambiguity.radius, named["progress"]) == (0.25, False)


def test_simulate_hands_everything_on(monkeypatch, capsys):
    line = everything("simulate", "parameters")
    (game, equilibrium, agents), named = caught(monkeypatch, "finite_study", line)
    assert (game.name, equilibrium.game.name, agents) == ("move-forward", "move-forward", [2, 3])
    assert (named["num_runs"], named["num_steps"]) == (5, 4)
    assert (named["gap"], named["progress"]) == (None, False)
    assert arrived(named) == {"nature", "seed"}


def test_verify_hands_everything_on(monkeypatch, capsys):
    arguments, named = caught(monkeypatch, "certify", everything("verify"))
    assert (arguments[0].name, arguments[0].discount) == ("move-forward", 0.5)
    assert (named["tol"], named["atol"]) == (1e-3, 2.0)
    (proved,), _ = caught(monkeypatch, "prove", typed("verify", ("rigorous", "")))
    assert proved.game.name == "move-forward"


def test_help_loads_nothing_heavy():
    lines = [["--version"], ["--help"], *([name, "--help"] for name in COMMANDS)]
    script = (
        "import sys\n"
        "from rmfg.cli import main\n"
        "import rmfg.cli.app\n"
        f"assert not any(main(line) for line in {lines})\n"
        "heavy = {'jax', 'equinox', 'numpy', 'scipy', 'matplotlib', 'xarray'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    root = Path(__file__).parents[1]
    subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, timeout=60, cwd=root
    )
