"""What the documentation shows is what happens: every block of README, CONTRIBUTING and docs/ runs.

The blocks of a page run in order, in one namespace, in a folder of their own:

- ```python blocks; with title="name.py" the block is also that file;
- ```console blocks: lines `$ rmfg ...` run in-process and must exit with 0, or as a comment
  `# exit code 2` at their end says; lines `$ make|pip|git ...` are skipped with a reason;
- a ```text block shows what the block before it printed. Words must agree, and numbers up to a percent
  or a unit in the last digit shown. Times, steps and versions depend on the machine and are free; so
  are numbers of the size of rounding, which must only stay that small.

`python tests/test_docs.py` runs all pages and writes the text blocks that have changed anew, with
`--all` every one of them.
"""

import contextlib
import io
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from rmfg import cli, zoo

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"[-+]?\d+(?:,\d{3})*\.?\d*(?:e[-+]?\d+)?")
INSTALLERS = ("make", "pip", "git")
# What stands behind, or before, a number that depends on the machine.
UNIT = re.compile(r"\s*(s|ms|seconds?|minutes?|steps?|steps_taken|MiB|GiB|kB)\b")
RELEASE = re.compile(
    r"(version|rmfg|jax|jaxlib|numpy|scipy|python|processors?|cores?|devices?)[\s:]*$", re.I
)
ROUNDING, SHARE = 1e-6, 1e-2


class Block(NamedTuple):
    """A fenced block: its language, what stands behind it, its lines, and where they are."""

    language: str
    info: str
    body: str
    begin: int
    end: int


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    found = FENCE.finditer(page.read_text(encoding="utf-8"))
    return [Block(each[1], each[2], each[3], each.start(3), each.end(3)) for each in found]


def commands(block: Block) -> list[str]:
    """What a console block types."""
    return [line[2:] for line in block.body.splitlines() if line.startswith("$ ")]


def run(page: Path) -> Iterator[tuple[Block, str]]:
    """Execute a page in the current folder; yield each text block with what was really printed."""
    namespace = {"__name__": "__main__"}
    printed = ""
    for block in blocks(page):
        if block.language == "text":
            yield block, printed
        if block.language not in ("python", "console"):
            continue
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
            if block.language == "python":
                title = re.search(r'title="([^"]+)"', block.info)
                if title:
                    Path(title[1]).write_text(block.body, encoding="utf-8")
                exec(compile(block.body, page.name, "exec"), namespace)
            else:
                for line in commands(block):
                    if line.split()[0] not in INSTALLERS:
                        type_in(line)
        printed = out.getvalue()


def type_in(line: str) -> None:
    """Run a command line and check its exit code."""
    name, *arguments = shlex.split(line, comments=True)
    assert name == "rmfg", f"nobody knows how to run `{line}`"
    expected = re.search(r"# exit code (\d+)$", line)
    code = cli.main(arguments)
    assert code == int(expected[1] if expected else 0), f"`{line}` exits with {code}"


def words(text: str) -> str:
    """The text without its numbers and its spacing."""
    return " ".join(NUMBER.sub("#", text).split())


def differences(shown: str, printed: str) -> list[str]:
    """Where a printed text is not the one that is shown."""
    if words(shown) != words(printed):
        return ["words differ"]
    pairs = zip(NUMBER.finditer(shown), NUMBER.finditer(printed), strict=True)
    return [f"{one[0]}, now {other[0]}" for one, other in pairs if not agree(one, other)]


def agree(shown: re.Match[str], printed: re.Match[str]) -> bool:
    before, after = shown.string[: shown.start()], shown.string[shown.end() :]
    if UNIT.match(after) or RELEASE.search(before):
        return True
    one, other = (float(match[0].replace(",", "")) for match in (shown, printed))
    size = max(abs(one), abs(other))
    return size < ROUNDING or abs(one - other) <= max(SHARE * size, 1.01 * last_digit(shown[0]))


def last_digit(number: str) -> float:
    """A unit in the last digit of a number as it is written; whole numbers are not rounded."""
    mantissa, _, exponent = number.partition("e")
    places = len(mantissa.partition(".")[2])
    return 10.0 ** (int(exponent or 0) - places) if places or exponent else 0.0


