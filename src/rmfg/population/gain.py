"""What is found out about the gain of one among N agents who leaves the policy."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A number with the ends of its 95% interval; all three are equal where it is exact."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.value:.6g}"
        return f"{self.value:.6g} [{self.low:.3g}, {self.high:.3g}]"


@dataclasses.dataclass(frozen=True)
class FiniteGap:
    """The gain of the best deviation of one among N agents, all starting independently.

    `value` is epsilon_N, or where it is sampled the gain of a deviation that plans ahead, a bound from
    below; epsilon_N lies between `low` and `high`. `upper` is the bound by verification, `proved` where
    it rests on nothing but theorems (and, where it is sampled, on its 95% interval, and on taking the
    millionth that discounting leaves to be like what was seen), and `reason` says why or why not.
    `largest` is the gain from the worst situation to start in.
    """

    num_agents: int
    value: float
    low: float
    high: float
    upper: Estimate
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
