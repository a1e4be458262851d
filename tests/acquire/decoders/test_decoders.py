"""Every decoder against an encoder written from the published layout, cut anywhere, and fed rubbish."""

import json
import struct
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectbio.acquire.decoders import (
    AthenaDecoder,
    CortexDecoder,
    CrownDecoder,
    CytonDecoder,
    E4Decoder,
    EmotiBitDecoder,
    GanglionDecoder,
    HeartRateDecoder,
    MuseDecoder,
    PolarDecoder,
    ShimmerDecoder,
    ThinkGearDecoder,
    UnicornDecoder,
    heart_rate,
    muse,
    polar,
)
from affectbio.acquire.decoders.packet import signed_24, unpack_bits

STREAMS = {
    "cyton": CytonDecoder,
    "daisy": lambda: CytonDecoder(daisy=True),
    "unicorn": UnicornDecoder,
    "thinkgear": ThinkGearDecoder,
    "shimmer": lambda: ShimmerDecoder(("eda", "ppg")),
    "shimmer's answers": ShimmerDecoder,
    "e4": E4Decoder,
}
DATAGRAMS = {
    "heart rate": (HeartRateDecoder, [""]),
    "polar": (PolarDecoder, [polar.DATA, heart_rate.MEASUREMENT, polar.CONTROL]),
    "muse": (MuseDecoder, [*muse.ELECTRODES, muse.CONTROL]),
    "athena": (AthenaDecoder, [""]),
    "ganglion": (GanglionDecoder, [""]),
    "crown": (CrownDecoder, [""]),
    "emotibit": (EmotiBitDecoder, [""]),
    "cortex": (lambda: CortexDecoder(("AF3",)), [""]),
}


def pack(values, width, order):
    """Pack whole numbers without gaps, bit by bit."""
    bits = []
    for value in values:
        places = range(width) if order == "little" else range(width - 1, -1, -1)
        bits += [(int(value) >> place) & 1 for place in places]
    return np.packbits(bits, bitorder=order).tobytes()


def gathered(packets, stream):
    return [p for p in packets if p.stream == stream]


def pieces(rng, data):
    cuts = np.sort(rng.integers(0, len(data) + 1, 12))
    return [bytes(part) for part in np.split(np.frombuffer(data, np.uint8), cuts)]


@given(width=st.integers(1, 32), seed=st.integers(0, 2**32 - 1), order=st.sampled_from(["little", "big"]))
def test_numbers_of_any_width_are_read_as_they_were_packed(width, seed, order):
    values = np.random.default_rng(seed).integers(-(1 << width - 1), 1 << width - 1, 17)
    packed = pack(values, width, order)
    assert np.array_equal(unpack_bits(packed, width, 17, order=order, signed=True), values)
    assert np.array_equal(unpack_bits(packed, width, 17, order=order), values % (1 << width))


@given(st.lists(st.integers(-(2**23), 2**23 - 1), min_size=1))
def test_numbers_of_24_bits(values):
    for order in ("big", "little"):
        assert signed_24(b"".join(v.to_bytes(3, order, signed=True) for v in values), order).tolist() == values


def test_heart_rate_with_everything_in_it():
    decoder = HeartRateDecoder()
    hr, rr = decoder.feed(bytes([0b11111]) + struct.pack("<HHHH", 300, 7, 1024, 512))
    assert (hr.data.tolist(), rr.data.tolist(), decoder.contact) == ([[300]], [[1024, 512]], True)
    (hr,) = decoder.feed(bytes([0b00000, 60]))
    assert (hr.data.tolist(), decoder.contact) == ([[60]], None)
    assert decoder.feed(bytes([0x10, 60, 1])) == []
    assert decoder.n_bad == 1


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 60))
@settings(max_examples=40, deadline=None)
def test_polar_differences_of_any_width(seed, n):
    rng = np.random.default_rng(seed)
    x = np.clip(np.cumsum(rng.integers(-200, 200, (n, 3)), axis=0), -32768, 32767)
    cut = int(rng.integers(1, n))
    body = x[0].astype("<i2").tobytes()
    for a, b in ((1, cut), (cut, n)):
        if b > a:
            step = np.diff(x, axis=0)[a - 1 : b - 1].ravel()
            width = max(1, int(np.abs(step).max()).bit_length() + 1)
            body += bytes([width, b - a]) + pack(step, width, "little")
    decoder = PolarDecoder({"acc": 0.5})
    (packet,) = decoder.feed(bytes([2]) + struct.pack("<Q", 123) + b"\x81" + body, polar.DATA)
    assert (packet.stream, packet.count, decoder.n_bad) == ("acc", 123, 0)
    assert np.array_equal(packet.data, 0.5 * x.T)


