"""The certificate: how far a candidate is from a robust equilibrium, judged by itself alone.

`certify` judges any candidate. The numbers and why they bound what they bound: see
`rmfg.answer.appraisal`; what a relative tolerance is relative to: `rmfg.answer.scale`.
"""

import dataclasses
import math

import numpy as np
from jaxtyping import Float

from rmfg.answer.appraisal import (
    Appraisal,
    appraise,
    measure_infeasibility,
)
from rmfg.answer.claims import proof_of
from rmfg.core import checks
from rmfg.core.meter import Meter, metered
from rmfg.core.precision import Array, Number, boundary
from rmfg.model.ambiguity.base import Ambiguity
from rmfg.model.game import MeanFieldGame, check_game
from rmfg.model.kernel import Kernel, as_kernel
from rmfg.model.problem import Candidate, Population, Problem, moved_by
from rmfg.operators.response import SMALLEST_TOLERANCE
from rmfg.operators.sensitivity import nearly_closed, sensitivity
from rmfg.rigorous.check import Proof


@dataclasses.dataclass(frozen=True)
class Certificate:
    """What was measured of a candidate, in the unit of the values unless said otherwise.

    `exploitability` (the largest over states) and `mean_exploitability` (under the candidate's law)
    are upper bounds; `exploitability_lower` bounds the largest from below. `nature_gap` is how far
    nature's kernel is from the worst case where the population goes.

    `consistency` is the L1 distance of the law from its own push-forward, `flow_imbalance` the
    largest difference of inflow and outflow in a state as a share of what flows, and `drift` the L1
    distance of the law from where it goes in the long run. `infeasibility` is how far nature's
    kernel lies outside its set, in probability mass (total variation), and `adjustment` how far rows
    had to be moved, in L1, to be laws.

    `scale` is what relative numbers are divided by: the range of the policy's values over the states
    in reach (see `rmfg.answer.scale`). `tol` bounds relative numbers, and all those without a unit;
    `atol`, where it is given, bounds exploitability and nature's gap in the unit of the values
    instead.

    `sensitivity` says how far a law of consistency c can be from the stationary one: by sensitivity
    times c. Where it is large, `nearly_closed` counts the groups of states that are hardly ever
    left, and mass between them is settled slowly.
    """

    exploitability: float
    exploitability_lower: float
    mean_exploitability: float
    consistency: float
    flow_imbalance: float
    drift: float
    nature_gap: float
    infeasibility: float
    adjustment: float
    scale: float
    tol: float
    atol: float | None = None
    sensitivity: float = math.nan
    nearly_closed: int = 0

    @property
    def relative_exploitability(self) -> float:
        """The exploitability as a share of the scale."""
        return self.exploitability / self.scale if self.scale else math.nan

    @property
    def relative_nature_gap(self) -> float:
        """Nature's gap as a share of the scale."""
        return self.nature_gap / self.scale if self.scale else math.nan

    @property
    def allowance(self) -> float:
        """What exploitability and nature's gap may be: `atol`, or `tol` times the scale."""
        return self.tol * self.scale if self.atol is None else self.atol

    @property
    def conditions(self) -> dict[str, bool]:
        """The conditions that the tolerance promises, and whether each holds. NaN fails.

        An infinite scale makes every share of it vanish, and promises nothing.
        """
        unit = 0 < self.scale < math.inf
        return {
            "exploitability": unit and self.exploitability <= self.allowance,
            "consistency": self.consistency <= self.tol,
            "flow_imbalance": self.flow_imbalance <= self.tol,
            "drift": self.drift <= self.tol,
            "nature_gap": unit and self.nature_gap <= self.allowance,
            "infeasibility": self.infeasibility <= self.tol,
            "adjustment": self.adjustment <= self.tol,
        }

    @property
    def certified(self) -> bool:
        """Whether every condition holds."""
        return all(self.conditions.values())

    def __repr__(self) -> str:
        word = "certified" if self.certified else "not certified"
        failed = ", ".join(name for name, holds in self.conditions.items() if not holds)
        return (
            f"<Certificate: {word} at tol {self.tol:g}, exploitability {self.exploitability:.3e} "
            f"(relative {self.relative_exploitability:.3e})"
            + (f"; above tol: {failed}>" if failed else ">")
        )

    def __str__(self) -> str:
        lines = [
            self._row("exploitability", self.exploitability, self.relative_exploitability),
            f"  mean           {self.mean_exploitability:.3e}",
            self._row("consistency", self.consistency),
            self._row("flow_imbalance", self.flow_imbalance),
            self._row("drift", self.drift),
            self._row("nature_gap", self.nature_gap, self.relative_nature_gap),
            self._row("infeasibility", self.infeasibility),
        ]
        # Out of the ordinary: rows that were no laws, and laws that settle slowly.
        if not self.conditions["adjustment"]:
            lines.append(self._row("adjustment", self.adjustment))
        if self.nearly_closed > 1:
            lines.append(
                f"  {'law':<14} {self.nearly_closed} groups of states are hardly ever left: an "
                f"error of consistency weighs {self.sensitivity:.1e} times in the law"
            )
        return "\n".join(lines)

    def _row(self, name: str, number: float, relative: float | None = None) -> str:
        share = "" if relative is None else f"  relative {relative:.3e}"
        word = "ok" if self.conditions[name] else "above tol"
        return f"  {name.replace('_', ' '):<14} {number:.3e}{share}  {word}"


