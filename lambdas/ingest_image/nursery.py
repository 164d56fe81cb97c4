"""The process that files are decoded under: it holds no credentials, and makes one bounded child for each file.

It is started with a clean environment (`decoder.py`), imports what decodes, and forks for each file that it is handed a
socket for. A child opens nothing: it reads the file from that socket, decodes it within its bounds, writes the answer
and ends. So what a file does to a decoder ends with that file. It knows no storage and no tenant.
"""

from __future__ import annotations

import gc
import io
import os
import resource
import signal
import socket
import struct
import sys
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from lambdas.ingest_image import answers
from maskmill.core.errors import Code, InvalidInput
from maskmill.core.limits import DECODE_CPU_S_MAX, DECODE_MEMORY_BYTES_MAX, DECODE_WALL_S_MAX, UPLOAD_BYTES_MAX

Work = Callable[[bytes], Iterable[bytes]]  # a file into the pieces of its answer

_REPORT = struct.Struct("!iIQ")
REPORT_BYTES = _REPORT.size
_EXIT_BROKEN = 70
_DESCRIPTORS_MAX = 4096
_READ_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one file may cost."""

    cpu_s: int = DECODE_CPU_S_MAX
    wall_s: float = DECODE_WALL_S_MAX
    memory_bytes: int = DECODE_MEMORY_BYTES_MAX


class Report(NamedTuple):
    """How a child ended: its exit code, or minus its signal; its CPU time in ms; the most memory it held, in KiB."""

    exit_code: int
    cpu_ms: int
    peak_kib: int

    def packed(self) -> bytes:
        return _REPORT.pack(*self)

    @classmethod
    def unpacked(cls, data: bytes) -> Report:
        return cls(*_REPORT.unpack(data))


def serve(control: socket.socket, work: Work, bounds: Bounds) -> None:
    """Fork for each socket that arrives, tell how the child ended, and return when the other side is gone."""
    answers.prepare()
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not message or not descriptors:
            return
        pid = os.fork()
        if pid == 0:
            _be_child(descriptors[0], work, bounds)
        os.close(descriptors[0])
        _, status, spent = os.wait4(pid, 0)
        cpu_ms = round((spent.ru_utime + spent.ru_stime) * 1000)
        peak_kib = spent.ru_maxrss // (1024 if sys.platform == "darwin" else 1)
        control.sendall(Report(os.waitstatus_to_exitcode(status), cpu_ms, peak_kib).packed())


def _be_child(descriptor: int, work: Work, bounds: Bounds) -> None:
    """Answer one file and end; nothing of the interpreter is wound up, since it is not this process's own."""
    try:
        _close_all_but(descriptor)
        with socket.socket(fileno=descriptor) as line:
            confine(bounds)
            for piece in _answered(_received(line), work):
                line.sendall(piece)
    except BaseException:  # noqa: BLE001 - whatever it is ends here, and the exit code tells
        os._exit(_EXIT_BROKEN)
    os._exit(0)


def _close_all_but(descriptor: int) -> None:
    """Not even the log is left: what a codec prints is in the words of a file."""
    os.closerange(0, descriptor)
    os.closerange(descriptor + 1, _DESCRIPTORS_MAX)


def confine(bounds: Bounds) -> None:
    """Bound this process for good; the kernel ends it where it goes beyond, except that memory is denied."""
    for number in (signal.SIGALRM, signal.SIGXCPU):
        signal.signal(number, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, bounds.wall_s)
    size_bytes = _size_bytes()
    _limit(resource.RLIMIT_CORE, 0, 0)
    _limit(resource.RLIMIT_FSIZE, 0, 0)
    _limit(resource.RLIMIT_CPU, bounds.cpu_s, bounds.cpu_s + 1)
    if size_bytes is not None:
        most = size_bytes + bounds.memory_bytes
        _limit(resource.RLIMIT_AS, most, most)
    _limit(resource.RLIMIT_NOFILE, 0, 0)  # what is open stays so, and nothing else can be opened: no file, no socket


def _limit(kind: int, soft: int, hard: int) -> None:
    with suppress(ValueError, OSError):  # macOS refuses some of them; there the nursery keeps only part of its promise
        resource.setrlimit(kind, (soft, hard))


def _size_bytes() -> int | None:
    """The address space of this process; None where the system does not tell, and does not bound it either."""
    try:
        with open("/proc/self/statm", "rb") as statm:
            return int(statm.read().split()[0]) * resource.getpagesize()
    except OSError:
        return None


def _received(line: socket.socket) -> bytes:
    data = io.BytesIO()
    while piece := line.recv(_READ_BYTES):
        data.write(piece)
        if data.tell() > UPLOAD_BYTES_MAX + 1:
            break  # the decoder says that it is too large
    return data.getvalue()


def _answered(data: bytes, work: Work) -> Iterable[bytes]:
    try:
        return list(work(data))
    except InvalidInput as error:
        return list(answers.refused(error))
    except MemoryError as error:
        return list(answers.refused(InvalidInput(Code.TOO_COMPLEX, detail=f"out of memory: {error}")))


def normalised(data: bytes) -> Iterable[bytes]:
    """The work: a foreign file into its normal image; raises InvalidInput."""
    from maskmill.imaging.normal import normalise  # here, because whoever makes the nursery needs no codec

    made = normalise(data)
    return answers.made(made.normal, png=made.png, thumbnail=made.thumbnail)


def warm_up() -> None:
    """Import all that decoding may import, since a child can open no file: one small picture of each format."""
    from PIL import Image, ImageCms

    Image.init()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in ("BMP", "JPEG", "MPO", "PNG", "TIFF", "WEBP"):
        out = io.BytesIO()
        Image.new("RGB", (16, 16)).save(out, kind, icc_profile=profile)
        list(normalised(out.getvalue()))
    for broken in (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe1", b"II*\0"):
        with suppress(InvalidInput):
            list(normalised(broken))


def main(descriptor: int) -> None:
    warnings.simplefilter("ignore")
    with socket.socket(fileno=descriptor) as control:
        warm_up()
        gc.collect()
        gc.freeze()  # children share these pages as long as nobody counts on them
        serve(control, normalised, Bounds())


if __name__ == "__main__":
    main(int(sys.argv[1]))
