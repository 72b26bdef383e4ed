"""What `rmfg.cite` gathers: entries that a bibliography can read, of what was used and nothing else."""

import re

import numpy as np
import pytest

import rmfg

SETS = {
    "iyengar2005": rmfg.TotalVariation(0.1),
    "nilim2005": rmfg.KullbackLeibler(0.1),
    "bayraksan2015": rmfg.ReverseKullbackLeibler(0.1),
    "bental2013": rmfg.ChiSquare(0.1),
    "chow2015": rmfg.CVaR(0.1),
    "givan2000": rmfg.Interval(0, 1),
    "ho2018": rmfg.Lp(0.1),
    "wang2021": rmfg.Contamination(0.1),
    "esfahani2018": rmfg.Wasserstein(0.1, 1 - np.eye(2)),
    "hansen2001": rmfg.EntropyPenalty(1.0),
}
SOLVERS = {
    "saldi2018": rmfg.Picard(),
    "perrin2020": rmfg.FictitiousPlay(),
    "perolat2022": rmfg.MirrorDescent(),
    "rockafellar1976": rmfg.Newton(),
}


def keys(text):
    return re.findall(r"^@\w+\{([^,]+),", text, re.MULTILINE)


def readable(text):
    """Every entry has a type, a key, a title and a year or a note, and braces that close."""
    for entry in text.strip().split("\n\n"):
        assert re.match(r"@\w+\{[^,{}\s]+,\s+title=\{", entry), entry
        assert entry.endswith("}")
        depth = 0
        for character in entry:
            depth += {"{": 1, "}": -1}.get(character, 0)
            assert depth >= 0, entry
        assert depth == 0, entry
        assert re.search(r"(year|note|version)=\{", entry), entry
    return True


@pytest.mark.parametrize("thing", [*SETS.values(), *SOLVERS.values()], ids=[*SETS, *SOLVERS])
def test_parts_are_cited_by_their_sources(thing):
    found = rmfg.cite(thing)
    source = next(key for key, part in {**SETS, **SOLVERS}.items() if part is thing)
    assert keys(found)[:2] == ["wang2026", "rmfg"]
    assert source in keys(found)
    assert readable(found)


@pytest.mark.parametrize("name", rmfg.zoo.names())
def test_games_of_the_zoo_are_cited(name):
    found = rmfg.cite(rmfg.zoo.make(name))
    assert keys(found) == ["wang2026", "rmfg", name]
    assert readable(found)


def test_an_answer_cites_what_was_used_once(tmp_path):
    game = rmfg.zoo.make("rock-paper-scissors")
    eq = rmfg.solve(game, rmfg.TotalVariation(0.1), tol=1e-6)
    found = keys(rmfg.cite(eq))
    assert len(found) == len(set(found))
    assert found[2:4] == ["rock-paper-scissors", "iyengar2005"]
    # The default solver tries Picard iteration, which cycles here, and then takes Newton's method.
    assert {"saldi2018", "mckelvey1995", "rockafellar1976"} <= set(found)
    assert "perolat2022" not in found
    eq.save(tmp_path / "eq.nc")
    assert rmfg.cite(rmfg.load(tmp_path / "eq.nc")) == rmfg.cite(eq)


def test_own_games_bring_nothing():
    game = rmfg.TabularGame(np.ones((1, 1, 1)), np.zeros((1, 1)), 0.9)
    assert keys(rmfg.cite(game)) == ["wang2026", "rmfg"]
    assert keys(rmfg.cite(rmfg.Nominal())) == ["wang2026", "rmfg"]


def test_what_is_no_answer_is_refused():
    with pytest.raises(TypeError, match="answer"):
        rmfg.cite("beach-bar")
