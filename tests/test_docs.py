"""What the documentation shows is what happens: every block of README, CONTRIBUTING and docs/ runs.

The blocks of a page run in order, in one namespace, in a folder of their own:

- ```python blocks; with title="name.py" the block is also that file;
- ```console blocks: lines `$ rmfg ...` run in-process and must exit with 0, or as a comment
  `# exit code 2` at their end says; lines `$ make|pip|git ...` are skipped with a reason;
- a ```text block shows what the block before it printed. Words must agree, and numbers up to a percent
  or a unit in the last digit shown. Times, steps and versions depend on the machine and are free; so
  are numbers of the size of rounding, which must only stay that small;
- a comment `<!-- assert` binds sentences to what they rest on. It holds entries of a dictionary: words
  that must stand in the prose above it, since the last comment or heading, and what they say.
  That is a condition that must hold, or the numbers in these words, in order, which must agree to the
  last digit. `table("zoo.md")` gives the rows of a table, `made` its text,
  `constant("module:name")` what the code holds, `source` the text of a module, `printed` what the
  last block printed.

`python tests/test_docs.py` runs all pages and writes the text blocks that have changed anew, with
`--all` every one of them.
"""

import contextlib
import importlib
import inspect
import io
import operator
import re
import runpy
import shlex
import shutil
import sys
import tempfile
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import pytest

from rmfg import cli, zoo

ROOT = Path(__file__).parents[1]
DOCS, TABLES = ROOT / "docs", ROOT / "docs" / "tables"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(page for page in DOCS.rglob("*.md") if TABLES not in page.parents),
]
FENCE = re.compile(
    r"^```(?P<language>\w+)(?P<info>[^\n]*)\n(?P<body>.*?)^```$|^<!-- assert\n(?P<claims>.*?)^-->$",
    re.MULTILINE | re.DOTALL,
)
HEADING = re.compile(r"^#+ .*$", re.MULTILINE)
NUMBER = re.compile(r"[-+]?\d+(?:,\d{3})*\.?\d*(?:e[-+]?\d+)?")
INSTALLERS = ("make", "pip", "git")
# What stands behind, or before, a number that depends on the machine.
UNIT = re.compile(r"\s*(s|ms|seconds?|minutes?|steps?|steps_taken|MiB|GiB|kB)\b")
RELEASE = re.compile(
    r"(version|rmfg|jax|jaxlib|numpy|scipy|python|processors?|cores?|devices?)[\s:]*$", re.I
)
ROUNDING, SHARE = 1e-6, 1e-2


class Block(NamedTuple):
    """A fenced block or a comment of claims: its lines, where they are, and the prose above it."""

    language: str
    info: str
    body: str
    begin: int
    end: int
    prose: str


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    text, found, prose, end = page.read_text(encoding="utf-8"), [], "", 0
    for each in FENCE.finditer(text):
        prose = HEADING.split(prose + text[end : each.start()])[-1]
        end = each.end()
        if each["claims"] is None:
            language, info, body = each["language"], each["info"], "body"
        else:
            language, info, body = "assert", "", "claims"
        found.append(Block(language, info, each[body], *each.span(body), prose=prose))
        prose = "" if language == "assert" else prose
    return found


def commands(block: Block) -> list[str]:
    """What a console block types."""
    return [line[2:] for line in block.body.splitlines() if line.startswith("$ ")]


