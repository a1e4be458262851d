"""A headset with physiology beside it, at rates that are whole and not."""

from __future__ import annotations

import pytest

from affectbio.devices import Device, DeviceStream, Link, load_device


def stream(kind: str, sfreq: float, unit: str, lsb: float, channels: tuple[str, ...], packet: int = 1) -> DeviceStream:
    return DeviceStream(
        kind=kind, lsl_type=kind.upper(), sfreq=sfreq, unit=unit, lsb=lsb, channels=channels, packet=packet,
        clock="counter", wrap=65_536, source="made up",
    )  # fmt: skip


@pytest.fixture(scope="session")
def everything() -> Device:
    return Device(
        title="Everything",
        maker="nobody",
        verified="no",
        link=Link(kind="file"),
        streams=(
            *load_device("epoc-x").streams,
            stream("ecg", 130.0, "uV", 0.5, ("ECG",), packet=73),
            stream("ppg", 64.0, "counts", 1.0, ("IR",), packet=6),
            stream("gsr", 4.0, "uS", 1.0, ("EDA",)),
            stream("temperature", 7.5, "degC", 1.0, ("T1",)),
            stream("resp", 25.0, "1", 1.0, ("CHEST",)),
            stream("acc", 52.0, "g", 1 / 4096, ("X", "Y", "Z"), packet=3),
            stream("gyro", 52.0, "deg/s", 1 / 128, ("X", "Y", "Z"), packet=3),
        ),
    )
