"""The answer: an equilibrium, or the best that was found, with its certificate."""

import dataclasses
import os
from typing import TYPE_CHECKING

from rmfg.answer import archive, log, rich
from rmfg.answer.solution import Solution

if TYPE_CHECKING:
    import xarray


@dataclasses.dataclass(frozen=True)
class Equilibrium(Solution):
    """A policy, nature's kernel and a law, and what was certified of them.

    `value` is the robust value of the policy at the equilibrium's mean field, `kernel` nature's
    kernel there, of the same kind as the game's. `status` is "certified" only where the certificate
    says so; otherwise it says why the search ended and the fields hold the best answer seen.
    `guarantee` holds the constants of the iteration that led here, where there is a theory of it,
    and `potential`, where the solver knows it, how nature mixes at ties (for `rmfg.implicit`).
    `observables` are what people watch in this game, by name: a share, a flow on each link.
    `as_saved` says that status and certificate were read from a file and not computed since:
    `rmfg verify` and `rmfg.certify` compute them again. `frozen_sizes` names the arguments of the set
    that were functions of the mean field, and that the file kept as they are at this one.
    """

    def to_xarray(self) -> "xarray.Dataset":
        """Return everything as a dataset, with the game frozen at this mean field."""
        return archive.to_dataset(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write netCDF, whole or not at all. Read it back with `rmfg.load`, or plain xarray."""
        archive.save(self, path)

    def __repr__(self) -> str:
        return log.line(self)

    def __str__(self) -> str:
        return log.text(self)

    def _repr_html_(self) -> str:
        return rich.page(self)


def load(path: str | os.PathLike[str]) -> Equilibrium:
    """Read an equilibrium that `Equilibrium.save` wrote.

    Its game and set are the saved ones frozen at the equilibrium's mean field, which is all that a
    certificate needs. What asks for other mean fields, as finite populations do, refuses such a
    game: give it the real one, for the zoo's `rmfg.zoo.remake(eq.game.recipe)`. Raises ValueError
    where the file is missing, truncated or not an equilibrium.
    """
    return Equilibrium(**archive.load(path))