def run(page: Path, judged: bool = True) -> Iterator[tuple[Block, str]]:
    """Execute a page in the current folder; yield each text block with what was really printed."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    printed = ""
    for block in blocks(page):
        if block.language == "text":
            yield block, printed
        if block.language == "assert" and judged:
            found = broken(block, {**namespace, **HELPERS, "printed": printed})
            assert not found, f"{page.name} says what is not so: {'; '.join(found)}"
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


def broken(claims: Block, namespace: dict[str, Any]) -> list[str]:
    """Which of the claims of a comment do not hold, or are not made in the prose above it."""
    said = eval(compile(f"{{{claims.body}}}", "claims", "eval"), namespace)
    prose, found = spaced(claims.prose), []
    for sentence, truth in said.items():
        if spaced(sentence) not in prose:
            found.append(f"{sentence!r} is not said here")
        elif isinstance(truth, bool | np.bool_):
            found += [] if truth else [f"{sentence!r} is not so"]
        else:
            truths = truth if isinstance(truth, list | tuple) else [truth]
            numbers = [*NUMBER.finditer(sentence)]
            if len(numbers) != len(truths):
                found.append(f"{sentence!r} holds {len(numbers)} numbers, not {len(truths)}")
                continue
            for number, known in zip(numbers, truths, strict=True):
                if not abs(value(number[0]) - known) <= (1.01 * last_digit(number[0]) or 0.5):
                    found.append(f"{sentence!r} is {known:.6g}")
    return found


def spaced(text: str) -> str:
    """The text with single spaces."""
    return " ".join(text.split())


def table(name: str, place: int = 0) -> list[dict[str, Any]]:
    """The rows of a table in docs/tables, the first one or another: cells by their columns' names.

    A cell that is a number is one; a second column of one name has " 2" behind it.
    """
    text = made(name)
    lines = [*re.finditer(r"(?:^\|.*\|$\n?)+", text, re.MULTILINE)][place][0].splitlines()
    head, _, *rows = ([cell.strip() for cell in line[1:-1].split("|")] for line in lines)
    names = [
        column if column not in head[:at] else f"{column} {1 + head[:at].count(column)}"
        for at, column in enumerate(head)
    ]
    return [dict(zip(names, map(cell, row), strict=True)) for row in rows]


def constant(path: str) -> Any:
    """What stands at `module:name` in the code."""
    module, _, name = path.partition(":")
    return operator.attrgetter(name)(importlib.import_module(module))


def made(name: str) -> str:
    """The text of what a command made in docs/tables."""
    return (TABLES / name).read_text(encoding="utf-8")


def source(module: str) -> str:
    """The text of a module."""
    return inspect.getsource(importlib.import_module(module))


HELPERS = {"table": table, "made": made, "constant": constant, "source": source}


def cell(text: str) -> float | str:
    """A cell of a table: a number, if it is one (marked or not), else its words."""
    number = NUMBER.fullmatch(text.rstrip("*").strip())
    return value(number[0]) if number else text


def value(number: str) -> float:
    return float(number.replace(",", ""))


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
    one, other = value(shown[0]), value(printed[0])
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


PAGE = """# A page

```python
shares = [0.25, 0.5]
print(len(shares))
```

Half of them are in the second of 2 places, twice as many as in the first. Of 4 rows 3 are marked.

