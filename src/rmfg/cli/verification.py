"""Judge a saved equilibrium again, on the game that its source gives and at a tolerance asked for.

Nothing that the file claims is an input of its own judgment. Where the game can be built again, the
candidate is judged on that one, and the saved game is compared with it. Where the file names no
source, the game in the file is all there is, and the verdict says so.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

import rmfg
from rmfg import zoo
from rmfg.answer.certificate import with_bounds
from rmfg.cli import output
from rmfg.model.game import MeanFieldGame, uniform_policy

# A game built elsewhere, by another version of JAX, may differ by the rounding of its formulas.
REBUILDING_SLACK = 1e-9
DEFAULT_TOL = 1e-8


@dataclasses.dataclass(frozen=True)
class Verification:
    """What a second look at a file found.

    `certificate` was computed on the game that was built again, where one was, and on the saved game
    otherwise. `value_error` is the distance of the saved value from the policy's robust value,
    relative to the certificate's scale. `rebuilt` is the largest difference between the saved game
    and the one built again, in the reward (relative) or the nominal kernel; None where there is
    nothing to build it from, or where `not_rebuilt` says why it could not be built.
    """

    equilibrium: rmfg.Equilibrium
    certificate: rmfg.Certificate
    value_error: float
    rebuilt: float | None
    not_rebuilt: str
    proof: rmfg.Proof | None = None  # where bounds in real arithmetic were asked for

    @property
    def verified(self) -> bool:
        """Whether everything that could be checked holds, and all could that should. NaN fails."""
        proved = self.proof is None or self.proof.proved
        return self.certificate.certified and self.value_holds and self.same_game and proved

    @property
    def same_game(self) -> bool:
        """Whether the saved game is the one that its source gives, if the file names one."""
        if self.rebuilt is None:
            return not self.not_rebuilt
        return self.rebuilt <= REBUILDING_SLACK

    @property
    def value_holds(self) -> bool:
        """Whether the saved value is the policy's, within the tolerance."""
        proof = self.certificate
        allowed = proof.tol if proof.atol is None else proof.atol / proof.scale
        return self.value_error <= allowed

    def as_data(self) -> dict[str, Any]:
        """Return everything as data: what was found now, and what the file says."""
        saved = self.equilibrium
        found = output.equilibrium_of(saved) | {
            "verified": self.verified,
            "certificate": output.certificate_of(self.certificate),
            "saved_as": {
                "status": str(saved.status),
                "certificate": output.certificate_of(saved.certificate),
            },
            "value_error": self.value_error,
            "same_game": self.same_game,
            "rebuilt_difference": self.rebuilt,
            "not_rebuilt": self.not_rebuilt or None,
            "proof": None if self.proof is None else self.proof.as_data(),
            "judged_on": "the game in the file" if self.rebuilt is None else "the game built again",
        }
        # A file's status beside a verdict would be read as the verdict.
        return {name: x for name, x in found.items() if name not in ("status", "advice")}

    def __str__(self) -> str:
        now = dataclasses.replace(self.equilibrium, certificate=self.certificate, as_saved=False)
        lines = str(now).splitlines()
        saved = self.equilibrium
        value = "ok" if self.value_holds else "above tol"
        if self.rebuilt is not None:
            verdict = "ok" if self.same_game else "ANOTHER GAME"
            rebuilt = f"differs by {self.rebuilt:.3e}  {verdict}"
        elif self.not_rebuilt:
            rebuilt = f"NOT REBUILT: {self.not_rebuilt}"
        else:
            rebuilt = "no recipe: the game is the one in the file (--game builds it again)"
        word = "verified" if self.verified else "NOT VERIFIED"
        # The log shows the numbers of a certificate indented, from the status to the value.
        begin = next(n for n, line in enumerate(lines) if line.startswith("status")) + 1
        end = next(n for n, line in enumerate(lines) if line.startswith("value"))
        return "\n".join(
            [
                *(line for line in lines if line.startswith(("game", "nature"))),
                f"saved as     {saved.status} at tol {saved.certificate.tol:g} by {saved.solver}",
                f"now          {word} at tol {self.certificate.tol:g}",
                *lines[begin:end],
                f"  value          off by {self.value_error:.3e} of its range  {value}",
                f"  rebuilt game   {rebuilt}",
                f"  set            {self._set()}",
                *([] if self.proof is None else [str(self.proof)]),
            ]
        )

    def _set(self) -> str:
        """What is known of the ambiguity set, which no recipe builds again."""
        sizes = self.equilibrium.frozen_sizes
        frozen = f", its {' and '.join(sizes)} as at this mean field" if sizes else ""
        return f"the one in the file{frozen}"


