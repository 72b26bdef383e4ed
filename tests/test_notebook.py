"""The notebook runs, shows what it should, holds no outputs, and goes the way of the pages."""

import ast
import json
import re
from pathlib import Path

import matplotlib.figure
import pytest

import rmfg

DOCS = Path(__file__).parents[1] / "docs"
NOTEBOOK = DOCS / "notebooks" / "quickstart.ipynb"
WAY = (DOCS / "quickstart.md", DOCS / "how_to" / "game.md", DOCS / "how_to" / "not_certified.md")


def cells():
    found = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in found if cell["cell_type"] == "code"]


def source(cell):
    return "".join(cell["source"])


def executed():
    """Run the cells as a notebook does: the last expression of each is its result."""
    namespace = {"__name__": "__main__"}
    for place, cell in enumerate(cells()):
        tree = ast.parse(source(cell))
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, f"cell {place}", "exec"), namespace)
        if isinstance(last, ast.Expr):
            yield eval(compile(ast.Expression(last.value), f"cell {place}", "eval"), namespace)


def test_notebook_runs_and_shows_answers(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    results = list(executed())
    shown = [result for result in results if isinstance(result, rmfg.Equilibrium)]
    assert [answer.status for answer in shown] == ["certified", "certified", "max steps"]
    assert all("<table" in answer._repr_html_() for answer in shown)
    assert sum(isinstance(result, matplotlib.figure.Figure) for result in results) == 1
    assert "certified True" in capsys.readouterr().out


def test_notebook_is_committed_without_outputs():
    assert len(cells()) > 5
    for cell in cells():
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


def calls(text):
    """The names of what is called in a program."""
    found = (node.func for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    return {ast.unparse(name) for name in found}


@pytest.mark.parametrize("place", range(len(cells())))
def test_notebook_calls_only_what_the_pages_call(place):
    pages = "".join(page.read_text(encoding="utf-8") for page in WAY)
    blocks = re.findall(r"^```python[^\n]*\n(.*?)^```$", pages, re.MULTILINE | re.DOTALL)
    assert calls(source(cells()[place])) <= set().union(*map(calls, blocks))
