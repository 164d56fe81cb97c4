"""Child processes: ports, health, logs, stopping, leftovers."""

import os
import socket
import sys
import time
from pathlib import Path

import pytest

from local.processes import Command, Process, Processes, ProcessFailed, StateInUse, free_port, start_time, tail

pytestmark = pytest.mark.enable_socket

SERVER = "import http.server,sys; http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()"
STUBBORN = (
    "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)


def command(code: str, *arguments: str) -> Command:
    return Command("child", [sys.executable, "-c", code, *arguments], {"PATH": os.environ["PATH"]}, Path.cwd())


def test_a_healthy_process_is_found_healthy_and_stops(tmp_path: Path) -> None:
    port = free_port(15800)
    with Processes(tmp_path) as processes:
        process = processes.start(command(SERVER, str(port)))
        process.wait_until_healthy(f"http://127.0.0.1:{port}/", timeout_s=10)
        pid = process.pid
        process.restart()
        process.wait_until_healthy(f"http://127.0.0.1:{port}/", timeout_s=10)
        assert process.pid != pid
        assert processes.ended() == []
    assert not process.is_running


def test_an_error_carries_the_end_of_the_log(tmp_path: Path) -> None:
    process = Process(command("raise SystemExit('no configuration')"), tmp_path)
    process.start()
    with pytest.raises(ProcessFailed, match="no configuration"):
        process.wait_until_healthy("http://127.0.0.1:1/", timeout_s=10)


def test_a_process_that_is_never_ready_is_an_error(tmp_path: Path) -> None:
    process = Process(command("import time; time.sleep(60)"), tmp_path)
    process.start()
    with pytest.raises(ProcessFailed, match="not ready within"):
        process.wait_until_healthy("http://127.0.0.1:1/", timeout_s=0.2)
    process.stop()


def test_a_process_that_ignores_sigterm_is_killed_after_the_grace(tmp_path: Path) -> None:
    process = Process(command(STUBBORN), tmp_path)
    process.start()
    process.wait_until(lambda: "ready" in tail(process.log), what="ready", timeout_s=10)
    started = time.monotonic()
    process.stop(grace_s=0.3)
    assert 0.3 <= time.monotonic() - started < 3
    assert not process.is_running


def test_a_leftover_of_an_earlier_run_is_ended(tmp_path: Path) -> None:
    lost = Process(command("import time; time.sleep(60)"), tmp_path)
    lost.start()
    leftover = lost.pid
    assert leftover is not None
    again = Process(command("import time; time.sleep(60)"), tmp_path)
    again.start()
    lost_child = lost._child
    assert lost_child is not None
    assert lost_child.wait(timeout=5) != 0
    assert again.pid != leftover
    again.stop()


def test_a_reused_pid_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "child.pid").write_text(f"{os.getpid()} some other time")
    process = Process(command("pass"), tmp_path)
    process.start()
    process.stop()
    assert start_time(os.getpid())


def test_a_state_folder_serves_one_run_at_a_time(tmp_path: Path) -> None:
    with Processes(tmp_path), pytest.raises(StateInUse), Processes(tmp_path):
        pass
    with Processes(tmp_path):
        pass


def test_a_new_run_ends_what_the_last_one_left(tmp_path: Path) -> None:
    lost = Process(command("import time; time.sleep(60)"), tmp_path)
    lost.start()
    with Processes(tmp_path):
        lost_child = lost._child
        assert lost_child is not None
        assert lost_child.wait(timeout=5) != 0


def test_a_taken_port_is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port


def test_a_port_that_was_chosen_is_not_chosen_again_before_its_server_binds_it() -> None:
    assert len({free_port(15850) for _ in range(3)}) == 3
