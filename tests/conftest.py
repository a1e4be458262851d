"""What all tests share."""

from __future__ import annotations

import os
import secrets

import hypothesis
import pytest

from affectbio.acquire import use_loopback

# Deadlines measure the machine, not the code; and the same examples everywhere make a failure repeatable.
hypothesis.settings.register_profile("affectbio", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("affectbio")


@pytest.fixture(scope="session", autouse=True)
def lsl_session() -> str:
    """Keep LSL on this machine and among the programs of this test run; before any test can use it."""
    session = f"affectbio-tests-{os.getpid()}-{secrets.token_hex(4)}"
    use_loopback(session)
    return session
