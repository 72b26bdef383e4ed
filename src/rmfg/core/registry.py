"""Things by name, imported only when they are asked for: help lists them all and loads none."""

import difflib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from typing import TypeVar

T = TypeVar("T")

# As for misspelt arguments: below it, the nearest word is no help.
LIKENESS = 0.4


class Registry(Mapping[str, T]):
    """Names in the order they are listed, and the thing that each stands for.

    A line is the name, where the thing is (`module:attribute`), and what else people call it. Such
    other names, and that of the class, are refused with the name that is meant: files and command
    lines know one name for each thing.
    """

    def __init__(self, kind: str, *lines: tuple[str, ...]):
        self.kind = kind
        self.places = {name: place for name, place, *_ in lines}
        # Other names are often two letters, and everything short is near to those.
        self.meant = {_squeezed(other): name for name, _, *others in lines for other in others}
        self.near: dict[str, str] = {}
        for name, place in self.places.items():
            self.near |= dict.fromkeys(map(_squeezed, (name, place.partition(":")[2])), name)

    def __getitem__(self, name: str) -> T:
        return pkgutil.resolve_name(self.places[name])

    def __contains__(self, name: object) -> bool:
        return name in self.places  # a mapping would import the thing to see that it is there

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)

    def known(self, name: object) -> str:
        """Refuse an unknown name and say which is meant, or nearest.

        Raises ValueError for an unknown name, and TypeError for what is no name.
        """
        if not isinstance(name, str):
            raise TypeError(
                f"`name` must be the name of some {self.kind}, but is a {type(name).__name__}."
            )
        if name in self.places:
            return name
        word = _squeezed(name)
        nearest = difflib.get_close_matches(word, self.near, n=1, cutoff=LIKENESS)
        meant = self.meant.get(word) or (self.near[nearest[0]] if nearest else None)
        hint = f"Did you mean {meant!r}? " if meant else ""
        raise ValueError(f"unknown {self.kind} {name!r}. {hint}Known: {', '.join(self)}.")


def _squeezed(name: str) -> str:
    """A name as it is spoken: `Total_Variation` is `totalvariation`."""
    return re.sub(r"[\W_]", "", name).lower()
