"""Files decoded by processes that hold nothing worth having, and what the way that one ends says of its file.

It knows no codec, and believes what comes back as little as what was uploaded.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import weakref
from contextlib import closing, suppress

from lambdas.ingest_image import nursery
from lambdas.ingest_image.answers import Made, UnreadableAnswer, read_answer
from lambdas.ingest_image.nursery import REPORT_BYTES, Report
from maskmill.core.errors import Code, InvalidInput, Unavailable
from maskmill.core.limits import DECODE_WALL_S_MAX

_GRACE_S = 10.0  # beyond which even the nursery is given up; it may just have been started
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL")
_THREADS = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_READ_BYTES = 4 * 1024 * 1024


class Decoder:
    """Makes normal images, one at a time, each in a process of its own."""

    def __init__(self, *, wall_s: float = DECODE_WALL_S_MAX, module: str = nursery.__name__) -> None:
        self._patience_s = wall_s + _GRACE_S
        self._module = module
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._end: weakref.finalize[..., Decoder] | None = None

    def start(self) -> socket.socket:
        """Have the nursery, again if it died; it is ready in some tenths of a second and lives as long as this one."""
        if self._process is not None and self._process.poll() is not None:
            self.stop()
        if self._control is None:
            self._control, theirs = socket.socketpair()
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", self._module, str(theirs.fileno())],
                    env=clean_environment(),
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            self._end = weakref.finalize(self, _end, self._process, self._control)
        return self._control

    def stop(self) -> None:
        """End the nursery and whatever runs under it; the next file starts a new one."""
        if self._end is not None:
            self._end()
        self._control = self._process = self._end = None

    def normalise(self, data: bytes) -> Made:
        """A foreign file's normal image; raises InvalidInput as `maskmill.imaging.decode` does, and Unavailable.

        A file that costs too much CPU time or memory is `too_complex`, one that crashes its decoder `corrupt_image`.
        Only what the file cannot help, such as a machine that is too busy, is Unavailable: then it comes again.
        """
        deadline = time.monotonic() + self._patience_s
        try:
            return self._normalised(data, deadline)
        except (OSError, UnreadableAnswer) as error:
            self.stop()
            raise Unavailable(detail=f"the nursery is gone or silent: {error!r}") from error

    def _normalised(self, data: bytes, deadline: float) -> Made:
        control = self.start()
        ours, theirs = socket.socketpair()
        with closing(ours):
            with closing(theirs):
                socket.send_fds(control, [b"."], [theirs.fileno()])
            _send(ours, data, deadline)
            outcome = _answer(ours, deadline)
        report = Report.unpacked(_read(control, REPORT_BYTES, deadline))
        if isinstance(outcome, UnreadableAnswer):
            raise verdict(report, outcome)
        if isinstance(outcome, InvalidInput):
            raise outcome
        return outcome


def clean_environment() -> dict[str, str]:
    """What the interpreter needs to find itself and our modules: nothing that the function was trusted with."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
    return {**kept, **_THREADS, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def verdict(report: Report, why: Exception) -> InvalidInput | Unavailable:
    """What it says of a file that its process ended without an answer."""
    detail = f"{why}; exit code {report.exit_code} after {report.cpu_ms} ms of CPU time, {report.peak_kib} KiB"
    if report.exit_code >= 0 or -report.exit_code in (signal.SIGALRM, signal.SIGKILL, signal.SIGTERM):
        return Unavailable(detail=detail)  # out of time while others had the processor, or ended from outside
    if -report.exit_code == signal.SIGXCPU:
        return InvalidInput(Code.TOO_COMPLEX, detail=detail)
    return InvalidInput(Code.CORRUPT_IMAGE, detail=detail)


def _answer(line: socket.socket, deadline: float) -> Made | InvalidInput | UnreadableAnswer:
    """What a child answered, good or bad: how it ended is read before anything is said."""
    try:
        return read_answer(lambda count: _read(line, count, deadline))
    except (InvalidInput, UnreadableAnswer) as answer:
        return answer


def _send(line: socket.socket, data: bytes, deadline: float) -> None:
    """All of a file; a child that ends before it has read it says why by the way it ends."""
    line.settimeout(_left_s(deadline))
    with suppress(BrokenPipeError, ConnectionResetError):
        line.sendall(data)
        line.shutdown(socket.SHUT_WR)


def _read(line: socket.socket, count: int, deadline: float) -> bytes:
    """Exactly so many bytes; raises UnreadableAnswer where fewer come, TimeoutError."""
    data = bytearray(count)
    view, filled = memoryview(data), 0
    while filled < count:
        line.settimeout(_left_s(deadline))
        try:
            got = line.recv_into(view[filled : filled + _READ_BYTES])
        except ConnectionResetError:
            got = 0
        if not got:
            raise UnreadableAnswer(f"{filled} of {count} bytes")
        filled += got
    return bytes(data)


def _left_s(deadline: float) -> float:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("out of time")
    return left_s


def _end(process: subprocess.Popen[bytes], control: socket.socket) -> None:
    control.close()
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
