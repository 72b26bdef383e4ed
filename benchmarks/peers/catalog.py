"""The games by name, and who plays which: the plan of the comparison.

Every game is named once. `played_as` names the peer's game where the judge applies another measure
to the same traces: Bench-MFG plays rounded probabilities, and is judged on what it plays and, in
the same runs, on what its paper writes.
"""

from collections.abc import Callable
from typing import NamedTuple

import coupled
import games
from games import Game


class Entry(NamedTuple):
    """A game and the peer's name for what it plays there."""

    build: Callable[[], Game]
    played_as: str


def _plain(name: str, build: Callable[[], Game]) -> tuple[str, Entry]:
    return name, Entry(build, name)


ENTRIES: dict[str, Entry] = dict(
    [
        _plain("contraction-game", games.contraction_game),
        _plain("move-forward", games.move_forward),
        _plain("coordination", games.coordination),
        _plain("lasry-lions-chain", games.lasry_lions_chain),
        _plain("rock-paper-scissors", games.rock_paper_scissors),
        _plain("four-rooms", games.four_rooms),
        _plain("four-rooms-wind", lambda: games.four_rooms(wind=True)),
        _plain("sis-epidemic", lambda: coupled.sis_epidemic(100)),
        ("sis-epidemic-exact", Entry(coupled.sis_epidemic, "sis-epidemic")),
        _plain("kinetic-congestion", lambda: coupled.kinetic_congestion(100)),
        ("kinetic-congestion-exact", Entry(coupled.kinetic_congestion, "kinetic-congestion")),
        _plain("mf-garnet", lambda: coupled.mf_garnet(0, 64)),
        ("mf-garnet-exact", Entry(coupled.mf_garnet, "mf-garnet")),
        _plain("left-right", games.left_right),
        _plain("uneven-rock-paper-scissors", games.uneven_rock_paper_scissors),
        _plain("beach-bar", games.beach_bar),
        _plain("susceptible-infected", coupled.susceptible_infected),
    ]
)
