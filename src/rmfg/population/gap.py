"""What is known of the gain of one among N agents who leaves the policy."""

import dataclasses

from rmfg.population.statistics import ConfidenceInterval


@dataclasses.dataclass(frozen=True)
class FiniteGap:
    """epsilon_N: the gain of the best deviation of one among N agents, all starting independently.

    Gains are discounted sums in the unit of values. epsilon_N lies between `low` and `high`. `value`
    is epsilon_N itself where the game was solved exactly. Where it was sampled, `value` estimates the
    gain of a deviation that plans one step ahead, which is at most epsilon_N.

    `upper` is the bound by verification. `proved` says whether it rests on theorems alone, and
    `reason` why or why not. A sampled bound is an estimate with its 95% interval all the same; it
    takes the millionth that discounting leaves after the last step to be like what was seen.

    `method` is "exact" or "sample". `largest` is the gain from the worst situation to start in, and
    `num_situations` counts the situations (own state, counts of the others); both are None where
    the gap was sampled. `seconds` is the time that it took.
    """

    num_agents: int
    value: float
    low: float
    high: float
    upper: ConfidenceInterval
    proved: bool
    reason: str
    method: str
    largest: float | None
    num_situations: int | None
    seconds: float

    def __str__(self) -> str:
        return (
            f"N = {self.num_agents}: epsilon {self.value:.4g} in [{self.low:.4g}, {self.high:.4g}] "
            f"({self.method}), bound {self.upper}"
        )
