"""Nature's smooth answers: what Newton's method differentiates in place of the worst case.

The worst law jumps where values tie. A smooth answer q stays near a center q_0 instead and minimizes

    <q, values> + temperature * D(q, q_0)    over the set,

a proximal step: D is the Bregman divergence of a strictly convex h, and q_0 the smooth answer to a
`potential` alone. The answer lies inside the set and is differentiable in everything, also in kernel
and radius; it is the slope of the least cost in the values. Repeated with values / temperature added
to the potential each time, it tends to one that attains the worst case, a mixture of those that tie.

A set names its way to such an answer by its property `soft`:

- `ByPotential`: h is added to the cost, and the potential to the values. For sets of any shape.
- `ByTilt`: for sets with a curved boundary, on which the worst law is a smooth function of the values
  already; h is the set's own divergence.
- `Frozen`: the worst law, held constant: exact, but not smooth.
"""

import abc
import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from rmfg.core.precision import Array
from rmfg.model.kernel import Kernel
from rmfg.model.leaking import Leaking, kept
from rmfg.model.rows import Reach, Rows, summed


class ProximalStep(NamedTuple):
    """What a smooth answer depends on besides the set and the nominal kernel.

    Rows of curved sets feel `weight` times the potential, all of it by default. With a `shift`, each
    row sees values of its own on its slots: the answer's derivative in it is that of every row in
    each of its successors' values.
    """

    values: Float[Array, " S"]
    potential: Float[Array, " S"]
    temperature: Float[Array, ""]
    weight: Float[Array, "S A"] | None = None
    shift: Float[Array, "K S A"] | float = 0.0


class Softened(NamedTuple):
    """Nature's smooth answer: its cost in the unit of the values, and the kernel.

    `weight` and `offset` belong to the next proximal step: how much of the potential each row of a
    curved set feels (all of it inside the set, hardly any on the boundary, where the values alone
    decide), and what this answer costs there, to be taken off the next cost.
    """

    value: Float[Array, "S A"]
    kernel: Kernel | Leaking
    offset: Float[Array, "S A"]
    weight: Float[Array, "S A"]


class SoftRows(NamedTuple):
    """The least of <q, values> + h(q) on rows: its cost, the law on the slots, and what leaves them.

    The mass `leak` goes to a sink: one law over states that all rows share, or one on each row's slots.
    `price` is the multiplier of a curved set's own divergence, at least one.
    """

    cost: Float[Array, "S A"]
    law: Float[Array, "K S A"]
    leak: Float[Array, "..."] | float = 0.0
    price: Float[Array, "S A"] | float = 1.0


SolveRows = Callable[[Rows, Float[Array, "..."], Array | None], SoftRows]
"""Minimize <q, values> + h(q) on rows. Mass may go to a sink, whose value is the second argument;
the third is the mean field."""


class Soft(abc.ABC):
    """A way to nature's smooth answer."""

    @abc.abstractmethod
    def answer(self, kernel: Kernel, step: ProximalStep, mean_field: Array | None) -> Softened:
        """Return the smooth answer of all rows (traceable)."""


@dataclasses.dataclass(frozen=True)
class Frozen(Soft):
    """Answer by the worst law, held constant.

    Solvers that differentiate it work only where nature's answers do not tie.
    """

    worst_kernel: Callable[[Kernel, Array, Array | None], Kernel]
    penalty: Callable[[Kernel, Kernel, Array | None], Array]

    def answer(self, kernel: Kernel, step: ProximalStep, mean_field: Array | None) -> Softened:
        frozen = jax.lax.stop_gradient((kernel, step.values))
        law = jax.lax.stop_gradient(self.worst_kernel(*frozen, mean_field))
        value = law.expectation(step.values) + self.penalty(law, kernel, mean_field)
        return plain(value, law)


