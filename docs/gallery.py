"""The gallery: a figure of every game of the zoo, made by the lines that stand beside it.

    python docs/gallery.py [NAME...]  writes docs/assets/gallery/NAME.png and docs/tables/gallery.md

The text is a function of the zoo alone. A figure is drawn only of an answer that is certified.
"""

import contextlib
import sys
import tempfile
from pathlib import Path

import rmfg

DOCS = Path(__file__).parent
FIGURES, ENTRIES = DOCS / "assets" / "gallery", DOCS / "tables" / "gallery.md"
# What agents doubt, where it is not the usual: a tenth of the probability, on the model's support.
USUAL = 'rmfg.TotalVariation(0.1, support="nominal")'
DOUBTS = {
    "beach-bar": "rmfg.TotalVariation(0.1)",
    "rock-paper-scissors": "rmfg.TotalVariation(0.1)",
    "sis-epidemic": "rmfg.CVaR(0.2)",
    "malware-spread": "rmfg.KullbackLeibler(0.05)",
    "investment": "rmfg.KullbackLeibler(0.05)",
    "kinetic-congestion": "rmfg.Contamination(0.05)",
    "coordination": "rmfg.Nominal()",
    "road-network": "solver=rmfg.FictitiousPlay(power=4.0), tol=1e-2",
}
PARAMETERS = {"mf-garnet": ", num_states=30"}


def lines(name: str) -> str:
    """The three lines that make a figure."""
    return (
        f"game = rmfg.zoo.make({name!r}{PARAMETERS.get(name, '')})\n".replace("'", '"')
        + f"eq = rmfg.solve(game, {DOUBTS.get(name, USUAL)})\n"
        + f'rmfg.plot(eq, "{name}.png")\n'
    )


def entry(name: str) -> str:
    """What the page says of a game."""
    about = rmfg.zoo.describe(name)
    return (
        f"## {name}\n\n{about.summary}\n\n![{name} in equilibrium](assets/gallery/{name}.png)\n\n"
        f"```python\n{lines(name)}```\n\n"
        f"*{about.source}* [More of it](zoo.md#the-games), and by `rmfg games {name}`.\n"
    )


def page() -> str:
    """All entries."""
    return "\n".join(map(entry, rmfg.zoo.names()))


def draw(name: str) -> None:
    """Run the lines of a game, and put its figure among the assets."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        namespace: dict[str, object] = {"rmfg": rmfg}
        exec(lines(name), namespace)
        answer = namespace["eq"]
        assert isinstance(answer, rmfg.Equilibrium)
        if answer.status != "certified":
            raise RuntimeError(f"{name} is {answer.status}: choose what can be certified\n{answer}")
        (FIGURES / f"{name}.png").write_bytes(Path(f"{name}.png").read_bytes())


if __name__ == "__main__":
    FIGURES.mkdir(exist_ok=True)
    for game in sys.argv[1:] or rmfg.zoo.names():
        draw(game)
        print(game, flush=True)
    ENTRIES.write_text(page(), encoding="utf-8")
