"""Small networks as files: Pigou's two roads, and one with a zone that is closed to through traffic."""

from pathlib import Path

# Pigou's network: from zone 1 to zone 2 a road that always takes 2, beside one that takes
# 1 + f / 4; one road back. With 10 trips each way both take 2 at flows of 6 and 4.
PIGOU = """\
<NUMBER OF ZONES> 2
<NUMBER OF NODES> 2
<FIRST THRU NODE> 1
<NUMBER OF LINKS> 3
<END OF METADATA>
~ from to capacity length time b power ;
1 2 1 1 2 0 1 ;
1 2 4 1 1 1 1 ;
2 1 1 1 2 0 1 ;
"""
PIGOU_TRIPS = """\
<NUMBER OF ZONES> 2
<TOTAL OD FLOW> 20.0
<END OF METADATA>
Origin 1
  1 : 0.0; 2 : 10.0;
Origin 2
  1 : 10.0; 2 : 0.0;
"""
# Zone 2 is the short way from 1 to 3, but it is closed to through traffic; node 4 is the long way.
CLOSED = """\
<NUMBER OF ZONES> 3
<NUMBER OF NODES> 4
<FIRST THRU NODE> 4
<NUMBER OF LINKS> 8
<END OF METADATA>
1 2 10 1 1 0.15 4 ;
2 3 10 1 1 0.15 4 ;
1 4 10 1 5 0.15 4 ;
4 3 10 1 5 0.15 4 ;
3 4 10 1 5 0.15 4 ;
4 1 10 1 5 0.15 4 ;
2 4 10 1 5 0.15 4 ;
4 2 10 1 5 0.15 4 ;
"""
CLOSED_TRIPS = "Origin 1\n 2 : 1; 3 : 4;\nOrigin 3\n 1 : 2;\nOrigin 2\n 1 : 1;"


def written(folder: Path, network, trips=None, nodes=None, flows=None) -> str:
    """Write the files of a network and return the path of the first."""
    for name, text in {"net": network, "trips": trips, "node": nodes, "flow": flows}.items():
        if text is not None:
            (folder / f"x_{name}.tntp").write_text(text)
    return str(folder / "x_net.tntp")


def watched(game, name, law):
    """An observable at a law."""
    return game.observables[name](law)
