"""Where a game comes from: the zoo, a file of arrays, or a Python file."""

import contextlib
import importlib.util
import inspect
import re
import sys
import traceback
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from rmfg import zoo
from rmfg.cli import values
from rmfg.core import checks
from rmfg.model.game import MeanFieldGame, TabularGame
from rmfg.model.kernel import SparseKernel

NUMBERS = ("kernel", "successors", "probabilities", "reward", "discount", "initial")
NAMES = ("state_names", "action_names")
_PYTHON = re.compile(r"(?P<path>.+\.py)(:(?P<name>\w*))?")


@contextlib.contextmanager
def opened(source: str, given: Mapping[str, str]) -> Iterator[MeanFieldGame]:
    """Give the game that `source` names, made with the parameters that were given as text.

    Whatever a Python file raises, now or while its game is solved, is a ValueError that names the
    file and the line.
    """
    python = _PYTHON.fullmatch(source)
    if python:
        path = Path(python["path"])
        with _blaming(path):
            yield _from_python(path, python["name"], given)
    elif Path(source).suffix in (".npz", ".nc"):
        _take_no_parameters(source, given)
        yield _from_arrays(Path(source))
    elif Path(source).suffix or "/" in source:
        raise ValueError(
            f"GAME {source!r} is neither a game of the zoo (see `rmfg games`) nor a file of arrays "
            "(.npz, .nc) nor a game in a Python file (path/to/file.py:name)."
        )
    else:
        entry = zoo.describe(source)
        yield zoo.make(source, **values.arguments(source, entry.build, given))


def _take_no_parameters(source: str, given: Mapping[str, str]) -> None:
    if given:
        raise ValueError(
            f"`-p {next(iter(given))}` does not apply to {source!r}: only games of the zoo and "
            "functions in Python files have parameters."
        )


def _from_arrays(path: Path) -> TabularGame:
    """Make a game from arrays that do not depend on the mean field."""
    if not path.is_file():
        raise ValueError(f"GAME {str(path)!r}: there is no such file.")
    arrays = _read_npz(path) if path.suffix == ".npz" else _read_netcdf(path)
    try:
        return _game_of(arrays, path.stem)
    except (ValueError, TypeError) as error:
        raise ValueError(f"GAME {str(path)!r}: {error}") from None


def _game_of(arrays: Mapping[str, np.ndarray], name: str) -> TabularGame:
    for found in arrays:
        checks.known("array", found, (*NUMBERS, *NAMES))
    sparse = "successors" in arrays or "probabilities" in arrays
    needed = ("successors", "probabilities") if sparse else ("kernel",)
    for wanted in (*needed, "reward", "discount"):
        if wanted not in arrays:
            raise ValueError(
                f"it lacks `{wanted}`. A game is `kernel` (states, actions, next states), or "
                "`successors` and `probabilities` (states, actions, successors), with `reward` "
                "(states, actions) and `discount`."
            )
    if sparse and "kernel" in arrays:
        raise ValueError("it holds both `kernel` and `successors`: keep one of them.")
    for number in set(NUMBERS) & set(arrays):
        if arrays[number].dtype.kind not in "iufb":
            raise ValueError(f"`{number}` must be numbers, but is of type {arrays[number].dtype}.")
    if arrays["discount"].size != 1:
        raise ValueError(f"`discount` must be one number, but has {arrays['discount'].size}.")
    states, actions = (arrays[part].ravel().tolist() if part in arrays else None for part in NAMES)
    return TabularGame(
        SparseKernel(*(arrays[part] for part in needed)) if sparse else arrays["kernel"],
        arrays["reward"],
        float(arrays["discount"].reshape(())),
        initial=arrays.get("initial"),
        state_names=states,
        action_names=actions,
        name=name,
    )


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        # numpy forgets to close a file that it cannot read
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, AttributeError) as error:
        raise ValueError(
            f"GAME {str(path)!r} is not a readable .npz file of arrays (truncated?): {error}"
        ) from None


def _read_netcdf(path: Path) -> dict[str, np.ndarray]:
    import xarray

    try:
        with xarray.open_dataset(path, engine="netcdf4", decode_times=False) as dataset:
            dataset.load()
    except (OSError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"GAME {str(path)!r} is not a readable netCDF file (truncated?): {error}"
        ) from None
    if str(dataset.attrs.get("format", "")).startswith("rmfg equilibrium"):
        raise ValueError(
            f"GAME {str(path)!r} is a solved equilibrium, not a game: `rmfg verify` checks it."
        )
    arrays = {str(name): variable.values for name, variable in dataset.data_vars.items()}
    if "discount" in dataset.attrs:
        arrays.setdefault("discount", np.asarray(dataset.attrs["discount"]))
    return arrays


def _from_python(path: Path, name: str | None, given: Mapping[str, str]) -> MeanFieldGame:
    module = _module(path)
    public = [key for key in vars(module) if not key.startswith("_")]
    if not name:
        choices = [key for key in public if _may_be_game(module, vars(module)[key])]
        raise ValueError(
            f"GAME {str(path)!r}: say which game in it: {path}:NAME. "
            f"It defines {', '.join(choices) or 'none'}."
        )
    if name not in vars(module):
        checks.known(f"name in {path}:", name, public)
    found = vars(module)[name]
    if isinstance(found, MeanFieldGame):
        _take_no_parameters(f"{path}:{name}", given)
        game = found
    elif callable(found):
        game = _called(found, name, given)
    else:
        game = found
    if not isinstance(game, MeanFieldGame):
        what = "returned" if callable(found) else "is"
        raise ValueError(
            f"GAME '{path}:{name}' must be a game, or a function that returns one, but {what} "
            f"a {type(game).__name__}. Make one with rmfg.TabularGame."
        )
    if game.name is None:
        game.name = name
    return game


def _called(function: Callable[..., Any], name: str, given: Mapping[str, str]) -> Any:
    lacking = values.missing(function, given)
    if lacking:
        raise ValueError(f"`{lacking[0]}` must be given for {name}: -p {lacking[0]}=...")
    return function(**values.arguments(name, function, given))


def _may_be_game(module: ModuleType, value: Any) -> bool:
    own = getattr(value, "__module__", None) == module.__name__
    return isinstance(value, MeanFieldGame) or (own and (inspect.isroutine(value)))


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
        spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def _blaming(path: Path) -> Iterator[None]:
    """Turn an exception that comes out of the file into one error with its line."""
    try:
        yield
    except (Exception, SystemExit) as error:
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