@pytest.mark.parametrize(
    ("shown", "printed", "apart"),
    [
        ("gap 0.155 of 18.0", "gap 0.155 of 18.1", 0),
        ("gap 0.155 of 18.0", "gap 0.018 of 5.7", 2),
        ("place 0, 11 %", "place 0, 6 %", 1),
        ("exploitability 3e-11", "exploitability 8e-12", 0),
        ("exploitability 3e-11", "exploitability 8e-3", 1),
        ("certified in 12 steps, 1.3 s", "certified in 14 steps, 20.9 s", 0),
        ("status certified", "status max steps", 1),
        ("version 0.1.0", "version 0.2.0", 0),
        ("[1. 2. 3.]", "[1. 2. 4.]", 1),
        ("1,000 agents", "2,000 agents", 1),
    ],
)
def test_outputs_are_compared_number_by_number(shown, printed, apart):
    assert len(differences(shown, printed)) == apart


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")  # the width of help
    monkeypatch.setattr(sys, "path", [*sys.path])


def runs(page: Path) -> bool:
    return any(block.language in ("python", "console") for block in blocks(page))


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("page", [*filter(runs, PAGES)], ids=lambda page: page.name)
def test_page_runs_and_prints_what_it_shows(page):
    for block, printed in run(page):
        found = differences(block.body, printed)
        assert not found, (
            f"{page.name} shows something else ({'; '.join(found)}); `python tests/test_docs.py` "
            f"writes it anew. It printed:\n{printed}"
        )


INSTALLATIONS = [
    pytest.param(line.split("#")[0].strip(), id=f"{page.name}: {line.split('#')[0].strip()}")
    for page in PAGES
    for block in blocks(page)
    if block.language == "console"
    for line in commands(block)
    if line.split()[0] in INSTALLERS
]


@pytest.mark.parametrize("line", INSTALLATIONS)
def test_installing_commands_exist(line):
    program, *arguments = line.split()
    if program == "make":
        targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert set(arguments) <= set(targets)
    pytest.skip(f"`{line}` installs software: only its name is checked here")


def test_hooks_run_what_the_check_runs():
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe
    commands = [
        line.strip().replace("$(BIN)/", "").replace("$(MAKE)", "make")
        for line in recipe[1].splitlines()
    ]
    hooks = re.findall(
        r"^ +name: (.*)$", (ROOT / ".pre-commit-config.yaml").read_text(), re.MULTILINE
    )
    assert hooks == commands


def test_reference_shows_every_public_name():
    stub = (ROOT / "src" / "rmfg" / "__init__.pyi").read_text()
    shown = (ROOT / "docs" / "reference.md").read_text()
    public = set(re.findall(r"^from \.\w\S+ import ([^\W_]\w+)", stub, re.MULTILINE))
    missing = public - set(re.findall(r"^::: rmfg\.(\w+)", shown, re.MULTILINE))
    assert public
    assert not missing, "docs/reference.md lacks public names"


def test_zoo_page_shows_every_game_as_it_is():
    rows = re.findall(
        r"^\| `([\w-]+)` \|[^|]*\| ([^|]*) \|", (ROOT / "docs" / "zoo.md").read_text(), re.MULTILINE
    )
    assert dict(rows) == {name: ", ".join(zoo.describe(name).known) for name in zoo.names()}


@pytest.mark.parametrize(
    "table", sorted((ROOT / "docs" / "tables").glob("*.md")), ids=lambda table: table.name
)
def test_tables_are_made(table):
    text = table.read_text(encoding="utf-8")
    assert "not made yet" not in text.lower()
    assert text.strip()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_relative_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)", (ROOT / page).read_text()):
        assert (ROOT / target).exists(), f"{page} links to {target}"


def rewrite() -> None:
    """Write what the pages print into their text blocks, and the figures that they draw."""
    for page in filter(runs, PAGES):
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            outcome = list(run(page))
            for picture in (ROOT / "docs" / "assets").iterdir():
                if Path(picture.name).exists():
                    shutil.copy(picture.name, picture)
        text = page.read_text(encoding="utf-8")
        for block, printed in reversed(outcome):
            if differences(block.body, printed) or "--all" in sys.argv:
                lines = [line.rstrip() for line in printed.strip("\n").splitlines()]
                body = "".join(f"{line}\n" for line in lines)
                text = text[: block.begin] + body + text[block.end :]
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    rewrite()
