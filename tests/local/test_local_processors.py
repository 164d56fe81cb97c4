"""The processor time of a function is that of its process and of all that work for it, as long as nobody took it."""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks.processors import Processors

BURN = "import time\nwhile time.process_time() < 0.3: pass"
CHILD = f"import subprocess, sys\nsubprocess.run([sys.executable, '-S', '-c', {BURN!r}], env={{}})"
READY = "\nprint('ready', flush=True)\nsys.stdin.read()"


def test_the_time_of_a_functions_children_is_its_own_and_taken_once() -> None:
    environment = {**os.environ, "AWS_LAMBDA_FUNCTION_NAME": "render"}
    processors = Processors(os.getpid())
    with subprocess.Popen(
        [sys.executable, "-c", CHILD + READY], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as function:
        assert function.stdin is not None and function.stdout is not None
        assert function.stdout.readline() == b"ready\n"
        first = processors.take()
        assert first["render"] >= 0.3
        assert processors.take()["render"] < 0.2
        function.stdin.close()
    assert processors.take()["render"] < 0.2, "what has ended keeps what it took"
