"""Road traffic: congestion that is consistent with flow, and the static user equilibrium.

With M vehicles on it, a link carries the flow f that is consistent with them (Little's law), and
each takes the time t(f) to pass:

    f t(f) = M,    t(f) = t0 (1 + b (f / C)^p)

In a static user equilibrium nobody can save time by another route (J. G. Wardrop, Some theoretical
aspects of road traffic research, 1952). In a closed population arrivals start the next trips.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
from jaxtyping import Float, Int

from rmfg.core.precision import Array, boundary
from rmfg.zoo.tntp import RoadNetwork

# From its upper bound Newton's method gains a factor p / (p + 1) or better at first, and then
# doubles its digits: 10 steps reach round-off for every load at powers up to 40.
NEWTON_STEPS = 10
# The assignment starts the solvers, and counts vehicles where no flows are published.
ASSIGNMENT_GAP = 1e-3
ASSIGNMENT_STEPS = 300


class Congestion(eqx.Module):
    """The flow and the travel time of each link, given the law of travelers over states."""

    state_link: Int[Array, " S"]  # the number of links for those on none
    free_flow_time: Float[Array, " L"]
    capacity: Float[Array, " L"]
    b: Float[Array, " L"]
    power: Float[Array, " L"]
    vehicles: Float[Array, ""]

    def ratios(self, distribution: Float[Array, " S"]) -> Float[Array, " L"]:
        """Return flow over capacity, for each link."""
        links = self.capacity.shape[0]
        mass = jax.ops.segment_sum(jnp.asarray(distribution), self.state_link, links + 1)[:links]
        load = mass * (self.vehicles / (self.free_flow_time * self.capacity))
        return flow_ratio(load, self.b, self.power)

    def times(self, distribution: Float[Array, " S"]) -> Float[Array, " L"]:
        """Return the travel time of each link."""
        return self.free_flow_time * (1 + self.b * self.ratios(distribution) ** self.power)


class LinkFlows(eqx.Module):
    """The function m -> the flow of each link.

    So many leave the link under the nominal kernel; fewer do where nature delays them.
    """

    congestion: Congestion

    def __call__(self, mean_field: Float[Array, " S"]) -> Float[Array, " L"]:
        return self.congestion.capacity * self.congestion.ratios(mean_field)


class LinkLoads(eqx.Module):
    """The function m -> flow over capacity, for each link."""

    congestion: Congestion

    def __call__(self, mean_field: Float[Array, " S"]) -> Float[Array, " L"]:
        return self.congestion.ratios(mean_field)


class LinkTimes(eqx.Module):
    """The function m -> the travel time of each link."""

    congestion: Congestion

    def __call__(self, mean_field: Float[Array, " S"]) -> Float[Array, " L"]:
        return self.congestion.times(mean_field)


@boundary
def flow_ratio(
    load: Float[Array, " L"], b: Float[Array, " L"], power: Float[Array, " L"]
) -> Float[Array, " L"]:
    """Solve x (1 + b x^power) = load for x >= 0, the flow over capacity; load is M / (t0 C).

    Newton's method from the upper bound min(load, (load / b)^(1 / (power + 1))): the left side is
    convex, so it descends to the root and converges quadratically. The first derivative is exact:
    one more step from the root, held fixed, is the implicit function theorem.
    """
    fixed = jax.lax.stop_gradient(load)
    bound = (fixed / jnp.where(b > 0, b, 1)) ** (1 / (power + 1))
    x = jnp.where(b > 0, jnp.minimum(fixed, bound), fixed)
    for _ in range(NEWTON_STEPS):
        x = _newton(x, fixed, b, power)
    return _newton(jax.lax.stop_gradient(x), load, b, power)


def _newton(x: Array, load: Array, b: Array, power: Array) -> Array:
    # All terms are positive: no digits cancel, and an empty link gives exactly zero.
    delay = b * x**power
    return (load + power * delay * x) / (1 + (power + 1) * delay)


def travel_times(roads: RoadNetwork, flows: np.ndarray) -> np.ndarray:
    """Return the travel time of each link at its flow."""
    return roads.free_flow_time * (1 + roads.b * (flows / roads.capacity) ** roads.power)


def assign(roads: RoadNetwork, trips: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the flows (links, zones) of a static user equilibrium by destination, and the mean
    free-flow time of a trip.

    Frank-Wolfe: all take a shortest path at the current times; then the best mixture of current
    and new flows is kept, until the times of the current flows exceed the shortest by a relative
    gap of 1e-3. The best mixture minimizes the sum of the integrals of t (Beckmann, McGuire &
    Winsten 1956), whose derivative along the line is the sum of t times the change of flow.
    """
    flows = _shortest(roads, trips, roads.free_flow_time)
    mean_trip = float(roads.free_flow_time @ flows.sum(1) / trips.sum())
    for _ in range(ASSIGNMENT_STEPS):
        total = flows.sum(1)
        times = travel_times(roads, total)
        shortest = _shortest(roads, trips, times)
        change = shortest.sum(1) - total
        if -times @ change <= ASSIGNMENT_GAP * (times @ total):
            break
        low, high = 0.0, 1.0
        for _ in range(30):
            middle = (low + high) / 2
            downhill = travel_times(roads, total + middle * change) @ change < 0
            low, high = (middle, high) if downhill else (low, middle)
        flows = flows + low * (shortest - flows)
    return flows, mean_trip


