"""Finitely many agents: simulation, gaps and bounds."""

import rmfg
from fuzzed.front import (
    DOUBT,
    FLAG,
    GAME,
    PLAYED,
    RULE,
    SECONDS,
    START,
    TOL,
    WHOLE,
    Argument,
    Front,
    solved,
)
from fuzzed.keeps import anything_kept, keeps_dataset
from fuzzed.kinds import instance, is_integer, is_number, one_of, optional


def fronts(answer: rmfg.Equilibrium) -> dict[str, Front]:
    """Finitely many agents."""
    return {
        "rmfg.simulate": Front(
            rmfg.simulate,
            {
                "game": GAME,
                "policy": PLAYED,
                "num_agents": WHOLE,
                "num_steps": Argument(2, is_integer),
                "nature": RULE,
                "ambiguity": DOUBT,
                "initial": START,
                "num_runs": Argument(2, is_integer),
                "seed": WHOLE,
                "method": Argument("counts", one_of("auto", "agents", "counts")),
                "keep_agents": FLAG,
            },
            keeps_dataset,
            2,
        ),
        "rmfg.finite_gap": Front(
            rmfg.finite_gap,
            {
                "game": GAME,
                "ambiguity": DOUBT,
                "policy": PLAYED,
                "num_agents": Argument(2, is_integer),
                "method": Argument("exact", one_of("auto", "exact", "sample")),
                "initial": START,
                "nature": RULE,
                "tol": TOL,
                "num_runs": WHOLE,
                "num_steps": Argument(None, optional(is_integer)),
                "seed": WHOLE,
            },
            anything_kept,
            1,
        ),
        "rmfg.finite_bound": Front(
            rmfg.finite_bound,
            {
                "equilibrium": solved(answer),
                "num_agents": WHOLE,
                "game": Argument(None, optional(instance(rmfg.MeanFieldGame))),
                "posterior": FLAG,
                "num_runs": WHOLE,
                "seed": Argument(0, is_integer),
            },
            anything_kept,
            1,
        ),
        "rmfg.finite_equilibrium": Front(
            rmfg.finite_equilibrium,
            {
                "game": GAME,
                "ambiguity": DOUBT,
                "num_agents": Argument(2, is_integer),
                "tol": Argument(0.1, is_number),
                "max_steps": Argument(1, is_integer),
                "max_seconds": SECONDS,
            },
            anything_kept,
            1,
        ),
    }
