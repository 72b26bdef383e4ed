"""The front door and the solvers."""

import rmfg
from fuzzed.front import (
    DOUBT,
    FLAG,
    GAME,
    HEAT,
    POPULATION,
    SECONDS,
    SHARE,
    TOL,
    WHOLE,
    Argument,
    Front,
)
from fuzzed.good import LAW
from fuzzed.keeps import anything_kept, keeps_answer
from fuzzed.kinds import instance, is_integer, is_law, is_number, optional


def fronts() -> dict[str, Front]:
    """The front door, solvers, and what answers many times."""
    return front_door() | solvers() | studies()


def front_door() -> dict[str, Front]:
    """To solve a game."""
    return {
        "rmfg.solve": Front(
            rmfg.solve,
            {
                "game": GAME,
                "ambiguity": DOUBT,
                "solver": Argument(None, optional(instance(rmfg.Solver))),
                "tol": TOL,
                "population": POPULATION,
                "initial": Argument(
                    LAW, lambda v: v is None or is_law(v) or isinstance(v, rmfg.Equilibrium)
                ),
                "atol": Argument(None, optional(is_number)),
                "max_steps": Argument(2, optional(is_integer)),
                "max_seconds": SECONDS,
                "progress": FLAG,
                "throw": FLAG,
                "seed": WHOLE,
            },
            keeps_answer,
            6,
        ),
    }


def solvers() -> dict[str, Front]:
    """The solvers."""
    return {
        "rmfg.Picard": Front(
            rmfg.Picard,
            {
                "damping": SHARE,
                "temperature": Argument(None, optional(is_number)),
                "long_run": FLAG,
            },
            anything_kept,
        ),
        "rmfg.FictitiousPlay": Front(
            rmfg.FictitiousPlay, {"power": Argument(2.0, is_number)}, anything_kept
        ),
        "rmfg.MirrorDescent": Front(
            rmfg.MirrorDescent, {"step_size": SHARE, "optimistic": FLAG}, anything_kept
        ),
        "rmfg.PolicyIteration": Front(
            rmfg.PolicyIteration,
            {
                "kind": Argument("smooth", instance(str)),
                "damping": Argument(0.5, optional(is_number)),
            },
            anything_kept,
        ),
        "rmfg.Newton": Front(
            rmfg.Newton,
            {
                "temperature": HEAT,
                "restart": SHARE,
                "start": Argument(None, optional(instance(rmfg.Equilibrium))),
            },
            anything_kept,
        ),
        "rmfg.Anderson": Front(
            rmfg.Anderson,
            {
                "solver": Argument(None, optional(instance(rmfg.Solver))),
                "memory": WHOLE,
                "regularization": SHARE,
            },
            anything_kept,
        ),
    }


def studies() -> dict[str, Front]:
    """Many equilibria, and constants of contraction."""
    return {
        "rmfg.find_equilibria": Front(
            rmfg.find_equilibria,
            {
                "game": GAME,
                "num_starts": Argument(1, is_integer),
                "tol": TOL,
                "apart": SHARE,
                "population": POPULATION,
                "max_seconds": Argument(1.0, optional(is_number)),
                "seed": WHOLE,
            },
            anything_kept,
            1,
        ),
        "rmfg.contraction": Front(
            rmfg.contraction,
            {
                "game": GAME,
                "ambiguity": DOUBT,
                "temperature": HEAT,
                "population": POPULATION,
                "damping": SHARE,
                "long_run": FLAG,
                "num_samples": Argument(2, is_integer),
                "seed": WHOLE,
            },
            anything_kept,
            1,
        ),
    }
