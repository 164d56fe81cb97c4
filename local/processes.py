"""Start, watch and stop the processes of the laptop. It knows no process by name.

A process is stopped with SIGTERM and, after a grace period, SIGKILL; both go to its whole process group. Each writes
to its own log file, and an error about a process carries the end of that file.
"""

import fcntl
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

GRACE_S = 8.0
POLL_S = 0.05
LOG_TAIL_LINES = 25
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ProcessFailed(RuntimeError):
    """A process ended or did not become healthy; the message ends with the tail of its log."""


class PortTaken(RuntimeError):
    """No free port was found near the preferred one."""


class StateInUse(RuntimeError):
    """Another run holds the state folder."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to run: a short name for logs and messages, the arguments, the complete environment, the folder."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: Path


class Process:
    """One child process with its log file and its pid file, restartable on demand."""

    def __init__(self, command: Command, state: Path) -> None:
        self.command = command
        self.log = state / "logs" / f"{command.name}.log"
        self._pid_file = state / "run" / f"{command.name}.pid"
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None and self.is_running else None

    def start(self) -> None:
        """Start the process; a leftover of an earlier run that was killed hard is ended first."""
        if self.is_running:
            return
        end_leftover(self._pid_file)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._pid_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                list(self.command.arguments),
                env=dict(self.command.environment),
                cwd=self.command.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._pid_file.write_text(f"{self._child.pid} {start_time(self._child.pid)}")

    def wait_until_healthy(self, url: str, *, timeout_s: float = 30.0) -> float:
        """Wait until `url` answers 200; give the seconds it took, or raise ProcessFailed."""
        return self.wait_until(lambda: answers_ok(url), what=url, timeout_s=timeout_s)

    def wait_until(self, is_ready: Callable[[], bool], *, what: str, timeout_s: float) -> float:
        started = time.monotonic()
        while not is_ready():
            if not self.is_running:
                raise self._failure("ended before it was ready")
            if time.monotonic() - started > timeout_s:
                raise self._failure(f"was not ready within {timeout_s:.0f} s ({what})")
            time.sleep(POLL_S)
        return time.monotonic() - started

    def stop(self, *, grace_s: float = GRACE_S) -> None:
        if self._child is not None:
            end_group(self._child, grace_s=grace_s)
        self._child = None
        self._pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """End it without warning, as a power cut would; for tests of what survives."""
        self.stop(grace_s=0)

    def restart(self, *, grace_s: float = GRACE_S) -> None:
        self.stop(grace_s=grace_s)
        self.start()

    def _failure(self, what: str) -> ProcessFailed:
        return ProcessFailed(f"{self.command.name} {what}. The end of {self.log}:\n{tail(self.log)}")


class Processes:
    """Processes that live and end together: a context manager that stops them in reverse order.

    It holds the state folder for itself, and ends what an earlier run that was killed hard left running.
    """

    def __init__(self, state: Path) -> None:
        self._state = state
        self._running: list[Process] = []
        self._lock: IO[str] | None = None

    def start(self, command: Command) -> Process:
        process = Process(command, self._state)
        self._running.append(process)
        process.start()
        return process

    def ended(self) -> list[Process]:
        """Those that should run and do not."""
        return [process for process in self._running if not process.is_running]

    def stop(self) -> None:
        while self._running:
            self._running.pop().stop()

    def __enter__(self) -> Self:
        (self._state / "run").mkdir(parents=True, exist_ok=True)
        self._lock = (self._state / "run" / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise StateInUse(f"{self._state} is in use by another run; stop that one first") from error
        for pid_file in sorted((self._state / "run").glob("*.pid")):
            end_leftover(pid_file)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._lock is not None:
            self._lock.close()


def end_group(child: subprocess.Popen[bytes], *, grace_s: float = GRACE_S) -> None:
    """SIGTERM to the child's process group, SIGKILL after the grace period, then collect the child."""
    if child.poll() is None and grace_s > 0:
        _signal_group(child.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=grace_s)
    _signal_group(child.pid, signal.SIGKILL)
    child.wait()


def end_leftover(pid_file: Path) -> None:
    """End the process of an earlier run, if the pid still belongs to it: same pid, same start time."""
    if not pid_file.exists():
        return
    pid, _, started = pid_file.read_text().partition(" ")
    if pid.isdigit() and started and start_time(int(pid)) == started:
        _signal_group(int(pid), signal.SIGKILL)
    pid_file.unlink(missing_ok=True)


def start_time(pid: int) -> str:
    """When a process started, in the words of `ps`; empty when there is no such process, or no `ps` to ask."""
    try:
        answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return answer.stdout.strip()


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


_reserved_ports: dict[int, int] = {}  # port → the open lock file that reserves it


def free_port(preferred: int, *, tries: int = 100) -> int:
    """The preferred port of 127.0.0.1 when it is free, else the next free one.

    A port is chosen long before its server binds it, so it is reserved until this process ends: two runs that start at
    the same time never choose the same one.
    """
    for port in range(preferred, preferred + tries):
        if is_port_free(port) and _reserve(port):
            return port
    raise PortTaken(f"no free port between {preferred} and {preferred + tries - 1}")


def _reserve(port: int) -> bool:
    path = Path(tempfile.gettempdir()) / f"maskmill-port-{port}.lock"
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError:
        return False  # another user's run has it
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return False
    _reserved_ports[port] = lock
    return True


def is_port_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def answers_ok(url: str, *, timeout_s: float = 2.0) -> bool:
    """Whether a GET of the URL answers 200. A proxy of the environment is not asked: all of this is loopback."""
    try:
        with DIRECT.open(url, timeout=timeout_s) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def tail(path: Path, lines: int = LOG_TAIL_LINES) -> str:
    """The last lines of a log file."""
    if not path.exists():
        return "(no log was written)"
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
