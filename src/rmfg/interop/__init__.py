"""Bridges to other libraries, which are imported when a bridge is crossed and never before."""

import importlib
import io
import pickle
from typing import Any

from rmfg.model.game import MeanFieldGame
from rmfg.zoo import remake


def require(library: str, function: str) -> None:
    """Refuse to go on without a library, and say how to get it."""
    try:
        importlib.import_module(library)
    except ImportError as error:
        raise ImportError(
            f"`rmfg.{function}` needs the library {library}, which cannot be imported ({error}). "
            'Install it with `pip install "rmfg[rl]"`.',
            name=library,
        ) from error


def dumped(content: Any) -> bytes:
    """Pickle what an environment consists of.

    Games of the zoo hold functions that cannot be pickled: those are built again from their recipe.
    Raises TypeError for other games of functions that no module defines.
    """
    stream = io.BytesIO()
    try:
        _Pickler(stream, pickle.HIGHEST_PROTOCOL).dump(content)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise TypeError(
            f"this environment cannot be pickled ({error}). Let the game's functions be defined at the "
            "top of a module, not inside another function; copies by `copy.deepcopy` need no pickling."
        ) from error
    return stream.getvalue()


class _Pickler(pickle.Pickler):
    """Writes games of the zoo as their recipe, and what was changed of them since."""

    def reducer_override(self, obj: Any) -> Any:
        """Say how a game is built again, and leave all else to itself."""
        if not isinstance(obj, MeanFieldGame) or obj.frozen or obj.recipe is None:
            return NotImplemented
        return _game_again, (obj.recipe, {k: v for k, v in vars(obj).items() if not callable(v)})


def _game_again(recipe: tuple[Any, ...], attributes: dict[str, Any]) -> MeanFieldGame:
    game = remake(recipe)
    vars(game).update(attributes)
    return game
