"""Ambiguity sets by name: for command lines and for files."""

import dataclasses
import inspect
from typing import Any

import numpy as np

from rmfg.core.precision import Array, boundary
from rmfg.model.ambiguity.base import Ambiguity
from rmfg.model.ambiguity.names import SETS
from rmfg.model.kernel import Kernel


def make(name: str, **fields: Any) -> Ambiguity:
    """Make a set by its name; raises ValueError for unknown names, fields, or missing ones."""
    kind = SETS[SETS.known(name)]
    parameters = inspect.signature(kind).parameters
    for field in fields:
        if field not in parameters:
            known = ", ".join(f"`{parameter}`" for parameter in parameters) or "nothing"
            raise ValueError(f"`{field}` does not apply to {name}, which takes {known}.")
    missing = [p for p, q in parameters.items() if q.default is q.empty and p not in fields]
    if missing:
        raise ValueError(f"`{missing[0]}` must be given for {name}.")
    return kind(**fields)


def name_of(ambiguity: Ambiguity) -> str:
    """The name of a set in the catalog, or of its class where it is not listed."""
    names = {kind: name for name, kind in SETS.items()}
    return names.get(type(ambiguity), type(ambiguity).__name__)


def fields_of(ambiguity: Ambiguity, mean_field: Array) -> dict[str, Any]:
    """The arguments that make the set, with functions evaluated at the mean field."""
    fields = {}
    for field in _arguments(ambiguity):
        value = getattr(ambiguity, field.name)
        if callable(value) and not isinstance(value, Kernel):
            value = boundary(value)(np.asarray(mean_field))
        if isinstance(value, tuple):
            value = [np.asarray(kernel.to_dense()) for kernel in value]
        if value is not None:
            fields[field.name] = value
    return fields


def functions_of(ambiguity: Ambiguity) -> list[str]:
    """The arguments that are functions of the mean field."""
    return [
        field.name
        for field in _arguments(ambiguity)
        if callable(value := getattr(ambiguity, field.name)) and not isinstance(value, Kernel)
    ]


def describe(ambiguity: Ambiguity) -> str:
    """The set and its sizes in a few words, such as `total-variation, radius 0.1, support all`."""
    words = [name_of(ambiguity)]
    for field in _arguments(ambiguity):
        value = getattr(ambiguity, field.name)
        if isinstance(value, tuple):
            words.append(f"{len(value)} kernels")
        elif callable(value):
            words.append(f"{field.name} of the mean field")
        elif isinstance(value, str):
            words.append(f"{field.name} {value}")
        elif value is not None:
            array = np.asarray(value)
            shown = f"{array:g}" if array.ndim == 0 else f"of shape {array.shape}"
            words.append(f"{field.name} {shown}")
    return ", ".join(words)


def _arguments(ambiguity: Ambiguity) -> list[dataclasses.Field]:
    """The fields that the constructor is given."""
    return [field for field in dataclasses.fields(ambiguity) if field.init]
