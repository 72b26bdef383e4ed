"""What every ambiguity set is: nature's choice of the next-state law, one row at a time."""

import abc
import dataclasses
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from rmfg.core.precision import Array, boundary, is_concrete
from rmfg.model.ambiguity.arguments import checked_field, checked_values
from rmfg.model.ambiguity.projection import lawful, mass_to_move
from rmfg.model.ambiguity.sizes import check_moving_sizes, has_no_size
from rmfg.model.kernel import Kernel, aligned, as_kernel
from rmfg.model.leaking import Leaking
from rmfg.model.rows import Reach, Rows, summed


class Worst(NamedTuple):
    """Nature's answer: a lower bound of the support function, and a feasible law that attains it."""

    value: Float[Array, "S A"]
    kernel: Kernel


class SoftAnswer(NamedTuple):
    """Nature's smooth answer on rows: its cost, the law on the slots, and the mass that leaves them.

    `leak` goes to a sink: one law over states that all rows share, or one on each row's slots.

    `price` is the multiplier of a curved set's own distance, at least one.
    """

    cost: Float[Array, "S A"]
    law: Float[Array, "K S A"]
    leak: Float[Array, "..."] | float = 0.0
    price: Float[Array, "S A"] | float = 1.0


class Softened(NamedTuple):
    """Nature's smooth answer: its cost in the unit of the values, and the law.

    `weight` and `toll` belong to the next proximal step: how much of the potential each row of a
    curved set feels (all of it inside the set, hardly any on the boundary, where the values alone
    decide), and what its answer costs there, to be taken off.
    """

    value: Float[Array, "S A"]
    kernel: Kernel | Leaking
    toll: Float[Array, "S A"]
    weight: Float[Array, "S A"]


class RowAnswer(NamedTuple):
    """Nature's answer on rows: how far the worst case lies below the nominal mean, and the law."""

    reduction: Float[Array, "S A"]
    law: Float[Array, "K S A"]


