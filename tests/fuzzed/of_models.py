"""Constructors: sets, kernels and games."""

from typing import Any

import jax.numpy as jnp
import numpy as np

import rmfg
from fuzzed.front import START, Argument, Front
from fuzzed.good import LAWS, METRIC, PAYOFF, SLOTS
from fuzzed.keeps import keeps_game, keeps_kernel, keeps_set
from fuzzed.kinds import (
    anything,
    instance,
    is_array,
    is_flag,
    is_integer,
    is_kernel,
    is_law,
    is_number,
    is_order,
    is_size,
    numeric,
    one_of,
    optional,
)


def fronts() -> dict[str, Front]:
    """The constructors of all models."""
    return sets() | kernels() | games() | games_of_functions()


def sets() -> dict[str, Front]:
    """Ambiguity sets."""
    support = Argument("all", one_of("all", "nominal"))
    norm = {"p": Argument(2, is_order), "weights": Argument(None, optional(is_array))}
    transport = {
        "metric": Argument(METRIC, lambda v: numeric(v) is not None),
        "order": Argument(1, is_number),
    }
    sized = {
        "Contamination": (rmfg.Contamination, "radius", {}),
        "TotalVariation": (rmfg.TotalVariation, "radius", {"support": support}),
        "KullbackLeibler": (rmfg.KullbackLeibler, "radius", {}),
        "ReverseKullbackLeibler": (rmfg.ReverseKullbackLeibler, "radius", {}),
        "ChiSquare": (rmfg.ChiSquare, "radius", {}),
        "Hellinger": (rmfg.Hellinger, "radius", {}),
        "CVaR": (rmfg.CVaR, "level", {}),
        "EntropyPenalty": (rmfg.EntropyPenalty, "strength", {}),
        "Lp": (rmfg.Lp, "radius", norm),
        "Wasserstein": (rmfg.Wasserstein, "radius", transport),
    }
    found = {
        f"rmfg.{name}": Front(
            kind, {size: Argument(np.full((3, 2), 0.1), is_size), **more}, keeps_set
        )
        for name, (kind, size, more) in sized.items()
    }
    bounds = {"lower": Argument(np.zeros(3), is_array), "upper": Argument(np.ones(3), is_array)}
    kernels = {"kernels": Argument([LAWS], anything)}
    return found | {
        "rmfg.Interval": Front(rmfg.Interval, bounds, keeps_set),
        "rmfg.Scenarios": Front(rmfg.Scenarios, kernels, keeps_set),
    }


def kernels() -> dict[str, Front]:
    """Kernels: dense, sparse, and from lists of moves."""
    states, actions, slots = (a.ravel() for a in (*np.indices((3, 2, 3))[:2], SLOTS))
    moves = {"states": states, "actions": actions, "successors": slots}
    return {
        "rmfg.DenseKernel": Front(
            rmfg.DenseKernel, {"probabilities": Argument(LAWS, is_law)}, keeps_kernel, 12
        ),
        "rmfg.SparseKernel": Front(
            rmfg.SparseKernel,
            {
                "successors": Argument(SLOTS, is_array),
                "probabilities": Argument(LAWS, is_law),
                "merge": Argument(True, is_flag),
            },
            keeps_kernel,
            8,
        ),
        "rmfg.SparseKernel.from_coo": Front(
            rmfg.SparseKernel.from_coo,
            {
                **{name: Argument(array, is_array) for name, array in moves.items()},
                "probabilities": Argument(LAWS.ravel(), is_array),
                "num_states": Argument(3, optional(is_integer)),
                "num_actions": Argument(2, optional(is_integer)),
            },
            keeps_kernel,
            8,
        ),
    }


def games() -> dict[str, Front]:
    """A game of arrays, with all options."""
    arguments = {
        "kernel": Argument(LAWS, lambda v: is_kernel(v) or callable(v)),
        "reward": Argument(PAYOFF, lambda v: is_array(v) or callable(v)),
        "discount": Argument(0.9, is_number),
        "mean_field": Argument("state", one_of("state", "state-action")),
        "initial": START,
        "state_names": Argument(["a", "b", "c"], anything),
        "actions": Argument(np.ones((3, 2), dtype=bool), lambda v: v is None or is_array(v)),
        "name": Argument("game", optional(instance(str))),
        "num_states": Argument(3, optional(is_integer)),
        "num_actions": Argument(2, optional(is_integer)),
        "layout": Argument(None, optional(anything)),
        "lipschitz": Argument(None, optional(instance(rmfg.Lipschitz))),
        "observables": Argument({"first": lambda m: m[0]}, optional(instance(dict))),
    }
    return {"rmfg.TabularGame": Front(rmfg.TabularGame, arguments, keeps_game, 12)}


def games_of_functions() -> dict[str, Front]:
    """Games whose parts are functions of the mean field, or of states and actions too."""

    def table(m: Any) -> Any:
        return jnp.asarray(LAWS)

    def payoff(m: Any) -> Any:
        return jnp.asarray(PAYOFF) - m[:, None]

    return {
        "rmfg.TabularGame of functions": Front(
            rmfg.TabularGame,
            {
                "kernel": Argument(table, lambda v: is_kernel(v) or callable(v)),
                "reward": Argument(payoff, lambda v: is_array(v) or callable(v)),
                "discount": Argument(0.9, is_number),
                "num_states": Argument(3, is_integer),
                "num_actions": Argument(2, is_integer),
            },
            keeps_game,
            6,
        ),
        "rmfg.TabularGame.from_functions": Front(
            rmfg.TabularGame.from_functions,
            {
                "transition": Argument(lambda s, a, m: m, callable),
                "reward": Argument(lambda s, a, m: m[s], callable),
                "num_states": Argument(3, is_integer),
                "num_actions": Argument(2, is_integer),
                "discount": Argument(0.9, is_number),
            },
            keeps_game,
        ),
    }
