"""An imitation of MAHNOB-HCI's emotion experiment: a BDF file and ``session.xml`` per session."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import numpy.typing as npt

__all__ = ["LABELS", "ratings", "samples", "session_id", "write"]

SFREQ = 256
#: Labels of the channels in the order of the file, Status left out.
LABELS = (
    "Fp1", "AF3", "F3", "F7", "FC5", "FC1", "C3", "T7", "CP5", "CP1", "P3", "P7", "PO3", "O1", "Oz", "Pz", "Fp2", "AF4",
    "Fz", "F4", "F8", "FC6", "FC2", "Cz", "C4", "T8", "CP6", "CP2", "P4", "P8", "PO4", "O2", "EXG1", "EXG2", "EXG3",
    "GSR1", "Resp", "Temp",
)  # fmt: skip


def session_id(subject: int, trial: int) -> int:
    """Give the number of a folder.

    Parameters
    ----------
    subject, trial : int
        Which, from 0.

    Returns
    -------
    int
        Even: the odd ones are neutral clips.
    """
    return 130 * subject + 2 * trial + 2


def samples(session: int, n_times: int, *, seed: int = 0, gsr_unit: str = "Ohm") -> npt.NDArray[np.float64]:
    """Make a recording.

    Parameters
    ----------
    session : int
        Number of its folder.
    n_times : int
        Its length.
    seed : int
        Of the noise.
    gsr_unit : str
        ``"Ohm"`` or ``"nS"``.

    Returns
    -------
    ndarray, shape (38, n_times)
        In the units of the file: µV, for skin ``gsr_unit``, for temperature °C. Electrodes have offsets and amplitudes
        of their own.
    """
    rng = np.random.default_rng([seed, session])
    made = rng.standard_normal((len(LABELS), n_times))
    made[:35] = 100.0 * np.arange(35)[:, np.newaxis] + (10 + np.arange(35)[:, np.newaxis]) * made[:35]
    resistance = 2e5 + 1e3 * made[35]
    made[35] = resistance if gsr_unit == "Ohm" else 1e9 / resistance
    made[36] *= 1000
    made[37] = 33 + 0.01 * made[37]
    return made


def ratings(session: int, *, seed: int = 0) -> dict[str, int]:
    """Make what a person said of a clip.

    Parameters
    ----------
    session : int
        Number of its folder.
    seed : int
        Of the ratings.

    Returns
    -------
    dict of str to int
        Attributes of ``session.xml``.
    """
    rng = np.random.default_rng([seed, session, 1])
    said = dict(zip(("feltArsl", "feltVlnc", "feltCtrl", "feltPred"), rng.integers(1, 10, 4).tolist(), strict=True))
    return said | {"feltEmo": int(rng.choice((0, 1, 2, 3, 4, 5, 6, 11, 12)))}


def write(
    root: Path,
    *,
    n_subjects: int = 2,
    seed: int = 0,
    n_trials: int = 20,
    seconds: float = 5.0,
    rest_s: float = 30.0,
    gsr_unit: str = "Ohm",
    high_bits: bool = True,
    shuffled: bool = False,
    unrated_folders: bool = True,
) -> Path:
    """Write it.

    Parameters
    ----------
    root : Path
        Folder to write into.
    n_subjects : int
        How many people; the publisher has 30.
    seed : int
        Of what is invented.
    n_trials : int
        Rated clips of a person.
    seconds : float
        Length of the first clip, the others each longer by a second up to five; the publisher's are 35 to 117 s.
    rest_s : float
        Length of what was recorded before and after it.
    gsr_unit : str
        What the header says of skin: ``"Ohm"``, ``"nS"``, or another word, with the numbers of nS.
    high_bits : bool
        Whether the trigger channel carries the state of the amplifier as well.
    shuffled : bool
        Whether the electrodes stand in another order.
    unrated_folders : bool
        Whether every person has a neutral clip and a session of the tagging experiment as well.

    Returns
    -------
    Path
        The folder.
    """
    for subject in range(n_subjects):
        for trial in range(n_trials):
            session = session_id(subject, trial)
            name = f"Part_{subject + 1}_S_Trial{trial + 1}_emotion.bdf"
            clip_s = seconds + trial % 5
            folder = root / "Sessions" / str(session)
            folder.mkdir(parents=True)
            edges = [round(rest_s * SFREQ), round((rest_s + clip_s) * SFREQ)]
            n_times = round((2 * rest_s + clip_s) * SFREQ)
            made = samples(session, n_times, seed=seed, gsr_unit=gsr_unit)
            _write_bdf(folder / name, made, edges, gsr_unit, high_bits=high_bits, shuffled=shuffled)
            said = {"isStim": 1, "cutLenSec": clip_s, "mediaFile": f"{trial + 1}.avi", **ratings(session, seed=seed)}
            _write_xml(folder / "session.xml", session, subject, said)
        if unrated_folders:
            for session, media in ((130 * subject + 1, "colorbars_final.avi"), (130 * subject + 61, "tag.jpg")):
                folder = root / "Sessions" / str(session)
                folder.mkdir(parents=True)
                _write_xml(folder / "session.xml", session, subject, {"isStim": 0, "mediaFile": media})
    return root


def _write_xml(path: Path, session: int, subject: int, attributes: dict[str, object]) -> None:
    said = "".join(f" {key}={quoteattr(str(value))}" for key, value in attributes.items())
    path.write_text(
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<session sessionId="{session}"{said}>\n'
        f'    <subject gender="F" id="{subject + 1}"/>\n</session>\n',
        encoding="utf-8",
    )


def _write_bdf(
    path: Path, made: npt.NDArray[np.float64], edges: list[int], gsr_unit: str, *, high_bits: bool, shuffled: bool
) -> None:
    import edfio

    units = dict.fromkeys(LABELS, "uV") | {"GSR1": gsr_unit, "Temp": "Deg C"}
    status = np.full(made.shape[1], 0x180000 if high_bits else 0)
    for edge in edges:
        # A pulse of the experiment's computer lasts a few samples.
        status[edge : edge + 4] |= 0x10
    order = [*reversed(range(32)), *range(32, len(LABELS))] if shuffled else range(len(LABELS))
    signals = [
        edfio.BdfSignal(
            made[i],
            SFREQ,
            label=LABELS[i],
            physical_dimension=units[LABELS[i]],
            physical_range=(-262144.0, 262143.0),
            transducer_type="Active electrode" if i < 35 else "",
        )
        for i in order
    ]
    trigger = edfio.BdfSignal(
        status.astype(float),
        SFREQ,
        label="Status",
        physical_dimension="Boolean",
        physical_range=(-8388608.0, 8388607.0),
    )
    edfio.Bdf([*signals, trigger]).write(path)
