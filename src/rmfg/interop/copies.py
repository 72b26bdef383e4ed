"""Copies and pickles of environments, which hold games made of functions.

Games of the zoo hold functions that cannot be pickled: they are written as their recipe and built
again. An environment holds its game in `population`, and all that an episode changes in attributes.
"""

import copy
import io
import pickle
from collections.abc import Callable
from typing import Any

from rmfg.model.game import MeanFieldGame
from rmfg.zoo import remake


def copied(env: Any, known: dict[int, Any]) -> Any:
    """A deep copy of an environment that shares the game, for `__deepcopy__`.

    Functions need no copies, and those that no module defines cannot have any.
    """
    again = object.__new__(type(env))
    game = env.population.dynamics.problem.game
    known[id(env)], known[id(game)] = again, game
    vars(again).update(copy.deepcopy(vars(env), known))
    return again


def pickled(env: Any) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """What `__reduce__` returns for an environment.

    Raises TypeError for games of functions that no module defines, unless they are from the zoo.
    """
    stream = io.BytesIO()
    try:
        _Pickler(stream, pickle.HIGHEST_PROTOCOL).dump(vars(env))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise TypeError(
            f"this environment cannot be pickled ({error}). Let the game's functions be defined at the "
            "top of a module, not inside another function; copies by `copy.deepcopy` need no pickling."
        ) from error
    return _restored, (type(env), stream.getvalue())


def _restored(kind: type, content: bytes) -> Any:
    """The environment that was pickled."""
    env = object.__new__(kind)
    vars(env).update(pickle.loads(content))
    return env


class _Pickler(pickle.Pickler):
    """Writes a game of the zoo as its recipe, and the attributes that were changed since."""

    def reducer_override(self, obj: Any) -> Any:
        """Say how a game is built again, and leave all else to itself."""
        if not isinstance(obj, MeanFieldGame) or obj.frozen or obj.recipe is None:
            return NotImplemented
        attributes = {name: value for name, value in vars(obj).items() if not callable(value)}
        return _remade, (obj.recipe, attributes)


def _remade(recipe: tuple[Any, ...], attributes: dict[str, Any]) -> MeanFieldGame:
    game = remake(recipe)
    vars(game).update(attributes)
    return game
