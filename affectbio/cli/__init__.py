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


_devices = typer.Typer(no_args_is_help=True, help="Which headsets and wearables are known, and what each streams.")
_xdf = typer.Typer(no_args_is_help=True, help="What is in an XDF file; a torn one made whole; other formats of it.")
_datasets = typer.Typer(no_args_is_help=True, help="Which data sets are read, whether a copy is whole, imitations.")
app.add_typer(_devices, name="devices")
app.add_typer(_datasets, name="datasets")
app.add_typer(_xdf, name="xdf")

_Units = Annotated[
    list[str] | None, typer.Option("--unit", help="Unit of an XDF stream that states none, by type or name: EEG=uV.")
]
_Channels = Annotated[
    str | None,
    typer.Option(
        "--channels", help="What the channels of an OpenBCI file are, commas between them: Fp1,Fp2,C3,C4,P7,P8,O1,O2."
    ),
]
_RECORDING = "An .xdf, .edf, .bdf, .fif or .vhdr, an OpenBCI .txt, a Muse .csv, or an Empatica E4 folder or .zip."
_Seconds = Annotated[float | None, typer.Option(min=0.1, help="Stop after so long; else at Ctrl-C.")]
_MinFree = Annotated[float, typer.Option(min=0, help="Stop recording while so many megabytes of disk are still free.")]


def _names(channels: str | None) -> list[str] | None:
    return None if channels is None else [name.strip() for name in channels.split(",")]


