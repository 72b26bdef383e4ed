"""Means of samples with their intervals."""

import dataclasses

import numpy as np
import scipy.stats
from jaxtyping import Float

# The probability with which an interval holds the number that it is for.
CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class ConfidenceInterval:
    """A number with the ends of its 95% interval; all three are equal where the number is exact."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.value:.6g}"
        return f"{self.value:.6g} [{self.low:.3g}, {self.high:.3g}]"


def confidence_interval(samples: Float[np.ndarray, " R"]) -> ConfidenceInterval:
    """The mean of independent samples, with its interval by Student's t; one sample has no end."""
    mean, size = float(np.mean(samples)), len(samples)
    if size < 2:
        return ConfidenceInterval(mean, -np.inf, np.inf)
    quantile = scipy.stats.t.ppf(0.5 + CONFIDENCE / 2, size - 1)
    half = float(quantile * np.std(samples, ddof=1) / np.sqrt(size))
    return ConfidenceInterval(mean, mean - half, mean + half)
