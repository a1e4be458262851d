"""Clock recovery on simulated radio links whose true sample times are known."""

import numpy as np
import pytest

from affectbio.acquire.clock import EnvelopeClock, RegressionClock

PACKET_S = 12 / 256


def link(rng, n, kind="exponential", ppm=80.0):
    """Give device times of packets and when they arrive: the device runs ``ppm`` slow, with a slow wave on it."""
    device = np.arange(1, n + 1) * PACKET_S
    taken = device * (1 + 1e-6 * ppm) + 5e-6 * 1200 / (2 * np.pi) * np.sin(2 * np.pi * device / 1200)
    if kind == "exponential":
        delay = 0.008 + rng.exponential(0.01, n) + (rng.random(n) < 0.01) * rng.uniform(0.1, 0.4, n)
    else:
        # The next connection event, every 30 ms, of which 15 % fail; 40 s of every 4 min with a queue.
        event = np.ceil(taken / 0.03) + rng.geometric(0.85, n) - 1
        queue = np.where(taken % 240 > 200, 0.04 + 0.06 * np.abs(np.sin(taken / 7)), 0.0)
        delay = event * 0.03 - taken + 0.004 + rng.exponential(0.001, n) + queue
    return device, taken, np.maximum.accumulate(taken + delay)


def errors(clock, device, taken, arrival):
    stamps = [d + clock.update(d, a) for d, a in zip(device.tolist(), arrival.tolist(), strict=True)]
    return np.array(stamps) - taken


@pytest.mark.parametrize(
    ("kind", "lost", "sd_s", "least_delay_s"),
    [("exponential", False, 5e-5, 0.008), ("exponential", True, 5e-5, 0.008), ("connection", True, 4e-4, 0.004)],
)
def test_stamps_are_right_to_a_fraction_of_a_millisecond(kind, lost, sd_s, least_delay_s):
    rng = np.random.default_rng(1)
    device, taken, arrival = link(rng, 38_400, kind)
    keep = (rng.random(len(device)) > 0.005) & ~((taken > 600) & (taken < 615)) if lost else np.full(len(device), True)
    clock = EnvelopeClock()
    error = errors(clock, device[keep], taken[keep], arrival[keep])[taken[keep] > 60]
    assert error.std() < sd_s
    assert abs(error.mean() - least_delay_s) < 5e-4
    assert clock.n_resets == 0


@pytest.mark.parametrize("jump_s", [-3.0, -0.3, 3.0, 100.0])
def test_a_clock_that_jumps_is_followed_at_once_or_after_some_seconds(jump_s):
    device, taken, arrival = link(np.random.default_rng(2), 8000)
    late = taken > 200
    device = np.where(late, device - jump_s, device)
    clock = EnvelopeClock()
    error = errors(clock, device, taken, arrival)
    assert clock.n_resets == 1
    settled = taken > 260
    assert np.abs(error[settled] - 0.008).max() < 2e-3


def test_a_queue_is_not_taken_for_a_jump():
    device, taken, arrival = link(np.random.default_rng(3), 8000)
    # Everything taken from 200 to 205 s is delivered in a rush at 205 s.
    arrival = np.where((taken > 200) & (taken < 205), 205.02, arrival)
    clock = EnvelopeClock()
    error = errors(clock, device, taken, np.maximum.accumulate(arrival))
    assert clock.n_resets == 0
    assert np.abs(error[taken > 60] - 0.008).max() < 1e-3


@pytest.mark.parametrize("ppm", [-150.0, 0.0, 80.0])
def test_drift_is_told(ppm):
    device, taken, arrival = link(np.random.default_rng(4), 8000, ppm=ppm)
    clock = EnvelopeClock()
    assert np.isnan(clock.drift_ppm)
    errors(clock, device, taken, arrival)
    assert abs(clock.drift_ppm - ppm) < 10


def test_regression_follows_the_mean_delay_of_a_device_whose_stamps_run_backwards():
    rng = np.random.default_rng(5)
    device, taken, arrival = link(rng, 20_000)
    # One stamp in 30 is wrong by up to 40 ms either way, as OpenMuse found: the least delay is a wrong stamp's.
    wrong = device + (rng.random(len(device)) < 1 / 30) * rng.uniform(-0.04, 0.04, len(device))
    regression, envelope = (errors(clock, wrong, taken, arrival) for clock in (RegressionClock(), EnvelopeClock()))
    right = (wrong == device) & (taken > 60)
    assert regression[right].std() < 4e-3
    assert envelope[right].mean() < 0
    assert abs(regression[right].mean() - (arrival - taken).mean()) < 3e-3


def test_a_regression_over_all_is_the_least_squares_line():
    rng = np.random.default_rng(6)
    device = np.cumsum(rng.uniform(0.01, 0.1, 400))
    arrival = device * 1.0002 + 3 + 0.01 * rng.standard_normal(400)
    clock = RegressionClock(window_s=1e9)
    last = [clock.update(d, a) for d, a in zip(device, arrival, strict=True)][-1]
    slope, level = np.polyfit(device, arrival - device, 1)
    assert last == pytest.approx(level + slope * device[-1], abs=1e-6)
    assert clock.drift_ppm == pytest.approx(1e6 * slope, abs=1e-2)