def test_polar_light_is_read_lowest_bit_first():
    counts = np.cumsum(np.tile([3, -2, 4, 1], (12, 1)) * np.arange(12)[:, None], axis=0) + 400_000
    body = b"".join(int(v).to_bytes(3, "little", signed=True) for v in counts[0])
    body += bytes([10, 11]) + pack(np.diff(counts, axis=0).ravel(), 10, "little")
    (packet,) = PolarDecoder().feed(bytes([1]) + struct.pack("<Q", 5) + b"\x80" + body, polar.DATA)
    assert np.array_equal(packet.data, counts.T)


def test_polar_frames_that_are_not_compressed():
    decoder = PolarDecoder()
    ecg = decoder.feed(bytes([0]) + struct.pack("<Q", 9) + b"\0" + (-70_000).to_bytes(3, "little", signed=True))
    acc = decoder.feed(bytes([2]) + struct.pack("<Q", 9) + b"\x01" + struct.pack("<6h", 1, 2, 3, -4, -5, -6))
    ppi = decoder.feed(bytes([3]) + struct.pack("<Q", 9) + b"\0" + struct.pack("<BHHB", 60, 1000, 10, 3))
    assert [p.data.tolist() for (p,) in (ecg, acc, ppi)] == [
        [[-70_000]],
        [[1, -4], [2, -5], [3, -6]],
        [[60], [1000], [10], [3]],
    ]


def test_polar_control_point():
    assert polar.start_command("acc", sfreq=50, bits=16, range=8).hex() == "02020001320001011000020108 00".replace(
        " ", ""
    )
    assert polar.stop_command("ecg") == b"\x03\x00"
    stream, values = polar.settings(bytes.fromhex("f00202000005 01") + struct.pack("<f", 0.244))
    assert stream == "acc"
    assert values["factor"] == [pytest.approx(0.244)]
    with pytest.raises(ValueError, match="refused to start ecg: status 6"):
        polar.settings(bytes.fromhex("f002000600"))


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_muse_sets_are_whole_or_have_holes_and_come_in_order(seed):
    rng = np.random.default_rng(seed)
    n_sets = 30
    eeg = rng.integers(0, 4096, (n_sets, 4, 12))
    decoder, found, lost = MuseDecoder(), [], set()
    for k in range(n_sets):
        for row in rng.permutation(4):
            if rng.random() < 0.05:
                lost.add((k, int(row)))
                continue
            body = struct.pack(">H", (65_530 + k) % 65_536) + pack(eeg[k, row], 12, "big")
            found += decoder.feed(body, muse.ELECTRODES[row])
    counts = [(p.count - 65_530) % 65_536 for p in found]
    assert counts == sorted(counts)
    for packet, k in zip(found, counts, strict=True):
        for row in range(4):
            if (k, row) in lost:
                assert np.isnan(packet.data[row]).all()
            else:
                assert np.array_equal(packet.data[row], eeg[k, row] - 2048)
    # At most the sets that are still open are not given yet.
    empty = {k for k in range(n_sets) if all((k, row) in lost for row in range(4))}
    assert len(found) >= n_sets - len(empty) - 3


