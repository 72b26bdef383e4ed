"""How long a discounted future matters."""

import math


def steps_to_forget(discount: float, share: float) -> int:
    """The least number of steps, at least one, after which discounting leaves a share or less."""
    if discount <= 0:
        return 1
    return max(1, math.ceil(math.log(share) / math.log(discount)))
