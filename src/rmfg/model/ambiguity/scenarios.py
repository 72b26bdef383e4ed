"""Scenarios: nature picks among kernels that somebody wrote down."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize
import scipy.sparse
from jaxtyping import Float

from rmfg.core import inputs
from rmfg.core.precision import Array, boundary, is_concrete
from rmfg.model.ambiguity.arguments import checked_field
from rmfg.model.ambiguity.base import Ambiguity, Worst
from rmfg.model.ambiguity.projection import lawful
from rmfg.model.ambiguity.soft import ProximalStep, Soft, Softened, plain
from rmfg.model.dobrushin import farthest
from rmfg.model.kernel import Kernel, as_kernel, joined, mixed, stacked


class Scenarios(Ambiguity):
    """Mixtures of given kernels, row by row: sigma = min over scenarios of <P_i, V>.

    `kernels` is a sequence of kernels or arrays (S, A, S), or a function of the mean field that
    returns one. The set is what is given: list the nominal kernel too if it is possible.
    Nature picks one scenario per (s, a), the first of those that are equally bad.
    Raises ValueError where the sequence is empty or a kernel has another size than the game's.
    """

    kernels: tuple[Kernel, ...] | Callable[[Any], Any]

    def __init__(self, kernels: Sequence[Kernel | Array] | Callable[[Any], Any]):
        self.kernels = kernels if callable(kernels) else _as_kernels(kernels)

    def worst(
        self, kernel: Kernel, values: Float[Array, " S"], mean_field: Array | None = None
    ) -> Worst:
        kernels = self._at(kernel, mean_field)
        expected = jnp.stack([scenario.expectation(values) for scenario in kernels])
        best = jnp.argmin(expected, axis=0)
        return Worst(jnp.min(expected, axis=0), joined(kernels, best))

    @property
    def soft(self) -> Soft:
        return AmongScenarios(self._at)

    @boundary
    def violation(
        self, kernel: Kernel, nominal: Kernel, mean_field: Array | None = None
    ) -> Float[Array, "S A"]:
        """Return the total variation between each row and the nearest mixture of scenarios."""
        kernel, nominal = as_kernel(kernel, "kernel"), as_kernel(nominal, "nominal")
        mean_field = checked_field(nominal, mean_field, lawful=False)
        if not is_concrete(kernel, nominal, mean_field):
            raise TypeError("`violation` of scenarios is a linear program and cannot be traced.")
        kernels = self._at(nominal, mean_field)
        laws = stacked([kernel, *kernels])
        defect, law = (np.asarray(part) for part in lawful(laws[0]))
        scenarios = np.asarray(laws[1:])
        off = np.maximum(scenarios - law, 0).sum(axis=1).min(axis=0)
        # A row that is no scenario itself may still be a mixture.
        for s, a in np.argwhere(~(off <= 0)):
            hull = _distance_to_hull(law[:, s, a], scenarios[:, :, s, a])
            off[s, a] = np.minimum(hull, off[s, a])
        return defect + off

    def _at(self, nominal: Kernel, mean_field: Array | None) -> tuple[Kernel, ...]:
        kernels = self.kernels
        if callable(kernels):
            if mean_field is None:
                raise ValueError(
                    "`mean_field` must be given, because `kernels` is a function of the mean field."
                )
            kernels = _as_kernels(inputs.called("kernels", kernels, jnp.asarray(mean_field)))
        size = (nominal.num_states, nominal.num_actions)
        for number, scenario in enumerate(kernels):
            found = (scenario.num_states, scenario.num_actions)
            if found != size:
                raise ValueError(
                    f"`kernels`: scenario {number} has (states, actions) = {found}, but the game "
                    f"has {size}."
                )
        return kernels

    def support_lipschitz(self, spread: float, smallest: float) -> float | None:
        return 0.0

    def dobrushin(self, nominal: float, spread: float, num_states: int) -> float:
        if not isinstance(self.kernels, tuple):
            return 1.0
        rows = [np.asarray(kernel.to_dense()) for kernel in self.kernels]
        return farthest(np.concatenate(rows, axis=1))

    def kernel_lipschitz(self, nominal: float, values: float, spread: float) -> float | None:
        return math.inf  # from one corner of a polytope to another


@dataclasses.dataclass(frozen=True)
class AmongScenarios(Soft):
    """Mix the scenarios in proportion to exp(-expected value): h is the entropy of the mixture."""

    kernels_at: Callable[[Kernel, Array | None], tuple[Kernel, ...]]

    def answer(self, kernel: Kernel, step: ProximalStep, mean_field: Array | None) -> Softened:
        kernels = self.kernels_at(kernel, mean_field)
        scaled = step.values / step.temperature
        before = jnp.stack([-scenario.expectation(step.potential) for scenario in kernels])
        after = before - jnp.stack([scenario.expectation(scaled) for scenario in kernels])
        gain = jax.nn.logsumexp(after, axis=0) - jax.nn.logsumexp(before, axis=0)
        return plain(-step.temperature * gain, mixed(kernels, jax.nn.softmax(after, axis=0)))


def _as_kernels(kernels: Sequence[Kernel | Array]) -> tuple[Kernel, ...]:
    single = isinstance(kernels, np.ndarray | jax.Array) and kernels.ndim == 0
    if single or isinstance(kernels, str | bytes | dict) or not isinstance(kernels, Iterable):
        raise TypeError(
            "`kernels` must be a list of kernels, or a function of the mean field that returns one, "
            f"but is {inputs.described(kernels)}."
        )
    found = tuple(as_kernel(kernel, "kernels") for kernel in kernels)
    if not found:
        raise ValueError("`kernels` must hold at least one kernel, but is empty.")
    return found


def _distance_to_hull(law: np.ndarray, scenarios: np.ndarray) -> float:
    """The total variation between the law and the nearest mixture that the program finds."""
    if not np.isfinite(law).all():
        return np.nan
    touched = (scenarios > 0).any(axis=0) | (law > 0)
    mixture = scenarios[:, touched].T
    size, count = mixture.shape
    identity = scipy.sparse.eye_array(size)
    equations = scipy.sparse.block_array(
        [[mixture, identity, -identity], [np.ones((1, count)), None, None]]
    )
    objective = np.concatenate([np.zeros(count), np.full(2 * size, 0.5)])
    outcome = scipy.optimize.linprog(
        objective, A_eq=equations, b_eq=np.append(law[touched], 1), method="highs"
    )
    if outcome.status != 0:
        return 1.0
    # The program's own objective is right up to its tolerance alone; this is true of its weights.
    weights = np.maximum(outcome.x[:count], 0)
    if not weights.any():
        return 1.0
    return float(np.maximum(mixture @ (weights / weights.sum()) - law[touched], 0).sum())