def test_muse_motion_light_and_battery():
    decoder = MuseDecoder()
    (acc,) = decoder.feed(struct.pack(">H9h", 7, *range(9)), "273e000a-4c4d-454d-96be-f03bac821358")
    assert (acc.stream, acc.count, acc.data.tolist()) == ("acc", 7, [[0, 3, 6], [1, 4, 7], [2, 5, 8]])
    rows = [np.arange(6) + 100_000 * row for row in range(3)]
    found = [
        packet
        for row, values in enumerate(rows)
        for packet in decoder.feed(
            struct.pack(">H", 3) + pack(values, 24, "big"), f"273e00{0x0F + row:02x}-4c4d-454d-96be-f03bac821358"
        )
    ]
    assert [(p.stream, p.data.tolist()) for p in found] == [("ppg", [list(map(float, r)) for r in rows])]
    (battery,) = decoder.feed(struct.pack(">HH", 1, 512 * 87) + bytes(16), "273e000b-4c4d-454d-96be-f03bac821358")
    assert battery.data.tolist() == [[87.0]]


def athena_packet(ticks, blocks):
    """Blocks of (tag, values): the first without a head of its own."""
    widths = {0x11: 14, 0x12: 14, 0x34: 20, 0x35: 20, 0x36: 20, 0x47: 16}
    (tag, values), *rest = blocks
    body = pack(values, widths[tag], "little")
    for t, v in rest:
        body += bytes([t, 0, 0, 0, 0]) + pack(v, widths[t], "little")
    head = bytes([14 + len(body), 1]) + ticks.to_bytes(4, "little") + bytes(3) + bytes([tag]) + bytes(4)
    return head + body


def test_athena_blocks_of_several_kinds_in_one_notification():
    rng = np.random.default_rng(0)
    eeg, optics = rng.integers(0, 2**14, (2, 4, 4)), rng.integers(0, 2**20, (3, 4))
    motion = rng.integers(-(2**15), 2**15, (3, 6))
    packet = athena_packet(77, [(0x11, eeg[0].ravel()), (0x47, motion.ravel()), (0x11, eeg[1].ravel())])
    decoder = AthenaDecoder()
    found = decoder.feed(packet + athena_packet(99, [(0x34, optics.ravel())]))
    (e,), (a,), (g,), (o,) = (gathered(found, name) for name in ("eeg", "acc", "gyro", "optics"))
    assert np.array_equal(e.data, np.concatenate(eeg).T - 8192)
    assert np.array_equal(a.data, motion[:, :3].T)
    assert np.array_equal(g.data, motion[:, 3:].T)
    assert np.array_equal(o.data, optics.T)
    assert (e.count, o.count, decoder.n_bad) == (77, 99, 0)


def cyton_frame(count, counts, acc=(0, 0, 0), end=0xC0):
    body = b"".join(int(v).to_bytes(3, "big", signed=True) for v in counts)
    return bytes([0xA0, count % 256]) + body + struct.pack(">3h", *acc) + bytes([end])


@given(seed=st.integers(0, 2**32 - 1), rubbish=st.binary(max_size=40))
@settings(max_examples=40, deadline=None)
def test_cyton_cut_anywhere_with_rubbish_before_it(seed, rubbish):
    rng = np.random.default_rng(seed)
    counts = rng.integers(-(2**23), 2**23, (40, 8))
    data = b"".join(cyton_frame(k, row, (k, -k, 1)) for k, row in enumerate(counts))
    whole = CytonDecoder()
    found = [p for piece in pieces(rng, data) for p in whole.feed(piece)]
    assert np.array_equal(np.concatenate([p.data for p in gathered(found, "eeg")], axis=1), counts.T)
    assert [p.count for p in gathered(found, "acc")] == list(range(40))
    assert whole.n_bad == 0
    # Rubbish that happens to look like the beginning of a frame may take one with it, not more.
    behind = gathered(CytonDecoder().feed(rubbish + data), "eeg")
    assert len(behind) >= 38
    assert np.array_equal(behind[-1].data[:, 0], counts[-1])


def test_cyton_loses_the_frame_that_is_damaged_and_no_other():
    frames = [cyton_frame(k, [k] * 8) for k in range(5)]
    decoder = CytonDecoder()
    found = decoder.feed(frames[0] + frames[1][:20] + frames[2] + frames[3][:-1] + b"\0" + frames[4])
    assert [p.count for p in found] == [0, 2, 4]
    assert decoder.n_bad == 2


