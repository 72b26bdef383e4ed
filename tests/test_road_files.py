"""Files of road networks: what writers write is read, and what is no network is refused by its line."""

import functools

import numpy as np
import pytest
from road_files import PIGOU, PIGOU_TRIPS, watched, written

from rmfg.zoo.road_network import road_network


@pytest.fixture
def write(tmp_path):
    """Write the files of a network and return the path of the first."""
    return functools.partial(written, tmp_path)


def test_reader_takes_what_writers_write(write):
    quirks = (
        "\ufeff< number_of zones >2\n<Number of Nodes>\t2 ~ both\n<FIRST THRU NODE> 1;\n"
        "<NUMBER OF LINKS> 3\n<ORIGINAL HEADER>~ Init node\t;\n\n"
        "init_node term_node capacity length free_flow_time b power speed ;\n"
        "\t1\t2\t1.0\t1\t2\t0\t1\t0\t0\t1;\n~ 1 2 comment ;\n1 2 4 1 1 1 1 ~ comment\n"
        "  2  1 0 1 2 0 1\t;\t"
    )
    trips = (
        "<NUMBER OF ZONES> 2\n<TOTAL OD FLOW> 20.0004\n<END OF METADATA>\n\norigin\t1 \n"
        "1:0.0;2 :10.0\nORIGIN 2\n 1 : 1e1 ; 2 : 0.0\n"
    )
    nodes = "2 1.5 -3\n1\t0\t4;\n"
    flows = "~ Tail Head : Volume Cost ;\n2 1 : 10 2;\n1 2 : 6 2 ;\n1 2 : 4 2"
    path = write(quirks, trips, nodes, flows)
    game = road_network(path)
    plain = road_network(write(PIGOU, PIGOU_TRIPS, nodes, flows))
    assert game.layout == plain.layout
    assert game.layout.x == (0.0, 1.5)
    np.testing.assert_array_equal(game.observables["link_flows"].reference, [6, 4, 10])
    assert watched(game, "travelers", game.initial) == pytest.approx(80, rel=1e-12)
    np.testing.assert_array_equal(game.initial, plain.initial)


def test_header_of_nodes_and_missing_coordinates(write):
    path = write(PIGOU, PIGOU_TRIPS, "Node X Y ;\n1 0 4 ;\n2 1.5 -3 ;\n")
    assert road_network(path).layout.y == (4.0, -3.0)
    circle = road_network(path, nodes="none").layout
    np.testing.assert_allclose((circle.x, circle.y), [[1, -1], [0, 0]], atol=1e-15)


BAD_NETWORKS = {
    "cut off": (PIGOU.rsplit("2 1 1", 1)[0], "line 4: <NUMBER OF LINKS> is 3, but 2 links"),
    "too many": (PIGOU + "1 2 1 1 1 0 1 ;\n", "but 4 links"),
    "short row": (PIGOU.replace("1 2 4 1 1 1 1", "1 2 4 1"), "line 8: 4 columns"),
    "word": (PIGOU.replace("1 2 4 1 1", "1 2 4 1 x"), "line 8: 'x' is no finite number"),
    "thousands": (PIGOU.replace("1 2 4 1", "1 2 4,000 1"), "'4,000' is no finite number"),
    "nan": (PIGOU.replace("1 2 4", "1 2 nan"), "'nan' is no finite number"),
    "node": (PIGOU.replace("1 2 4", "1 9 4"), "'9' is no number from 1 to 2"),
    "loop": (PIGOU.replace("1 2 4", "1 1 4"), "leads back"),
    "negative": (PIGOU.replace("1 2 4 1 1", "1 2 4 1 -1"), "none may be negative"),
    "capacity": (PIGOU.replace("1 2 4", "1 2 0"), "capacity 0.0 on a link with congestion"),
    "zones": (PIGOU.replace("ZONES> 2", "ZONES> 5"), "5 zones but only 2 nodes"),
    "no size": (PIGOU.replace("<NUMBER OF LINKS> 3\n", ""), "<NUMBER OF LINKS> is missing"),
    "bad size": (PIGOU.replace("LINKS> 3", "LINKS> many"), "'many' is no finite number"),
    "no through": (PIGOU.replace("<FIRST THRU NODE> 1\n", ""), "<FIRST THRU NODE> is missing"),
    "empty": ("", "<NUMBER OF ZONES> is missing"),
}
BAD_TRIPS = {
    "cut off": (PIGOU_TRIPS.split("Origin 2")[0], "<TOTAL OD FLOW> is 20, but .* add up to 10"),
    "no origin": (PIGOU_TRIPS.replace("Origin 1\n", ""), "before any line"),
    "form": (PIGOU_TRIPS.replace("2 : 10.0", "2 10.0"), "cannot read '2 10.0"),
    "number": (PIGOU_TRIPS.replace("2 : 10.0", "2 : ten"), "'ten' is no finite number"),
    "zone": (PIGOU_TRIPS.replace("2 : 10.0", "7 : 10.0"), "'7' is no number from 1 to 2"),
    "twice": (PIGOU_TRIPS.replace("1 : 0.0; 2", "2 : 0.0; 2"), "given twice"),
    "negative": (PIGOU_TRIPS.replace("10.0", "-10.0"), "-10.0 trips from 1 to 2"),
    "other": (PIGOU_TRIPS.replace("ZONES> 2", "ZONES> 3"), "3 zones, but the network has 2"),
    "none": ("<NUMBER OF ZONES> 2\n", "holds no trips"),
    "inside": ("Origin 1\n1 : 5;\n", "all trips stay within their zone"),
}
BAD_NODES = {
    "cut off": ("Node X Y\n1 0 4\n", "1 of 2 nodes have no coordinates, the first is 2"),
    "short": ("1 0\n2 1\n", "line 1: '1 0' has fewer than 3 columns"),
    "twice": ("1 0 4\n1 0 4\n", "line 2: node 1 is given twice"),
    "word": ("1 0 4\n2 0 here\n", "line 2: 'here' is no finite number"),
}
BAD_FLOWS = {
    "cut off": ("From To Volume\n1 2 6\n1 2 4\n", "1 of 3 links have no flow, .* from 2 to 1"),
    "unknown": ("2 2 6\n", "line 1: the network has no .* link from 2 to 2"),
    "again": ("2 1 6\n2 1 6\n", "line 2: the network has no .* link from 2 to 1"),
    "negative": ("2 1 -6\n", "volume -6.0 from 2 to 1"),
    "short": ("2 1\n", "fewer than 3 columns"),
}


