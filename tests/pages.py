"""Pages of the documentation: how their blocks run, and how what they print is compared.

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
"""

import contextlib
import importlib
import inspect
import io
import operator
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rmfg import cli

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


def runs(page: Path) -> bool:
    return any(block.language in ("python", "console", "assert") for block in blocks(page))
