"""``affectbio demo``: the main job on real recordings. Evaluate honestly, go live over LSL, leave a report."""

from __future__ import annotations

import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from affectbio.cli.demo_report import LiveResult, demo_report
from affectbio.errors import AffectbioError
from affectbio.evaluation._atomic import write_text
from affectbio.evaluation.manifest import hash_windows, run_manifest
from affectbio.live.terminal import LiveView
from affectbio.pipelines import Recipe, RunResult, load_pipeline, run_pipeline

if TYPE_CHECKING:
    import pandas as pd

    from affectbio.live import Update
    from affectbio.types import Recording, Windows

__all__ = ["run_demo"]

RECIPE = "rest-arithmetic-lda"
DEVICE = "openbci-cyton"
LIVE_VARIANT = "rest-calibrated"
SHOWN = "arithmetic"


def run_demo(out: Path, *, speed: float, subject: str, n_permutations: int, seed: int) -> None:
    """Do it all.

    Parameters
    ----------
    out : Path
        Folder to make; if there is one of that name already, a number is added.
    speed : float
        How many times faster than life the left-out person is played.
    subject : str
        Who that is.
    n_permutations : int
        Label permutations of the control.
    seed : int
        Of permutations, bootstrap and replay.

    Raises
    ------
    SystemExit
        With code 130, after Ctrl-C; what was done until then is written.
    ConfigError
        If there is no such subject; nothing is done then.
    AffectbioError
        If the stream or its recording fails; what was done until then is written too.
    """
    console = Console()
    started = datetime.now(UTC)
    out = _free_folder(out)
    recipe = load_pipeline(RECIPE)
    played = recipe.recordings(subjects=[subject])
    result: RunResult | None = None
    live: LiveResult | None = None
    windows: Windows | None = None
    stopped = False
    failure: AffectbioError | None = None
    try:
        windows = recipe.extract(recipe.recordings())
        out.mkdir(parents=True)
        console.rule("1  How well does it work on a person never seen?")
        result = _evaluate(recipe, windows, n_permutations, seed, console)
        _save_tables(out, result)
        _print_summary(result, console)
        console.rule(f"2  Live: subject {subject} over LSL, {speed:g} times as fast as life")
        live = LiveResult()
        _go_live(recipe, windows, played, speed, seed, out, live, console)
    except KeyboardInterrupt:
        stopped = True
        console.print("\nstopping; writing what there is", style="yellow")
    except AffectbioError as error:
        failure = error
    written = _write(out, recipe, windows, result, live, subject, seed, started, stopped)
    if written:
        console.rule("3  What is left")
    for path, what in written.items():
        console.print(f"  {out / path}  [dim]{what}[/]", highlight=False, soft_wrap=True)
    if failure is not None:
        raise failure
    if stopped and not written:
        console.print("stopped before there was anything to write", style="yellow")
        raise SystemExit(130)
    if stopped:
        console.print("stopped by Ctrl-C; every file above is whole", style="yellow")
        raise SystemExit(130)


def _free_folder(wanted: Path) -> Path:
    """Give the folder itself, or the next number after it: an earlier demo is never overwritten."""
    number, folder = 2, wanted
    while folder.exists() and any(folder.iterdir()):
        folder, number = wanted.with_name(f"{wanted.name}-{number}"), number + 1
    if folder.exists():
        folder.rmdir()
    return folder