class Ambiguity(eqx.Module):
    """A set of laws for every (s, a) that contains the nominal one and from which nature picks."""

    def __repr__(self) -> str:
        """Return the call that makes the set, on one line: numbers, and the shapes of arrays."""
        fields = ((field.name, getattr(self, field.name)) for field in dataclasses.fields(self))
        return (
            f"{type(self).__name__}({', '.join(f'{key}={_shown(value)}' for key, value in fields)})"
        )

    @abc.abstractmethod
    def worst(
        self, kernel: Kernel, values: Float[Array, " S"], mean_field: Array | None = None
    ) -> Worst:
        """Solve nature's problem for all rows at once (traceable; see the methods below)."""

    @property
    def ordinal(self) -> bool:
        """Whether only the order of values, not their distances, decides who can tie."""
        return True

    def soften(
        self,
        kernel: Kernel,
        values: Float[Array, " S"],
        potential: Float[Array, " S"],
        temperature: Float[Array, ""],
        mean_field: Array | None = None,
        weight: Float[Array, "S A"] | None = None,
    ) -> Softened:
        """Return nature's smooth answer near the one that `potential` stands for.

        The law minimizes <q, values> + temperature * D(q, q_0) over the set, a proximal step: D is
        the Bregman divergence of a strictly convex h, and q_0 the smooth answer to the potential.
        It lies inside the set, is differentiable in everything, also in kernel and radius, and is
        the slope of the least cost, `value`, in `values`. Repeated with V / temperature added to
        the potential each time, it tends to an answer that attains the worst case, a mixture of
        those that tie. Rows of curved sets feel `weight` times the potential (all of it by
        default), and their value is not yet less the toll.

        A set that does not replace this method answers by its worst law, held constant: exact, but not
        smooth, so that solvers that differentiate it work only where nature's answers do not tie.
        """
        frozen = jax.lax.stop_gradient((kernel, values))
        law = jax.lax.stop_gradient(self.worst(*frozen, mean_field).kernel)
        value = law.expectation(values) + self.penalty(law, kernel, mean_field)
        return Softened(value, law, jnp.zeros_like(value), jnp.ones_like(value))

    @abc.abstractmethod
    def violation(
        self, kernel: Kernel, nominal: Kernel, mean_field: Array | None = None
    ) -> Float[Array, "S A"]:
        """Return how far each row of `kernel` lies outside the set around `nominal`; 0 inside.

        In probability: the total variation to the nearest law of the set, or an upper bound of it.
        What a row lacks to be a law counts the same way; NaN stays.
        """

    def check(self, kernel: Kernel) -> None:
        """Refuse a kernel whose size the set does not fit; raises ValueError."""

    # What is proved of a set whose sizes do not depend on the mean field (`frozen`). The defaults claim
    # nothing; what is claimed is proved in the documentation (guarantees).

    @property
    def frozen(self) -> bool:
        """Whether no size of the set is a function of the mean field."""
        values = (getattr(self, field.name) for field in dataclasses.fields(self))
        return not any(callable(value) and not isinstance(value, Kernel) for value in values)

    @property
    def singleton(self) -> bool:
        """Whether the set holds the nominal law alone."""
        return False

    @property
    def by_order(self) -> bool:
        """Whether the worst law depends on the values through their order alone."""
        return False

    @property
    def by_lowest_state(self) -> bool:
        """Whether even the order does not matter, as long as one state stays the lowest."""
        return False

    def support_lipschitz(self, spread: float, smallest: float) -> float | None:
        """How far the support function follows the nominal law, or None where nothing is proved.

        It changes by at most this times 1/2 norm1(p - p') * (max V - min V), for values of this
        spread and laws whose positive probabilities stay above `smallest` on a support that does not
        move (0 where that is not known).
        """
        return None

    def dobrushin(self, nominal: float, spread: float, num_states: int) -> float:
        """Bound the Dobrushin coefficient of nature's kernel at any values of this spread.

        `nominal` is the nominal kernel's. One is true of every kernel.
        """
        return min(nominal + 2 * self.farthest_law(num_states), 1.0)

    def farthest_law(self, num_states: int) -> float:
        """Bound the total variation between a law of the set and the nominal law."""
        return 1.0

    def kernel_lipschitz(self, nominal: float, values: float, spread: float) -> float | None:
        """How fast nature's kernel moves, in L1, with whatever moves the nominal one and the values.

        `nominal` and `values` (in half the spread) say how fast these move. Infinite where it
        may jump, None where nothing is proved.
        """
        return None

    @boundary
    def penalty(
        self,
        kernel: Kernel,
        nominal: Kernel,
        mean_field: Array | None = None,
    ) -> Float[Array, "S A"]:
        """Return what nature pays for the law that it picks: zero unless the set is penalized.

        For a law inside the set, its expected value plus this is an upper bound of the support
        function. Only penalized sets replace this method.
        """
        return jnp.zeros((nominal.num_states, nominal.num_actions), nominal.law.dtype)

    @boundary
    def worst_value(
        self, kernel: Kernel, values: Float[Array, " S"], mean_field: Array | None = None
    ) -> Float[Array, "S A"]:
        """Return the support function, min of <q, values> over the set, as a certified lower bound.

        `mean_field` is needed only where the radius is a function of it.
        """
        kernel, values = checked_values(kernel, values)
        mean_field = checked_field(kernel, mean_field)
        self.check(kernel)
        check_moving_sizes(self, kernel.law, mean_field)
        return _worst_value(self, kernel, values, mean_field)

    @boundary
    def worst_kernel(
        self, kernel: Kernel, values: Float[Array, " S"], mean_field: Array | None = None
    ) -> Kernel:
        """Return a kernel of the same kind inside the set that attains the support function.

        Where several laws attain it, the one returned puts mass on the first state of lowest
        value, and takes mass from states of equal value in proportion to what they hold.
        """
        kernel, values = checked_values(kernel, values)
        mean_field = checked_field(kernel, mean_field)
        self.check(kernel)
        check_moving_sizes(self, kernel.law, mean_field)
        return _worst_kernel(self, kernel, values, mean_field)


