"""Kill the process of a Lambda function in the middle of an invocation, when a test asks for it.

Reason: on AWS a function's machine may go away at any moment. `POST /_local/workers` takes, by function, how many
seconds after its next invocations begin their processes are to be killed, and tells how many were:

    {"kill_after_s": {"maskmill-local-render-item": [0.05, 0.2]}}  →  {"killed": {"maskmill-local-render-item": 1}}

One that has ended by then lives on. `busy` is the number of processes that are at work just now.
"""

import threading
from collections import Counter
from typing import Any

from local.emulator.internals import internal
from local.emulator.patches import routes

PATH = f"{routes.PREFIX}workers"


class Deaths:
    """Which invocations are to die, and which did; several threads ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._coming: dict[str, list[float]] = {}
        self._killed: Counter[str] = Counter()

    def plan(self, coming: dict[str, list[float]]) -> None:
        with self._lock:
            self._coming |= {name: list(moments) for name, moments in coming.items()}

    def next_of(self, function: str) -> float | None:
        with self._lock:
            moments = self._coming.get(function)
            return moments.pop(0) if moments else None

    def strike(self, worker: Any) -> None:
        process = worker._proc
        if process is not None and process.poll() is None:
            process.kill()
            with self._lock:
                self._killed[worker.func_name] += 1

    def killed(self) -> dict[str, int]:
        with self._lock:
            return dict(self._killed)


def apply() -> None:
    runtime, deaths = internal("core.lambda_runtime"), Deaths()
    work = runtime.Worker.invoke

    def invoke(worker: Any, *arguments: Any, **options: Any) -> Any:
        after_s = deaths.next_of(worker.func_name)
        if after_s is None:
            return work(worker, *arguments, **options)
        timer = threading.Timer(after_s, deaths.strike, (worker,))
        timer.start()
        try:
            return work(worker, *arguments, **options)
        finally:
            timer.cancel()

    def answer(question: dict[str, Any]) -> routes.Answer:
        deaths.plan(question.get("kill_after_s", {}))
        return 200, {"killed": deaths.killed(), "busy": runtime.workers_in_use()}

    runtime.Worker.invoke = invoke
    routes.serve(PATH, answer)
