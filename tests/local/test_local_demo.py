"""The demo as a process: it ends when it is told to."""

import signal
import subprocess
import sys

import pytest

WAITING = "import time; from local.demo import obey_signals; obey_signals(); print('ready', flush=True); time.sleep(60)"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_in_the_background_ends_when_it_is_told_to(number: signal.Signals) -> None:
    """`make demo &` in a script starts with SIGINT ignored, and Python leaves that as it is."""
    ignoring = f"trap '' INT; exec {sys.executable} -c \"{WAITING}\""
    demo = subprocess.Popen(["sh", "-c", ignoring], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert demo.stdout is not None
        assert demo.stdout.readline() == "ready\n"
        demo.send_signal(number)
        assert demo.wait(timeout=10) != 0
    finally:
        demo.kill()
        demo.communicate()
