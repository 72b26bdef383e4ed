"""What the documentation shows is what happens: every block of README, CONTRIBUTING and docs/ runs.

The blocks of a page run in order, in one namespace, in a folder of their own:

- ```python blocks; with title="name.py" the block is also that file;
- ```console blocks: lines `$ rmfg ...` run in-process and must exit with 0, or as a comment
  `# exit code 2` at their end says; lines `$ make|pip|git ...` are skipped with a reason;
- a ```text block shows what the block before it printed. Words must agree; numbers may differ, since
  times, versions and last digits do.

`python tests/test_docs.py` runs all pages and writes the text blocks whose words have changed anew,
with `--all` every one of them.
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
        assert words(printed) == words(block.body), (
            f"{page.name} shows something else; `python tests/test_docs.py` writes it anew"
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
            if words(printed) != words(block.body) or "--all" in sys.argv:
                lines = [line.rstrip() for line in printed.strip("\n").splitlines()]
                body = "".join(f"{line}\n" for line in lines)
                text = text[: block.begin] + body + text[block.end :]
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    rewrite()