def test_daisy_needs_both_halves():
    decoder = CytonDecoder(daisy=True)
    data = b"".join(cyton_frame(k, [k] * 8) for k in (1, 2, 3, 5, 6, 255, 0))
    found = gathered(decoder.feed(data), "eeg")
    assert [(p.count, p.data[[0, 8], 0].tolist()) for p in found] == [(1, [1, 2]), (3, [5, 6]), (0, [255, 0])]


@given(seed=st.integers(0, 2**32 - 1), width=st.sampled_from([18, 19]))
@settings(max_examples=30, deadline=None)
def test_ganglion_differences(seed, width):
    rng = np.random.default_rng(seed)
    # The lowest bit of a difference is lost to its sign: even ones come back as they were.
    steps = 2 * rng.integers(-(2 ** (width - 3)), 2 ** (width - 3), (200, 4))
    level = rng.integers(-(2**22), 2**22, 4)
    truth = np.concatenate([level[None], level - np.cumsum(steps, axis=0)])
    decoder = GanglionDecoder()
    first = bytes([0]) + b"".join(int(v).to_bytes(3, "big", signed=True) for v in level) + bytes(7)
    found = decoder.feed(first)
    base = 0 if width == 18 else 100
    for k in range(100):
        coded = np.where(steps[2 * k : 2 * k + 2] < 0, steps[2 * k : 2 * k + 2] | 1, steps[2 * k : 2 * k + 2])
        body = pack(coded.ravel(), width, "big").ljust(19, b"\0")
        found += decoder.feed(bytes([base + k + 1]) + body)
    assert np.array_equal(np.concatenate([p.data for p in gathered(found, "eeg")], axis=1), truth.T)
    assert gathered(found, "eeg")[-1].count == 200


def test_ganglion_gives_nothing_while_the_level_is_not_known():
    decoder = GanglionDecoder()
    decoder.feed(bytes(20))
    assert gathered(decoder.feed(bytes([1]) + bytes(19)), "eeg") != []
    assert gathered(decoder.feed(bytes([3]) + bytes(19)), "eeg") == []
    assert gathered(decoder.feed(bytes([4]) + bytes(19)), "eeg") == []
    assert gathered(decoder.feed(bytes(20)), "eeg") != []


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_unicorn_cut_anywhere(seed):
    rng = np.random.default_rng(seed)
    counts, motion = rng.integers(-(2**23), 2**23, (20, 8)), rng.integers(-(2**15), 2**15, (20, 6))
    data = b"".join(
        b"\xc0\x00\x0f"
        + b"".join(int(v).to_bytes(3, "big", signed=True) for v in row)
        + struct.pack("<6hI", *m, 2**32 - 5 + k if k < 5 else k - 5)
        + b"\r\n"
        for k, (row, m) in enumerate(zip(counts, motion, strict=True))
    )
    decoder = UnicornDecoder()
    found = [p for piece in pieces(rng, data) for p in decoder.feed(piece)]
    assert np.array_equal(np.concatenate([p.data for p in gathered(found, "eeg")], axis=1), counts.T)
    assert np.array_equal(np.concatenate([p.data for p in gathered(found, "gyro")], axis=1), motion[:, 3:].T)
    assert decoder.n_bad == 0


