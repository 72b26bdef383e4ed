"""What the zoo knows of a game, and how a game is built from its entry.

`Entry.known` says what a game is known to satisfy at its default parameters:

- "no interaction": neither kernel nor reward depends on the mean field.
- "monotone": the kernel does not depend on the mean field, and for all laws m and m' over states
  and actions the sum of (m - m')(s, a) (r(s, a, m) - r(s, a, m')) is at most 0 (Lasry and Lions).
- "potential": the kernel does not depend on the mean field, and the part of the reward that does
  is the gradient of one function of m.
- "contractive": the kernel does not depend on the mean field, and under every policy one step
  brings any two populations closer in L1, by a factor below 1 that is the same for all policies.
- "several equilibria": more than one stationary law belongs to an equilibrium.
- "closed form": an equilibrium is written in the docstring of the game.
- "none": nothing of the above.

Monotone does not mean that the *stationary* discounted equilibrium is unique: agents who deviate
start from the law of the others, and their discounted visits are not a stationary law, so the
usual exchange of policies proves nothing. `contraction-game` is monotone and has a continuum.
"""

import dataclasses
import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rmfg.core import checks, inputs
from rmfg.model.game import MeanFieldGame
from rmfg.zoo.arguments import plain


@dataclasses.dataclass(frozen=True)
class Entry:
    """A named game: what it is, where it comes from, and the function that builds it."""

    name: str
    summary: str  # one sentence
    source: str  # citation with arXiv number, DOI or address
    equations: str  # reward and kernel in short
    known: tuple[str, ...]
    build: Callable[..., MeanFieldGame]

    @property
    def parameters(self) -> dict[str, Any]:
        """The builder's parameters and their defaults."""
        signature = inspect.signature(self.build)
        return {name: parameter.default for name, parameter in signature.parameters.items()}


def find(entries: Mapping[str, Entry], name: str) -> Entry:
    """Return the entry of that name.

    Raises ValueError with the nearest name where there is none, and TypeError for what is no name.
    """
    if not isinstance(name, str):
        raise TypeError(f"`name` must be the name of a game, but is {inputs.described(name)}.")
    if name not in entries:
        near = inputs.closest(name, entries)
        raise ValueError(
            f"unknown game {name!r}. {near}{' ' * bool(near)}`name` may be {', '.join(entries)}."
        )
    return entries[name]


def build(entry: Entry, given: Mapping[str, Any]) -> MeanFieldGame:
    """Build the game, name it, and write its recipe (name, ((parameter, value), ...)) on it."""
    parameters, kinds = entry.parameters, typing.get_type_hints(entry.build)
    for parameter, value in given.items():
        checks.known(f"parameter of {entry.name}", parameter, parameters)
        parameters[parameter] = plain(parameter, value, kinds[parameter])
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # what comes out is checked
            game = entry.build(**parameters)
    except ValueError as error:
        if any(name in str(error) for name in given) or not given:
            raise
        values = ", ".join(f"`{name}` = {parameters[name]!r}" for name in given)
        raise ValueError(f"{entry.name} with {values}: {error}") from error
    game.name = entry.name
    recipe = (entry.name, tuple(parameters.items()))
    game.recipe = recipe  # pyright: ignore[reportAttributeAccessIssue]
    return game
