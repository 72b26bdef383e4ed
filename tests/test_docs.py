"""What the documentation shows is what happens: every block of README, CONTRIBUTING and docs/ runs.

How pages run, and what their blocks may hold, stands in `tests/pages.py`.

`python tests/test_docs.py` runs all pages and writes the text blocks that have changed anew, with
`--all` every one of them.
"""

import contextlib
import inspect
import re
import shutil
import sys
import tempfile
import types
from pathlib import Path

import jax
import pytest
from pages import (
    DOCS,
    INSTALLERS,
    PAGES,
    ROOT,
    blocks,
    commands,
    constant,
    differences,
    run,
    runs,
    type_in,
)


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
    monkeypatch.setattr("pages.TABLES", tmp_path)
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
