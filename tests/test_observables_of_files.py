"""What files say of observables: older files have none, and strangers' files are not believed."""

import dataclasses
import json

import numpy as np
import pytest
from watched_games import GAMES, answer_of, saved

import rmfg
from rmfg.cli import main


def test_older_files_have_none(tmp_path):
    """The first files kept congestion on the map, and no observables."""

    def older(data):
        for key in [key for key in data if key.startswith(("observable_", "reference_"))]:
            del data[key]
        layout = json.loads(data.attrs["layout"])
        ones = [1.0] * len(layout["tail"])
        named = dict.fromkeys(("free_flow_time", "capacity", "b", "power", "reference_flow"), ones)
        data.attrs["layout"] = json.dumps(layout | named | {"vehicles": 80_000.0})

    game = GAMES["road-network"]
    again = saved(answer_of(game), tmp_path, older)
    assert again.observables == {}
    assert again.game.layout == game.layout
    assert "observables" not in str(again)
    titles = [axes.get_title(loc="left") for axes in rmfg.plot(again).axes]
    assert any("share (at most" in title for title in titles)
    rebuilt = dataclasses.replace(again, game=rmfg.zoo.remake(again.game.recipe))
    titles = [axes.get_title(loc="left") for axes in rmfg.plot(rebuilt).axes]
    assert any("vehicles per unit of time" in title for title in titles)


def number(value):
    return lambda data: data["observable_infected"].values.__setitem__((), value)


def note(**attributes):
    return lambda data: data["observable_infected"].attrs.update(attributes)


def added(name, *variable):
    return lambda data: data.__setitem__(name, variable)


CLAIMS = {
    "another number": number(0.999),
    "nan": number(np.nan),
    "another unit": note(unit="share that is certified"),
    "none": lambda data: data.__delitem__("observable_infected"),
    "more of them": added("observable_exploitability", (), 0.0, {"unit": "", "over": ""}),
}
BARE = {"unit": "", "over": ""}
NO_OBSERVABLES = {
    "a text": added("observable_infected", (), "many", BARE),
    "a table": added("observable_infected", ("state", "action"), np.ones((2, 5)), BARE),
    "no unit": added("observable_infected", (), 0.5),
    "a number as unit": note(unit=3.0),
    "two lines": note(unit="share\nstatus       certified"),
    "over nothing": note(over="link"),
    "over words": note(over="two words"),
    "no name": added("observable_ is certified", (), 0.5, BARE),
    "reference elsewhere": added("reference_infected", ("state",), np.ones(2)),
    "reference nan": added("reference_infected", (), np.nan),
}


@pytest.fixture(scope="module")
def infection():
    """A true answer, and one that is no equilibrium."""
    true = rmfg.solve(rmfg.zoo.make("sis-epidemic"), tol=1e-6)
    assert true.status == "certified"
    return {"true": true, "false": dataclasses.replace(true, distribution=np.array([0.4, 0.6]))}


@pytest.mark.parametrize("claim", CLAIMS)
def test_nothing_is_judged_by_what_a_file_claims_to_see(infection, claim, tmp_path, capsys):
    for kind, code in (("true", 0), ("false", 1)):
        again = saved(infection[kind], tmp_path, CLAIMS[claim])
        assert main(["verify", str(tmp_path / "eq.nc"), "--tol", "1e-6"]) == code
        assert "infected" not in capsys.readouterr().out
        real = dataclasses.replace(again, game=rmfg.zoo.remake(again.game.recipe))
        assert real.observables == infection[kind].observables
        assert "not verified since" in str(again)


@pytest.mark.parametrize("change", NO_OBSERVABLES)
def test_what_is_no_observable_is_not_read(infection, change, tmp_path):
    with pytest.raises(ValueError, match=r"eq\.nc"):
        saved(infection["true"], tmp_path, NO_OBSERVABLES[change])
