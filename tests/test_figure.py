"""Figures: every layout is drawn with words on its axes, and written whole or not at all."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

import rmfg
from rmfg.model.layout import Grid, Layout, Line, Network, Ring, layouts
from rmfg.show.figure import FORMATS

MOVES = ((1, 0), (0, 1), (-1, 0), (0, -1), (0, 0))
ROADS = Network(
    node_names=("a", "b", "c"),
    x=(0.0, 1.0, 0.5),
    y=(0.0, 0.0, 1.0),
    tail=(0, 1, 1, 2),
    head=(1, 0, 2, 0),
    state_link=(0, 1, 2, 3, -1),
)


def traffic(reference: tuple[float, ...] | None = (8.0, 7.0, 3.0, 4.0)) -> dict:
    """Flows on four links, as if nobody stood in the way of anybody."""
    flows = rmfg.Observable(lambda m: 40 * m[:4], "vehicles per hour", "link", reference)
    loads = rmfg.Observable(lambda m: m[:4], "flow / capacity", "link")
    return {"link_flows": flows, "link_loads": loads}


def answer(
    num_states: int,
    num_actions: int,
    layout: Layout | None,
    certified: bool = True,
    observables: dict | None = None,
    **names: tuple,
) -> rmfg.Equilibrium:
    """An answer that nobody solved for: figures only draw."""
    random = np.random.default_rng(0)
    shape = (num_states, num_actions)
    kernel = rmfg.SparseKernel(np.zeros((*shape, 1), int), np.ones((*shape, 1)))
    game = rmfg.TabularGame(
        kernel,
        random.normal(size=shape),
        0.9,
        name="drawn",
        layout=layout,
        observables=observables,
        **names,
    )
    number = 1e-9 if certified else 1e-2
    certificate = rmfg.Certificate(
        exploitability=number,
        exploitability_lower=0.0,
        mean_exploitability=0.0,
        consistency=number,
        flow_imbalance=0.0,
        drift=0.0,
        nature_gap=0.0,
        infeasibility=0.0,
        adjustment=0.0,
        scale=1.0,
        tol=1e-8,
    )
    return rmfg.Equilibrium(
        policy=random.dirichlet(np.ones(num_actions), num_states),
        distribution=random.dirichlet(np.ones(num_states)),
        value=np.zeros(num_states),
        kernel=kernel,
        certificate=certificate,
        status=rmfg.Status.CERTIFIED if certified else rmfg.Status.MAX_STEPS,
        game=game,
        ambiguity=rmfg.TotalVariation(0.1),
    )


ANSWERS = {
    "line": answer(5, 3, Line(5), action_names=("left", "stay", "right")),
    "long line": answer(50, 2, Line(50)),
    "line of many actions": answer(30, 12, Line(30)),
    "line of long names": answer(12, 2, Line(12), state_names=("a rather long name",) * 12),
    "ring": answer(7, 3, Ring(7)),
    "long ring": answer(500, 2, Ring(500)),
    "grid with moves": answer(11, 5, Grid(3, 4, walls=(5,), moves=MOVES)),
    "grid without moves": answer(12, 3, Grid(3, 4)),
    "grid of many actions": answer(12, 10, Grid(3, 4)),
    "wide grid": answer(20, 3, Grid(2, 10)),
    "widest grid": answer(40, 3, Grid(1, 40)),
    "network": answer(5, 2, ROADS, observables=traffic()),
    "unpublished network": answer(5, 2, ROADS, observables=traffic(None)),
    "network nobody measures": answer(5, 2, ROADS),
    "no layout": answer(2, 2, None, state_names=("well", "ill")),
    "no layout, many states": answer(150, 2, None),
}


def words(figure: Figure) -> str:
    """All that a figure says."""
    found = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        found += [axes.get_title(), axes.get_title(loc="left")]
        found += [axes.get_xlabel(), axes.get_ylabel()]
    return "\n".join(found)


@pytest.mark.parametrize("name", ANSWERS)
def test_every_layout_is_drawn(tmp_path, monkeypatch, name):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # importing it now fails
    path = tmp_path / "figure.png"
    figure = rmfg.plot(ANSWERS[name], path)
    assert isinstance(figure, Figure)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [file.name for file in tmp_path.iterdir()] == ["figure.png"]
    said = words(figure)
    assert "drawn" in said
    assert "total-variation, radius 0.1" in said
    assert "certified at tol 1e-08: exploitability 1.0e-09" in said
    assert "Policy" in said
    for axes in figure.axes:
        map_of_roads = "Links" in axes.get_title(loc="left")
        assert axes.get_xlabel() or axes.get_ylabel() or map_of_roads


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_loaded_answer_gives_the_same_figure(tmp_path, suffix):
    drawn = ANSWERS["line"]
    drawn.save(tmp_path / "eq.nc")
    files = [tmp_path / f"{who}{suffix}" for who in ("fresh", "loaded")]
    for equilibrium, file in zip((drawn, rmfg.load(tmp_path / "eq.nc")), files, strict=True):
        rmfg.plot(equilibrium, file)
    if suffix != ".svg":  # which names its parts at random
        assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("name", ANSWERS)
def test_layouts_survive_saving(tmp_path, name):
    ANSWERS[name].save(tmp_path / "eq.nc")
    loaded = rmfg.load(tmp_path / "eq.nc")
    assert loaded.game.layout == ANSWERS[name].game.layout
    assert words(rmfg.plot(loaded)) == words(rmfg.plot(ANSWERS[name]))


OURS = {name: kind for name, kind in layouts().items() if kind.__module__ == Layout.__module__}


@pytest.mark.parametrize("kind", OURS.values(), ids=OURS)
def test_every_layout_has_a_figure(kind):
    assert callable(importlib.import_module(f"rmfg.show.{kind.figure}").draw)
    assert any(type(answer.game.layout) is kind for answer in ANSWERS.values())


@pytest.mark.parametrize(
    ("name", "scale", "what", "unit", "load"),
    [
        ("network", 40, "flow", "vehicles per hour", 1),
        ("network nobody measures", 100, "share", "% of the population", 100),
    ],
)
def test_the_network_shows_what_the_game_measures(name, scale, what, unit, load):
    """Width and color are the observables; without them, the population itself."""
    masses, figure = ANSWERS[name].distribution[:4], rmfg.plot(ANSWERS[name])
    largest = scale * masses.max()
    shown = f"{largest:.0f}" if largest >= 10 else f"{largest:.2g}"
    assert f"as wide as their {what} (at most {shown} {unit})" in words(figure)
    labels = {text.get_text() for text in figure.findobj(Text)}
    assert ("flow / capacity" if what == "flow" else unit) in labels
    bands = figure.axes[0].collections[0]
    np.testing.assert_allclose(bands.get_array(), load * np.sort(masses), rtol=1e-12)


def test_uncertified_answers_say_so():
    assert "not certified (max steps)" in words(rmfg.plot(answer(4, 2, Line(4), certified=False)))


def test_the_network_shows_its_correlation():
    assert "correlation" in words(rmfg.plot(ANSWERS["network"]))
    flat = answer(5, 2, ROADS, observables=traffic((5.0,) * 4))
    assert "correlation undefined" in words(rmfg.plot(flat))


def test_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "figure.png"
    path.write_bytes(b"what stood here")

    def fail(self, file, **options):
        Path(file).write_bytes(b"half")
        raise OSError("the disk is full")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(OSError, match="disk"):
        rmfg.plot(ANSWERS["line"], path)
    assert path.read_bytes() == b"what stood here"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("path", "message"), [("figure.bmp", "format"), ("figure", "format"), ("no/f.png", "folder")]
)
def test_refuses_paths(tmp_path, path, message):
    with pytest.raises(ValueError, match=message):
        rmfg.plot(ANSWERS["line"], tmp_path / path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "layout", [Line(3), Ring(6), Grid(2, 3), Grid(5, 1, moves=MOVES), ROADS], ids=str
)
def test_refuses_layouts_that_do_not_fit(layout):
    size = 4 if layout is ROADS else 5
    with pytest.raises(ValueError, match="`layout`"):
        rmfg.plot(answer(size, 2, layout))