@dataclasses.dataclass(frozen=True)
class ByPotential(Soft):
    """Minimize <q, values / temperature + potential> + h(q) by `solve`."""

    reach: Reach
    solve: SolveRows

    def answer(self, kernel: Kernel, step: ProximalStep, mean_field: Array | None) -> Softened:
        tied = step.values / step.temperature + step.potential
        shared = self.reach == "lowest"
        rows, before = (_own_rows(kernel, at, self.reach) for at in (tied, step.potential))
        rows = _shifted(rows, step)
        log_total, sink = (jax.nn.logsumexp(-tied), None) if shared else _row_sink(rows)
        log_before = jax.nn.logsumexp(-step.potential) if shared else _row_sink(before)[0]
        found = self.solve(rows, log_before - log_total, mean_field)
        at_center = self.solve(before, jnp.zeros_like(log_total), mean_field)
        value = step.temperature * (found.cost - at_center.cost)
        if sink is None:
            return plain(value, _leaking(kernel, rows, found, tied))
        return plain(value, kernel.with_law(rows, found.law + found.leak * sink))


@dataclasses.dataclass(frozen=True)
class ByTilt(Soft):
    """Minimize the same by `solve`, where h is the set's own divergence and its boundary is curved.

    On the boundary the values alone decide: a row feels the potential as far as its multiplier, the
    `price`, exceeds one by nothing. The sink's own potential is felt in full: who takes created mass
    is a tie everywhere.
    """

    reach: Reach
    solve: SolveRows

    def answer(self, kernel: Kernel, step: ProximalStep, mean_field: Array | None) -> Softened:
        scaled = step.values / step.temperature
        tied = scaled + step.potential
        rows, past = (_own_rows(kernel, at, self.reach) for at in (scaled, step.potential))
        rows = _shifted(rows, step)
        weight = jnp.ones_like(rows.law[0]) if step.weight is None else step.weight
        felt = Rows(rows.law, rows.values + weight * past.values, rows.allowed, rows.successors)
        log_before, log_after = jax.nn.logsumexp(-step.potential), jax.nn.logsumexp(-tied)
        sink = (1 - weight) * log_before - log_after
        found = self.solve(felt, sink, mean_field)
        following = 1 / jnp.broadcast_to(found.price, found.cost.shape)
        expected = summed(found.law * felt.values) + found.leak * sink
        at_center = summed(found.law * (rows.values + past.values)) - found.leak * log_after
        offset = found.cost - expected + following * at_center
        shared = self.reach == "lowest"
        law = _leaking(kernel, rows, found, tied) if shared else kernel.with_law(rows, found.law)
        return Softened(step.temperature * found.cost, law, step.temperature * offset, following)


def plain(value: Float[Array, "S A"], kernel: Kernel | Leaking) -> Softened:
    """An answer after which the next step feels all of the potential."""
    return Softened(value, kernel, jnp.zeros_like(value), jnp.ones_like(value))


def spoiled(softened: Softened, unknown: Bool[Array, "S A"]) -> Softened:
    """The answer, with NaN in rows of unknown size."""
    given, rows = softened.kernel, kept(softened.kernel)
    law = jnp.where(unknown, jnp.nan, jnp.asarray(rows.law))
    kernel = eqx.tree_at(lambda kernel: kernel.law, rows, law)
    if isinstance(given, Leaking):
        kernel = Leaking(kernel, given.leak, given.sink)
    value = jnp.where(unknown, jnp.nan, softened.value)
    return softened._replace(value=value, kernel=kernel)


def _own_rows(kernel: Kernel, values: Array, reach: Reach) -> Rows:
    """The rows without the state of lowest value: a sink that all rows share stands for it."""
    return kernel.rows(values, "support" if reach == "lowest" else reach)


def _shifted(rows: Rows, step: ProximalStep) -> Rows:
    """The rows, each with its own shift of the values, in units of the temperature."""
    values = rows.values + step.shift / step.temperature
    return Rows(rows.law, values, rows.allowed, rows.successors, rows.held)


def _leaking(kernel: Kernel, rows: Rows, found: SoftRows, tied: Array) -> Leaking:
    leak = jnp.broadcast_to(found.leak, found.cost.shape)
    return Leaking(kernel.with_law(rows, found.law), leak, jax.nn.softmax(-tied))


def _row_sink(rows: Rows) -> tuple[Float[Array, "S A"], Float[Array, "K S A"]]:
    """Of each row's own sink, the law proportional to p exp(-values): log of its sum, and the law."""
    low = jax.lax.stop_gradient(rows.lowest_held())
    weights = rows.law * jnp.exp(jnp.where(rows.law > 0, low - rows.values, 0))
    total = summed(weights)
    return jnp.log(total) - low, weights / total
