"""Games from Python files, and errors that name the line in them."""

import contextlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from rmfg.cli import values
from rmfg.core import checks
from rmfg.model.game import MeanFieldGame


def game(path: Path, name: str | None, given: Mapping[str, str]) -> MeanFieldGame:
    """Run the file and return its game of that name, or what its function of that name returns."""
    module = _module(path)
    public = [key for key in vars(module) if not key.startswith("__")]
    if not name:
        raise ValueError(
            f"GAME {str(path)!r}: say which game in it: {path}:NAME. "
            f"It defines {', '.join(_choices(module)) or 'none'}."
        )
    if name not in vars(module):
        checks.known(f"name in {path}:", name, _choices(module) or public)
    found = vars(module)[name]
    if isinstance(found, MeanFieldGame):
        values.refuse(f"{path}:{name}", given)
        made = found
    elif callable(found):
        made = _called(found, name, given)
    else:
        made = found
    if not isinstance(made, MeanFieldGame):
        what = "returned one" if callable(found) else "is"
        raise ValueError(
            f"GAME '{path}:{name}' must be a game, or a function that returns one, but {what} "
            f"of type {type(made).__name__}. Make one with rmfg.TabularGame."
        )
    if made.name is None:
        made.name = name
    return made


def _called(function: Callable[..., Any], name: str, given: Mapping[str, str]) -> Any:
    lacking = values.missing(function, given)
    if lacking:
        raise ValueError(f"`{lacking[0]}` must be given for {name}: -p {lacking[0]}=...")
    return function(**values.arguments(name, function, given))


def _choices(module: ModuleType) -> list[str]:
    """The names in the file that may be games: games, and functions and classes of its own."""
    return [
        name
        for name, value in vars(module).items()
        if isinstance(value, MeanFieldGame)
        or (callable(value) and getattr(value, "__module__", None) == module.__name__)
    ]


def _module(path: Path) -> ModuleType:
    """Run a Python file, with its folder open to its imports, as `python file.py` would."""
    if not path.is_file():
        raise ValueError(f"GAME: there is no file {str(path)!r}.")
    name = f"rmfg_game_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"GAME {str(path)!r} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    sys.modules[name] = module  # dataclasses look their module up
    # What the file prints is no part of the answer.
    with contextlib.redirect_stdout(sys.stderr):
        exec(_code(path), vars(module))
    return module


def _code(path: Path) -> CodeType:
    """Compile a file; a file that is no text of Python is one error."""
    try:
        return compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        if error.lineno:
            raise
        raise ValueError(f"GAME {str(path)!r} is not a Python file: {error.msg}.") from None
    except (ValueError, RecursionError, MemoryError, OSError) as error:
        reason = str(error) or type(error).__name__
        raise ValueError(f"GAME {str(path)!r} is not a Python file: {reason}.") from None


@contextlib.contextmanager
def blaming(path: Path) -> Iterator[None]:
    """Turn an exception that comes out of the file into one error with its line."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # also what a file raises to end the program, or a generator
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if _is(frame.filename, path)
        ]
        if isinstance(error, SyntaxError) and _is(error.filename, path):
            lines.append(error.lineno)
        if not lines:
            raise
        words = error.msg if isinstance(error, SyntaxError) else str(error)
        raise ValueError(
            f"{path}, line {lines[-1]}: {type(error).__name__}: {words or 'no message'}"
        ) from error


def _is(filename: str | None, path: Path) -> bool:
    return filename is not None and Path(filename).resolve() == path.resolve()
