"""Routing on a real road network: a stationary game of travelers with destinations.

**States.** On a link l with a destination d; arrived at a zone; at a zone o about to leave for d.
**Actions.** The next road out of the node at which the traveler stands or arrives next. One step
takes `step` units of the network's time. On a link with M vehicles a traveler reaches the end
within a step with

    P(reach the end) = step / t(f) = f step / M,    f t(f) = M,    t(f) = t0 (1 + b (f / C)^p)

(see `traffic`; to evaluate t at the density M / t0 instead ends in gridlock, since the flow then
falls as vehicles pile up). Who reaches the end of l goes on along the road chosen, or has arrived,
where l ends at d; then, one step later, the next trip is drawn from the row of d in the trip table,
and in the step after that the traveler sets out. The population is closed and its law stationary.
An action without a road to d behind it means to wait. Zones below the first through node only begin
or end trips.

**Mean field.** The law m over states; M is `population` times the mass of the link's states. The
population is the vehicles on the links, sum of f t(f) at the published flows, plus those at zones,
two steps for each trip; so the published flows, split by destination, are exactly stationary. Where
a zone sends out more or fewer trips than it receives, the balance is carried by relocation:
arrivals in excess of its own trips start trips that are missing elsewhere.

**Reward.** -step in every step, plus `bonus` in the step after an arrival. All pay for time alike,
so what is maximized is the discounted number of arrivals: routes do not depend on the size of the
bonus, which scales the values.

**Nature.** On the nominal support nature delays travelers, and sends them on worse trips. Arriving
and drawing a trip are separate steps, and the bonus is paid for having arrived, so that the two do
not mix: as bonus times the nominal probability of arriving, a traveler held up on the last link
would earn it again and again; and drawn on the last link, where few leave in a step, a small radius
would change a large part of all trips. A constant total-variation radius must stay well below
step / t(f), which is about 0.05 on the slowest link of Sioux Falls, or nature stops the traffic
there for good: a radius of 0.01 takes away a seventh of the trips; 0.015 ended in gridlock.

**What is known.** As the discount tends to one, travelers minimize expected travel time, and the
equilibrium tends to the static user equilibrium, which is a potential game. On Sioux Falls the link
flows without nature's doubts correlate with the published static ones by 0.9930, 0.9998 and 1.0000
at discounts of 0.9, 0.99 and 0.999; the largest relative difference is 21%, 5% and 0.5%. At a
discount below one none of the properties in `registry` is known: the kernel depends on m.

Data and static problem: L. J. LeBlanc, E. K. Morlok and W. P. Pierskalla, An efficient approach to
solving the road network equilibrium traffic assignment problem, Transportation Research 9 (1975).
"""

import dataclasses
import importlib.resources
from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from rmfg.core.precision import Array
from rmfg.model.game import TabularGame
from rmfg.model.kernel import SparseKernel
from rmfg.model.layout import Network
from rmfg.model.observable import Observable
from rmfg.zoo import tntp
from rmfg.zoo.arguments import above_zero, number
from rmfg.zoo.registry import Entry
from rmfg.zoo.traffic import (
    Congestion,
    LinkFlows,
    LinkLoads,
    LinkTimes,
    assign,
    next_trips,
    travel_times,
)
from rmfg.zoo.watched import mean_of


