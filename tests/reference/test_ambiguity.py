"""Every ambiguity set against programs that share nothing with the library.

Linear programs and, for what is smooth, duals maximized in 50 digits give the value; conic programs,
another method with 1e-8 or so, are asked for a few rows of each set. `pytest -s` or not, the table of
worst errors stands at the end of the run.
"""

import numpy as np
import pytest
from eight_states import SHAPE, array, dense_kernel, full_kernel, values_of
from registry import over_sets
from set_rows import SetRow

TINY = (1e-12, 1e-7)
CONIC_ROWS = 4  # a conic program takes 50 ms
ROWS = 24


def cases(row: SetRow):
    """Kernels with rows of one to eight states, values, and sizes (S, A) from tiny to everything."""
    for seed in range(4):
        random = np.random.default_rng(seed)
        kernel = (full_kernel if seed % 2 else dense_kernel)(seed)
        ladder = [*row.sizes, *(TINY if row.has_radius else ()), *([row.huge] if row.huge else [])]
        sizes = random.choice(ladder, SHAPE)
        if row.has_radius:
            between = np.exp(random.uniform(np.log(1e-6), np.log(row.sizes[-1]), SHAPE))
            sizes = np.where(random.uniform(size=SHAPE) < 0.5, between, sizes)
        values = values_of(seed)
        yield random, kernel, sizes, values


@over_sets()
def test_against_independent_programs(row, record_errors):
    worst = dict.fromkeys(("value", "attained", "above", "program"), 0.0)
    count = 0
    for random, kernel, sizes, values in cases(row):
        ambiguity = row.build(sizes, kernel)
        sigma = ambiguity.worst_value(kernel, values)
        nature = ambiguity.worst_kernel(kernel, values)
        attained = array(nature) @ values + ambiguity.penalty(nature, kernel)
        span = np.ptp(values)
        rows = row.rows(sizes, kernel)
        for number in random.permutation(len(rows))[:ROWS]:
            one, count = rows[number], count + 1
            exact, _ = row.reference(one, values)
            errors = {
                "value": abs(sigma[one.place] - exact) / span,
                "attained": abs(attained[one.place] - exact) / span,
                "above": (sigma[one.place] - exact) / span,
            }
            for name, error in errors.items():
                assert error <= 1e-9, f"{name} of {row.name} is off by {error:.1e} at {one}"
                worst[name] = max(worst[name], error)
        if row.program is not None:
            # Conic solvers need room: they are asked where the set is neither tiny nor everything.
            roomy = [one for one in rows if row.sizes[1] <= one.size <= row.sizes[-1] * 1.001]
            if row.penalized:
                roomy = rows
            for one in roomy[:CONIC_ROWS]:
                found, _ = row.program(one, values)
                error = abs(sigma[one.place] - found) / span
                assert error <= 1e-6, f"program of {row.name} differs by {error:.1e} at {one}"
                worst["program"] = max(worst["program"], error)
    shown = [f"{worst[name]:.1e}" for name in ("value", "attained")]
    record_errors(row.name, count, *shown, f"{worst['program']:.1e}" if row.program else "-")


@pytest.mark.parametrize("number", range(2))
def test_the_table_would_see_an_error(number):
    """The programs disagree with a set of another size: what passes above does not pass by chance."""
    from registry import SETS

    row = next(row for row in SETS if row.name == ("KL", "total variation, support all")[number])
    kernel, values = full_kernel(1), values_of(0)
    sigma = row.build(0.1, kernel).worst_value(kernel, values)
    one = row.rows(0.1 * (1 + 1e-6), kernel)[0]
    assert abs(sigma[one.place] - row.reference(one, values)[0]) > 1e-9 * np.ptp(values)
