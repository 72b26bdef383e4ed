"""Named games, as data: `names()` lists them, `describe` explains one, `make` builds one."""

from collections.abc import Sequence
from typing import Any

from rmfg.model.game import MeanFieldGame
from rmfg.zoo import (
    beach_bar,
    contraction_game,
    coordination,
    crowded_actions,
    ev_charging,
    four_rooms,
    investment,
    kinetic_congestion,
    lasry_lions_chain,
    malware_spread,
    mf_garnet,
    move_forward,
    road_network,
    rock_paper_scissors,
    sis_epidemic,
    two_beach_bars,
)
from rmfg.zoo.registry import Entry, build, find

__all__ = ["Entry", "describe", "make", "names", "remake"]

_ENTRIES = {
    entry.name: entry
    for entry in (
        beach_bar.ENTRY,
        two_beach_bars.ENTRY,
        four_rooms.ENTRY,
        kinetic_congestion.ENTRY,
        lasry_lions_chain.ENTRY,
        coordination.ENTRY,
        move_forward.ENTRY,
        contraction_game.ENTRY,
        rock_paper_scissors.ENTRY,
        sis_epidemic.ENTRY,
        malware_spread.ENTRY,
        investment.ENTRY,
        crowded_actions.ENTRY,
        ev_charging.ENTRY,
        road_network.ENTRY,
        mf_garnet.ENTRY,
    )
}


def names() -> list[str]:
    """Return the names of all games."""
    return list(_ENTRIES)


def describe(name: str) -> Entry:
    """Return what is known of a game: summary, source, equations, parameters, properties."""
    return find(_ENTRIES, name)


def make(name: str, /, **parameters: Any) -> MeanFieldGame:
    """Build the game of that name, with its published parameters unless others are given.

    The game carries its name and its `recipe`, (name, ((parameter, value), ...)). An unknown name
    or parameter is a ValueError that suggests the nearest.
    """
    return build(find(_ENTRIES, name), parameters)


def remake(recipe: Sequence[Any]) -> MeanFieldGame:
    """Build a game again from its `recipe`, which a saved answer keeps."""
    name, parameters = recipe
    return make(name, **dict(parameters))
