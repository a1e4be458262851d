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
    warm: Annotated[
        bool, typer.Option("--warm", help="Compile every kernel now, and say how long the next first call takes.")
    ] = False,
) -> None:
    """Say what is installed, what is missing with the line that installs it, and whether LSL and the kernels work."""
    from affectbio.cli.doctor import run_doctor

    raise typer.Exit(run_doctor(as_json=as_json, warm=warm))


@app.command("features")
def _features(
    recording: Annotated[Path, typer.Argument(help="An .xdf, .edf or .bdf file, or an Empatica E4 folder or .zip.")],
    sets: Annotated[
        str | None,
        typer.Option("--set", help="Feature sets, commas between them, or a .toml recipe; all that fit if not given."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where to write: .parquet or .csv.")] = Path("features.parquet"),
    subject: Annotated[str, typer.Option(help="Pseudonym of the person, for the table.")] = "01",
    session: Annotated[str, typer.Option(help="Which visit, for the table.")] = "01",
    window: Annotated[
        float | None, typer.Option(min=0.01, help="Seconds of every set's window; each set's own if not given.")
    ] = None,
    step: Annotated[float, typer.Option(min=0.01, help="Seconds between windows.")] = 1.0,
    unit: Annotated[
        list[str] | None, typer.Option(help="Unit of an XDF stream that states none, by type or name: EEG=uV.")
    ] = None,
) -> None:
    """Compute features of a recording, window by window, into a table with a mask of what is valid."""
    from affectbio.cli.features import run_features
    from affectbio.errors import ConfigError

    units = dict(pair.partition("=")[::2] for pair in unit or [])
    if not all(units.values()):
        raise ConfigError(f"--unit {' '.join(unit or [])}: expected a stream and its unit, such as EEG=uV")
    run_features(recording, out, sets=sets, subject=subject, session=session, window_s=window, step_s=step, units=units)


def main() -> None:
    """Run the command line; errors of ours are printed as one message, with exit code 1."""
    try:
        app()
    except AffectbioError as error:
        typer.secho(f"error: {error}", fg="red", err=True)
        sys.exit(1)
