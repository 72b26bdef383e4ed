"""What the public methods of ambiguity sets are given."""

from typing import Any

import numpy as np

from rmfg.core import checks, inputs
from rmfg.core.precision import Array
from rmfg.model.kernel import Kernel, as_kernel


def checked_values(kernel: Any, values: Any) -> tuple[Kernel, Array]:
    """Refuse what is no kernel, and anything but a finite number for each of its states."""
    kernel, values = as_kernel(kernel, "kernel"), inputs.real("values", values)
    checks.shaped("values", values, (kernel.num_states,), "(states,)")
    return kernel, checks.finite("values", values, ("s",))


def checked_field(kernel: Kernel, mean_field: Any) -> Array | None:
    """Refuse anything but a law over states, or over states and actions."""
    if mean_field is None:
        return None
    field = inputs.real("mean_field", mean_field)
    shapes = ((kernel.num_states,), (kernel.num_states, kernel.num_actions))
    if field.shape not in shapes:
        raise ValueError(
            f"`mean_field` must have shape {shapes[0]} = (states,) or {shapes[1]} = (states, actions), "
            f"but has shape {tuple(field.shape)}."
        )
    law = checks.laws("mean_field", field.reshape(-1), (), inputs.precision_of(mean_field))
    return np.reshape(law, field.shape) if isinstance(law, np.ndarray) else law.reshape(field.shape)