def verify(
    path: Path,
    tol: float = DEFAULT_TOL,
    atol: float | None = None,
    game: MeanFieldGame | None = None,
    rigorous: bool = False,
) -> Verification:
    """Load an equilibrium and judge it on its game, built again, or on the `game` given.

    Raises ValueError where the file is missing, unreadable or holds no equilibrium.
    """
    try:
        equilibrium = rmfg.load(path)
        game, reason = _again(equilibrium) if game is None else (game, "")
        apart = None if game is None else difference(equilibrium, game)
        if game is None or apart == np.inf:
            game = equilibrium.game  # sizes that do not fit cannot be judged on another game
        certificate = rmfg.certify(
            game,
            equilibrium.ambiguity,
            equilibrium.policy,
            equilibrium.distribution,
            equilibrium.kernel,
            population=equilibrium.population,
            tol=tol,
            atol=atol,
        )
        proof = None
        if rigorous:
            proof = rmfg.prove(dataclasses.replace(equilibrium, game=game))
            certificate = with_bounds(certificate, proof)
        off = _value_error(equilibrium, game, certificate)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        named = str(path) in str(error) or "tol`" in str(error)
        raise ValueError(str(error) if named else f"{str(path)!r}: {error}") from error
    return Verification(equilibrium, certificate, off, apart, reason, proof)


def _value_error(
    equilibrium: rmfg.Equilibrium, game: MeanFieldGame, certificate: rmfg.Certificate
) -> float:
    field = game.mean_field_of(equilibrium.distribution, equilibrium.policy)
    value = rmfg.evaluate(game, equilibrium.ambiguity, equilibrium.policy, field)
    return float(np.max(np.abs(value - equilibrium.value)) / certificate.scale)


def _again(equilibrium: rmfg.Equilibrium) -> tuple[MeanFieldGame | None, str]:
    """The game of the file's recipe, or why there is none."""
    recipe = equilibrium.game.recipe
    if recipe is None:
        return None, ""
    try:
        return zoo.remake(recipe), ""
    except Exception as error:  # a recipe is text of a stranger's, and may ask for anything
        return None, f"{type(error).__name__}: {error}"


def difference(equilibrium: rmfg.Equilibrium, game: MeanFieldGame) -> float:
    """How far a game is from the saved one at its mean field: in the reward (relative) or kernel.

    Infinite where sizes or kinds of mean field differ.
    """
    saved, field = equilibrium.game, equilibrium.mean_field
    sizes = [(g.num_states, g.num_actions, g.mean_field) for g in (saved, game)]
    if sizes[0] != sizes[1]:
        return np.inf
    if not np.array_equal(uniform_policy(saved) > 0, uniform_policy(game) > 0):
        return float(np.finfo(float).max)  # another choice of actions
    reward, other = np.asarray(saved.reward(field)), np.asarray(game.reward(field))
    apart, size = np.max(np.abs(reward - other)), np.max(np.abs(other))
    # Rewards that are all zero have no unit, and must be zero again.
    relative = float(apart / size if size > 0 else np.where(apart > 0, np.inf, 0.0))
    # The nominal set's distance is the largest difference of two laws.
    moved = float(np.max(rmfg.Nominal().violation(game.kernel(field), saved.kernel(field), field)))
    discount = abs(float(saved.discount) - float(game.discount))
    # NumPy's maximum keeps NaN, Python's may lose it; and infinity means that nothing can be judged.
    return float(min(np.max(np.array([relative, moved, discount])), np.finfo(float).max))