@pytest.mark.parametrize(
    ("position", "text", "message"),
    [
        pytest.param(position, *case, id=f"{kind} {name}")
        for position, (kind, cases) in enumerate(
            [("net", BAD_NETWORKS), ("trips", BAD_TRIPS), ("node", BAD_NODES), ("flow", BAD_FLOWS)]
        )
        for name, case in cases.items()
    ],
)
def test_bad_files_are_refused(write, position, text, message):
    texts = [PIGOU, PIGOU_TRIPS, None, None]
    texts[position] = text
    path = write(*texts)
    with pytest.raises(ValueError, match=message) as error:
        road_network(path)
    kind = ("net", "trips", "node", "flow")[position]
    assert f"x_{kind}.tntp" in str(error.value) or "`trips`" in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"step": 1.5}, "`step` is 1.5, but link 1-2 takes only 1 .* `step=1`"),
        ({"step": -1.0}, "`step` must be above 0"),
        ({"vehicles": 0.0}, "`vehicles` must be above 0"),
        ({"bonus": -1.0}, "`bonus` must be above 0"),
        ({"demand": np.nan}, "`demand` must be a finite number"),
        ({"time_unit": 0.0}, "`time_unit` must be above 0"),
        ({"minimum_time": -1.0}, "`minimum_time` must be at least 0"),
        ({"discount": 1.0}, "`discount` must lie in"),
        ({"trips": "nowhere.tntp"}, "`trips`: there is no file 'nowhere.tntp'"),
        ({"trips": "none"}, "`trips`: no trip table"),
        ({"network": "nowhere_net.tntp"}, "`network`: there is no file"),
    ],
)
def test_bad_arguments_are_refused(write, arguments, message):
    with pytest.raises(ValueError, match=message):
        road_network(**{"network": write(PIGOU, PIGOU_TRIPS), **arguments})


def test_impossible_networks_are_refused(write):
    stuck = PIGOU.replace("LINKS> 3", "LINKS> 2").replace("2 1 1 1 2 0 1 ;\n", "")
    with pytest.raises(ValueError, match="10 trips from 2 to 1, but no route"):
        road_network(write(stuck, PIGOU_TRIPS))
    with pytest.raises(ValueError, match="1-2 takes no time"):
        road_network(write(PIGOU.replace("1 2 4 1 1", "1 2 4 1 0"), PIGOU_TRIPS))
    with pytest.raises(ValueError, match="`minimum_time`: link 1-2 takes 1e-08"):
        road_network(write(PIGOU.replace("1 2 4 1 1", "1 2 4 1 1e-8"), PIGOU_TRIPS))
    with pytest.raises(ValueError, match=r"power 0\.5"):
        road_network(write(PIGOU.replace("1 2 4 1 1 1 1", "1 2 4 1 1 1 0.5"), PIGOU_TRIPS))
