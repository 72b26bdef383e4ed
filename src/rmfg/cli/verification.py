"""Check a saved equilibrium again, from the file alone and against its source."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

import rmfg
from rmfg import zoo
from rmfg.cli import output
from rmfg.model.game import MeanFieldGame

# A game built elsewhere, by another version of JAX, may differ by the rounding of its formulas.
REBUILDING_SLACK = 1e-9


@dataclasses.dataclass(frozen=True)
class Verification:
    """What a second look at a file found.

    `value_error` is the distance of the saved value from the policy's robust value, relative to the
    certificate's scale. `rebuilt` is the largest difference between the saved game and the one that
    its recipe gives, in the reward (relative) or the nominal kernel; None where there is no recipe
    or where `not_rebuilt` says why it could not be followed.
    """

    equilibrium: rmfg.Equilibrium
    certificate: rmfg.Certificate
    value_error: float
    rebuilt: float | None
    not_rebuilt: str

    @property
    def verified(self) -> bool:
        """Whether everything that could be checked holds. NaN fails."""
        same_game = self.rebuilt is None or self.rebuilt <= REBUILDING_SLACK
        return self.certificate.certified and self.value_holds and same_game

    @property
    def value_holds(self) -> bool:
        """Whether the saved value is the policy's, within the tolerance."""
        return self.value_error <= self.certificate.tol

    def as_data(self) -> dict[str, Any]:
        """Return everything as data."""
        return {
            **output.equilibrium_of(self.equilibrium),
            "verified": self.verified,
            "certificate": output.certificate_of(self.certificate),
            "value_error": self.value_error,
            "rebuilt_difference": self.rebuilt,
            "not_rebuilt": self.not_rebuilt or None,
        }

    def __str__(self) -> str:
        lines = str(
            dataclasses.replace(self.equilibrium, certificate=self.certificate)
        ).splitlines()
        saved = self.equilibrium
        value = "ok" if self.value_holds else "above tol"
        if self.rebuilt is None:
            rebuilt = self.not_rebuilt or "no recipe: the game is checked as it was saved"
        else:
            verdict = "ok" if self.rebuilt <= REBUILDING_SLACK else "ANOTHER GAME"
            rebuilt = f"differs by {self.rebuilt:.3e}  {verdict}"
        word = "verified" if self.verified else "NOT VERIFIED"
        return "\n".join(
            [
                *(line for line in lines if line.startswith(("game", "nature"))),
                f"saved as     {saved.status} at tol {saved.certificate.tol:g} by {saved.solver}",
                f"now          {word} at tol {self.certificate.tol:g}",
                *(line for line in lines if line.startswith("  ")),
                f"  value          off by {self.value_error:.3e} of its range  {value}",
                f"  rebuilt game   {rebuilt}",
            ]
        )


def verify(path: Path, tol: float | None = None) -> Verification:
    """Load an equilibrium and compute its certificate again; `tol` defaults to the saved one.

    Raises ValueError where the file is missing, unreadable or holds no equilibrium.
    """
    try:
        equilibrium = rmfg.load(path)
        game, ambiguity = equilibrium.game, equilibrium.ambiguity
        certificate = rmfg.certify(
            game,
            ambiguity,
            equilibrium.policy,
            equilibrium.distribution,
            equilibrium.kernel,
            population=equilibrium.population,
            tol=equilibrium.certificate.tol if tol is None else tol,
        )
        off = _value_error(equilibrium, certificate)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        named = str(path) in str(error) or "`tol`" in str(error)
        raise ValueError(str(error) if named else f"{str(path)!r}: {error}") from error
    rebuilt, reason = _rebuilt(equilibrium)
    return Verification(equilibrium, certificate, off, rebuilt, reason)


def _value_error(equilibrium: rmfg.Equilibrium, certificate: rmfg.Certificate) -> float:
    game, field = equilibrium.game, equilibrium.mean_field
    if not (np.isfinite(field).all() and np.isfinite(equilibrium.policy).all()):
        return np.nan  # the certificate has refuted it, and nothing can be evaluated
    value = rmfg.evaluate(game, equilibrium.ambiguity, equilibrium.policy, field)
    return float(np.max(np.abs(value - equilibrium.value)) / certificate.scale)


def _rebuilt(equilibrium: rmfg.Equilibrium) -> tuple[float | None, str]:
    """The distance of the saved game from its recipe's, or why it could not be measured."""
    recipe = equilibrium.game.recipe
    if not recipe:
        return None, ""
    try:
        game = zoo.remake(recipe)
    except (ValueError, TypeError, OSError) as error:
        return None, f"could not be built: {error}"
    return difference(equilibrium, game), ""


def difference(equilibrium: rmfg.Equilibrium, game: MeanFieldGame) -> float:
    """How far a game is from the saved one at its mean field: in the reward (relative) or kernel."""
    saved, field = equilibrium.game, equilibrium.mean_field
    sizes = [(g.num_states, g.num_actions, g.mean_field) for g in (saved, game)]
    if sizes[0] != sizes[1]:
        return np.inf
    reward, other = np.asarray(saved.reward(field)), np.asarray(game.reward(field))
    apart = np.max(np.abs(reward - other)) / max(1.0, np.max(np.abs(reward)))
    # The nominal set's distance is the largest difference of two laws.
    moved = np.max(rmfg.Nominal().violation(game.kernel(field), saved.kernel(field), field))
    return float(max(apart, moved, abs(saved.discount - game.discount)))
