"""Read road networks, trip tables, coordinates and flows in the TNTP text format.

A network file names its sizes in lines `<NUMBER OF LINKS> 76`, then has one link a line: initial
node, terminal node, capacity, length, free-flow time, b, power (more columns are ignored). A trip
table has a line `Origin 1` before the trips `destination : trips;` of that origin. Nodes are
numbered from 1 and zones come first; `~` starts a comment. Read leniently where writers differ
(tabs or spaces, missing semicolons, capitals, headers with or without `~`), strictly where a file
contradicts itself or ends too early. Every ValueError names the file, the line, the value and the
way out.

Format: H. Bar-Gera, Transportation Networks for Research,
https://github.com/bstabler/TransportationNetworks.
"""

import dataclasses
import math
import re
from collections import defaultdict
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NoReturn

import numpy as np

Source = str | Path | Traversable

# Printed totals are rounded; anything beyond this share of the total is a missing or doubled trip.
TOTAL_SLACK = 1e-4

_METADATA = re.compile(r"<([^>]*)>\s*(.*)")
_ORIGIN = re.compile(r"origin\s*:?\s*(\S+)\s*(.*)", re.IGNORECASE)
_TRIPS = re.compile(r"(\S+?)\s*[:,]\s*([^\s;:,]+)\s*(?:;|$|(?=\s))\s*")


@dataclasses.dataclass(frozen=True, eq=False)
class RoadNetwork:
    """Links between nodes; nodes are numbered from 0 here, the first `num_zones` are zones.

    Nodes below `first_through_node` may only begin and end a trip. Travel time at flow f is
    `free_flow_time * (1 + b * (f / capacity) ** power)`.
    """

    num_zones: int
    num_nodes: int
    first_through_node: int
    tail: np.ndarray
    head: np.ndarray
    capacity: np.ndarray
    free_flow_time: np.ndarray
    b: np.ndarray
    power: np.ndarray

    @property
    def num_links(self) -> int:
        """The number of links."""
        return len(self.tail)


def read_network(source: Source) -> RoadNetwork:
    """Read a `_net.tntp` file."""
    name, metadata, rows = _open("network", source)
    zones, nodes, first, links = (
        _size(name, metadata, key)
        for key in ("NUMBER OF ZONES", "NUMBER OF NODES", "FIRST THRU NODE", "NUMBER OF LINKS")
    )
    if zones > nodes:
        _refuse(name, metadata["NUMBER OF ZONES"][0], f"{zones} zones but only {nodes} nodes")
    table = []
    for line, text in _skip_header(rows):
        words = text.split()
        if len(words) < 7:
            way_out = "A link is: from, to, capacity, length, free-flow time, b, power."
            _refuse(name, line, f"{len(words)} columns instead of at least 7. {way_out}")
        ends = [_node(name, line, word, nodes) for word in words[:2]]
        if ends[0] == ends[1]:
            _refuse(name, line, f"the link from {words[0]} leads back to it. Drop the line.")
        capacity, _, time, b, power = (_number(name, line, word) for word in words[2:7])
        if min(time, b, power) < 0:
            _refuse(
                name, line, f"free-flow time {time}, b {b}, power {power}: none may be negative."
            )
        if b == 0 and capacity <= 0:
            capacity = 1.0  # without congestion the capacity plays no part
        if capacity <= 0:
            way_out = "Give it a positive one, or b = 0 if it never congests."
            _refuse(
                name, line, f"capacity {capacity} on a link with congestion (b = {b}). {way_out}"
            )
        table.append((*ends, capacity, time, b, power))
    if len(table) != links:
        _refuse(
            name,
            metadata["NUMBER OF LINKS"][0],
            f"<NUMBER OF LINKS> is {links}, but {len(table)} links follow. The file is cut off, or "
            "the number is wrong: fetch it again, or correct the number.",
        )
    tail, head, *columns = zip(*table, strict=True)
    arrays = [np.array(column, dtype=np.float64) for column in columns]
    return RoadNetwork(zones, nodes, first - 1, np.array(tail), np.array(head), *arrays)


def read_trips(source: Source, num_zones: int) -> np.ndarray:
    """Read a `_trips.tntp` file: the trips (num_zones, num_zones) from each zone to each."""
    name, metadata, rows = _open("trips", source)
    if "NUMBER OF ZONES" in metadata:
        zones = _size(name, metadata, "NUMBER OF ZONES")
        if zones != num_zones:
            line = metadata["NUMBER OF ZONES"][0]
            _refuse(name, line, f"{zones} zones, but the network has {num_zones}. Pair the files.")
    trips = np.full((num_zones, num_zones), np.nan)
    origin = None
    for line, text in rows:
        start = _ORIGIN.match(text)
        if start:
            origin = _node(name, line, start[1], num_zones)
            text = start[2]
        position = 0
        while position < len(text):
            pair = _TRIPS.match(text, position)
            if pair is None:
                what = f"cannot read {text[position : position + 30]!r}"
                _refuse(name, line, f"{what}. Trips are written `destination : trips;`.")
            if origin is None:
                _refuse(name, line, f"trips {pair[0].strip()!r} before any line `Origin 1`.")
            destination = _node(name, line, pair[1], num_zones)
            amount = _number(name, line, pair[2])
            if amount < 0:
                _refuse(
                    name, line, f"{amount} trips from {origin + 1} to {destination + 1}. Use 0."
                )
            if not math.isnan(trips[origin, destination]):
                what = f"trips from {origin + 1} to {destination + 1} are given twice"
                _refuse(name, line, f"{what}. Keep one of them, or their sum.")
            trips[origin, destination] = amount
            position = pair.end()
    trips = np.nan_to_num(trips)
    if "TOTAL OD FLOW" in metadata:
        line, word = metadata["TOTAL OD FLOW"]
        total = _number(name, line, word)
        if not abs(trips.sum() - total) <= TOTAL_SLACK * total:
            _refuse(
                name,
                line,
                f"<TOTAL OD FLOW> is {total:.10g}, but the trips add up to {trips.sum():.10g}. The "
                "file is cut off, or the number is wrong: fetch it again, or drop the line.",
            )
    if not trips.sum() > 0:
        _refuse(name, None, "it holds no trips. Name the trip table of the network.")
    return trips


