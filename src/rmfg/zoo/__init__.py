"""Named games, as data: `names()` lists them, `describe` explains one, `make` builds one."""

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

LONGEST_SHOWN = 60

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


def remake(recipe: Any) -> MeanFieldGame:
    """Build a game again from its `recipe`, which a saved answer keeps.

    Raises ValueError for what is no recipe, and whatever `make` raises.
    """
    try:
        name, pairs = recipe
        parameters = {key: value for key, value in pairs}  # noqa: C416
    except (TypeError, ValueError):
        name, parameters = None, {}
    if not isinstance(name, str) or not all(isinstance(key, str) for key in parameters):
        shown = repr(recipe)
        raise ValueError(
            "`recipe` must be (name, ((parameter, value), ...)), but is "
            f"{shown if len(shown) <= LONGEST_SHOWN else shown[:LONGEST_SHOWN] + ' ...'}."
        )
    return make(name, **parameters)