def _evaluate(recipe: Recipe, windows: Windows, n_permutations: int, seed: int, console: Console) -> RunResult:
    columns = (TextColumn("{task.description:42}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=len(recipe.variant))

        def show(name: str, number: int, total: int) -> None:
            progress.update(task, description=name, completed=number)

        return run_pipeline(recipe, windows, n_permutations=n_permutations, seed=seed, n_jobs=-1, progress=show)


def _print_summary(result: RunResult, console: Console) -> None:
    first = result.summary.iloc[0]
    console.print(
        f"balanced accuracy, mean over {first['n_people']} people [95 % interval over people], chance "
        f"{first['chance']:.2f}; exchanged: the same with the labels of each person's recordings exchanged at random, "
        f"{first['n_permutations']} times",
        highlight=False,
    )
    table = Table(box=None, padding=(0, 1))
    table.add_column("variant, split", ratio=1)
    table.add_column("knows", width=10)
    for column, width in (("score", 19), ("exchanged", 9), ("p", 6)):
        table.add_column(column, justify="right", width=width)
    for row in result.summary.to_dict("records"):
        leak = f" LEAK: shared {row['leaks']}" if row["leaks"] else ""
        table.add_row(
            row["variant"] + (leak or f", {row['protocol']}"),
            row["target_access"],
            f"{row['mean']:.3f} [{row['low']:.2f}, {row['high']:.2f}]",
            f"{row['null_mean']:.3f}",
            f"{row['p']:.2g}",
            style="red" if leak else "",
        )
    console.print(table)
    console.print(_lesson(result.summary), style="italic", highlight=False)


def _lesson(summary: pd.DataFrame) -> str:
    """Put the finding in words, from the numbers."""
    leak = summary[summary["leaks"] != ""].sort_values("mean").iloc[-1]
    return (
        f"The shuffled split claims {leak['mean']:.3f}, and {leak['null_mean']:.3f} when the labels are exchanged at "
        f"random: it recognises recordings, not what people do. Held-out people give the figure that holds."
    )


def _go_live(
    recipe: Recipe,
    windows: Windows,
    recordings: list[Recording],
    speed: float,
    seed: int,
    out: Path,
    live: LiveResult,
    console: Console,
) -> None:
    """Train on everybody else, replay the person over LSL, record, and estimate until the replay is over."""
    from affectbio.acquire import (
        Inlet,
        Recorder,
        ReplayProcess,
        StreamSpec,
        find_stream,
        local_clock,
        loopback_session,
        use_loopback,
        wall_time,
    )
    from affectbio.devices import load_device
    from affectbio.live import run_loop
    from affectbio.training import fit_across_people

    subject = recordings[0].subject
    adapted = recipe.adapt(windows, LIVE_VARIANT)
    model = fit_across_people(recipe.make_model(), adapted.take(adapted.groups("subject") != subject))
    if loopback_session() is None:
        use_loopback(f"affectbio-demo-{uuid.uuid4().hex[:8]}")
    packet = load_device(DEVICE).stream("eeg").packet
    signal = recordings[0].signal(recipe.data.signal)
    spec = StreamSpec(f"replayed {DEVICE}", "EEG", signal.channels, signal.sfreq, f"affectbio-replay-{subject}")
    front = recipe.make_feature().stream(signal.n_chans, signal.sfreq, recipe.window.length_s, recipe.window.step_s)
    baseline = recipe.make_adaptation(LIVE_VARIANT).stream(front.window / front.sfreq, front.step / front.sfreq)
    view = LiveView(signal.ch_names, [b.name for b in front.bands], SHOWN)
    path = out / f"sub-{subject}_eeg.xdf"
    # A radio as headsets have it: a crystal 20 ppm off, packets that come some milliseconds late.
    headset = ReplayProcess(recordings, spec, speed=speed, packet=packet, drift_ppm=20.0, jitter_ms=2.0, seed=seed)
    try:
        with headset:
            infos = [find_stream(source_id=spec.source_id), find_stream(source_id=f"{spec.source_id}-markers")]
            live.recording = path.name
            with Recorder(path, infos) as recorder, Inlet(infos[0]) as inlet, Live(view, console=console):
                updates = run_loop(
                    inlet, front, baseline, model,
                    clock=local_clock,
                    wall_time=lambda stamp: wall_time(inlet.spec, stamp),
                )  # fmt: skip
                for update in updates:
                    view.update(update)
                    _keep(live, update, view)
                    recorder.check()
                    if update.features is None and not headset.running:
                        break
            live.n_sent = headset.wait().n_sent
    finally:
        if not console.is_terminal:
            console.print()  # rich ends a live view with a line of its own only on a terminal
        if path.exists():
            _read_back(live, path, subject, recipe, front)
    console.print(
        f"{live.n_sent} samples sent, {live.n_recorded} in the file; live features against the same kernel on the "
        f"file: largest relative difference {live.largest_difference:.1e} over {len(live.features)} windows",
        highlight=False,
    )


def _keep(live: LiveResult, update: Update, view: LiveView) -> None:
    live.latency_ms, live.n_samples, live.n_lost = view.latency_ms(), update.n_samples, update.n_lost
    if update.features is not None:
        live.features.append(update.features)
    if update.affect is not None:
        score = update.affect.scores[SHOWN]
        live.rows.append(
            {
                "time_s": update.affect.time,
                "score": score.value,
                "low": score.low,
                "high": score.high,
                "quality": update.affect.quality,
                "latency_ms": 1e3 * update.affect.latency,
            }
        )


def _read_back(live: LiveResult, path: Path, subject: str, recipe: Recipe, front: Any) -> None:
    """Read the recording as an analysis would, and hold the live numbers against it."""
    from affectbio.kernels import differential_entropy
    from affectbio.xdf import read_xdf

    recording = read_xdf(path, subject)
    data = recording.signal("eeg").data
    live.truth = recording.events
    live.n_recorded = int(np.isfinite(data[0]).sum())
    for row in live.rows:
        row["time_s"] -= recording.meta["lsl_start"]
    if not live.features:
        return
    window, feature = recipe.window, recipe.make_feature()
    batch = differential_entropy(
        data, front.sfreq, feature.bands, window.length_s, window.step_s, order=feature.order, log=feature.log
    )
    streamed = np.stack(live.features, axis=1)
    n = min(batch.shape[1], streamed.shape[1])
    live.largest_difference = float(np.nanmax(np.abs(streamed[:, :n] / batch[:, :n] - 1)))


def _save_tables(out: Path, result: RunResult) -> None:
    for name in ("people", "controls", "summary"):
        write_text(out / f"{name}.csv", getattr(result, name).to_csv(index=False))


def _write(
    out: Path,
    recipe: Recipe,
    windows: Windows | None,
    result: RunResult | None,
    live: LiveResult | None,
    subject: str,
    seed: int,
    started: datetime,
    stopped: bool,
) -> dict[str, str]:
    """Write the report and the manifest over what was done; give the files with what each is."""
    if result is None or windows is None:
        if out.is_dir():
            out.rmdir()
        return {}
    manifest = run_manifest(
        command=sys.argv,
        protocols=sorted(set(result.summary["protocol"])),
        seeds={"permutations, bootstrap and replay": seed},
        data={recipe.data.dataset: hash_windows(windows)},
        started=started,
    )
    manifest.write_json(out / "manifest.json")
    written = {
        "report.html": "open it in a browser: figures, tables, what the model uses",
        "summary.csv": "one row per variant",
        "people.csv": "one row per person",
        "controls.csv": "one row per permutation",
        "manifest.json": "versions, seeds, data hash, protocols",
    }
    if live is not None and live.rows:
        write_text(out / "live.csv", live.table().to_csv(index=False))
        written["live.csv"] = "one row per live estimate"
    if live is not None and live.recording is not None and (out / live.recording).exists():
        written[live.recording] = "what was streamed; opens in pyxdf and EEGLAB"
    demo_report(recipe, windows, result, live, subject, LIVE_VARIANT, SHOWN, stopped).write(out / "report.html")
    return written
