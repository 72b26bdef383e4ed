"""The SIS epidemic: contacts are pleasant, and infect."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.core.memory import affordable
from rmfg.core.precision import Array
from rmfg.model.game import TabularGame
from rmfg.model.kernel import DenseKernel
from rmfg.zoo.arguments import number, probability, whole
from rmfg.zoo.registry import Entry
from rmfg.zoo.watched import share_at


class Infection(eqx.Module):
    """The kernel of infection by contact and recovery at a constant rate."""

    contact: Float[Array, " A"]
    infection_rate: Float[Array, ""]
    recovery_rate: Float[Array, ""]

    def __call__(self, mean_field: Float[Array, "2"]) -> DenseKernel:
        infected = self.infection_rate * self.contact * mean_field[1]
        recovered = jnp.broadcast_to(self.recovery_rate, self.contact.shape)
        healthy = jnp.stack([1 - infected, infected], axis=-1)
        ill = jnp.stack([recovered, 1 - recovered], axis=-1)
        return DenseKernel(jnp.stack([healthy, ill]))


def sis_epidemic(
    num_actions: int = 5,
    infection_rate: float = 0.8,
    recovery_rate: float = 0.1,
    infection_cost: float = 10.0,
    discount: float = 0.9,
) -> TabularGame:
    """Build the SIS epidemic with a choice of contacts.

    States are susceptible (0) and infected (1); action a is the contact level l = a / (A - 1).

        r(s, a) = l - infection_cost [s = 1]
        P(1 | 0, a, m) = infection_rate l m(1),   P(0 | 1, a, m) = recovery_rate

    Nobody infected is an equilibrium, in which all seek contact. With D = (infection_cost - 1) /
    (1 - discount (1 - recovery_rate)), the price of an infection when the healthy are indifferent,
    the endemic equilibrium has m(1) = 1 / (discount infection_rate D), while the healthy choose
    l = recovery_rate / (infection_rate m(0)) on average, where both lie in (0, 1): at the defaults
    m(1) = 0.0293209877 and l = 0.1287758347. The formula is exact; the code of the source rounds
    P(1 | 0) to whole percents, which makes rare infections impossible.
    """
    affordable("num_actions", 10 * whole("num_actions", num_actions, 2))
    levels = np.arange(num_actions) / (num_actions - 1)
    rates = np.asarray(probability("infection_rate", infection_rate))
    recovery = np.asarray(probability("recovery_rate", recovery_rate))
    cost = number("infection_cost", infection_cost, 0)
    return TabularGame(
        Infection(levels, rates, recovery),
        np.stack([levels, levels - cost]),
        discount,
        state_names=("susceptible", "infected"),
        action_names=[f"contact {level:.3g}" for level in levels],
        observables={"infected": share_at(1)},
    )


ENTRY = Entry(
    name="sis-epidemic",
    summary="Agents enjoy contacts, which infect them as often as the others are infected.",
    source="Bench-MFG, arXiv:2602.12517 (sis_epidemic), with the documented instead of the "
    "rounded probabilities.",
    equations="r = l_a - infection_cost [s = 1], l_a = a / (A - 1); "
    "P(1 | 0, a, m) = infection_rate l_a m(1), P(0 | 1) = recovery_rate.",
    known=("several equilibria", "closed form"),
    build=sis_epidemic,
)
