"""The short log of an answer: every question that a user asks first. A function of the answer."""

import numpy as np

from rmfg.answer.solution import Solution
from rmfg.core.status import Status
from rmfg.model.ambiguity import catalog
from rmfg.model.kernel import SparseKernel
from rmfg.model.observable import as_observables, measured
from rmfg.rates.contraction import Contraction

LABEL = 13


def text(answer: Solution, timeless: bool = False) -> str:
    """Lay out an answer for people; `timeless` leaves out what differs from run to run."""
    return "\n".join(lines(answer, timeless))


def lines(answer: Solution, timeless: bool = False) -> list[str]:
    """The rows of the log: `LABEL` letters of label and what it labels, or two spaces and a number."""
    game, proof = answer.game, answer.certificate
    kernel = answer.kernel
    kind = (
        f"sparse, {kernel.law.shape[0]} successors" if isinstance(kernel, SparseKernel) else "dense"
    )
    population = answer.population if isinstance(answer.population, str) else "own kernel"
    rows = [
        f"game         {game.name or type(game).__name__}: {game.num_states} states, "
        f"{game.num_actions} actions, {kind}, discount {game.discount:g}",
        f"nature       {catalog.describe(answer.ambiguity)}; population moves by {population}",
        f"solver       {answer.solver}, {answer.steps} steps"
        + ("" if timeless else f", {answer.seconds:.2f} s"),
        f"status       {_claim(answer)}",
        *str(proof).splitlines(),
        f"value        {np.min(answer.value):.6g} to {np.max(answer.value):.6g}, "
        f"mean {float(np.sum(answer.value * answer.distribution)):.6g}",
    ]
    rows += _observables(answer)
    if answer.guarantee is not None:
        rows += _guarantee(answer.guarantee)
    if answer.status != Status.CERTIFIED:
        rows.append(f"advice       {Status(answer.status).advice}")
    return rows


def line(answer: Solution) -> str:
    """An answer in one line, as an interpreter shows it."""
    game = answer.game
    return (
        f"<Equilibrium of {game.name or type(game).__name__}: {game.num_states} states, "
        f"{game.num_actions} actions, {catalog.describe(answer.ambiguity)}; {_claim(answer)}>"
    )


def _claim(answer: Solution) -> str:
    """What is said of the answer, and whether that is only what a file says."""
    hearsay = ", as saved: not verified since" if answer.as_saved else ""
    return f"{answer.status} at tol {answer.certificate.tol:g}{hearsay}"


def _observables(answer: Solution) -> list[str]:
    """What people watch and is one number, finite or not, in one line."""
    known = as_observables(answer.game.observables)
    shown = [
        f"{name} {value:.6g}" + (f" ({known[name].unit})" if known[name].unit else "")
        for name, value in measured(known, answer.mean_field).items()
        if np.ndim(value) == 0
    ]
    return [f"observables  {', '.join(shown)}"] if shown else []


def _guarantee(known: Contraction) -> list[str]:
    """What the temperature guarantees, beside what was measured."""
    if not known.contractive:
        return [f"guarantee    none, since the modulus is {known.modulus}"]
    how = "proved" if known.proved else "estimated"
    measured = "" if known.measured_rate is None else f", measured {known.measured_rate:.3g}"
    lines = [
        f"guarantee    modulus {known.modulus.value:.3g} ({how}), "
        f"rate {known.rate:.3g} a step{measured}"
    ]
    if known.distance is not None:
        lines.append(
            f"  distance       {known.distance:.3e}  from the one soft equilibrium, at most"
        )
    return [*lines, f"  bias           {known.bias:.3e}  of its exploitability, at most"]
