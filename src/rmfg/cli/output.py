"""What commands print, and where their files may go."""

import dataclasses
import json
import math
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import rmfg
from rmfg.cli import streams
from rmfg.core.files import NETCDF, check_target
from rmfg.model.ambiguity import catalog
from rmfg.show import figure


def show_json(content: dict[str, Any]) -> None:
    """Print one JSON object; numbers that JSON does not know are null."""
    show(json.dumps(_plain(content), indent=2, allow_nan=False))


def show(*lines: str) -> None:
    """Print lines."""
    streams.write("\n".join(lines) + "\n")


def check_targets(save: Path | None, plot: Path | None, source: Path | None = None) -> None:
    """Refuse names where no file of that kind can be written, and one name for two files."""
    if save:
        check_target("-o", save, NETCDF)
    if plot:
        check_target("--plot", plot)
        figure.check_format("--plot", plot)
    taken: dict[Path, str] = {}
    for word, path in (("EQ.nc", source), ("-o", save), ("--plot", plot)):
        if path and (other := taken.setdefault(path.resolve(), word)) != word:
            raise ValueError(f"`{other}` and `{word}` both name {str(path)!r}.")


def written(
    writers: Mapping[str, tuple[Path | None, Callable[[Path], object]]],
) -> tuple[dict[str, Path | None], Exception | None]:
    """Write each file that is asked for; return those that were, and the first error."""
    files: dict[str, Path | None] = {}
    failed = None
    for kind, (path, write) in writers.items():
        files[kind] = None
        if path is not None:
            try:
                write(path)
                files[kind] = path
            except Exception as error:  # whatever it is, the answer is to be shown first
                failed = failed or error
    return files, failed


def names(files: Mapping[str, Path | None]) -> list[str]:
    """Lines that name the files written."""
    return [f"{'wrote':<13}{path}" for path in files.values() if path]


def wrapped(label: str, text: str, width: int = 100) -> str:
    """A labelled paragraph with a hanging indent."""
    return textwrap.fill(text, width, initial_indent=f"{label:<13}", subsequent_indent=" " * 13)


def certificate_of(proof: rmfg.Certificate) -> dict[str, Any]:
    """A certificate as data: absolute numbers, relative ones, and which conditions hold."""
    return vars(proof) | {
        "relative_exploitability": proof.relative_exploitability,
        "relative_nature_gap": proof.relative_nature_gap,
        "conditions": proof.conditions,
        "certified": proof.certified,
    }


def guarantee_of(known: rmfg.Contraction | None) -> dict[str, Any] | None:
    """A guarantee as data: its constants, and what follows from them."""
    if known is None:
        return None
    return dataclasses.asdict(known) | {
        "contractive": known.contractive,
        "proved": known.proved,
        "rate": known.rate,
        "distance": known.distance,
    }


def equilibrium_of(equilibrium: rmfg.Equilibrium) -> dict[str, Any]:
    """An equilibrium as data, without its arrays."""
    game, population = equilibrium.game, equilibrium.population
    return {
        "version": rmfg.__version__,
        "game": game.name or type(game).__name__,
        "num_states": game.num_states,
        "num_actions": game.num_actions,
        "discount": game.discount,
        "ambiguity": catalog.describe(equilibrium.ambiguity),
        "population": population if isinstance(population, str) else "kernel",
        "solver": equilibrium.solver,
        "steps": equilibrium.steps,
        "seconds": equilibrium.seconds,
        "status": str(equilibrium.status),
        "advice": equilibrium.status.advice,
        "certificate": certificate_of(equilibrium.certificate),
        "guarantee": guarantee_of(equilibrium.guarantee),
        "value": {
            "min": float(np.min(equilibrium.value)),
            "max": float(np.max(equilibrium.value)),
            "mean": float(equilibrium.value @ equilibrium.distribution),
        },
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)
