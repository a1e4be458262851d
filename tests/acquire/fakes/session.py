"""What tests of whole sessions share: waiting in the loop, and a driver that runs meanwhile."""

import asyncio
from contextlib import asynccontextmanager

from affectbio.acquire._liblsl import local_clock
from affectbio.acquire.driver import Backoff

QUICK = Backoff(0.01, 0.02)


async def until(condition, timeout_s=20.0):
    deadline = local_clock() + timeout_s
    while not condition():
        assert local_clock() < deadline, "what was waited for did not happen"
        await asyncio.sleep(0.005)


@asynccontextmanager
async def running(driver):
    """Run a driver; stop it at the end, and raise what it raised."""
    job = asyncio.ensure_future(driver.run())
    try:
        yield job
    finally:
        driver.stop()
        await job
