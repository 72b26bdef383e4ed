"""What callers give as an ambiguity set."""

from typing import Any

from rmfg.core import inputs
from rmfg.model.ambiguity.base import Ambiguity


def checked_ambiguity(ambiguity: Any) -> Ambiguity:
    """Refuse what is no ambiguity set."""
    what = "an ambiguity set such as rmfg.TotalVariation(0.1)"
    return inputs.instance("ambiguity", ambiguity, Ambiguity, what, "No doubt is rmfg.Nominal().")
