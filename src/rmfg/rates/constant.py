"""A number that is proved or estimated, and says which."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Constant:
    """A number on which a guarantee rests.

    `proved` says whether it follows from theorems alone; otherwise it was estimated from samples and
    may be too small. `reason` names the theorem or the samples. An infinite `value` means that there
    is no bound.
    """

    value: float
    proved: bool
    reason: str

    def __str__(self) -> str:
        how = "proved" if self.proved else "estimated"
        return f"{self.value:.6g} ({'no bound' if math.isinf(self.value) else how}: {self.reason})"
