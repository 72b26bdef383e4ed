"""Ambiguity sets and solvers from what was typed."""

import inspect
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import rmfg
from rmfg.cli import values
from rmfg.model.ambiguity import catalog
from rmfg.model.ambiguity.names import SETS
from rmfg.solvers.names import SOLVERS

SIZES = ("radius", "level", "strength", "below")  # what a set calls its one size
METRICS = ("line", "ring")


def ambiguity(
    name: str,
    radius: float | None,
    support: str | None,
    given: Mapping[str, str],
    num_states: int,
) -> rmfg.Ambiguity:
    """Make a set. `radius` fills the set's one size, whatever its name is."""
    fields: dict[str, Any] = {key: _field(key, text, num_states) for key, text in given.items()}
    own = dict(inspect.signature(SETS[SETS.known(name)]).parameters)
    size = next((word for word in SIZES if word in own), "radius")
    for key, option, value in ((size, "--radius", radius), ("support", "--support", support)):
        if value is not None and key in fields:
            raise ValueError(f"`{key}` is given twice: by {option} and by --set-option.")
        if value is not None:
            fields[key] = value
    missing = [key for key in own if own[key].default is inspect.Parameter.empty]
    missing = [key for key in missing if key not in fields]
    if missing and fields.keys() <= own.keys():
        option = "--radius X" if missing[0] == size else f"--set-option {missing[0]}=..."
        raise ValueError(f"`{missing[0]}` must be given for {name}: {option}.")
    return catalog.make(name, **fields)


def _anderson(
    memory: int = 5, damping: float = 0.5, temperature: float | None = None, long_run: bool = True
) -> rmfg.Anderson:
    """Accelerate Picard iteration, which gets the other arguments."""
    return rmfg.Anderson(rmfg.Picard(damping, temperature, long_run=long_run), memory)


def _newton(temperature: float = 1e-4, restart: float = 1e-4) -> rmfg.Newton:
    """Newton's method from scratch: an earlier answer to start from cannot be typed."""
    return rmfg.Newton(temperature, restart)


# Solvers whose own arguments are not all words and numbers.
TYPED: dict[str, Callable[..., rmfg.Solver]] = {"anderson": _anderson, "newton": _newton}


def solver(name: str, given: Mapping[str, str], seed: int) -> rmfg.Solver:
    """Make a solver; those that draw random numbers get the seed."""
    kind = TYPED.get(name) or SOLVERS[SOLVERS.known(name)]
    options: dict[str, Any] = dict(values.arguments(name, kind, given))
    if "seed" in inspect.signature(kind).parameters:
        options.setdefault("seed", seed)
    return kind(**options)


def _field(key: str, text: str, num_states: int) -> Any:
    """Read a number, numbers between commas, an array in a .npy file, or a metric by name."""
    if key == "support":
        return text
    if key == "metric" and text in METRICS:
        return _metric(text, num_states)
    if Path(text).suffix == ".npy":
        array = _array(key, Path(text))
        return list(array) if key == "kernels" else array
    value = values.literal(text)
    parts = value if isinstance(value, tuple) else (value,)
    if any(isinstance(part, str | bool | None) for part in parts):
        kinds = "line, ring" if key == "metric" else "a number, numbers between commas"
        raise ValueError(f"`{key}` must be {kinds} or a .npy file, but is {text!r}.")
    return np.asarray(value, dtype=float) if isinstance(value, tuple) else float(text)


def _metric(name: str, num_states: int) -> np.ndarray:
    """The number of steps between states on a line, or the shorter way around a ring."""
    states = np.arange(num_states, dtype=float)
    apart = np.abs(states[:, None] - states)
    return np.minimum(apart, num_states - apart) if name == "ring" else apart


def _array(key: str, path: Path) -> np.ndarray:
    try:
        # NumPy forgets to close a file that it cannot read.
        with path.open("rb") as stream:
            array = np.load(stream, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        raise ValueError(f"`{key}`: {str(path)!r} is no readable .npy file: {error}") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iuf":
        raise ValueError(f"`{key}`: {str(path)!r} must hold one array of numbers.")
    return array
