"""Sets that are given by one rule for every row, solved for all rows in the same loop."""

import abc
import math
from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Float

from rmfg.core.precision import Array, boundary
from rmfg.model.ambiguity.arguments import checked_field
from rmfg.model.ambiguity.base import Ambiguity, Worst
from rmfg.model.ambiguity.projection import lawful
from rmfg.model.ambiguity.sizes import has_no_size
from rmfg.model.ambiguity.soft import ByPotential, Soft, SoftRows
from rmfg.model.kernel import Kernel, aligned, as_kernel
from rmfg.model.rows import Reach, Rows


class WorstRows(NamedTuple):
    """Nature's worst case on rows: how far it lies below the nominal mean, and the law."""

    reduction: Float[Array, "S A"]
    law: Float[Array, "K S A"]


class RowwiseAmbiguity(Ambiguity):
    """A set that is given by one rule for every row."""

    @property
    @abc.abstractmethod
    def reach(self) -> Reach:
        """Which successors nature's answer can need."""

    @abc.abstractmethod
    def worst_rows(self, rows: Rows, mean_field: Array | None) -> WorstRows:
        """Solve nature's problem on rows."""

    @abc.abstractmethod
    def mass_outside(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"], mean_field: Array | None
    ) -> Float[Array, "S A"]:
        """Return the total variation from `law` to the nearest law of the set, or an upper bound.

        Inside it is not positive. `projection.mass_to_move` finds it where there is no formula.
        """

    @property
    def by_state(self) -> bool:
        """Whether distances need to know which state a slot is, not only its two masses."""
        return self.reach == "everywhere"

    def worst(
        self, kernel: Kernel, values: Float[Array, " S"], mean_field: Array | None = None
    ) -> Worst:
        rows = kernel.rows(values, self.reach)
        reduction, law = self.worst_rows(rows, mean_field)
        # Relative to the mean, radius zero gives the nominal expectation to the last digit.
        value = jnp.maximum(kernel.expectation(values) - reduction, rows.lowest())
        unknown = has_no_size(self, kernel.law, mean_field)
        law = jnp.where(unknown, jnp.nan, law)
        return Worst(jnp.where(unknown, jnp.nan, value), kernel.with_law(rows, law))

    @boundary
    def violation(
        self, kernel: Kernel, nominal: Kernel, mean_field: Array | None = None
    ) -> Float[Array, "S A"]:
        return distance_of(_compiled_violation, self, kernel, nominal, mean_field)


class GreedyAmbiguity(RowwiseAmbiguity):
    """A polytope that nature fills in the order of the values: only who is lower than whom counts."""

    @property
    def by_order(self) -> bool:
        return True

    def kernel_lipschitz(self, nominal: float, values: float, spread: float) -> float | None:
        return math.inf  # from one corner to another

    @property
    def soft(self) -> Soft:
        return ByPotential(self.reach, self.soft_rows)

    @abc.abstractmethod
    def soft_rows(
        self, rows: Rows, sink: Float[Array, "..."], mean_field: Array | None
    ) -> SoftRows:
        """Solve nature's problem softly on rows (see `soft`)."""


def violation_of(
    ambiguity: RowwiseAmbiguity, kernel: Kernel, nominal: Kernel, mean_field: Array | None
) -> Float[Array, "S A"]:
    """How far rows lie outside the set, with what they lack to be laws."""
    before, after = aligned(nominal, kernel, ambiguity.by_state)
    defect, law = lawful(after)
    return defect + jnp.maximum(ambiguity.mass_outside(before, law, mean_field), 0)


_compiled_violation = eqx.filter_jit(violation_of)


def distance_of(
    measure: Callable[..., Float[Array, "S A"]],
    ambiguity: RowwiseAmbiguity,
    kernel: Kernel,
    nominal: Kernel,
    mean_field: Array | None,
) -> Float[Array, "S A"]:
    """Check what `violation` is given, and measure."""
    kernel, nominal = as_kernel(kernel, "kernel"), as_kernel(nominal, "nominal")
    return measure(ambiguity, kernel, nominal, checked_field(nominal, mean_field, lawful=False))