def _shortest(roads: RoadNetwork, trips: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The flows (links, zones) by destination when everyone takes a shortest path."""
    nodes, zones = roads.num_nodes, np.arange(roads.num_zones)
    # Nodes closed to through traffic are split in two: trips leave from a copy without entrance.
    exits = np.arange(nodes) + nodes * (np.arange(nodes) < roads.first_through_node)
    key = roads.head * 2 * nodes + exits[roads.tail]
    order = np.lexsort((times, key))
    keys, first = np.unique(key[order], return_index=True)
    best = order[first]  # the fastest of parallel links
    backward = scipy.sparse.csr_array(
        (times[best], (roads.head[best], exits[roads.tail[best]])), shape=(2 * nodes, 2 * nodes)
    )
    distance, toward = scipy.sparse.csgraph.dijkstra(
        backward, indices=zones, return_predecessors=True
    )
    waiting = np.zeros_like(distance)
    waiting[:, exits[zones]] = trips.T
    flows = np.zeros((roads.num_links, roads.num_zones))
    for node in np.argsort(-distance, axis=1, kind="stable").T:  # farthest first, all zones at once
        moving = np.flatnonzero((waiting[zones, node] > 0) & (toward[zones, node] >= 0))
        at, goal = node[moving], toward[moving, node[moving]]
        link = best[np.searchsorted(keys, goal * 2 * nodes + at)]
        flows[link, moving] += waiting[moving, at]
        waiting[moving, goal] += waiting[moving, at]
    return flows


def next_trips(trips: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return for each zone the origins, destinations and law of the trips that arrivals start next.

    They start the zone's own trips. Where a zone sends out more trips than it receives, its largest
    trips are cut by the difference and started by those who arrive in excess elsewhere.
    """
    sent, received = trips.sum(1), trips.sum(0)
    largest = np.argsort(-trips, axis=1, kind="stable")
    ordered = np.take_along_axis(trips, largest, 1)
    before = np.cumsum(ordered, axis=1) - ordered
    cut = np.clip((sent - received)[:, None] - before, 0, ordered)
    rounding = 1e-12 * trips.sum()
    rest = np.where((cut > 0) & (ordered - cut <= rounding), 0, ordered - cut)
    kept = np.empty_like(trips)
    np.put_along_axis(kept, largest, rest, 1)

    # Excess arrivals and cut trips, laid along one line in order: where they overlap, they meet.
    given, wanted = np.cumsum(np.maximum(received - sent, 0)), np.cumsum(cut.ravel())
    edges = np.union1d(given, wanted)
    middle, amount = edges[:-1] + np.diff(edges) / 2, np.diff(edges)
    real = amount > rounding
    giver = np.searchsorted(given, middle[real])
    rank = np.searchsorted(wanted, middle[real])
    taker, place = np.divmod(rank, len(trips))

    origins, destinations = np.nonzero(kept)
    starter = np.concatenate([origins, giver])
    origins = np.concatenate([origins, taker])
    destinations = np.concatenate([destinations, largest[taker, place]])
    weight = np.concatenate([kept[kept > 0], amount[real]])
    laws = []
    for zone in range(len(trips)):
        own = starter == zone
        total = weight[own].sum()
        laws.append((origins[own], destinations[own], weight[own] / np.where(total, total, 1)))
    return laws