def read_nodes(source: Source, num_nodes: int) -> np.ndarray:
    """Read a `_node.tntp` file: the coordinates (num_nodes, 2)."""
    name, _, rows = _open("nodes", source)
    places = np.full((num_nodes, 2), np.nan)
    for line, text in _skip_header(rows):
        words = text.split()
        if len(words) < 3:
            _refuse(name, line, f"{text!r} has fewer than 3 columns. A node is: number, x, y.")
        node = _node(name, line, words[0], num_nodes)
        if not np.isnan(places[node, 0]):
            _refuse(name, line, f"node {node + 1} is given twice. Drop one of the lines.")
        places[node] = [_number(name, line, word) for word in words[1:3]]
    missing = np.flatnonzero(np.isnan(places[:, 0])) + 1
    if len(missing):
        what = f"{len(missing)} of {num_nodes} nodes have no coordinates, the first is {missing[0]}"
        _refuse(name, None, f"{what}. Complete the file, or do without it (nodes='none').")
    return places


def read_flows(source: Source, network: RoadNetwork) -> np.ndarray:
    """Read a `_flow.tntp` file (from, to, volume, cost): the flow of each link, in their order."""
    name, _, rows = _open("flows", source)
    # Several links may join the same two nodes: they are told apart by their order.
    places = defaultdict(list)
    for link, ends in enumerate(zip(network.tail.tolist(), network.head.tolist(), strict=True)):
        places[ends].append(link)
    flows = np.full(network.num_links, np.nan)
    for line, text in _skip_header(rows):
        words = text.replace(":", " ").split()
        if len(words) < 3:
            _refuse(name, line, f"{text!r} has fewer than 3 columns. A flow is: from, to, volume.")
        ends = tuple(_node(name, line, word, network.num_nodes) for word in words[:2])
        if not places[ends]:
            what = f"the network has no (further) link from {words[0]} to {words[1]}"
            _refuse(name, line, f"{what}. Pair the files.")
        volume = _number(name, line, words[2])
        if volume < 0:
            _refuse(name, line, f"volume {volume} from {words[0]} to {words[1]}. Use 0.")
        flows[places[ends].pop(0)] = volume
    missing = np.flatnonzero(np.isnan(flows))
    if len(missing):
        first = f"{network.tail[missing[0]] + 1} to {network.head[missing[0]] + 1}"
        what = f"{len(missing)} of {len(flows)} links have no flow, the first leads from {first}"
        _refuse(name, None, f"{what}. Complete the file, or do without it (flows='none').")
    return flows


def beside(source: Path, name: str) -> Path | None:
    """Return the file beside `X_net.tntp` called `X_<name>.tntp` in whatever capitals, or None."""
    stem = source.name.lower().removesuffix("_net.tntp")
    wanted = {f"{stem}_{name}.tntp", f"{stem}_{name.rstrip('s')}.tntp"}
    if not source.parent.is_dir() or stem == source.name.lower():
        return None
    return next(
        (path for path in sorted(source.parent.iterdir()) if path.name.lower() in wanted), None
    )


def _open(
    argument: str, source: Source
) -> tuple[str, dict[str, tuple[int, str]], list[tuple[int, str]]]:
    """The file's name, its metadata with their lines, and its other lines without comments."""
    path = Path(source) if isinstance(source, str) else source
    if not path.is_file():
        raise ValueError(f"`{argument}`: there is no file {str(source)!r}. Check the path.")
    metadata, rows = {}, []
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    for line, raw in enumerate(text.splitlines(), start=1):
        found = _METADATA.match(raw.strip())
        if found:
            # The original header is kept by some writers as metadata with a comment sign in it.
            key = " ".join(found[1].replace("_", " ").upper().split())
            metadata[key] = (line, found[2].split("~")[0].strip(" \t;"))
            continue
        content = raw.split("~")[0].strip()
        if content.strip(" \t;"):
            rows.append((line, content))
    return path.name, metadata, rows


def _skip_header(rows: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Lines of a table without semicolons and without a first line of column names."""
    for index, (line, text) in enumerate(rows):
        plain = " ".join(text.replace(";", " ").split())
        if index == 0 and plain[0].isalpha():
            continue
        yield line, plain


def _size(name: str, metadata: dict[str, tuple[int, str]], key: str) -> int:
    if key not in metadata:
        _refuse(name, None, f"<{key}> is missing. Add a line such as `<{key}> 1` at the top.")
    line, word = metadata[key]
    number = _number(name, line, word)
    if number != int(number) or number < 1:
        _refuse(name, line, f"<{key}> is {word!r}. It must be a whole number, 1 or more.")
    return int(number)


def _node(name: str, line: int, word: str, count: int) -> int:
    if not re.fullmatch(r"\d+(\.0*)?", word) or not 1 <= int(float(word)) <= count:
        _refuse(name, line, f"{word!r} is no number from 1 to {count}. Check the header's sizes.")
    return int(float(word)) - 1


def _number(name: str, line: int, word: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        _refuse(name, line, f"{word!r} is no finite number. Correct the entry.")
    return number


def _refuse(name: str, line: int | None, message: str) -> NoReturn:
    raise ValueError(f"{name}{'' if line is None else f', line {line}'}: {message}")