<!-- assert
"in the second of 2 places": len(shares),
"twice as many": shares[1] == 2 * shares[0],
"Of 4 rows 3 are": [len(table("rows.md")), sum(row["n"] > 1 for row in table("rows.md"))],
-->
"""


@pytest.mark.parametrize(
    ("old", "new", "refusal"),
    [
        ("", "", None),
        ("second of 2 places,", "second of 3 places,", "is not said here"),
        ("second of 2 places", "second of 3 places", "is 2"),
        ("0.25", "0.2", "'twice as many' is not so"),
        ("rows 3 are", "rows 2 are", "is 3"),
        ("twice as many", "half as many", "'half as many' is not so"),
        ("len(shares),", "[1, 2],", "holds 1 numbers, not 2"),
    ],
)
@pytest.mark.usefixtures("desk")
def test_a_sentence_that_is_not_so_is_refused(tmp_path, monkeypatch, old, new, refusal):
    monkeypatch.setattr(sys.modules[__name__], "TABLES", tmp_path)
    (tmp_path / "rows.md").write_text("| n |\n|---|\n| 1 |\n| 2.0 |\n| 1,000 |\n| 3e+2* |\n")
    page = tmp_path / "page.md"
    text = PAGE.replace(old, new)
    if new == "half as many":
        text = text.replace("shares[1] == 2 * shares[0]", "shares[1] == shares[0] / 2")
    page.write_text(text)
    if refusal is None:
        assert not list(run(page))
    else:
        with pytest.raises(AssertionError, match=re.escape(refusal)):
            list(run(page))


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")  # the width of help
    monkeypatch.setattr(sys, "path", [*sys.path])


def runs(page: Path) -> bool:
    return any(block.language in ("python", "console", "assert") for block in blocks(page))


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


def test_gallery_shows_every_game_by_the_lines_beside_it():
    gallery = runpy.run_path(str(DOCS / "gallery.py"))
    assert made("gallery.md") == gallery["page"](), "`make gallery` makes it anew"
    figures = {path.stem for path in gallery["FIGURES"].glob("*.png")}
    assert figures == set(zoo.names())
    for name in zoo.names():
        source = compile(gallery["lines"](name), name, "exec")
        assert len(gallery["lines"](name).splitlines()) == 3
        assert {"rmfg", "zoo", "make", "solve", "plot"} <= set(source.co_names)


NAMED = re.compile(r"`(rmfg[\w.]*):([\w.]+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_functions_that_pages_name_exist(page):
    for module, name in NAMED.findall(page.read_text(encoding="utf-8")):
        assert constant(f"{module}:{name}") is not None


@pytest.mark.usefixtures("desk")
def test_the_walk_is_the_one_that_a_run_takes():
    text = (DOCS / "developers.md").read_text(encoding="utf-8")
    (command,) = commands(next(block for block in blocks(DOCS / "developers.md")))
    walk = re.findall(r"^\| `(rmfg[\w.]*:[\w.]+)`", text, re.MULTILINE)
    codes = {inspect.unwrap(constant(path)).__code__: path for path in walk}
    entered: list[str] = []

    def note(frame: types.FrameType, event: str, _: object) -> None:
        path = codes.get(frame.f_code)
        if event == "call" and path and path not in entered:
            entered.append(path)

    jax.clear_caches()
    sys.setprofile(note)
    try:
        type_in(command)
    finally:
        sys.setprofile(None)
    assert len(walk) > 20
    assert entered == walk


def test_the_house_has_the_folders_that_there_are():
    drawn = re.findall(r'class="folder"[^>]*>([^<]+)<', (DOCS / "assets" / "house.svg").read_text())
    folders = {path.parent.name for path in (ROOT / "src" / "rmfg").glob("*/__init__.py")}
    assert {name for line in drawn for name in line.split(" · ")} == folders


def test_zoo_page_shows_every_game_as_it_is():
    rows = re.findall(
        r"^\| `([\w-]+)` \|[^|]*\| ([^|]*) \|", (ROOT / "docs" / "zoo.md").read_text(), re.MULTILINE
    )
    assert dict(rows) == {name: ", ".join(zoo.describe(name).known) for name in zoo.names()}


@pytest.mark.parametrize("made", sorted(TABLES.glob("*.md")), ids=lambda made: made.name)
def test_tables_are_made(made):
    text = made.read_text(encoding="utf-8")
    assert "not made yet" not in text.lower()
    assert text.strip()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_that_show_measurements_bind_a_sentence_to_them(page):
    shown = re.findall(r'"docs/tables/(\w+)\.md"', page.read_text(encoding="utf-8"))
    bound = "".join(block.body for block in blocks(page) if block.language == "assert")
    if set(shown) - {"gallery"}:
        assert any(name in bound for name in shown), f"no sentence of {page.name} rests on {shown}"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_relative_links_lead_somewhere(page):
    for target, anchor in re.findall(
        r"\]\(([^)#:]+)(?:#([\w-]+))?\)", (ROOT / page).read_text(encoding="utf-8")
    ):
        assert (ROOT / target).exists(), f"{page} links to {target}"
        if anchor:
            headings = HEADING.findall((ROOT / target).read_text(encoding="utf-8"))
            slugs = {
                re.sub(r"[^\w -]", "", line.lower()).strip().replace(" ", "-") for line in headings
            }
            assert anchor in slugs, f"{page} links to {target}#{anchor}"


def rewrite() -> None:
    """Write what the pages print into their text blocks, and the figures that they draw."""
    for page in filter(runs, PAGES):
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            outcome = list(run(page, judged=False))
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