def road_network(
    network: str | Path | None = None,
    trips: str | Path | None = None,
    nodes: str | Path | None = None,
    flows: str | Path | None = None,
    *,
    discount: float = 0.99,
    step: float | None = None,
    bonus: float | None = None,
    demand: float = 1.0,
    vehicles: float | None = None,
    time_unit: float | None = None,
    minimum_time: float = 0.0,
) -> TabularGame:
    """Build the routing game of a road network in TNTP format; Sioux Falls by default.

    `network` is the path of a `_net.tntp` file. `trips`, `nodes` (coordinates) and `flows`
    (published flows) are found beside it by name, or given by path; "none" leaves out the last two.

    `discount` is per step. `step`, in the network's unit of time, is 1, or the shortest free-flow
    time if that is less. `bonus` is twice the mean free-flow time of a trip. `demand` multiplies
    the trips. `vehicles` on the roads: given, or counted at the published flows, or (without them,
    or with other `demand`) at a static equilibrium computed here to a relative gap of 1e-3.
    `time_unit` is the network's unit of time in that of the flows: 0.01 for times in 0.01 h and
    flows per hour, as in Sioux Falls; else 1 unless given, and vehicles are then counted in mixed
    units. Links shorter than `minimum_time` are raised to it, their congestion delay kept.

    Raises ValueError for unreadable or contradictory files (see `tntp`), trips without a route,
    and steps longer than the shortest link.
    """
    roads, table, places, published = _read(network, trips, nodes, flows)
    np.fill_diagonal(table, 0)  # trips within a zone use no road
    table = table * above_zero("demand", demand)
    if not table.any():
        raise ValueError("`trips`: all trips stay within their zone. Give trips between zones.")
    roads = _usable(roads, number("minimum_time", minimum_time, 0))
    step = _step(roads, step)
    if time_unit is None:
        time_unit = 0.01 if network is None else 1.0
    states = _states(roads, table)

    flows_to, mean_trip = assign(roads, table)
    times = travel_times(roads, flows_to.sum(1))
    if demand != 1:
        published = None
    if vehicles is None and published is not None:
        vehicles = float(published @ travel_times(roads, published)) * time_unit
    elif vehicles is None:
        vehicles = float(flows_to.sum(1) @ times) * time_unit
    duration = above_zero("time_unit", time_unit) * step
    # Each trip spends two steps at zones: arrived, and setting out.
    population = above_zero("vehicles", vehicles) + 2 * float(table.sum()) * duration

    on_link = states.link < roads.num_links
    initial = np.where(
        on_link,
        (flows_to * times[:, None])[states.link * on_link, states.destination],
        _at_zones(table)[states.zone, states.destination] * step,
    )
    congestion = Congestion(
        states.link.astype(np.int32),
        roads.free_flow_time * time_unit,
        roads.capacity,
        roads.b,
        roads.power,
        np.asarray(population),
    )
    successors, share = _moves(roads, states, next_trips(table))
    leaves = share.any(-1)
    arrived = ~on_link & (states.zone == states.destination)
    bonus = above_zero("bonus", 2 * mean_trip if bonus is None else bonus)
    return TabularGame(
        Journeys(congestion, np.asarray(duration), successors, share, leaves.astype(float)),
        bonus * (leaves & arrived[:, None]) - step,
        discount,
        initial=initial / initial.sum(),
        state_names=_state_names(roads, states),
        action_names=[f"road {action + 1}" for action in range(share.shape[1])],
        name="road-network",
        layout=_layout(roads, states, places),
        observables=_observables(congestion, arrived, duration, published),
    )


class Journeys(eqx.Module):
    """The kernel m -> (S, A, K): stay, or leave the state for what comes next.

    `successors` begin with the state itself; `share` is the law of the others for those who leave,
    zero throughout where the action is to wait.
    """

    congestion: Congestion
    duration: Float[Array, ""]  # of a step, in the congestion's unit of time
    successors: Int[Array, "S A K"]
    share: Float[Array, "S A K-1"]
    leaves: Float[Array, "S A"]  # one, or zero where the action is to wait

    def __call__(self, mean_field: Float[Array, " S"]) -> SparseKernel:
        per_link = self.duration / self.congestion.times(mean_field)
        # Those on no link set out at once; they are counted behind the last link.
        leave = jnp.append(per_link, 1.0)[self.congestion.state_link]
        stays = 1 - leave[:, None] * self.leaves
        moves = leave[:, None, None] * self.share
        return SparseKernel(self.successors, jnp.concatenate([stays[..., None], moves], axis=-1))


@dataclasses.dataclass(frozen=True)
class _States:
    """Where each state is: on a link with a destination, or at a zone with one.

    A traveler who has arrived is at the zone that is the destination.
    """

    link: np.ndarray  # num_links for states on none
    zone: np.ndarray  # 0 for states on a link
    destination: np.ndarray
    at_link: np.ndarray  # (links, zones): the state's number, or -1
    at_zone: np.ndarray  # (zones, zones)


def _states(roads: tntp.RoadNetwork, table: np.ndarray) -> _States:
    """Number the states that a traveler can enter and from which the destination can be reached."""
    zones = np.arange(roads.num_zones)
    nodes = np.arange(roads.num_nodes)
    ends = nodes[:, None] == zones
    open_to = ends | (nodes >= roads.first_through_node)[:, None]  # may traffic to d enter the node
    reach = _grow(ends, roads.head, roads.tail, open_to[roads.head])
    leads = reach[roads.head] & open_to[roads.head]
    lost = np.argwhere((table > 0) & ~reach[: roads.num_zones])
    if len(lost):
        origin, destination = lost[0]
        raise ValueError(
            f"`trips`: there are {table[origin, destination]:g} trips from {origin + 1} to "
            f"{destination + 1}, but no route. Drop them from the trip table, or add the road."
        )
    starts = np.zeros((roads.num_nodes, roads.num_zones), dtype=bool)
    starts[: roads.num_zones] = table > 0
    # Travelers choose a road at nodes that they reach before their destination.
    chooses = _grow(starts, roads.tail, roads.head, leads & ~ends[roads.head])
    on_link = leads & chooses[roads.tail]

    link, by_link = np.nonzero(on_link)
    zone, by_zone = np.nonzero(_at_zones(table))
    at_link, at_zone = np.full(on_link.shape, -1), np.full(table.shape, -1)
    at_link[link, by_link] = np.arange(len(link))
    at_zone[zone, by_zone] = len(link) + np.arange(len(zone))
    return _States(
        link=np.append(link, np.full(len(zone), roads.num_links)),
        zone=np.append(np.zeros_like(link), zone),
        destination=np.append(by_link, by_zone),
        at_link=at_link,
        at_zone=at_zone,
    )


