"""The command line. Everything heavy is imported inside the commands, so that ``affectbio --help`` answers at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from affectbio.errors import AffectbioError

__all__ = ["app", "main"]

app = typer.Typer(
    name="affectbio",
    help="Affective computing from EEG and physiology, from the sensor to the estimate.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"affectbio {version('affectbio')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None: ...


@app.command("demo")
def _demo(
    out: Annotated[Path, typer.Option(help="Folder for the report, the recording and the tables.")] = Path(
        "affectbio-demo"
    ),
    speed: Annotated[float, typer.Option(min=0.1, max=100, help="How many times faster than life to play.")] = 5.0,
    subject: Annotated[str, typer.Option(help="Who is left out of training and played live.")] = "00",
    permutations: Annotated[int, typer.Option(min=19, help="Label permutations of the control.")] = 100,
    seed: Annotated[int, typer.Option(help="Of the permutations, the bootstrap and the replayed radio.")] = 0,
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer permutations, played 20 times faster: a check.")
    ] = False,
) -> None:
    """Do the main job on real recordings: evaluate honestly, go live, leave a report. No hardware, no network."""
    if quick:
        permutations, speed = 19, 20.0
    try:
        from affectbio.cli.demo import run_demo

        run_demo(out, speed=speed, subject=subject, n_permutations=permutations, seed=seed)
    except KeyboardInterrupt:
        # Pressed while libraries load, or again while the report is being written.
        typer.secho("stopped; no file is half written", fg="yellow")
        raise typer.Exit(130) from None


@app.command("doctor")
def _doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what is installed, what is missing with the line that installs it, and whether LSL works here."""
    from affectbio.cli.doctor import run_doctor

    raise typer.Exit(run_doctor(as_json=as_json))


def main() -> None:
    """Run the command line; errors of ours are printed as one message, with exit code 1."""
    try:
        app()
    except AffectbioError as error:
        typer.secho(f"error: {error}", fg="red", err=True)
        sys.exit(1)
