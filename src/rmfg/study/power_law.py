"""The power of N by which numbers fall."""

import math
from collections.abc import Sequence

import numpy as np

from rmfg.core.precision import Array, Number


def slope(
    agents: Array | Sequence[Number], values: Array | Sequence[Number]
) -> tuple[float, float]:
    """The slope of log(value) in log(N) by least squares, with its standard error.

    NaN where fewer than three values are positive: two points lie on a line whatever they are.
    """
    across, up = np.asarray(agents, dtype=float), np.asarray(values, dtype=float)
    kept = np.isfinite(up) & (up > 0)
    if kept.sum() < 3:
        return math.nan, math.nan
    across, up = np.log(across[kept]), np.log(up[kept])
    line = np.polynomial.Polynomial.fit(across, up, 1).convert().coef
    left = up - line[0] - line[1] * across
    spread = np.sum((across - across.mean()) ** 2)
    return float(line[1]), float(np.sqrt(np.sum(left**2) / (len(up) - 2) / spread))