def _at_zones(table: np.ndarray) -> np.ndarray:
    """How many set out from each zone to each; on the diagonal, how many arrive."""
    return table + np.diag(table.sum(0))


def _grow(
    seed: np.ndarray, source: np.ndarray, target: np.ndarray, through: np.ndarray
) -> np.ndarray:
    """The nodes (nodes, zones) found from the seed along links open to each destination."""
    while True:
        grown = seed.copy()
        np.logical_or.at(grown, target, seed[source] & through)
        if (grown == seed).all():
            return grown
        seed = grown


def _moves(
    roads: tntp.RoadNetwork,
    states: _States,
    restarts: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray]:
    """The successors (S, A, K) of each state, first of all itself, and the law of the others."""
    order = np.argsort(roads.tail, kind="stable")
    first = np.searchsorted(roads.tail[order], roads.tail[order])
    exits = np.full((roads.num_nodes, int(np.bincount(roads.tail).max())), -1)
    exits[roads.tail[order], np.arange(roads.num_links) - first] = order

    node = np.where(
        states.link < roads.num_links, roads.head[states.link % roads.num_links], states.zone
    )
    ends = node == states.destination
    road = exits[node]  # (S, A)
    following = np.where(road < 0, -1, states.at_link[road, states.destination[:, None]])
    following[ends, 0] = states.at_zone[node[ends], node[ends]]

    num_states, width = len(node), 1 + max(len(law) for *_, law in restarts)
    successors = np.empty((*road.shape, width), dtype=np.int32)
    successors[:] = np.arange(num_states)[:, None, None]
    share = np.zeros((*road.shape, width - 1))
    goes = following >= 0
    successors[goes, 1], share[goes, 0] = following[goes], 1
    for zone, (origins, destinations, law) in enumerate(restarts):
        arrived = states.at_zone[zone, zone]
        if arrived >= 0:
            successors[arrived, 0, 1 : 1 + len(law)] = states.at_zone[origins, destinations]
            share[arrived, 0, : len(law)] = law
    return successors, share


def _layout(roads: tntp.RoadNetwork, states: _States, places: np.ndarray) -> Network:
    return Network(
        node_names=tuple(str(node + 1) for node in range(roads.num_nodes)),
        x=tuple(places[:, 0].tolist()),
        y=tuple(places[:, 1].tolist()),
        tail=tuple(roads.tail.tolist()),
        head=tuple(roads.head.tolist()),
        state_link=tuple(np.where(states.link < roads.num_links, states.link, -1).tolist()),
    )


def _observables(
    congestion: Congestion, arrived: np.ndarray, duration: float, published: np.ndarray | None
) -> dict[str, Observable]:
    """What people watch of traffic: on every link, and in all. Who has arrived stays for one step."""
    vehicles, per_time = congestion.vehicles, "vehicles per unit of time"
    on_link = congestion.state_link < len(congestion.capacity)
    return {
        "link_flows": Observable(LinkFlows(congestion), per_time, "link", published),
        "link_loads": Observable(LinkLoads(congestion), "flow / capacity", "link"),
        "link_times": Observable(LinkTimes(congestion), "unit of time", "link"),
        "travelers": mean_of(vehicles * np.ones(len(arrived)), "vehicles"),
        "on_roads": mean_of(vehicles * on_link, "vehicles"),
        "arrivals": mean_of(vehicles / duration * arrived, per_time),
    }


