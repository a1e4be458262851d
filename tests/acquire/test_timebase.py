"""Counters, order, losses and stamps, against streams whose truth is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectbio.acquire.timebase import Counter, Reorder, Timebase, TimeOrder

SFREQ, PACKET = 256.0, 12


@given(
    bits=st.sampled_from([8, 16, 32]),
    first=st.integers(0, 2**32),
    steps=st.lists(st.integers(1, 20), min_size=1, max_size=60),
    delays=st.lists(st.floats(0, 0.3), min_size=61, max_size=61),
)
def test_a_counter_is_unwrapped_whatever_is_lost_and_however_late_it_arrives(bits, first, steps, delays):
    rate = 20.0
    numbers = first + np.cumsum([0, *steps])
    arrivals = np.maximum.accumulate(numbers / rate + delays[: len(numbers)])
    counter = Counter(2**bits, rate)
    found = [counter.unwrap(int(n) % 2**bits, float(a)) for n, a in zip(numbers, arrivals, strict=True)]
    assert np.array_equal(np.diff(found), steps)


@pytest.mark.parametrize("silent_s", [3.0, 30.0, 4000.0])
def test_a_counter_that_wrapped_while_nothing_came_is_told_by_the_time(silent_s):
    counter = Counter(256, 250.0)
    before = counter.unwrap(7, 0.0)
    missing = round(silent_s * 250)
    # A tenth of a second late, and 50 ppm off.
    assert counter.unwrap((7 + missing) % 256, silent_s * (1 + 5e-5) + 0.1) - before == missing


def test_a_rush_after_a_stall_is_no_loss():
    counter = Counter(256, 250.0)
    numbers = [counter.unwrap(n % 256, 0.004 * n) for n in range(500)]
    numbers += [counter.unwrap(n % 256, 2.0 + 0.9 + 1e-4 * (n - 500)) for n in range(500, 725)]
    assert numbers == list(range(725))


def test_a_device_that_begins_anew_is_told_from_a_loss():
    counter = Counter(2**16, 20.0)
    numbers = [counter.unwrap(n, n / 20) for n in range(5000, 5100)]
    again = [(counter.unwrap(n, 260.0 + n / 20), counter.restarted) for n in range(3)]
    assert [restarted for _, restarted in again] == [True, False, False]
    assert np.diff([n for n, _ in again]).tolist() == [1, 1]
    assert again[0][0] - numbers[-1] == round((260.0 - 5099 / 20) * 20)


@given(order=st.permutations(range(4)), at=st.integers(1, 30))
def test_packets_that_overtook_others_come_in_order(order, at):
    shuffled = [*range(at), *(at + k for k in order), *range(at + 4, 40)]
    reorder = Reorder(depth=4)
    given_back = [n for number in shuffled for n in reorder.push(number, number)] + reorder.flush()
    assert given_back == list(range(40))


def test_a_packet_that_comes_twice_is_given_once_and_a_missing_one_holds_up_no_more_than_the_depth():
    reorder = Reorder(depth=2)
    assert [reorder.push(n, n) for n in (0, 0, 2, 2, 3, 4)] == [[0], [], [], [], [], [2, 3, 4]]
    assert reorder.push(1, 1) == []


def play(timebase, numbers, arrivals, wrap):
    """Push packets whose samples are their own true indices."""
    out = []
    for number, arrival in zip(numbers, arrivals, strict=True):
        data = (number * PACKET + np.arange(PACKET, dtype=float))[None]
        out += timebase.push(data, float(arrival), int(number) % wrap)
    return out


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_samples_keep_their_place_in_time_whatever_is_lost(seed):
    rng = np.random.default_rng(seed)
    n = 1500
    kept = np.flatnonzero(rng.random(n) > 0.1)
    taken = (kept + 1) * PACKET / SFREQ
    arrivals = np.maximum.accumulate(taken + 0.01 + rng.exponential(0.02, len(kept)))
    timebase = Timebase(SFREQ, wrap=2**16)
    out = play(timebase, kept, arrivals, 2**16)
    index = np.concatenate([p.data[0] for p in out])
    stamps = np.concatenate([p.stamps for p in out])
    assert (np.diff(stamps) > 0).all()
    # Time of a sample is its index over the rate, plus the link's least delay: nothing after a gap is shifted.
    late = stamps - (index + 1) / SFREQ
    assert np.ptp(late[index > 700 * PACKET]) < 2e-3
    assert timebase.n_samples == len(index)
    assert timebase.n_lost == int(index[-1] + 1 - index[0]) - len(index)
    assert sum(p.n_lost for p in out) == timebase.n_lost


def test_a_clock_of_the_device_that_wraps_at_64_bits_and_runs_at_its_own_rate():
    # A Polar strap says when its last sample was taken, in ns, and takes 130.16 a second where it says 130.
    true_rate, n, frame = 130.16, 400, 73
    device = (np.arange(1, n + 1) * frame) / true_rate
    start = 2**64 - int(100e9)
    timebase = Timebase(130.0, wrap=2**64, ticks_hz=1e9)
    rng = np.random.default_rng(0)
    out = []
    for d in device:
        ticks = (start + round(d * 1e9)) % 2**64
        out += timebase.push(np.zeros((1, frame)), 50 + d + 0.02 + rng.exponential(0.01), ticks)
    assert timebase.n_lost == 0
    assert timebase.n_resets == 0
    spacing = np.diff(np.concatenate([p.stamps for p in out[200:]]))
    # Within a frame exactly; from frame to frame as far as the line under the delays is laid anew.
    assert np.allclose(np.median(spacing), 1 / true_rate, atol=1e-9)
    assert np.allclose(spacing, 1 / true_rate, atol=1e-3)


def test_where_packets_carry_nothing_a_silence_is_a_loss():
    timebase = Timebase(10.0)
    out = [timebase.push(np.zeros((1, 10)), float(t), None)[0] for t in (1, 2, 3, 8, 9)]
    assert [p.n_lost for p in out] == [0, 0, 0, 40, 0]
    assert out[3].stamps[-1] == pytest.approx(8.0)


def uncounted(link, loss, n=64 * 240, sfreq=64.0):
    """Play single samples without a number; give errors of the stamps after a minute in ms, timebase, true losses."""
    rng = np.random.default_rng(3)
    taken = np.arange(1, n + 1) / sfreq * (1 - 80e-6)
    kept = rng.random(n) >= loss
    arrivals = np.maximum.accumulate(taken + link(taken, rng))
    timebase = Timebase(sfreq)
    stamps = np.array([timebase.push(np.zeros((1, 1)), a)[0].stamps[0] for a in arrivals[kept].tolist()])
    assert (np.diff(stamps) > 0).all()
    return 1e3 * (stamps - taken[kept])[taken[kept] > 60], timebase, int((~kept).sum())


def jittery(taken, rng):
    return 0.008 + rng.exponential(0.01, len(taken))


def test_where_packets_carry_nothing_a_loss_is_found_by_how_late_the_rest_comes():
    error, timebase, n_lost = uncounted(jittery, 0.02)
    # Without that, stamps fall behind by 0.5 s and the clock begins anew again and again.
    assert abs(error.mean() - 8) < 60
    assert error.std() < 40
    assert timebase.n_resets == 0
    assert abs(timebase.n_lost - n_lost) <= 12


def test_where_packets_carry_nothing_and_none_is_lost_jitter_is_no_loss():
    error, timebase, _ = uncounted(jittery, 0.0)
    assert timebase.n_lost == 0
    assert error.std() < 0.1


def test_packets_that_were_only_held_up_are_not_lost_in_the_end():
    error, timebase, _ = uncounted(lambda taken, rng: jittery(taken, rng) + 0.3 * ((taken > 100) & (taken < 103)), 0.0)
    assert timebase.n_lost == 0
    assert timebase.n_resets == 0
    assert np.abs(error[-64 * 60 :] - 8).max() < 10


def test_packets_that_carry_a_time_come_in_order():
    order = TimeOrder(depth=3)
    # What is missing (4) holds the rest up by no more than the depth; what comes after its turn, or twice, is dropped.
    given_back = [order.push(t, 1.0, t) for t in (1.0, 1.0, 3.0, 2.0, 5.0, 5.0, 6.0, 7.0, 8.0, 4.0, 9.0)]
    assert given_back == [[1.0], [], [], [2.0, 3.0], [], [], [], [], [5.0, 6.0, 7.0, 8.0], [], [9.0]]


def test_a_device_whose_own_stamps_run_backwards():
    # Every 25th packet has the stamp of the one before it and the other way round, as of a Muse S Athena.
    rng = np.random.default_rng(0)
    n = 4000
    sent = np.arange(n)
    for k in range(10, n - 1, 25):
        sent[k], sent[k + 1] = k + 1, k
    arrivals = np.sort((np.arange(n) + 1) * PACKET / SFREQ + 0.01 + rng.exponential(0.01, n))
    ticks = np.round((sent + 1) * PACKET / SFREQ * 256_000).astype(int)
    found = {}
    for method, depth in (("envelope", 0), ("regression", 4)):
        timebase = Timebase(SFREQ, wrap=2**32, ticks_hz=256_000.0, method=method, depth=depth)
        out = [
            packet
            for number, tick, arrival in zip(sent.tolist(), ticks.tolist(), arrivals.tolist(), strict=True)
            for packet in timebase.push(np.full((1, PACKET), float(number)), arrival, tick)
        ]
        found[method] = timebase, out
    # In the order they came, every step back looks like a restart.
    assert found["envelope"][0].n_resets > 100
    timebase, out = found["regression"]
    assert timebase.n_resets == timebase.n_lost == 0
    assert [int(packet.data[0, 0]) for packet in out] == list(range(n))
    late_ms = 1e3 * (np.array([p.stamps[-1] for p in out]) - (np.arange(n) + 1) * PACKET / SFREQ)
    # The mean delay of the link is in it: 10 ms at least and 10 ms on average.
    assert abs(late_ms[n // 2 :].mean() - 20) < 1
    assert late_ms[n // 2 :].std() < 1


def test_a_restarted_device_goes_on_with_right_stamps():
    timebase = Timebase(SFREQ, wrap=2**16)
    numbers = np.concatenate([np.arange(1000), np.arange(500)])
    taken = np.concatenate([(np.arange(1000) + 1), 1000 + 200 + (np.arange(500) + 1)]) * PACKET / SFREQ
    out = play(timebase, numbers, taken + 0.01, 2**16)
    last = np.array([p.stamps[-1] for p in out])
    assert timebase.n_resets == 1
    assert np.abs(last - taken - 0.01).max() < 1e-3
    assert timebase.n_lost == 200 * PACKET


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sfreq": 0.0}, "0.0 Hz"),
        ({"sfreq": 1.0, "method": "mean"}, "'mean'"),
        ({"sfreq": 1.0, "ticks_hz": 1e9}, "needs its wrap"),
        ({"sfreq": 1.0, "depth": 3}, "depth=3"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Timebase(**arguments)


def test_a_packet_must_bring_what_the_stream_was_said_to_carry():
    with pytest.raises(ValueError, match="a count below 256; found 12 samples and count None"):
        Timebase(SFREQ, wrap=256).push(np.zeros((1, 12)), 0.0)
    with pytest.raises(ValueError, match="found 0 samples"):
        Timebase(SFREQ).push(np.zeros((1, 0)), 0.0)
