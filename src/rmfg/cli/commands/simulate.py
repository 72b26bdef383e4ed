"""`rmfg simulate`: finitely many agents, who play a saved equilibrium."""

import dataclasses
from typing import Annotated

import typer

from rmfg.cli import options
from rmfg.cli.command import Command


@dataclasses.dataclass(frozen=True, kw_only=True)
class Simulate(Command):
    """Let finitely many agents play a saved equilibrium, nature answering at their empirical law.

    Shows how far the law strays from the equilibrium's, what agents get, what one of them could gain
    by leaving the policy (epsilon), and two bounds on that: by verification along the equilibrium,
    and from global constants. Numbers in brackets are 95% intervals.
    The certificate is computed again, at the tolerance of the file.
    Exits with 0 if it certifies the equilibrium, with 1 if not.
    """

    summary = "Let finitely many agents play a saved equilibrium."
    compiles = True
    typed = {"num_runs": "--runs", "num_steps": "--steps", "path": "EQ.nc"}  # noqa: RUF012

    file: options.Saved
    agents: Annotated[
        str, typer.Option(metavar="N,N,...", help="How many agents, numbers between commas.")
    ] = "10,100,1000"
    runs: Annotated[int, options.whole("Simulations for each number.")] = 200
    steps: Annotated[
        int | None,
        options.whole("Steps of a simulation; by default until discounting leaves a thousandth."),
    ] = None
    nature: Annotated[
        str | None,
        typer.Option(
            metavar="nominal|worst_case|random|adversary",
            help="Who moves the simulated agents; by default who moves the equilibrium's population.",
        ),
    ] = None
    gap: Annotated[
        str,
        typer.Option(
            metavar="auto|exact|sample|none",
            help="How to find what one agent gains by leaving the policy.",
        ),
    ] = "auto"
    game: options.SolvedGame = None
    parameters: options.Parameters = None
    seed: options.Seed = 0
    save: options.Output = None
    plot: options.Plot = None
    as_json: options.Json = False
    quiet: options.Quiet = False

    def run(self) -> int:
        import rmfg
        from rmfg.cli import output, simulation, sources, values
        from rmfg.core.netcdf import write_netcdf
        from rmfg.core.status import Status

        # Everything that can be refused early is.
        output.check_targets(self.save, self.plot, self.file)
        agents = simulation.counts(self.agents)
        given = values.pairs("-p", self.parameters)
        equilibrium = rmfg.load(self.file)
        with sources.named(self.game, given, self.file) as game:
            if game is None:
                game = simulation.rebuilt(equilibrium, self.file)
            equilibrium = simulation.judged(game, equilibrium, self.file)
            study = rmfg.finite_study(
                game,
                equilibrium,
                agents,
                num_runs=self.runs,
                num_steps=self.steps,
                nature=self.nature,
                gap=None if self.gap == "none" else self.gap,
                seed=self.seed,
                progress=not (self.as_json or self.quiet),
            )
        files, failed = output.written(
            {
                "study": (self.save, lambda path: write_netcdf(study, path)),
                "figure": (self.plot, lambda path: rmfg.plot_finite(study, path)),
            }
        )
        if self.as_json:
            output.show_json(simulation.as_data(study) | {"equilibrium": self.file, "files": files})
        elif not self.quiet:
            output.show(simulation.text(study), *output.names(files))
        if failed:
            raise failed
        return 0 if equilibrium.status == Status.CERTIFIED else 1
