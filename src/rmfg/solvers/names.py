"""The names of solvers, for help and command lines. Nothing is imported here."""

from typing import TYPE_CHECKING

from rmfg.core.registry import Registry

if TYPE_CHECKING:
    from rmfg.solvers.base import Solver

# Name, where the class is, and what else people call it.
SOLVERS: "Registry[type[Solver]]" = Registry(
    "solver",
    ("auto", "rmfg.solvers.auto:Auto", "default"),
    ("picard", "rmfg.solvers.picard:Picard", "fixed-point"),
    ("anderson", "rmfg.solvers.anderson:Anderson", "aa"),
    ("fictitious-play", "rmfg.solvers.fictitious_play:FictitiousPlay", "fp"),
    ("mirror-descent", "rmfg.solvers.mirror_descent:MirrorDescent", "omd", "md"),
    ("newton", "rmfg.solvers.newton:Newton"),
    ("policy-iteration", "rmfg.solvers.policy_iteration:PolicyIteration", "pi", "howard"),
)
