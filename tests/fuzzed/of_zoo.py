"""The builders of the zoo, and an unknown name."""

import functools
import inspect

import rmfg
from fuzzed.front import Argument, Front
from fuzzed.keeps import keeps_game
from fuzzed.kinds import kind_of, no


def fronts() -> dict[str, Front]:
    """The builders of the zoo, and an unknown name."""
    found = {
        "rmfg.zoo.make": Front(
            lambda name: rmfg.zoo.make(name), {"name": Argument("nothing", no)}, keeps_game
        )
    }
    for name in rmfg.zoo.names():
        parameters = inspect.signature(rmfg.zoo.describe(name).build).parameters.values()
        found[f"rmfg.zoo.make({name!r})"] = Front(
            functools.partial(rmfg.zoo.make, name),
            {p.name: Argument(p.default, kind_of(p.default)) for p in parameters},
            keeps_game,
            1,
        )
    return found
