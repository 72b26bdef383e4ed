"""What commands print, and where their files may go."""

import dataclasses
import json
import math
import os
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np

import rmfg
from rmfg.model.ambiguity import catalog


def check_target(option: str, path: Path | None) -> None:
    """Refuse a file that could not be written, before any work is done."""
    if path is None:
        return
    if path.is_dir():
        raise ValueError(f"`{option}`: {str(path)!r} is a folder; name a file inside it.")
    if not path.parent.is_dir():
        raise ValueError(
            f"`{option}`: the folder of {str(path)!r} does not exist; create it first."
        )
    if not os.access(path.parent, os.W_OK):
        raise ValueError(f"`{option}`: the folder of {str(path)!r} is not writable.")


def show_json(content: dict[str, Any]) -> None:
    """Print one JSON object; numbers that JSON does not know are null."""
    sys.stdout.write(json.dumps(_plain(content), indent=2, allow_nan=False) + "\n")


def show(*lines: str) -> None:
    """Print lines."""
    sys.stdout.write("\n".join(lines) + "\n")


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
