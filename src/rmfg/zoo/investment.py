"""Investment in product quality: firms climb a ladder that slides, and share one market."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.core.memory import affordable
from rmfg.core.precision import Array
from rmfg.model.game import Lipschitz, TabularGame
from rmfg.model.layout import Line
from rmfg.zoo.arguments import number, probability, whole
from rmfg.zoo.registry import Entry
from rmfg.zoo.watched import mean_of


class MarketShare(eqx.Module):
    """r(s, a, m) = base(s, a) + market appeal(s) / (1 + <m, appeal>)."""

    base: Float[Array, "S A"]
    appeal: Float[Array, " S"]
    market: Float[Array, ""]

    def __call__(self, mean_field: Float[Array, " S"]) -> Float[Array, "S A"]:
        rivals = jnp.dot(mean_field, self.appeal)
        return self.base + (self.market * self.appeal / (1 + rivals))[:, None]


def investment(
    num_states: int = 10,
    num_actions: int = 2,
    effectiveness: float = 1.0,
    depreciation: float = 0.3,
    market: float = 1.0,
    taste: float = 1.0,
    investment_cost: float = 0.25,
    discount: float = 0.9,
) -> TabularGame:
    """Build a quality ladder in which firms compete for customers.

    Quality s in 0 .. S-1; a = 0 .. A-1 units are invested. With up = effectiveness a /
    (1 + effectiveness a) the chance that an investment succeeds and down = depreciation,

        r(s, a, m) = market g(s) / (1 + sum over t of m(t) g(t)) - investment_cost a,
        g(s) = (1 + s)^taste
        P(s + 1 | s, a) = up (1 - down),   P(s - 1 | s, a) = (1 - up) down,   else s

    with steps beyond the ends of the ladder held back. This is the sliding ladder of Pakes and
    McGuire with the many small firms of Weintraub, Benkard and Van Roy, in our numbers: a firm's
    share falls as the others get better. The coupling is the gradient of market log(1 + <m, g>),
    which is concave, so the game is potential and monotone. At the defaults the industry divides:
    most firms hold the top, a sixth sit at the bottom and hardly ever invest.

    The reward sees m through R = <m, g> only, with a slope of at most market max g / (1 + min g)^2,
    and R changes by at most (max g - min g) / 2 times the distance of two laws.
    """
    sizes = whole("num_states", num_states), whole("num_actions", num_actions)
    affordable("num_states and num_actions", sizes[0] ** 2 * sizes[1])
    qualities, invested = np.arange(num_states), np.arange(num_actions)
    effect = number("effectiveness", effectiveness, 0) * invested
    up, down = effect / (1 + effect), probability("depreciation", depreciation)
    climbs, falls = up * (1 - down), (1 - up) * down
    kernel = np.zeros((num_states, num_actions, num_states))
    for s in qualities:
        kernel[s, :, min(s + 1, num_states - 1)] += climbs
        kernel[s, :, max(s - 1, 0)] += falls
        kernel[s, :, s] += 1 - climbs - falls
    costs = number("investment_cost", investment_cost, 0) * invested
    appeal = (1.0 + qualities) ** number("taste", taste)
    if not np.isfinite(appeal).all():
        raise ValueError(
            f"`taste` = {taste:g} makes the appeal of {num_states} qualities infinite."
        )
    slope = number("market", market, 0) * appeal.max() / (1 + appeal.min()) ** 2
    return TabularGame(
        kernel,
        MarketShare(np.tile(-costs, (num_states, 1)), appeal, np.asarray(market)),
        discount,
        lipschitz=Lipschitz(reward=float(slope * np.ptp(appeal)) / 2),
        action_names=[f"invest {units}" for units in invested],
        layout=Line(num_states),
        observables={
            "mean_quality": mean_of(qualities.astype(float), "steps of the ladder"),
            "competition": mean_of(appeal, "appeal of the average firm"),
        },
    )


ENTRY = Entry(
    name="investment",
    summary="Firms invest to climb a quality ladder and take market share from each other.",
    source="Weintraub, Benkard, Van Roy: Markov perfect industry dynamics with many firms. "
    "Econometrica 76(6), 2008, doi:10.3982/ECTA6158; a mean-field variant is in Subramanian and "
    "Mahajan: Reinforcement learning in stationary mean-field games. AAMAS 2019. Numbers are ours.",
    equations="r = market g(s) / (1 + <m, g>) - investment_cost a, g(s) = (1 + s)^taste; one step "
    "up with probability u (1 - d), down with (1 - u) d, u = e a / (1 + e a), d = depreciation.",
    known=("monotone", "potential"),
    build=investment,
)
