"""Options written as key=value, and the values that they stand for."""

import inspect
import os
import re
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rmfg.core import checks

Value = bool | int | float | str | tuple[Any, ...] | None

_WORDS: dict[str, bool | None] = {"none": None, "true": True, "false": False}
_WHOLE = re.compile(r"[+-]?\d+")


def pairs(option: str, texts: Iterable[str] | None) -> dict[str, str]:
    """Split `key=value` options; ValueError where the sign is missing or a key comes twice."""
    found: dict[str, str] = {}
    for text in texts or ():
        key, sign, value = text.partition("=")
        if not (sign and key):
            raise ValueError(f"`{option}` must be written key=value, but is {text!r}.")
        if key in found:
            raise ValueError(f"`{option}` gives {key!r} twice.")
        found[key] = value
    return found


def literal(text: str) -> Value:
    """Read none, true, false, a number, numbers between commas, or else the text itself."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if "," in text:
        return tuple(literal(part.strip()) for part in text.split(",") if part.strip())
    if _WHOLE.fullmatch(text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text


def arguments(
    owner: str, function: Callable[..., Any], given: Mapping[str, str]
) -> dict[str, Value]:
    """Read the values as the function's parameters want them.

    Parameters that take text (by annotation or default) get it as it is written, those that take
    sequences get one also of a single value. Raises ValueError for names that the function does
    not have, and where a flag is neither true nor false. All else is the function's own to check.
    """
    parameters = _parameters(function)
    values = {}
    for name, text in given.items():
        parameter = parameters[checks.known(f"parameter of {owner}", name, parameters)]
        kinds = _kinds(parameter)
        value = text if _takes(kinds, str, os.PathLike) else literal(text)
        if _takes(kinds, Sequence) and not isinstance(value, str | tuple | None):
            value = (value,)
        if bool in kinds and not isinstance(value, bool):
            raise ValueError(f"`{name}` must be true or false, but is {text!r}.")
        if kinds & {int, float} and isinstance(value, str) and not _takes(kinds, str):
            raise ValueError(f"`{name}` must be a number, but is {text!r}.")
        if float in kinds and type(value) is int:
            value = float(value)
        values[name] = value
    return values


def refuse(source: str, given: Mapping[str, str]) -> None:
    """Refuse parameters for a game that has none."""
    if given:
        raise ValueError(
            f"`-p {next(iter(given))}` does not apply to {source!r}: only games of the zoo and "
            "functions in Python files have parameters."
        )


def missing(function: Callable[..., Any], given: Iterable[str]) -> list[str]:
    """Return the parameters that the function needs and that are not given."""
    given = set(given)
    return [
        name
        for name, parameter in _parameters(function).items()
        if parameter.default is parameter.empty and name not in given
    ]


def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    try:
        signature = inspect.signature(function, eval_str=True)
    except Exception:  # annotations may name what exists only for type checkers
        signature = inspect.signature(function)
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {name: p for name, p in signature.parameters.items() if p.kind in named}


def _kinds(parameter: inspect.Parameter) -> set[type]:
    """The classes that a parameter's annotation names, or that of its default."""
    annotation = parameter.annotation
    if annotation is parameter.empty or isinstance(annotation, str):
        has_default = parameter.default not in (None, parameter.empty)
        return {type(parameter.default)} if has_default else set()
    members = typing.get_args(annotation) if _is_union(annotation) else (annotation,)
    kinds = {typing.get_origin(member) or member for member in members}
    return {kind for kind in kinds if isinstance(kind, type) and kind is not type(None)}


def _is_union(annotation: Any) -> bool:
    origin = typing.get_origin(annotation)
    return origin is typing.Union or getattr(origin, "__name__", "") == "UnionType"


def _takes(kinds: set[type], *wanted: type) -> bool:
    """Whether one of the classes is one of the wanted ones; a text counts as no sequence."""
    if wanted == (Sequence,):
        return any(issubclass(kind, Sequence) and kind is not str for kind in kinds)
    return any(issubclass(kind, wanted) for kind in kinds)