def _usable(roads: tntp.RoadNetwork, minimum_time: float) -> tntp.RoadNetwork:
    """Raise short links to the minimum time, and write constant delays as free-flow time."""
    odd = np.flatnonzero((roads.power > 0) & (roads.power < 1) & (roads.b > 0))
    if len(odd):
        raise ValueError(
            f"`network`: link {_link_name(roads, int(odd[0]))} has power {roads.power[odd[0]]:g}. "
            "Below 1 its time has an infinite slope when it is empty; use 0, or at least 1."
        )
    constant = (roads.power == 0) | (roads.b == 0)
    time = roads.free_flow_time * np.where(constant, 1 + roads.b, 1)
    raised = np.maximum(time, minimum_time)
    if not (raised > 0).all():
        raise ValueError(
            f"`network`: link {_link_name(roads, int(np.argmin(raised)))} takes no time. Give "
            "`minimum_time`, the least time a link takes, for example that of one step."
        )
    b = np.where(constant, 0, roads.b * time / raised)  # t0 b, the delay, stays as it was
    power = np.where(constant, 1, roads.power)
    return dataclasses.replace(roads, free_flow_time=raised, b=b, power=power)


def _step(roads: tntp.RoadNetwork, step: float | None) -> float:
    """The step, or the longest up to 1 that is no longer than any link."""
    shortest = int(np.argmin(roads.free_flow_time))
    least, mean = float(roads.free_flow_time[shortest]), float(roads.free_flow_time.mean())
    name = _link_name(roads, shortest)
    if step is None:
        if least < 1e-3 * mean:
            raise ValueError(
                f"`minimum_time`: link {name} takes {least:g}, the mean link {mean:g}; steps that "
                "short would make every trip thousands of steps long. Raise short links by "
                f"`minimum_time` (for example {mean / 10:.2g}), or give `step`."
            )
        return min(1.0, least)
    if above_zero("step", step) > least:
        raise ValueError(
            f"`step` is {step:g}, but link {name} takes only {least:g} at free flow, and a step "
            f"leaves at most one link behind. Use `step={least:g}` or less, or raise short links "
            f"by `minimum_time={step:g}`."
        )
    return float(step)


def _read(
    network: str | Path | None,
    trips: str | Path | None,
    nodes: str | Path | None,
    flows: str | Path | None,
) -> tuple[tntp.RoadNetwork, np.ndarray, np.ndarray, np.ndarray | None]:
    """The network, its trips, coordinates (a circle if there are none) and flows (None)."""
    found = {"trips": trips, "nodes": nodes, "flows": flows}
    if network is None:
        folder = importlib.resources.files("rmfg") / "zoo" / "data" / "sioux_falls"
        source = folder / "SiouxFalls_net.tntp"
        beside = {name: folder / f"SiouxFalls_{name.rstrip('s')}.tntp" for name in found}
        beside["trips"] = folder / "SiouxFalls_trips.tntp"
    else:
        source = Path(network)
        beside = {name: tntp.beside(source, name) for name in found}
    found = {name: beside[name] if path is None else path for name, path in found.items()}
    found = {name: None if path == "none" else path for name, path in found.items()}
    roads = tntp.read_network(source)
    if found["trips"] is None:
        raise ValueError(
            f"`trips`: no trip table stands beside {str(source)!r} (named like "
            "`<network>_trips.tntp`). Give its path."
        )
    table = tntp.read_trips(found["trips"], roads.num_zones)
    angle = 2 * np.pi * np.arange(roads.num_nodes) / roads.num_nodes
    places = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    if found["nodes"] is not None:
        places = tntp.read_nodes(found["nodes"], roads.num_nodes)
    published = None if found["flows"] is None else tntp.read_flows(found["flows"], roads)
    return roads, table, places, published


def _link_name(roads: tntp.RoadNetwork, link: int) -> str:
    return f"{roads.tail[link] + 1}-{roads.head[link] + 1}"


def _state_names(roads: tntp.RoadNetwork, states: _States) -> tuple[str, ...]:
    places = zip(
        states.link.tolist(), states.zone.tolist(), states.destination.tolist(), strict=True
    )
    return tuple(
        f"{_link_name(roads, link)} to {goal + 1}"
        if link < roads.num_links
        else (f"arrived at {goal + 1}" if zone == goal else f"at {zone + 1} to {goal + 1}")
        for link, zone, goal in places
    )


ENTRY = Entry(
    name="road-network",
    summary="Travelers choose their roads through a real network, Sioux Falls or any other in TNTP "
    "format, in which all slow each other down.",
    source="Network, trips and flows: LeBlanc, Morlok & Pierskalla, Transportation Research 9 "
    "(1975) 309-318, doi:10.1016/0041-1647(75)90030-1, in the format of "
    "https://github.com/bstabler/TransportationNetworks; the game is new here.",
    equations="r = bonus [has arrived] - step; on a link with M vehicles "
    "P(reach the end) = step / t(f), f t(f) = M, t(f) = t0 (1 + b (f / C)^p); then the chosen "
    "road, or on arrival a new trip from the trip table.",
    known=("none",),
    build=road_network,
)