def _unit_pairs(unit: list[str] | None) -> dict[str, str]:
    from affectbio.errors import ConfigError

    units = dict(pair.partition("=")[::2] for pair in unit or [])
    if not all(units.values()):
        raise ConfigError(f"--unit {' '.join(unit or [])}: expected a stream and its unit, such as EEG=uV")
    return units


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
    recording: Annotated[Path, typer.Argument(help=_RECORDING)],
    sets: Annotated[
        str | None,
        typer.Option(
            "--set", help="Feature sets such as eeg-de,hrv,eda, or a .toml recipe; all that fit if not given."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where to write: .parquet or .csv.")] = Path("features.parquet"),
    subject: Annotated[str, typer.Option(help="Pseudonym of the person, for the table.")] = "01",
    session: Annotated[str, typer.Option(help="Which visit, for the table.")] = "01",
    window: Annotated[
        float | None, typer.Option(min=0.01, help="Seconds of every set's window; each set's own if not given.")
    ] = None,
    step: Annotated[
        float | None, typer.Option(min=0.01, help="Seconds between windows; the recipe's, or 1, if not given.")
    ] = None,
    unit: _Units = None,
    channels: _Channels = None,
) -> None:
    """Compute features of a recording, window by window, into a table with a mask of what is valid."""
    from affectbio.cli.features import run_features

    units = _unit_pairs(unit)
    run_features(
        recording,
        out,
        sets=sets,
        subject=subject,
        session=session,
        window_s=window,
        step_s=step,
        units=units,
        ch_names=_names(channels),
    )


@_devices.command("list")
def _devices_list() -> None:
    """List every device: how it is reached, what it streams, and how far its facts were tested."""
    from affectbio.cli.devices import list_all

    list_all()


@_devices.command("show")
def _devices_show(name: Annotated[str, typer.Argument(help="A name from the list, or a path to a TOML file.")]) -> None:
    """Print everything that is known of a device, with the source of each fact."""
    from affectbio.cli.devices import show_device

    show_device(name)


@_devices.command("check")
def _devices_check(path: Annotated[Path, typer.Argument(help="A TOML file of your own.")]) -> None:
    """Say whether a profile is right, or which key is not."""
    from affectbio.cli.devices import check_device

    check_device(path)


@_datasets.command("list")
def _datasets_list() -> None:
    """List every data set: people, signals, whether it is open or takes a form, whether it can be imitated."""
    from affectbio.cli.datasets import list_all

    list_all()


@_datasets.command("check")
def _datasets_check(
    name: Annotated[str, typer.Argument(help="A name from the list.")],
    folder: Annotated[Path, typer.Argument(help="Your copy.")],
) -> None:
    """Read every file of a copy; say what is there, what is missing and where to get it. Ends with 1 if not whole."""
    from affectbio.cli.datasets import run_check

    if not run_check(name, folder).is_complete:
        raise typer.Exit(1)


@_datasets.command("synthesise")
def _datasets_synthesise(
    name: Annotated[str, typer.Argument(help="A name from the list.")],
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    subjects: Annotated[int, typer.Option(min=1, help="How many people.")] = 2,
    seed: Annotated[int, typer.Option(help="Of what is invented.")] = 0,
) -> None:
    """Write a small imitation in the publisher's format, to try a reader without the data."""
    from affectbio.cli.datasets import run_synthesise

    run_synthesise(name, folder, subjects=subjects, seed=seed)


@app.command("scan")
def _scan(seconds: Annotated[float, typer.Option(min=0.1, help="How long to listen for Bluetooth.")] = 5.0) -> None:
    """List what is within reach: Bluetooth devices, serial ports, LSL streams."""
    from affectbio.cli.stream import run_scan

    run_scan(seconds)


@app.command("stream")
def _stream(
    devices: Annotated[
        list[str],
        typer.Argument(
            metavar="DEVICE[@ADDRESS]...",
            help="Devices, each with its address if needed; simulated/muse-2, lsl:NAME, brainflow:synthetic need none.",
        ),
    ],
    record: Annotated[Path | None, typer.Option(help="XDF file to record all of it to.")] = None,
    seconds: _Seconds = None,
    min_free_mb: _MinFree = 100.0,
    state: Annotated[
        str, typer.Option(help="Simulated: rest, eyes-closed, meditation, arithmetic, stress, amusement or sadness.")
    ] = "rest",
    blink: Annotated[bool, typer.Option("--blink", help="Simulated: eye blinks.")] = False,
    line_noise: Annotated[float, typer.Option(min=0, help="Simulated: frequency of the mains, in Hz.")] = 0.0,
    jitter_ms: Annotated[float, typer.Option(min=0, help="Simulated: mean delay of a packet.")] = 0.0,
    loss: Annotated[float, typer.Option(min=0, max=0.99, help="Simulated: share of packets lost.")] = 0.0,
    drift_ppm: Annotated[float, typer.Option(help="Simulated: how much the device's clock is fast.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Simulated: of all chance.")] = 0,
    unit: Annotated[
        list[str] | None,
        typer.Option("--unit", help="Unit of an lsl: stream that states none, by type or name: EEG=uV."),
    ] = None,
) -> None:
    """Stream devices over LSL, connecting again whenever a link breaks."""
    from affectbio.acquire.simulate import Artefacts, LinkFaults
    from affectbio.cli.stream import Scene, run_stream

    scene = Scene(
        state,
        Artefacts(blinks=blink, line_hz=line_noise),
        LinkFaults(jitter_ms=jitter_ms, loss=loss, drift_ppm=drift_ppm),
        seed,
    )
    run_stream(devices, record=record, seconds=seconds, min_free_mb=min_free_mb, scene=scene, units=_unit_pairs(unit))


@app.command("record")
def _record(
    out: Annotated[Path, typer.Argument(help="XDF file to make; an existing one is never touched.")],
    all_streams: Annotated[bool, typer.Option("--all", help="Everything that is on the network.")] = False,
    require: Annotated[
        str, typer.Option(help="Types of stream, commas between them, without which nothing is recorded.")
    ] = "",
    seconds: _Seconds = None,
    min_free_mb: _MinFree = 100.0,
) -> None:
    """Record LSL streams into an XDF file that survives a killed process and a power cut."""
    from affectbio.cli.stream import run_record

    kinds = [kind.strip() for kind in require.split(",") if kind.strip()]
    run_record(out, all_streams=all_streams, require=kinds, seconds=seconds, min_free_mb=min_free_mb)


@app.command("replay")
def _replay(
    recording: Annotated[Path, typer.Argument(help=_RECORDING)],
    profile: Annotated[
        str | None, typer.Option("--as", help="Device it is to look like; as recorded if not given.")
    ] = None,
    speed: Annotated[float, typer.Option(min=0.01, help="How many times faster than life.")] = 1.0,
    jitter_ms: Annotated[float, typer.Option(min=0, help="Mean delay of a packet.")] = 0.0,
    loss: Annotated[float, typer.Option(min=0, max=0.99, help="Share of packets lost.")] = 0.0,
    drift_ppm: Annotated[float, typer.Option(help="How much the device's clock is fast.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Of the delays and losses.")] = 0,
    unit: _Units = None,
    channels: _Channels = None,
) -> None:
    """Play a recording over LSL as it was recorded, or as another device would have sent it."""
    from affectbio.cli.replay import run_replay

    run_replay(
        recording,
        profile=profile,
        speed=speed,
        jitter_ms=jitter_ms,
        loss=loss,
        drift_ppm=drift_ppm,
        seed=seed,
        units=_unit_pairs(unit),
        ch_names=_names(channels),
    )


@_xdf.command("info")
def _xdf_info(path: Annotated[Path, typer.Argument(help="XDF file.")]) -> None:
    """Print streams, samples, rates, gaps, and where the file is torn."""
    from affectbio.cli.xdf import run_info

    run_info(path)


@_xdf.command("repair")
def _xdf_repair(
    path: Annotated[Path, typer.Argument(help="The torn file; it is not touched.")],
    out: Annotated[Path | None, typer.Option(help="File to make; NAME_repaired.xdf if not given.")] = None,
) -> None:
    """Make a whole file of a torn one."""
    from affectbio.cli.xdf import run_repair

    run_repair(path, out)


@_xdf.command("export")
def _xdf_export(
    path: Annotated[Path, typer.Argument(help="XDF file, or any other recording that is read.")],
    to: Annotated[str, typer.Option(help="bdf, edf, fif or bids.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder of a new BIDS data set, or folder/name of the files, a signal each.")
    ] = None,
    subject: Annotated[str, typer.Option(help="Pseudonym of the person.")] = "01",
    session: Annotated[str, typer.Option(help="Which visit.")] = "01",
    task: Annotated[str, typer.Option(help="BIDS: what the person did.")] = "recording",
    signal: Annotated[list[str] | None, typer.Option(help="Signals to write; all if not given.")] = None,
    unit: _Units = None,
    channels: _Channels = None,
) -> None:
    """Write a recording as BDF+, EDF+, FIF or BIDS, with units, events and what was lost."""
    from affectbio.cli.xdf import run_export

    run_export(
        path,
        to,
        out=out,
        subject=subject,
        session=session,
        task=task,
        signals=tuple(signal or ()),
        units=_unit_pairs(unit),
        ch_names=_names(channels),
    )


@app.command("audit")
def _audit(
    run: Annotated[
        Path | None, typer.Argument(help="Folder of a run: metadata.csv, folds.json and what is there.")
    ] = None,
    features: Annotated[Path | None, typer.Option("--X", help="Features: .npz with one array, or .npy.")] = None,
    metadata: Annotated[
        Path | None, typer.Option("--meta", help="One row per window: subject, trial, … .csv or .parquet.")
    ] = None,
    folds: Annotated[Path | None, typer.Option("--folds", help='JSON: [{"train": [0, 1], "test": [2]}, ...].')] = None,
    labels: Annotated[Path | None, typer.Option("--y", help="Labels: .npy; else the column label of --meta.")] = None,
    holdout: Annotated[
        str | None, typer.Option(help="What must be kept apart: subject,stimulus,trial,overlap; trial,overlap.")
    ] = None,
    declared: Annotated[str | None, typer.Option(help="Leaks that are known and stated, commas between them.")] = None,
    target_access: Annotated[
        str | None, typer.Option(help="What was used of the person tested: none, rest, causal, unlabelled or labelled.")
    ] = None,
    embargo: Annotated[float | None, typer.Option(min=0, help="Seconds between training and test windows.")] = None,
    full: Annotated[bool, typer.Option("--full", help="More runs of the controls.")] = False,
    out: Annotated[Path | None, typer.Option(help="File for the report, as JSON.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say whether an evaluation leaks: pass, fail or not checked for each question. Ends with 1 if something fails."""
    from affectbio.cli.audit import run_audit

    report = run_audit(
        run,
        features=features,
        metadata=metadata,
        folds=folds,
        labels=labels,
        holdout=holdout,
        declared=declared,
        target_access=target_access,
        embargo_s=embargo,
        full=full,
        out=out,
        as_json=as_json,
    )
    if not report.ok:
        raise typer.Exit(1)


@app.command("evaluate")
def _evaluate(
    pipeline: Annotated[str, typer.Option(help="Recipe: a name, or the path of a .toml.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; one that was stopped is taken up again.")],
    data: Annotated[
        str | None, typer.Option(help="Data set and your copy: deap=/data/DEAP; eegmat and simulated need no folder.")
    ] = None,
    protocol: Annotated[str | None, typer.Option(help="In place of the recipe's: loso, kfold-by-subject, …")] = None,
    variant: Annotated[list[str] | None, typer.Option(help="Only this variant of the recipe; may be repeated.")] = None,
    subjects: Annotated[str, typer.Option(help="Only these people, commas between them.")] = "",
    level: Annotated[str, typer.Option(help="What is scored: window, trial, or window,trial.")] = "window",
    metrics: Annotated[str, typer.Option(help="Scores, commas between them: balanced_accuracy,macro_f1,auc.")] = "",
    permutations: Annotated[
        int | None, typer.Option(min=0, help="Exchanges of labels for the control; 19 unless the recipe says else.")
    ] = None,
    audit: Annotated[
        str | None, typer.Option(help="none, folds, fast (about 12 runs of each variant) or full (about 45).")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of models, permutations and the bootstrap.")] = 0,
    n_seeds: Annotated[int, typer.Option(min=1, help="Seeds of the models; people's values are means over them.")] = 1,
    n_jobs: Annotated[int | None, typer.Option(help="Folds at a time; all processors if not given.")] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Dask: local, or the address of a scheduler, tcp://10.0.0.1:8786.")
    ] = None,
    cache: Annotated[bool, typer.Option("--cache/--no-cache", help="Look features up, and keep them.")] = True,
    keep_features: Annotated[
        bool, typer.Option("--keep-features", help="Write the features into the run's folder too.")
    ] = False,
    curve: Annotated[
        bool | None, typer.Option("--curve/--no-curve", help="Draw the learning curve; where it is quick if not said.")
    ] = None,
) -> None:
    """Score a recipe on people never seen, with its control and its audit, into a folder with a report page."""
    from affectbio.cli.evaluate import run_evaluate

    run_evaluate(
        pipeline,
        out,
        data=data,
        protocol=protocol,
        variants=variant or (),
        subjects=_names(subjects) or () if subjects else (),
        seed=seed,
        n_seeds=n_seeds,
        permutations=permutations,
        audit=audit,
        level=level,
        metrics=_names(metrics) or () if metrics else (),
        n_jobs=n_jobs,
        scheduler=scheduler,
        cached=cache,
        with_features=keep_features,
        curve=curve,
    )


_cache = typer.Typer(
    no_args_is_help=True, help="Features that were computed once: how many there are, and an end of them."
)
app.add_typer(_cache, name="cache")


@_cache.command("info")
def _cache_info() -> None:
    """Say where features are kept, and how much room they take."""
    from affectbio.cache import Cache

    info = Cache().info()
    typer.echo(
        f"{info.folder}: {info.n_entries} entries, {info.n_bytes / 1e6:.1f} of at most {info.max_bytes / 1e6:g} MB"
    )


@_cache.command("clear")
def _cache_clear() -> None:
    """Take everything out; features are of people, and this is how they are forgotten."""
    from affectbio.cache import Cache

    typer.echo(f"{Cache().clear()} entries taken out")


def main() -> None:
    """Run the command line; errors of ours are printed as one message, with exit code 1."""
    try:
        app()
    except AffectbioError as error:
        typer.secho(f"error: {error}", fg="red", err=True)
        sys.exit(1)