def thinkgear(rows):
    return b"\xaa\xaa" + bytes([len(rows)]) + rows + bytes([~sum(rows) & 255])


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_thinkgear_cut_anywhere_with_damage_between(seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(-(2**15), 2**15, 30)
    powers = rng.integers(0, 2**24, 8)
    damaged = bytearray(thinkgear(b"\x80\x02\x12\x34"))
    damaged[5] ^= 1
    data = b"\x01\xaa" + bytes(damaged) + b"".join(thinkgear(b"\x80\x02" + struct.pack(">h", v)) for v in values)
    data += thinkgear(b"\x55\x80\x02\x00\x00" + b"\x02\xc8\x04\x32" + b"\x83\x18" + pack(powers, 24, "big"))
    decoder = ThinkGearDecoder()
    found = [p for piece in pieces(rng, data) for p in decoder.feed(piece)]
    assert [int(p.data[0, 0]) for p in gathered(found, "eeg")] == values.tolist()
    assert gathered(found, "powers")[0].data[:, 0].tolist() == powers.tolist()
    assert [gathered(found, n)[0].data.tolist() for n in ("poor-signal", "attention")] == [[[200]], [[50]]]
    assert decoder.n_bad == 1


def test_shimmer_conductance_follows_the_amplifier():
    # A skin of 10 µS (100 kΩ) in each range: V = 0.5 (1 + R / 100 kΩ).
    decoder = ShimmerDecoder(("eda", "ppg"))
    for k, (resistance, siemens) in enumerate([(40_200, 10e-6), (287_000, 5e-6), (1e6, 2e-6), (3.3e6, 0.5e-6)]):
        count = round(0.5 * (1 + resistance * siemens) / 3 * 4095)
        body = bytes([0]) + (2**24 - 2 + k).to_bytes(4, "little")[:3] + struct.pack("<HH", k << 14 | count, 1234)
        eda, ppg = decoder.feed(body)
        assert eda.data[0, 0] == pytest.approx(siemens, rel=2e-3)
        assert ppg.data.tolist() == [[1234]]
    assert np.isnan(ShimmerDecoder(("eda",)).feed(bytes(6))[0].data).all()


def test_crown_frames_with_and_without_an_array():
    values = np.random.default_rng(0).standard_normal((16, 8)).astype(">f4")
    for types in ("," + "f" * 128 + "sis", ",[" + "f" * 128 + "]sis"):
        head = b"/neurosity/notion/ab/raw"
        body = head.ljust(len(head) // 4 * 4 + 4, b"\0") + types.encode().ljust(len(types) // 4 * 4 + 4, b"\0")
        message = body + values.tobytes() + b"1787270434786.832\0\0\0" + bytes([0, 0, 0, 9]) + bytes(4)
        (packet,) = CrownDecoder().feed(message)
        assert np.allclose(packet.data, values.T)
        assert packet.count == round(1787270434786.832 * 1e3 + 15e6 / 256)


def test_emotibit_and_e4_and_cortex():
    emotibit = EmotiBitDecoder()
    found = emotibit.feed(
        b"100,1,3,PI,1,100,5,6,7\n100,2,1,EA,1,100,0.5\n9,3,2,EA,1,100,1\nnonsense\n7,4,1,RD,1,100,AK\n"
    )
    assert [(p.stream, p.data.tolist(), p.count) for p in found] == [
        ("ppg-ir", [[5, 6, 7]], 100),
        ("eda", [[0.5]], 100),
    ]
    assert emotibit.n_bad == 2
    e4 = E4Decoder()
    text = b"R device_connect OK\r\nE4_Bvp 1.5 -12.3\r\nE4_Acc 1.5 1 2\r\nE4_Temperature 1,5 33,1\r\nE4_Bvp 2"
    found = e4.feed(text)
    assert [(p.stream, p.data.tolist()) for p in found] == [("ppg", [[-12.3]]), ("temperature", [[33.1]])]
    assert (e4.answers, e4.n_bad) == (["R device_connect OK"], 1)
    cortex = CortexDecoder(("AF3", "AF4"))
    assert cortex.feed(json.dumps({"eeg": [1, 0, 4200.0, 4100.0], "time": 1.0}).encode()) == []
    columns = [{"streamName": "eeg", "cols": ["COUNTER", "INTERPOLATED", "AF3", "AF4", "MARKERS"]}]
    cortex.feed(json.dumps({"id": 6, "result": {"success": columns}}).encode())
    (packet,) = cortex.feed(json.dumps({"eeg": [7, 0, 4200.0, 4100.0, []], "time": 1.0}).encode())
    assert (packet.count, packet.data.ravel().tolist()) == (7, [4200.0, 4100.0])


@pytest.mark.parametrize("name", STREAMS)
@given(data=st.lists(st.binary(max_size=80), max_size=12))
@settings(max_examples=60, deadline=None)
def test_no_byte_stream_breaks_a_decoder(name, data):
    decoder = STREAMS[name]()
    for piece in data:
        for packet in decoder.feed(piece):
            assert packet.data.ndim == 2


@pytest.mark.parametrize("name", DATAGRAMS)
@given(data=st.lists(st.binary(max_size=240), max_size=8), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_no_notification_breaks_a_decoder(name, data, seed):
    make, sources = DATAGRAMS[name]
    decoder, rng = make(), np.random.default_rng(seed)
    for piece in data:
        for packet in decoder.feed(piece, sources[rng.integers(len(sources))]):
            assert packet.data.ndim == 2


def unicorn_frame(k):
    return b"\xc0\x00\x0f" + bytes(range(24)) + bytes(range(12)) + k.to_bytes(4, "little") + b"\r\n"


def crown_message():
    values = np.arange(16, dtype=">f4").tobytes()
    head = b"/neurosity/notion/x/raw\0" + b"," + b"f" * 16 + b"sis" + bytes(4)
    return head + values + b"1700000000000.5\0" + bytes([0, 0, 0, 3]) + bytes(4)


COLUMNS = {"id": 6, "result": {"success": [{"streamName": "eeg", "cols": ["COUNTER", "INTERPOLATED", "AF3"]}]}}
ECG = bytes([0]) + struct.pack("<Q", 9) + b"\0" + (-70_000).to_bytes(3, "little", signed=True) * 5
ACC = bytes([2]) + struct.pack("<Q", 9) + b"\x81" + bytes(6) + bytes([8, 2]) + bytes(range(6))
MUSE = struct.pack(">H", 7) + bytes(range(18))
#: Whole packets of each family, with where they come from: what noise and damage are made of.
GOLDEN = {
    "cyton": [(cyton_frame(3, range(8)), "")],
    "daisy": [(cyton_frame(3, range(8)), ""), (cyton_frame(4, range(8)), "")],
    "unicorn": [(unicorn_frame(5), "")],
    "thinkgear": [(thinkgear(b"\x80\x02\x01\x02"), ""), (thinkgear(b"\x02\xc8\x83\x18" + bytes(24)), "")],
    "shimmer": [(bytes([0, 1, 2, 3, 0, 8, 4, 5]), ""), (b"\xff", "")],
    "shimmer's answers": [(bytes.fromhex("ff020001000000080201 1c12"), ""), (bytes.fromhex("ff2f030000001000"), "")],
    "e4": [(b"E4_Gsr 1234.5 0.31\r\n", ""), (b"R device_connect OK\r\n", "")],
    "heart rate": [(bytes([0x10, 60, 0, 4]), "")],
    "polar": [
        (ECG, polar.DATA),
        (ACC, polar.DATA),
        (bytes.fromhex("f0020200000501") + struct.pack("<f", 0.5), polar.CONTROL),
        (bytes([0x10, 60, 0, 4]), heart_rate.MEASUREMENT),
    ],
    "muse": [(MUSE, uuid) for uuid in muse.ELECTRODES[:4]],
    "athena": [(athena_packet(5, [(0x11, range(16)), (0x47, range(18)), (0x34, range(12))]), "")],
    "ganglion": [(bytes(20), ""), (bytes([1]) + bytes(19), "")],
    "crown": [(crown_message(), "")],
    "emotibit": [(b"1200,7,2,EA,1,100,0.51,0.52\n", "")],
    "cortex": [(json.dumps(COLUMNS).encode(), ""), (b'{"eeg":[3,0,4100.5],"time":1.5}', "")],
}


def test_what_fuzzing_found_stays_mended():
    # Blank as text, not as bytes; and a float that is none, in a message that is whole.
    assert E4Decoder().feed(b"\x1f\nE4_Gsr 1 2\n")[0].data.tolist() == [[2.0]]
    for wrong in (np.inf, np.nan):
        decoder = CrownDecoder()
        at = crown_message().index(np.array(1.0, ">f4").tobytes())
        message = crown_message()
        assert decoder.feed(message[:at] + np.array(wrong, ">f4").tobytes() + message[at + 4 :]) == []
        assert decoder.n_bad == 1


def test_there_is_a_whole_packet_of_every_family_and_it_is_read():
    assert set(GOLDEN) == {*STREAMS, *DATAGRAMS}
    for name, packets in GOLDEN.items():
        decoder = DATAGRAMS[name][0]() if name in DATAGRAMS else STREAMS[name]()
        found = [packet for _ in range(2) for data, source in packets for packet in decoder.feed(data, source)]
        assert found or name == "shimmer's answers"
        assert decoder.n_bad == (1 if name == "polar" else 0), name


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=4, deadline=None)
def test_one_damaged_byte_of_a_checked_packet_never_gives_a_sample(seed):
    """ThinkGear is the one format here with a checksum: every place, every wrong value."""
    value = int(np.random.default_rng(seed).integers(-(2**15), 2**15))
    packet = thinkgear(b"\x80\x02" + struct.pack(">h", value))
    for at, wrong in np.ndindex(len(packet), 256):
        if packet[at] == wrong:
            continue
        damaged = packet[:at] + bytes([wrong]) + packet[at + 1 :]
        assert ThinkGearDecoder().feed(damaged) == []


@pytest.mark.parametrize(
    ("make", "frame", "places"),
    [(CytonDecoder, cyton_frame(3, range(8)), {0: {0xA0}, 32: set(range(0xC0, 0xD0))}),
     (UnicornDecoder, unicorn_frame(3), {0: {0xC0}, 1: {0}, 43: {13}, 44: {10}})],
)  # fmt: skip
def test_a_frame_whose_ends_are_damaged_gives_no_sample(make, frame, places):
    for at, right in places.items():
        for wrong in set(range(256)) - right:
            assert make().feed(frame[:at] + bytes([wrong]) + frame[at + 1 :]) == []


@pytest.mark.parametrize("name", ["muse", "ganglion", "crown", "heart rate", "polar", "athena", "cortex", "thinkgear"])
def test_a_packet_cut_short_gives_no_sample_that_was_not_sent(name):
    make = DATAGRAMS[name][0] if name in DATAGRAMS else STREAMS[name]
    for data, source in GOLDEN[name]:
        whole = make().feed(data, source)
        for size in range(len(data)):
            for packet in make().feed(data[:size], source):
                # What a frame of any number of samples may lose are its last.
                sent = next(p for p in whole if p.stream == packet.stream)
                assert np.array_equal(packet.data, sent.data[:, : packet.data.shape[1]], equal_nan=True)
                assert packet.count == sent.count


@pytest.mark.slow
@pytest.mark.parametrize("name", [*STREAMS, *DATAGRAMS])
def test_a_hundred_thousand_packets_of_noise_and_damage_neither_break_nor_hold_up_a_decoder(name):
    """Fifteen families: one and a half million packets in all."""
    rng = np.random.default_rng(0)
    make = DATAGRAMS[name][0] if name in DATAGRAMS else STREAMS[name]
    decoder, golden = make(), GOLDEN[name]
    began = time.process_time()
    n_found = 0
    for kind in rng.integers(0, 4, 100_000):
        data, source = golden[rng.integers(len(golden))]
        piece = bytearray(data if kind else rng.bytes(len(data)))
        if kind == 1:
            piece[rng.integers(len(piece))] = rng.integers(256)
        elif kind == 2:
            piece = piece[: rng.integers(1, len(piece) + 1)]
        for packet in decoder.feed(bytes(piece), source):
            n_found += 1
            assert packet.data.ndim == 2
            assert packet.data.size
            assert not np.isinf(packet.data).any()
    # No more than a millisecond each, however long the rubbish has been; and what is whole is still read.
    assert time.process_time() - began < 100
    behind = [packet for _ in range(40) for data, source in golden for packet in decoder.feed(data, source)]
    assert name == "shimmer's answers" or (n_found and behind)
