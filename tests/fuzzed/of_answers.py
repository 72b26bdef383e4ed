"""What is done with answers: figures, derivatives, paths, environments, studies, proofs, files."""

from typing import Any

import numpy as np

import rmfg
from fuzzed.front import AMBIGUITY, DOUBT, GAME, RULE, START, WHOLE, Argument, Front, solved
from fuzzed.good import LAW, OTHER
from fuzzed.keeps import anything_kept, keeps_dataset
from fuzzed.kinds import instance, is_array, is_integer, is_law, no, optional


def uses(answer: rmfg.Equilibrium) -> dict[str, Front]:
    """What is done with an answer at once."""
    return {
        "rmfg.plot": Front(
            rmfg.plot,
            {
                "equilibrium": solved(answer),
                "path": Argument("nowhere/at/all.gif", lambda v: v is None),
            },
            anything_kept,
        ),
        "rmfg.implicit": Front(
            rmfg.implicit,
            {
                "game": Argument(OTHER, instance(rmfg.MeanFieldGame)),
                "ambiguity": AMBIGUITY,
                "equilibrium": solved(answer),
            },
            anything_kept,
        ),
        "rmfg.trace": Front(
            rmfg.trace,
            {
                "game": GAME,
                # Whatever else is right, this family is refused: to follow one takes minutes.
                "family": Argument(no_family, callable),
                "radii": Argument(np.array([0.1, 0.2]), is_array),
                "initial": Argument(None, optional(instance(rmfg.Equilibrium))),
            },
            anything_kept,
        ),
    }


def environments_and_files(answer: rmfg.Equilibrium) -> dict[str, Front]:
    """Environments, studies, proofs and files."""
    played = Argument(None, lambda v: v is None or is_law(v) or isinstance(v, rmfg.Equilibrium))
    field = Argument(LAW, lambda v: is_law(v) or isinstance(v, rmfg.Equilibrium))
    return {
        "rmfg.parallel_env": Front(
            rmfg.parallel_env,
            {
                "game": GAME,
                "num_agents": WHOLE,
                "num_steps": WHOLE,
                "nature": RULE,
                "ambiguity": DOUBT,
                "policy": played,
                "initial": START,
            },
            anything_kept,
            1,
        ),
        "rmfg.single_agent_env": Front(
            rmfg.single_agent_env,
            {
                "game": GAME,
                "mean_field": field,
                "nature": RULE,
                "ambiguity": DOUBT,
                "num_steps": WHOLE,
                "initial": START,
            },
            anything_kept,
            1,
        ),
        "rmfg.finite_study": Front(
            rmfg.finite_study,
            {
                "game": GAME,
                "equilibrium": solved(answer),
                "agents": Argument(np.array([2.0, 3.0]), is_array),
                "num_runs": Argument(2, is_integer),
                "num_steps": Argument(2, optional(is_integer)),
                "nature": RULE,
                "gap": Argument(None, optional(instance(str))),
                "seed": WHOLE,
            },
            keeps_dataset,
            1,
        ),
        "rmfg.prove": Front(
            rmfg.prove, {"answer": solved(answer)}, lambda proof, _: isinstance(proof.proved, bool)
        ),
        "rmfg.load": Front(rmfg.load, {"path": Argument("nowhere/at/all.nc", no)}, anything_kept),
    }


def no_family(radius: Any) -> None:
    """Make no ambiguity set."""