def _shown(value: object) -> str:
    """A field in a few words, also where JAX has put something in the place of an array."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_shown, value))})"
    shape = getattr(value, "shape", None)
    if shape:
        return f"<array {shape}>"
    if shape == () and is_concrete(value):
        return f"{float(np.asarray(value)):g}"
    return "<function of the mean field>" if callable(value) else repr(value)


@eqx.filter_jit
def _worst_value(ambiguity: Ambiguity, kernel: Kernel, values: Array, field: Array | None) -> Array:
    return ambiguity.worst(kernel, values, field).value


@eqx.filter_jit
def _worst_kernel(
    ambiguity: Ambiguity, kernel: Kernel, values: Array, field: Array | None
) -> Kernel:
    return ambiguity.worst(kernel, values, field).kernel


class RowwiseAmbiguity(Ambiguity):
    """A set that is given by one rule for every row, solved for all rows in the same loop."""

    @property
    @abc.abstractmethod
    def reach(self) -> Reach:
        """Which successors nature's answer can need."""

    @property
    def by_state(self) -> bool:
        """Whether distances need to know which state a slot is, not only its two masses."""
        return self.reach == "everywhere"

    @property
    def on_host(self) -> bool:
        """Whether distances are computed outside of JAX, and so cannot be traced."""
        return False

    @abc.abstractmethod
    def answer(self, rows: Rows, mean_field: Array | None) -> RowAnswer:
        """Solve nature's problem on rows."""

    @property
    def curved(self) -> bool:
        """Whether the set's boundary is curved: then nature's answer moves smoothly with values that
        are not all equal, and only the choice of a sink can tie.
        """
        return False

    def soft_answer(
        self, rows: Rows, sink: Float[Array, "..."], mean_field: Array | None
    ) -> SoftAnswer | None:
        """Minimize <q, values> + h(q) over the set, h strictly convex; mass may go to the sink, whose
        value is `sink`. None where the set has no smooth answer.
        """
        return None

    @abc.abstractmethod
    def excess(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"], mean_field: Array | None
    ) -> Float[Array, "S A"]:
        """Return how far `law` is outside in a unit of the set's own: not positive inside, positive
        outside. Unless it is a mass, it need not see what lies off a nominal support.
        """

    @property
    def excess_is_mass(self) -> bool:
        """Whether a positive `excess` is itself the total variation to the nearest law of the set."""
        return False

    def scale(self, nominal: Float[Array, "K S A"]) -> Float[Array, "K S A"]:
        """Return how far single probabilities move in comparison when a law is brought inside; see
        `projection`. A poor choice makes `violation` larger than it must be, never wrong.
        """
        return nominal

    def mass_outside(
        self, nominal: Float[Array, "K S A"], law: Float[Array, "K S A"], mean_field: Array | None
    ) -> Float[Array, "S A"]:
        """Return the total variation from `law` to the nearest law of the set, or an upper bound."""
        if self.excess_is_mass:
            return self.excess(nominal, law, mean_field)
        # Where nature is kept on the support, what lies off it moves first, on no scale.
        kept = (nominal > 0) | (self.reach != "support")

        def excess(law: Array) -> Array:
            return self.excess(nominal, jnp.where(kept, law, 0), mean_field)

        off = jnp.sum(jnp.where(kept, 0, law), axis=0)
        return mass_to_move(excess, nominal, law, jnp.where(kept, self.scale(nominal), 0), off)

    def worst(
        self, kernel: Kernel, values: Float[Array, " S"], mean_field: Array | None = None
    ) -> Worst:
        rows = kernel.rows(values, self.reach)
        reduction, law = self.answer(rows, mean_field)
        # Relative to the mean, radius zero gives the nominal expectation to the last digit.
        value = jnp.maximum(kernel.expectation(values) - reduction, rows.lowest())
        unknown = has_no_size(self, kernel.law, mean_field)
        law = jnp.where(unknown, jnp.nan, law)
        return Worst(jnp.where(unknown, jnp.nan, value), kernel.with_law(rows, law))

    def soften(
        self,
        kernel: Kernel,
        values: Float[Array, " S"],
        potential: Float[Array, " S"],
        temperature: Float[Array, ""],
        mean_field: Array | None = None,
        weight: Float[Array, "S A"] | None = None,
    ) -> Softened:
        soften = self._soften_curved if self.curved else self._soften_flat
        softened = soften(kernel, values, potential, temperature, mean_field, weight)
        return _spoiled(softened, has_no_size(self, kernel.law, mean_field))

    def _soften_flat(
        self,
        kernel: Kernel,
        values: Array,
        potential: Array,
        temperature: Array,
        mean_field: Array | None,
        weight: Array | None,
    ) -> Softened:
        tied = values / temperature + potential
        reach = "support" if self.reach == "lowest" else self.reach
        rows, before = kernel.rows(tied, reach), kernel.rows(potential, reach)
        shared = self.reach == "lowest"
        log_total, sink = (jax.nn.logsumexp(-tied), None) if shared else _row_sink(rows)
        log_before = jax.nn.logsumexp(-potential) if shared else _row_sink(before)[0]
        answer = self.soft_answer(rows, log_before - log_total, mean_field)
        at_center = self.soft_answer(before, jnp.zeros_like(log_total), mean_field)
        if answer is None or at_center is None:
            return Ambiguity.soften(self, kernel, values, potential, temperature, mean_field)
        value = temperature * (answer.cost - at_center.cost)
        if sink is None:
            law = self._leaking(kernel, rows, answer, tied)
        else:
            law = kernel.with_law(rows, answer.law + answer.leak * sink)
        return Softened(value, law, jnp.zeros_like(value), jnp.ones_like(value))

    def _soften_curved(
        self,
        kernel: Kernel,
        values: Array,
        potential: Array,
        temperature: Array,
        mean_field: Array | None,
        weight: Array | None,
    ) -> Softened:
        scaled = values / temperature
        tied = scaled + potential
        shared = self.reach == "lowest"
        reach = "support" if shared else self.reach
        rows, past = kernel.rows(scaled, reach), kernel.rows(potential, reach)
        weight = jnp.ones_like(rows.law[0]) if weight is None else weight
        felt = Rows(rows.law, rows.values + weight * past.values, rows.allowed, rows.successors)
        # The sink's own potential is felt in full: who takes created mass is a tie everywhere.
        log_before = jax.nn.logsumexp(-potential)
        sink = (1 - weight) * log_before - jax.nn.logsumexp(-tied)
        answer = self.soft_answer(felt, sink, mean_field)
        if answer is None:
            return Ambiguity.soften(self, kernel, values, potential, temperature, mean_field)
        following = 1 / jnp.broadcast_to(answer.price, answer.cost.shape)
        center = rows.values + past.values
        expected = summed(answer.law * felt.values) + answer.leak * sink
        toll = answer.cost - expected + following * summed(answer.law * center)
        toll -= following * answer.leak * jax.nn.logsumexp(-tied)
        law = (
            self._leaking(kernel, rows, answer, tied)
            if shared
            else kernel.with_law(rows, answer.law)
        )
        return Softened(temperature * answer.cost, law, temperature * toll, following)

    def _leaking(self, kernel: Kernel, rows: Rows, answer: SoftAnswer, tied: Array) -> Leaking:
        leak = jnp.broadcast_to(answer.leak, answer.cost.shape)
        return Leaking(kernel.with_law(rows, answer.law), leak, jax.nn.softmax(-tied))

    @boundary
    def violation(
        self, kernel: Kernel, nominal: Kernel, mean_field: Array | None = None
    ) -> Float[Array, "S A"]:
        kernel, nominal = as_kernel(kernel, "kernel"), as_kernel(nominal, "nominal")
        mean_field = checked_field(nominal, mean_field, lawful=False)
        compute = _violation if self.on_host else _compiled_violation
        return compute(self, kernel, nominal, mean_field)


