"""What every ambiguity set is: nature's choice of the next-state law, one row at a time."""

import abc
import dataclasses
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.core.precision import Array, boundary, is_concrete
from rmfg.model.ambiguity.arguments import checked_field, checked_values
from rmfg.model.ambiguity.sizes import check_moving_sizes, has_no_size
from rmfg.model.ambiguity.soft import Frozen, ProximalStep, Soft, Softened, spoiled
from rmfg.model.kernel import Kernel


class Worst(NamedTuple):
    """Nature's answer: a lower bound of the support function, and a feasible law that attains it."""

    value: Float[Array, "S A"]
    kernel: Kernel


class Ambiguity(eqx.Module):
    """A set of laws for every (s, a) that contains the nominal one and from which nature picks."""

    def __repr__(self) -> str:
        """Return the call that makes the set, on one line: numbers, and the shapes of arrays."""
        given = (field.name for field in dataclasses.fields(self) if field.init)
        fields = ((name, getattr(self, name)) for name in given)
        return (
            f"{type(self).__name__}({', '.join(f'{key}={_shown(value)}' for key, value in fields)})"
        )

    @abc.abstractmethod
    def worst(
        self, kernel: Kernel, values: Float[Array, " S"], mean_field: Array | None = None
    ) -> Worst:
        """Solve nature's problem for all rows at once (traceable; see the methods below)."""

    @property
    def soft(self) -> Soft:
        """The way to nature's smooth answer; by default the worst law, held constant."""
        return Frozen(self._worst_kernel, self.penalty)

    def soften(
        self, kernel: Kernel, step: ProximalStep, mean_field: Array | None = None
    ) -> Softened:
        """Return nature's smooth answer near the one that a potential stands for (see `soft`)."""
        softened = self.soft.answer(kernel, step, mean_field)
        return spoiled(softened, has_no_size(self, kernel.law, mean_field))

    def _worst_kernel(self, kernel: Kernel, values: Array, mean_field: Array | None) -> Kernel:
        return self.worst(kernel, values, mean_field).kernel

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
        return _worst_value(self, *self._checked(kernel, values, mean_field))

    @boundary
    def worst_kernel(
        self, kernel: Kernel, values: Float[Array, " S"], mean_field: Array | None = None
    ) -> Kernel:
        """Return a kernel of the same kind inside the set that attains the support function.

        Where several laws attain it, the one returned puts mass on the first state of lowest
        value, and takes mass from states of equal value in proportion to what they hold.
        """
        return _worst_kernel(self, *self._checked(kernel, values, mean_field))

    def _checked(
        self, kernel: Kernel, values: Array, mean_field: Array | None
    ) -> tuple[Kernel, Array, Array | None]:
        kernel, values = checked_values(kernel, values)
        mean_field = checked_field(kernel, mean_field)
        self.check(kernel)
        check_moving_sizes(self, kernel.law, mean_field)
        return kernel, values, mean_field


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
