"""What sets answer, operators, best responses, stationary laws and certificates."""

import rmfg
from fuzzed import good
from fuzzed.front import (
    AMBIGUITY,
    DOUBT,
    FIELD,
    GAME,
    HEAT,
    KERNEL,
    POLICY,
    POPULATION,
    START,
    TOL,
    VALUES,
    Argument,
    Front,
)
from fuzzed.good import LAW, TOTAL
from fuzzed.keeps import (
    anything_kept,
    finite,
    keeps_bounds,
    keeps_certificate,
    keeps_law,
    keeps_numbers,
    law,
)
from fuzzed.kinds import anything, is_array, is_kernel, is_number, numeric, optional


def fronts() -> dict[str, Front]:
    """The maps of the theory."""
    return natures() | operators() | responses()


def natures() -> dict[str, Front]:
    """What a set answers."""
    return {
        "Ambiguity.worst_value": Front(
            lambda **given: TOTAL.worst_value(**given),
            {"kernel": KERNEL, "values": VALUES, "mean_field": Argument(None, anything)},
            keeps_bounds,
            6,
        ),
        "Ambiguity.worst_kernel": Front(
            lambda **given: TOTAL.worst_kernel(**given),
            {"kernel": KERNEL, "values": VALUES},
            lambda found, _: law(found.to_dense()),
        ),
        "Ambiguity.violation": Front(
            lambda **given: TOTAL.violation(**given),
            {"kernel": KERNEL, "nominal": KERNEL},
            keeps_numbers,
        ),
    }


def operators() -> dict[str, Front]:
    """Operators on values."""
    law_and_values = {"mean_field": FIELD, "values": VALUES}
    return {
        "rmfg.robust_q": Front(
            rmfg.robust_q,
            {"game": GAME, "ambiguity": AMBIGUITY, **law_and_values},
            keeps_numbers,
            6,
        ),
        "rmfg.optimal_operator": Front(
            rmfg.optimal_operator,
            {"game": GAME, "ambiguity": AMBIGUITY, **law_and_values},
            keeps_numbers,
        ),
        "rmfg.policy_operator": Front(
            rmfg.policy_operator,
            {"game": GAME, "ambiguity": AMBIGUITY, "policy": POLICY, **law_and_values},
            keeps_numbers,
        ),
        "rmfg.soft_operator": Front(
            rmfg.soft_operator,
            {"game": GAME, "ambiguity": AMBIGUITY, "temperature": HEAT, **law_and_values},
            keeps_numbers,
        ),
    }


def responses() -> dict[str, Front]:
    """Best responses, values of policies, stationary laws and certificates."""
    return {
        "rmfg.best_response": Front(
            rmfg.best_response,
            {
                "game": GAME,
                "ambiguity": AMBIGUITY,
                "mean_field": FIELD,
                "tol": TOL,
                "start": Argument(good.VALUES, optional(is_array)),
            },
            lambda found, _: law(found.policy) and finite(found.value, found.q),
        ),
        "rmfg.evaluate": Front(
            rmfg.evaluate,
            {
                "game": GAME,
                "ambiguity": AMBIGUITY,
                "policy": POLICY,
                "mean_field": FIELD,
                "tol": TOL,
            },
            keeps_numbers,
        ),
        "rmfg.stationary_distribution": Front(
            rmfg.stationary_distribution,
            {"kernel": KERNEL, "policy": POLICY, "initial": START},
            keeps_law,
        ),
        "rmfg.certify": Front(
            rmfg.certify,
            {
                "game": GAME,
                "ambiguity": DOUBT,
                # A candidate that holds NaN is refuted.
                "policy": Argument(good.POLICY, lambda v: numeric(v) is not None),
                "distribution": Argument(LAW, lambda v: numeric(v) is not None),
                "kernel": Argument(good.KERNEL, optional(is_kernel)),
                "population": POPULATION,
                "tol": TOL,
                "atol": Argument(None, optional(is_number)),
            },
            keeps_certificate,
        ),
        "rmfg.Problem": Front(
            rmfg.Problem,
            {"game": GAME, "ambiguity": DOUBT, "population": POPULATION},
            anything_kept,
        ),
    }
