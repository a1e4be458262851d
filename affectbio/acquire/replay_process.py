"""`replay` in a process of its own, so that what plays a recording shares nothing with what listens to it."""

from __future__ import annotations

import os
import pickle
import signal as os_signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import IO, Self, cast

from affectbio.acquire._liblsl import loopback_session, use_loopback
from affectbio.acquire.player import Replayed, make_programme, play
from affectbio.acquire.spec import StreamSpec
from affectbio.errors import AffectbioError, StreamError
from affectbio.types import Recording

__all__ = ["ReplayProcess"]


class ReplayProcess:
    """`replay` in a process of its own, as a headset's program would be; use it in a ``with`` block.

    It ends when the recordings are over, at the end of the ``with`` block, or with this process, however that dies. It
    is not disturbed by Ctrl-C, so that whoever reads can stop first.

    Parameters
    ----------
    recordings : sequence of Recording
        As for `replay`.
    spec : StreamSpec, optional
        As for `replay`.
    signal, speed, packet, drift_ppm, jitter_ms, loss, seed
        As for `replay`.

    Attributes
    ----------
    spec : StreamSpec
        The stream to look for.

    Raises
    ------
    DataError
        If the recordings cannot be played together.
    StreamError
        At the end, if the process failed; its own error is the cause.

    Notes
    -----
    A child fed through its standard input, not `multiprocessing`, which would import the caller's script again, and
    with it all that the script imports. A session of `use_loopback` holds there too.
    """

    def __init__(
        self,
        recordings: Sequence[Recording],
        spec: StreamSpec | None = None,
        *,
        signal: str = "eeg",
        speed: float = 1.0,
        packet: int = 1,
        drift_ppm: float = 0.0,
        jitter_ms: float = 0.0,
        loss: float = 0.0,
        seed: int = 0,
    ) -> None:
        self._programme = make_programme(recordings, spec, signal, speed, packet, drift_ppm, jitter_ms, loss, seed)
        self.spec = self._programme.spec
        self._outcome: Replayed | StreamError | None = None
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._child.pid if self._child else None

    @property
    def running(self) -> bool:
        """Whether it is still playing."""
        return self._child is not None and self._child.poll() is None

    def __enter__(self) -> Self:
        root = str(Path(__file__).parents[2])
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-c", "from affectbio.acquire.replay_process import _child; _child()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        )
        to_child = cast("IO[bytes]", self._child.stdin)
        try:
            pickle.dump((loopback_session(), self._programme), to_child)
            to_child.flush()
        except BrokenPipeError as error:
            status = self._child.wait()
            with suppress(BrokenPipeError):  # what the pipe still holds has no reader
                to_child.close()
            cast("IO[bytes]", self._child.stdout).close()
            raise StreamError(
                f"the replay process ended at once with status {status}; its standard error says why"
            ) from error
        return self

    def wait(self, timeout_s: float | None = None) -> Replayed:
        """Wait until the recordings are over.

        Parameters
        ----------
        timeout_s : float, optional
            How long, in seconds; None is until the end.

        Returns
        -------
        Replayed
            Samples sent and lost.

        Raises
        ------
        StreamError
            If the process failed, or is not over in time.
        """
        child = self._child
        if child is None:
            raise StreamError("the replay was not started; use it inside `with`")
        try:
            child.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise StreamError(f"the replay of {self.spec.name!r} is not over after {timeout_s:g} s") from error
        return self._result(child)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        child = self._child
        if child is None:
            return
        to_child, from_child = cast("IO[bytes]", child.stdin), cast("IO[bytes]", child.stdout)
        # The child takes the end of its input for the end of the replay.
        to_child.close()
        try:
            child.wait(5.0)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        try:
            # Killed on purpose, or told before: nothing new to say.
            if error is None and child.returncode >= 0 and self._outcome is None:
                self._result(child)
        finally:
            from_child.close()

    def _result(self, child: subprocess.Popen[bytes]) -> Replayed:
        if self._outcome is None:
            self._outcome = _outcome(child)
        if isinstance(self._outcome, StreamError):
            raise self._outcome
        return self._outcome


def _outcome(child: subprocess.Popen[bytes]) -> Replayed | StreamError:
    said = cast("IO[bytes]", child.stdout).read()
    if not said:
        return StreamError(f"the replay process ended with status {child.returncode}; its standard error says more")
    outcome: Replayed | Exception = pickle.loads(said)  # noqa: S301  # from the child that we started
    if isinstance(outcome, Replayed):
        return outcome
    failure = StreamError(f"the replay process failed: {outcome}")
    failure.__cause__ = outcome
    return failure


def _child() -> None:
    """Play what comes on standard input, in the process of `ReplayProcess`."""
    os_signal.signal(os_signal.SIGINT, os_signal.SIG_IGN)
    session, programme = pickle.load(sys.stdin.buffer)  # noqa: S301  # from the parent that started us
    stop = Event()

    def end_with_parent() -> None:
        # Past the buffer of sys.stdin, whose lock a thread must not hold when the interpreter ends.
        while os.read(0, 1):
            pass
        stop.set()

    Thread(target=end_with_parent, daemon=True).start()
    result: Replayed | Exception
    try:
        if session is not None:
            use_loopback(session)
        result = play(programme, stop)
    except AffectbioError as error:
        result = error
    with suppress(BrokenPipeError):  # the parent died, and nobody waits for the result
        os.write(1, pickle.dumps(result))
