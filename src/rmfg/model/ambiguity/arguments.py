"""What the public methods of ambiguity sets are given."""

from typing import Any

from rmfg.core import checks, inputs
from rmfg.core.precision import Array
from rmfg.model.kernel import Kernel, as_kernel


def checked_values(kernel: Any, values: Any) -> tuple[Kernel, Array]:
    """Refuse what is no kernel, and anything but a finite number for each of its states."""
    kernel, values = as_kernel(kernel, "kernel"), inputs.real("values", values)
    checks.shaped("values", values, (kernel.num_states,), "(states,)")
    return kernel, checks.finite("values", values, ("s",))


def checked_field(kernel: Kernel, mean_field: Any, lawful: bool = True) -> Array | None:
    """Refuse anything but a law over states, or over states and actions; or only its shape."""
    if mean_field is None:
        return None
    field = inputs.real("mean_field", mean_field)
    shapes = ((kernel.num_states,), (kernel.num_states, kernel.num_actions))
    shape = tuple(field.shape)
    if shape not in shapes:
        raise ValueError(
            f"`mean_field` must have shape {shapes[0]} = (states,) or {shapes[1]} = (states, actions), "
            f"but has shape {shape}."
        )
    if lawful:
        field = checks.laws("mean_field", field.reshape(-1), (), inputs.precision_of(mean_field))
    return field.reshape(shape)
