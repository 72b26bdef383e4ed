"""Named games, as data: `names()` lists them, `describe` explains one, `make` builds one."""

from typing import Any

from rmfg.core.registry import Registry
from rmfg.model.game import MeanFieldGame
from rmfg.zoo.registry import Entry, build, find

LONGEST_SHOWN = 60

__all__ = ["Entry", "describe", "make", "names", "remake"]

# Name, and where the entry is; a game is imported when it is asked for.
_ENTRIES: Registry[Entry] = Registry(
    "game",
    ("beach-bar", "rmfg.zoo.beach_bar:ENTRY"),
    ("two-beach-bars", "rmfg.zoo.two_beach_bars:ENTRY"),
    ("four-rooms", "rmfg.zoo.four_rooms:ENTRY"),
    ("kinetic-congestion", "rmfg.zoo.kinetic_congestion:ENTRY"),
    ("lasry-lions-chain", "rmfg.zoo.lasry_lions_chain:ENTRY"),
    ("coordination", "rmfg.zoo.coordination:ENTRY"),
    ("move-forward", "rmfg.zoo.move_forward:ENTRY"),
    ("contraction-game", "rmfg.zoo.contraction_game:ENTRY"),
    ("rock-paper-scissors", "rmfg.zoo.rock_paper_scissors:ENTRY"),
    ("sis-epidemic", "rmfg.zoo.sis_epidemic:ENTRY"),
    ("malware-spread", "rmfg.zoo.malware_spread:ENTRY"),
    ("investment", "rmfg.zoo.investment:ENTRY"),
    ("crowded-actions", "rmfg.zoo.crowded_actions:ENTRY"),
    ("ev-charging", "rmfg.zoo.ev_charging:ENTRY"),
    ("road-network", "rmfg.zoo.road_network:ENTRY"),
    ("mf-garnet", "rmfg.zoo.mf_garnet:ENTRY"),
)


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
