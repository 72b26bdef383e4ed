"""Averages of what was played, in which later rounds weigh more.

A kernel is averaged as a flow: each round counts in a row as much as the mass that met it there. The
average of kernels of one convex set lies in it, and so do flows over the mass behind them.
"""

from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Float

from rmfg.core.precision import Array
from rmfg.model.game import MeanFieldGame
from rmfg.model.kernel import DenseKernel, Kernel, as_dense, assemble

Averaged = TypeVar("Averaged")

# A flow is a dense law over next states: up to this many numbers it is kept.
LARGEST_FLOW = 4_000_000


class KernelAverage(eqx.Module):
    """The mass that was sent to each next state, and the mass that it came from."""

    flow: Float[Array, "S S A"]
    weight: Float[Array, "S A"]

    @classmethod
    def of(cls, kernel: Kernel, weight: Float[Array, "S A"]) -> "KernelAverage":
        """One round, weighing rows by positive masses."""
        return cls(weight * as_dense(kernel).law, weight)

    def kernel(self) -> Kernel:
        """The kernel that the flow implies."""
        law = self.flow / self.weight
        return assemble(DenseKernel, law=law / jnp.sum(law, axis=0))


def flow_fits(game: MeanFieldGame) -> bool:
    """Whether a flow of the game is small enough to be kept."""
    return game.num_states**2 * game.num_actions <= LARGEST_FLOW


def share_of_round(count: Array, power: Array | float) -> Array:
    """The share of round `count` in an average that weighs round j by about j^(power - 1)."""
    return power / (count + power - 1)


def averaged(past: Averaged, now: Averaged, share: Array) -> Averaged:
    """The past with a share of what is played now."""
    return jax.tree.map(lambda old, new: (1 - share) * old + share * new, past, now)
