"""Electric vehicles: everyone wants to charge when electricity is cheap, which makes it dear."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rmfg.core.memory import affordable
from rmfg.core.precision import Array
from rmfg.model.game import TabularGame
from rmfg.model.layout import Grid
from rmfg.model.observable import Observable
from rmfg.zoo.arguments import number, probability, whole
from rmfg.zoo.moves import merged
from rmfg.zoo.registry import Entry
from rmfg.zoo.watched import mean_of

LOAD = "units of energy per car and period"


class Demand(eqx.Module):
    """The function m -> the energy that the average car draws in each period."""

    energy: Float[Array, "S A"]
    clock: Float[Array, "T S"]  # one where the state belongs to the period

    def __call__(self, mean_field: Float[Array, "S A"]) -> Float[Array, " T"]:
        num_periods = self.clock.shape[0]  # each period holds this fraction of the population
        drawn = jnp.sum(mean_field * self.energy, axis=1)
        return num_periods * (self.clock @ drawn)


class Peak(eqx.Module):
    """The function m -> the demand of the period in which it is largest."""

    demand: Demand

    def __call__(self, mean_field: Float[Array, "S A"]) -> Float[Array, ""]:
        return jnp.max(self.demand(mean_field))


class ChargingPrice(eqx.Module):
    """r(s, a, m) = base(s, a) - slope demand(period of s, m) energy(s, a)."""

    base: Float[Array, "S A"]
    slope: Float[Array, ""]
    demand: Demand

    def __call__(self, mean_field: Float[Array, "S A"]) -> Float[Array, "S A"]:
        drawn = self.demand.clock.T @ self.demand(mean_field)
        return self.base - self.slope * drawn[:, None] * self.demand.energy


def ev_charging(
    num_periods: int = 8,
    num_levels: int = 5,
    num_rates: int = 3,
    drive: float = 0.4,
    base_price: float = 1.0,
    swing: float = 0.8,
    price_slope: float = 0.5,
    shortage_cost: float = 5.0,
    discount: float = 0.95,
) -> TabularGame:
    """Build a day of charging electric vehicles; m is the law of (state, action).

    A state is a battery level l in 0 .. L-1 at a period t of the day; a = 0 .. num_rates - 1 units
    are charged, as far as they fit: e = min(a, L - 1 - l). In each period a car is driven with
    probability drive; a trip takes one unit, or is missed if the battery is empty.

        r(s, a, m) = -(base_price (1 + swing cos(2 pi t / T)) + price_slope D_t(m)) e
                     - shortage_cost drive [l + e = 0]
        l' = l + e, less one after a trip;   t' = t + 1 modulo T

    D_t(m) is the mean energy that a car draws in period t. Electricity is dearest at t = 0 and
    cheapest half a day later, where everyone would charge but for the price that this makes: at
    equilibrium the population fills the valley. The clock is part of the state and has the uniform
    law, so a stationary equilibrium is a periodic one and the chain is periodic too. Nature may
    also misuse the clock unless its set is confined to the nominal successors. States are
    numbered along the rows of the layout: s = l T + t.
    """
    periods, levels = whole("num_periods", num_periods), whole("num_levels", num_levels)
    rates = whole("num_rates", num_rates)
    affordable(
        "num_periods, num_levels and num_rates", (10 * rates + 2 * periods) * periods * levels
    )
    level, period = np.divmod(np.arange(levels * periods), periods)
    energy = np.minimum(np.arange(rates), (levels - 1 - level)[:, None])
    charged = level[:, None] + energy
    tomorrow = (period[:, None] + 1) % periods
    driven, parked = np.maximum(charged - 1, 0), charged
    targets = np.stack([driven, parked], axis=-1) * periods + tomorrow[..., None]
    trips = probability("drive", drive)
    wave = 1 + number("swing", swing, 0) * np.cos(2 * np.pi * period / periods)
    price = number("base_price", base_price, 0) * wave
    shortage = number("shortage_cost", shortage_cost, 0) * trips * (charged == 0)
    demand = Demand(energy.astype(float), (period == np.arange(periods)[:, None]).astype(float))
    slope = np.asarray(number("price_slope", price_slope, 0))
    return TabularGame(
        merged(targets, np.array([trips, 1 - trips])),
        ChargingPrice(-price[:, None] * energy - shortage, slope, demand),
        discount,
        mean_field="state-action",
        state_names=[f"level {x} at {t}" for x, t in zip(level, period, strict=True)],
        action_names=[f"charge {rate}" for rate in range(num_rates)],
        layout=Grid(levels, periods),
        observables={
            "load": Observable(demand, LOAD, "period"),
            "mean_load": mean_of(demand.energy, LOAD),
            "peak_load": Observable(Peak(demand), LOAD),
        },
    )


ENTRY = Entry(
    name="ev-charging",
    summary="Cars charge when electricity is cheap, and the price rises with what they draw.",
    source="After Ma, Callaway, Hiskens: Decentralized charging control of large populations of "
    "plug-in electric vehicles. IEEE Transactions on Control Systems Technology 21(1), 2013, "
    "doi:10.1109/TCST.2011.2174059. The finite stationary game is ours.",
    equations="r = -(base_price (1 + swing cos(2 pi t / T)) + price_slope D_t(m)) e "
    "- shortage_cost drive [l + e = 0], e = min(a, L - 1 - l), m over state-action pairs; "
    "l' = l + e - (0 or 1), t' = t + 1 mod T.",
    known=("monotone", "potential"),
    build=ev_charging,
)