def _spoiled(softened: Softened, unknown: Bool[Array, "S A"]) -> Softened:
    """The answer, with NaN in rows of unknown size."""
    given = softened.kernel
    kept = given.kept if isinstance(given, Leaking) else given
    law = jnp.where(unknown, jnp.nan, jnp.asarray(kept.law))
    kernel = eqx.tree_at(lambda kernel: kernel.law, kept, law)
    if isinstance(given, Leaking):
        kernel = Leaking(kernel, given.leak, given.sink)
    value = jnp.where(unknown, jnp.nan, softened.value)
    return Softened(value, kernel, softened.toll, softened.weight)


def _row_sink(rows: Rows) -> tuple[Float[Array, "S A"], Float[Array, "K S A"]]:
    """Of each row's own sink, the law proportional to p exp(-values): log of its sum, and the law."""
    low = jax.lax.stop_gradient(rows.lowest_held())
    weights = rows.law * jnp.exp(jnp.where(rows.law > 0, low - rows.values, 0))
    total = summed(weights)
    return jnp.log(total) - low, weights / total


def _violation(
    ambiguity: RowwiseAmbiguity, kernel: Kernel, nominal: Kernel, mean_field: Array | None
) -> Float[Array, "S A"]:
    before, after = aligned(nominal, kernel, ambiguity.by_state)
    defect, law = lawful(after)
    return defect + jnp.maximum(ambiguity.mass_outside(before, law, mean_field), 0)


_compiled_violation = eqx.filter_jit(_violation)


def within(law: Array, nominal: Array, reached: Array, allowed: Array) -> Array:
    """The law, mixed with the nominal one where rounding took its distance beyond what is allowed."""
    share = jax.lax.stop_gradient(jnp.minimum(1, proportional(allowed, reached)))
    return share * law + (1 - share) * nominal


def proportional(part: Array, whole: Array) -> Array:
    """Part / whole, and zero where the whole is zero."""
    return jnp.where(whole > 0, part / jnp.where(whole > 0, whole, 1), 0)
