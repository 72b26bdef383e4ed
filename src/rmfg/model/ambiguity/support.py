"""Which states nature may reach: all of them, or those that the nominal law reaches."""

import jax.numpy as jnp
from jaxtyping import Bool, Float

from rmfg.core import inputs
from rmfg.core.precision import Array
from rmfg.model.rows import Reach


def checked_support(support: str) -> str:
    """Refuse anything but the two words for what nature may reach."""
    return inputs.word("support", support, ("all", "nominal"))


def reach_of(support: str, beyond: Reach) -> Reach:
    """Which successors an answer can need: the row's own, or what lies `beyond` where all may be."""
    return beyond if support == "all" else "support"


def reachable(nominal: Float[Array, "K S A"], support: str) -> Bool[Array, "K S A"]:
    """The slots to which nature may send mass."""
    return (jnp.asarray(nominal) > 0) | (support == "all")


def support_may_move(support: str, smallest: float, otherwise: float) -> float | None:
    """No bound where nature keeps to a support that may change with the nominal law."""
    return None if support == "nominal" and smallest <= 0 else otherwise
