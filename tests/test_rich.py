"""Answers as notebooks show them: the words of the log, as HTML that is only text."""

import dataclasses
from html.parser import HTMLParser

import jax
import numpy as np
import pytest
from registry import KERNELS, SETS, lonely_game
from test_archive import answer_of

import rmfg

ANSWERS = [pytest.param(row, form, id=f"{row.name}-{form}") for row in SETS for form in KERNELS]
FORM = next(iter(KERNELS))


class Words(HTMLParser):
    """The text of a page, and what tags there are; refuses tags that do not close in order."""

    def __init__(self, page):
        HTMLParser.__init__(self)
        self.text, self.open, self.tags, self.attributes = "", [], set(), set()
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        # Rows stand on lines of their own.
        self.text += "\n" if tag == "tr" else ""

    def handle_data(self, data):
        self.text += data


def told(page):
    return Words(page).text.split()


@pytest.mark.parametrize(("row", "form"), ANSWERS)
def test_html_has_the_words_of_the_log_in_its_order(row, form):
    answer = answer_of(row, form)
    assert told(answer._repr_html_()) == str(answer).split()


def changed(answer, **fields):
    return dataclasses.replace(
        answer, certificate=dataclasses.replace(answer.certificate, **fields)
    )


@pytest.mark.parametrize("status", list(rmfg.Status))
@pytest.mark.parametrize("number", [0.0, 1e-300, -1e-12, np.inf, np.nan])
def test_verdicts_follow_the_numbers(status, number):
    answer = answer_of(SETS[0], FORM, status=status)
    answer = changed(answer, exploitability=number, consistency=number, nature_gap=number)
    page = answer._repr_html_()
    assert told(page) == str(answer).split()
    assert page.count(">ok</b>") == str(answer.certificate).count("  ok")
    assert page.count(">above tol</b>") == str(answer.certificate).count("above tol")


SPELLS = [
    "<script>alert(1)</script>",
    "a & b",
    '" onload="x',
    "</table>",
    "<!--",
    "&lt;",
    "two\nlines",
]


@pytest.mark.parametrize("spell", SPELLS)
def test_names_are_text(spell):
    given = lonely_game(FORM)
    kernel, reward = given.kernel(np.full(8, 1 / 8)), given.reward(np.full(8, 1 / 8))
    game = rmfg.TabularGame(kernel, reward, 0.9, name=spell)
    answer = answer_of(SETS[0], FORM, game=game, solver=spell)
    words = Words(answer._repr_html_())
    assert words.text.split() == str(answer).split()
    assert words.tags == {"div", "table", "tr", "td", "b", "span"}
    assert words.attributes <= {"style", "class"}


def test_a_loaded_answer_is_shown_as_hearsay(tmp_path):
    answer = answer_of(SETS[0], FORM, status=rmfg.Status.CERTIFIED)
    answer.save(tmp_path / "eq.nc")
    again = rmfg.load(tmp_path / "eq.nc")
    page = again._repr_html_()
    assert told(page) == str(again).split()
    assert "not verified since" in page
    assert page != answer._repr_html_()


@pytest.mark.parametrize("row", SETS, ids=lambda row: row.name)
def test_sets_are_shown_on_one_line(row):
    ambiguity = answer_of(row, FORM).ambiguity
    shown = repr(ambiguity)
    assert shown.startswith(f"{type(ambiguity).__name__}(")
    assert len(shown.splitlines()) == 1
    assert len(shown) < 300


def test_sets_show_their_sizes():
    assert repr(rmfg.TotalVariation(0.1)) == "TotalVariation(radius=0.1, support='all')"
    assert repr(rmfg.Nominal()) == "Nominal()"
    varied = rmfg.KullbackLeibler(np.full((3, 2), 0.1)), rmfg.KullbackLeibler(lambda m: m)
    assert repr(varied[0]) == "KullbackLeibler(radius=<array (3, 2)>)"
    assert repr(varied[1]) == "KullbackLeibler(radius=<function of the mean field>)"
    seen = []
    jax.jit(lambda set_: seen.append(repr(set_)) or 0.0)(rmfg.KullbackLeibler(0.1))
    assert "KullbackLeibler(radius=" in seen[0]