@boundary
def certify(
    game: MeanFieldGame,
    ambiguity: Ambiguity,
    policy: Float[Array, "S A"],
    distribution: Float[Array, " S"],
    kernel: Kernel | Array | None = None,
    *,
    population: Population | Array = "worst_case",
    tol: Number = 1e-8,
    atol: Number | None = None,
    progress: bool | Meter = False,
    rigorous: bool = False,
) -> Certificate:
    """Judge a candidate from anywhere.

    `kernel` is nature's claimed kernel; without it, nature's answer to the optimal value at the
    candidate's mean field is taken. `population` says what moves the population, `tol` and `atol`
    what is promised, as in `solve`. With `rigorous`, exploitability, consistency, nature's gap and
    infeasibility are replaced by bounds that hold in real arithmetic, rounding included, or by
    infinity where nothing could be proved (see `rmfg.prove`). Raises ValueError for shapes that do
    not fit and rows that are no laws; a candidate that holds NaN is not an error but refuted.
    """
    problem = Problem(game, ambiguity, population)
    claimed = None if kernel is None else as_kernel(kernel, "kernel")
    candidate = Candidate(policy, distribution, claimed).checked(game)
    law, played = np.asarray(candidate.distribution), np.asarray(candidate.policy)
    mean_field = game.mean_field_of(law, played)
    if not checks.has_nan(mean_field):
        check_game(game, np.asarray(mean_field))
        problem.ambiguity.check(game.kernel(mean_field))
    with metered(progress):
        found, appraisal = certificate_of(problem, candidate, tol, atol)
    if rigorous:
        named = candidate._replace(kernel=appraisal.nature)
        found = with_bounds(found, proof_of(problem, named, appraisal.optimal_value))
    if kernel is None or claimed is None or isinstance(kernel, Kernel):
        return found
    # An array became a kernel by being normalized.
    moved = moved_by(kernel, claimed.probabilities)
    return dataclasses.replace(found, adjustment=max(found.adjustment, moved))


def certificate_of(
    problem: Problem,
    candidate: Candidate,
    tol: Number,
    atol: Number | None = None,
    near: Appraisal | None = None,
) -> tuple[Certificate, Appraisal]:
    """Judge a checked candidate, and return also the functions that the verdict rests on.

    `near`, the appraisal of one like it, only saves time.
    """
    checks.tolerance(tol, SMALLEST_TOLERANCE)
    absolute = None if atol is None else float(checks.positive("atol", atol))
    starts = () if near is None else (near.optimal_value, near.policy_value)
    found = appraise(problem, candidate, *starts)
    settling, parts = _settling(found)
    certificate = Certificate(
        exploitability=found.exploitability,
        exploitability_lower=found.exploitability_lower,
        mean_exploitability=found.mean_exploitability,
        consistency=found.consistency,
        flow_imbalance=found.flow_imbalance,
        drift=found.drift,
        nature_gap=found.nature_gap,
        infeasibility=measure_infeasibility(problem, found),
        adjustment=found.adjustment,
        scale=found.scale,
        tol=float(tol),
        atol=absolute,
        sensitivity=settling,
        nearly_closed=parts,
    )
    return certificate, found


def with_bounds(certificate: Certificate, proof: Proof) -> Certificate:
    """The certificate with the bounds that were proved; infinite where nothing was."""
    return dataclasses.replace(
        certificate,
        exploitability=proof.exploitability[1],
        exploitability_lower=proof.exploitability[0],
        mean_exploitability=proof.mean_exploitability[1],
        consistency=proof.consistency[1],
        nature_gap=proof.nature_gap[1],
        infeasibility=proof.infeasibility[1],
    )


def _settling(found: Appraisal) -> tuple[float, int]:
    """How sensitive the law is, and how many parts of its chain hardly exchange mass."""
    law = np.asarray(found.candidate.distribution)
    if not (np.isfinite(law).all() and np.isfinite(found.chain.data).all()):
        return math.nan, 0
    return sensitivity(found.chain, law), len(nearly_closed(found.chain, law))
