"""Read the table's stream beside the queues, and let its changes gather. It knows no table.

Reason: the emulator reads all event sources in one thread, and for a stream it waits there until the function has
returned; no queue is read meanwhile. On AWS each source is read by itself. The emulator also ignores
`MaximumBatchingWindowInSeconds`: changes that AWS would send together are a call each, and a busy job is slowed down by
what tells of its progress. Here the first change goes out at once, and further ones wait for the window's end.
"""

import threading
import time
from typing import Any

from local.emulator.internals import internal

IDLE_S = 0.05  # between two looks at streams that have nothing new


def apply() -> None:
    service = internal("services.lambda_svc")
    read, start = service._poll_dynamodb_streams, service._ensure_poller
    once = threading.Lock()
    started = False

    def ensure_poller() -> None:
        nonlocal started
        start()
        with once:
            if not started:
                threading.Thread(target=_read_for_ever, args=(service, read), daemon=True).start()
                started = True

    service._poll_dynamodb_streams = lambda: False
    service._ensure_poller = ensure_poller


def _read_for_ever(service: Any, read: Any) -> None:
    while True:
        try:
            found = read()
        except Exception:  # as the emulator's own loop: one bad pass must not be the last
            service.logger.exception("reading streams")
            found = False
        time.sleep(window_s(service._esms._data.values()) if found else IDLE_S)


def window_s(mappings: Any) -> float:
    """How long the changes of streams gather: the shortest window of any stream's mapping."""
    windows = [
        float(mapping.get("MaximumBatchingWindowInSeconds") or 0)
        for mapping in list(mappings)
        if ":dynamodb:" in mapping.get("EventSourceArn", "")
    ]
    return min(windows, default=0.0)
