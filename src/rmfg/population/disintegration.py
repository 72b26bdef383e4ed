"""A law over states and actions as a law over states and a policy."""

import numpy as np
from jaxtyping import Float


def disintegrated(
    joint: Float[np.ndarray, "S A"], elsewhere: Float[np.ndarray, "S A"] | None = None
) -> tuple[Float[np.ndarray, " S"], Float[np.ndarray, "S A"]]:
    """Return the law over states, and the policy that leads from it to the joint law.

    In states without mass the joint law says nothing: there the policy is `elsewhere`, or uniform.
    """
    distribution = joint.sum(axis=1)
    there = distribution[:, None] > 0
    policy = np.full(joint.shape, 1 / joint.shape[1]) if elsewhere is None else elsewhere.copy()
    return distribution, np.divide(joint, distribution[:, None], out=policy, where=there)
