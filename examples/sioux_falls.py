"""The main job: route the travelers of Sioux Falls safely, and say what safety costs.

    python examples/sioux_falls.py [OUT_FOLDER] [TABLE.md]

Solves the routing game without doubt (radius 0) and under total variation on the nominal support,
certifies both, compares the nominal link flows with the published static user equilibrium, lists
the links that lose and gain flow under robustness, and prices the robust policy under the nominal
model. Leaves `sioux_falls.nc`, `sioux_falls_nominal.nc`, `sioux_falls.png` and the report.
"""

import sys
from pathlib import Path

import numpy as np

import rmfg

RADIUS = 0.01
# Of the range of the values themselves.
TOLERANCE = 1e-3
SHOWN_LINKS = 5


def main(folder: Path, table: Path | None) -> int:
    """Solve, report, and return zero if both answers are certified."""
    folder.mkdir(parents=True, exist_ok=True)
    game = rmfg.zoo.make("road-network")
    # Congestion moves the kernel with the population: forget the first rounds fast.
    solver = rmfg.FictitiousPlay(power=4)
    ambiguity = rmfg.TotalVariation(RADIUS, support="nominal")
    options = {"solver": solver, "tol": TOLERANCE, "progress": True}
    robust = rmfg.solve(game, ambiguity, **options)
    nominal = rmfg.solve(game, **options)
    robust.save(folder / "sioux_falls.nc")
    nominal.save(folder / "sioux_falls_nominal.nc")
    rmfg.plot(robust, folder / "sioux_falls.png")
    for answer in (nominal, robust):
        print(answer, end="\n\n")
    text = report(game, nominal, robust)
    print(text)
    (folder / "sioux_falls.md").write_text(text, encoding="utf-8")
    if table is not None:
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text(text, encoding="utf-8")
    return 0 if robust.certificate.certified and nominal.certificate.certified else 1


def report(game: rmfg.MeanFieldGame, nominal: rmfg.Equilibrium, robust: rmfg.Equilibrium) -> str:
    """What the two answers say, as Markdown."""
    roads = game.layout
    published = game.observables["link_flows"].reference
    before, after = (answer.observables["link_flows"] for answer in (nominal, robust))
    together = under_nominal_model(game, robust.policy, robust.distribution)
    alone = rmfg.evaluate(game, rmfg.Nominal(), robust.policy, nominal.distribution)
    best = float(np.sum(nominal.value * nominal.distribution))
    price = float(np.sum((nominal.value - alone) * nominal.distribution))
    correlation = np.corrcoef(before, published)[0, 1]
    relative = np.abs(before - published) / published
    worst = int(np.argmax(relative))
    lines = [
        f"{len(roads.node_names)} nodes, {len(roads.tail)} links, "
        f"{nominal.observables['travelers']:,.0f} vehicles; "
        f"{game.num_states} states, {game.num_actions} actions, "
        f"{game.kernel(nominal.distribution).law.shape[0]} successors, discount {game.discount:g}; "
        f"tol {TOLERANCE:g}.",
        "",
        f"| | radius 0 | total variation {RADIUS:g}, nominal support |",
        "|---|---:|---:|",
        row("status", nominal, robust, lambda e: str(e.status)),
        row("exploitability", nominal, robust, lambda e: f"{e.certificate.exploitability:.2e}"),
        row(
            "share of the scale (max r - min r) / (1 - discount)",
            nominal,
            robust,
            lambda e: f"{e.certificate.relative_exploitability:.1e}",
        ),
        row(
            "share of the range of the values",
            nominal,
            robust,
            lambda e: f"{e.certificate.exploitability / np.ptp(e.value):.1e}",
        ),
        row("consistency (L1)", nominal, robust, lambda e: f"{e.certificate.consistency:.1e}"),
        row("nature's gap", nominal, robust, lambda e: f"{e.certificate.nature_gap:.1e}"),
        row("steps", nominal, robust, lambda e: str(e.steps)),
        row("seconds", nominal, robust, lambda e: f"{e.seconds:.0f}"),
        row(
            "mean robust value",
            nominal,
            robust,
            lambda e: f"{np.sum(e.value * e.distribution):.3f}",
        ),
        "",
        f"Radius 0 against the published user-equilibrium flows: correlation {correlation:.6f}, "
        f"largest relative difference {relative[worst]:.1%} (link {name(roads, worst)}), "
        f"mean {relative.mean():.2%}.",
        "",
        f"Price of robustness under the nominal model: a traveler who plays the robust policy among "
        f"nominal ones loses {price:.4f} on average, {price / np.ptp(nominal.value):.2%} of the "
        f"range of the values. Where all play it the mean value is {together:.3f} instead of "
        f"{best:.3f}: selfish routing is not the best for all, and caution can relieve busy links.",
        "",
        "Links whose flow changes most, in vehicles per hour:",
        "",
        "| link | radius 0 | robust | change |",
        "|---|---:|---:|---:|",
    ]
    order = np.argsort(after - before)
    for link in [*order[:SHOWN_LINKS], *order[-SHOWN_LINKS:][::-1]]:
        change = after[link] - before[link]
        lines.append(
            f"| {name(roads, link)} | {before[link]:,.0f} | {after[link]:,.0f} | {change:+,.0f} |"
        )
    return "\n".join(lines) + "\n"


def under_nominal_model(
    game: rmfg.MeanFieldGame, policy: np.ndarray, distribution: np.ndarray
) -> float:
    """The mean value where everybody plays the policy and the world behaves as modeled."""
    for _ in range(200):
        kernel = game.kernel(distribution)
        image = rmfg.stationary_distribution(kernel, policy, initial=distribution)
        moved = np.abs(image - distribution).sum()
        distribution = (distribution + image) / 2
        if moved < 1e-9:
            break
    value = rmfg.evaluate(game, rmfg.Nominal(), policy, distribution)
    return float(np.sum(value * distribution))


def row(label: str, left: rmfg.Equilibrium, right: rmfg.Equilibrium, show) -> str:
    """One line of the table."""
    return f"| {label} | {show(left)} | {show(right)} |"


def name(roads, link: int) -> str:
    """The link's two ends."""
    return f"{roads.node_names[roads.tail[link]]}-{roads.node_names[roads.head[link]]}"


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("out")
    sys.exit(main(folder, Path(sys.argv[2]) if len(sys.argv) > 2 else None))
