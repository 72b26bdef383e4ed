"""What right answers keep: the laws that are cheap to check after every call."""

from typing import Any

import jax
import numpy as np

import rmfg
from fuzzed.good import LAWS
from fuzzed.kinds import numeric


def finite(*found: Any) -> bool:
    return all(np.isfinite(np.asarray(array)).all() for array in found)


def law(array: Any) -> bool:
    rows = np.asarray(array)
    return bool(finite(rows) and rows.min() >= -1e-12 and np.abs(rows.sum(-1) - 1).max() <= 1e-9)


def keeps_kernel(kernel: Any, _: dict[str, Any]) -> bool:
    return law(kernel.to_dense()) and not np.asarray(kernel.law).flags.writeable


def keeps_game(game: Any, _: dict[str, Any]) -> bool:
    field = np.full(game.mean_field_shape, 1 / np.prod(game.mean_field_shape))
    shape = (game.num_states, game.num_actions)
    reward, kernel = game.reward(field), game.kernel(field)
    return finite(reward) and reward.shape == shape and law(kernel.probabilities)


def keeps_set(ambiguity: Any, _: dict[str, Any]) -> bool:
    return isinstance(ambiguity, rmfg.Ambiguity)


def keeps_bounds(found: Any, given: dict[str, Any]) -> bool:
    """Nature takes something, and not more than there is."""
    values = numeric(given["values"])
    mean = np.asarray(rmfg.DenseKernel(LAWS).to_dense()) @ values
    slack = 1e-5 * max(1.0, float(np.abs(values).max()))
    inside = not isinstance(given["kernel"], rmfg.DenseKernel) or (found <= mean + slack).all()
    return finite(found) and bool((found >= values.min() - slack).all() and inside)


def keeps_numbers(found: Any, _: dict[str, Any]) -> bool:
    return finite(
        *(leaf for leaf in jax.tree.leaves(found) if isinstance(leaf, np.ndarray | float))
    )


def keeps_law(found: Any, _: dict[str, Any]) -> bool:
    return law(found)


def keeps_answer(answer: Any, _: dict[str, Any]) -> bool:
    shown = [answer.policy, answer.distribution, answer.kernel.to_dense()]
    return all(law(array) for array in shown) and finite(answer.value) and bool(str(answer))


def keeps_certificate(proof: Any, _: dict[str, Any]) -> bool:
    # NaN in a candidate is no error, but refuted.
    return bool(proof.certified) <= finite(proof.exploitability, proof.consistency)


def keeps_dataset(found: Any, _: dict[str, Any]) -> bool:
    return all(finite(field) for field in found.data_vars.values() if field.dtype.kind == "f")


def anything_kept(found: Any, given: dict[str, Any]) -> bool:
    return True
