"""Equilibria as the ambiguity grows: continuation in the radius, with sensitivities."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.answer.equilibrium import Equilibrium
from rmfg.core import inputs
from rmfg.core.meter import Meter, metered, report
from rmfg.core.precision import Array, Number
from rmfg.model.ambiguity.base import Ambiguity
from rmfg.model.game import MeanFieldGame, checked_game
from rmfg.model.problem import Population
from rmfg.solvers.implicit import Implicit, implicit
from rmfg.solvers.newton import Newton
from rmfg.solvers.solve import solve

if TYPE_CHECKING:
    import xarray

# A warm start that needs more steps than this is no continuation any more.
WARM_STEPS = 40

Family = Callable[[Any], Ambiguity]
"""What makes the ambiguity set of a radius: `rmfg.TotalVariation`, or a function."""


@dataclasses.dataclass(frozen=True)
class Trace:
    """Equilibria along the radii, and how fast they change there.

    `value_slope` and `distribution_slope` (R, S) and `policy_slope` (R, S, A) are derivatives in
    the radius; at a kink, where another action or another law comes into use, they are one-sided at
    best.
    """

    radii: Float[np.ndarray, " R"]
    equilibria: tuple[Equilibrium, ...]
    value_slope: Float[np.ndarray, "R S"]
    distribution_slope: Float[np.ndarray, "R S"]
    policy_slope: Float[np.ndarray, "R S A"]

    @property
    def certified(self) -> bool:
        """Whether every equilibrium is certified."""
        return all(equilibrium.certificate.certified for equilibrium in self.equilibria)

    def to_xarray(self) -> "xarray.Dataset":
        """Return all numbers as a dataset over (radius, state, action)."""
        import xarray  # costs more than the rest of the package to import

        over_states, over_pairs = ("radius", "state"), ("radius", "state", "action")
        stacked = {
            name: np.stack([np.asarray(getattr(found, name)) for found in self.equilibria])
            for name in ("value", "distribution", "policy")
        }
        proofs = [found.certificate for found in self.equilibria]
        return xarray.Dataset(
            {
                "value": (over_states, stacked["value"]),
                "distribution": (over_states, stacked["distribution"]),
                "policy": (over_pairs, stacked["policy"]),
                "value_slope": (over_states, self.value_slope),
                "distribution_slope": (over_states, self.distribution_slope),
                "policy_slope": (over_pairs, self.policy_slope),
                "exploitability": ("radius", [proof.exploitability for proof in proofs]),
                "consistency": ("radius", [proof.consistency for proof in proofs]),
                "status": ("radius", [str(found.status) for found in self.equilibria]),
            },
            coords={"radius": self.radii},
        )


def trace(
    game: MeanFieldGame,
    family: Family,
    radii: Sequence[Number] | Array,
    *,
    tol: Number = 1e-9,
    population: Population | Array = "worst_case",
    initial: Equilibrium | None = None,
    max_seconds: Number | None = None,
    progress: bool | Meter = False,
) -> Trace:
    """Follow the equilibrium as the radius changes, each solved from the last.

    `family` makes the ambiguity set of a radius and must be traceable by JAX (rmfg's own sets are).
    The first radius is solved from scratch, or from `initial`; where a warm start does not lead to
    a certified equilibrium, that radius is solved from scratch too. `max_seconds` is a limit for
    each. The slopes are those of the implicit function theorem (see `rmfg.implicit`). Raises
    ValueError where `radii` is empty, not one-dimensional or not finite.
    """
    checked_game(game)
    inputs.function_of("family", family, "radius")
    if initial is not None:
        inputs.instance("initial", initial, Equilibrium, "an earlier answer of `rmfg.solve`")
    numbers = np.asarray(inputs.real("radii", radii), dtype=np.float64)
    if numbers.ndim != 1 or numbers.size == 0 or not np.isfinite(numbers).all():
        raise ValueError(
            f"`radii` must be finite numbers in a row, but is {inputs.described(radii)}. "
            "Try numpy.linspace(0, 0.2, 11)."
        )
    options = {"tol": tol, "population": population, "max_seconds": max_seconds}
    found, slopes, last = [], [], initial
    with metered(progress):
        for number, radius in enumerate(numbers):
            report(number, {"of": len(numbers), "radius": float(radius)})
            with inputs.named("radii"):
                ambiguity = family(float(radius))
            if not isinstance(ambiguity, Ambiguity):
                raise TypeError(
                    "`family` must return an ambiguity set, such as rmfg.TotalVariation does, but "
                    f"returned {inputs.described(ambiguity)}."
                )
            answer = None
            if last is not None:
                warm = Newton(start=last)
                answer = solve(game, ambiguity, solver=warm, max_steps=WARM_STEPS, **options)
            if answer is None or not answer.certificate.certified:
                answer = solve(game, ambiguity, **options)
            found.append(answer)
            slopes.append(_slope(game, family, float(radius), answer))
            last = answer if answer.certificate.certified else last
    return Trace(
        numbers,
        tuple(found),
        np.stack([np.asarray(slope.value) for slope in slopes]),
        np.stack([np.asarray(slope.distribution) for slope in slopes]),
        np.stack([np.asarray(slope.policy) for slope in slopes]),
    )


def _slope(game: MeanFieldGame, family: Family, radius: float, found: Equilibrium) -> Implicit:
    """The derivative of the equilibrium in the radius."""

    def at(radius: Array) -> Implicit:
        return implicit(game, family(radius), found)

    with jax.enable_x64(True):
        return jax.jvp(at, (jnp.asarray(radius),), (jnp.ones(()),))[1]
