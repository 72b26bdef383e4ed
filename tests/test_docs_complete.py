"""The documentation is complete: public names, games, folders, tables and links are those there are."""

import re
import runpy

import pytest
from pages import DOCS, HEADING, PAGES, ROOT, TABLES, blocks, constant, made

from rmfg import zoo


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
