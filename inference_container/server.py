"""The model server's process: settings, parts, threads and a clean end. It knows no request and no mask.

    python -m inference_container.server [serve]

SageMaker starts the container with the word `serve` and ends it with SIGTERM, 30 seconds before it kills it.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from types import FrameType
from typing import Any

from waitress.server import create_server

from inference_container.app import App, Wsgi
from inference_container.embeddings import Embeddings, ObjectStore
from inference_container.engines import build_segmenter
from inference_container.faults import FaultyServer
from inference_container.gate import Gate
from inference_container.logs import start_logging
from inference_container.model import Model
from inference_container.objects import S3Objects
from inference_container.settings import Settings, SettingsError
from inference_container.shards import Bounds, Workshop
from inference_container.telemetry import Telemetry

SWITCH_S = 0.0001  # after which a thread lets the model have the interpreter back: it needs it often and briefly

_LOG = logging.getLogger(__name__)
_SPARE_THREADS = 3  # for /ping and for refusals, whatever the invocations do
_CONNECTIONS_MAX = 200
_TICK_S = 0.2


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT; 0 after a clean end, 2 for a broken environment."""
    start_logging()
    sys.setswitchinterval(SWITCH_S)
    if arguments not in ([], ["serve"]):
        print(f"unknown arguments {list(arguments)}: only `serve` is understood", file=sys.stderr)
        return 2
    try:
        settings = Settings.from_env(os.environ)
    except SettingsError as error:
        print(f"the model server cannot start: {error}", file=sys.stderr)
        return 2
    serve(settings)
    return 0


def serve(settings: Settings) -> None:
    """Answer on the settings' port while the model loads in the background; returns after SIGTERM or SIGINT."""
    objects = S3Objects(settings.s3_endpoint_url)
    app = create_app(settings, Model(lambda: build_segmenter(settings)), objects)
    server = create_http_server(FaultyServer(app, objects) if settings.faults else app, settings)
    app.model.start()
    drain_on_signals(server, app.gate, settings.drain_s)
    _LOG.info("serving %s on port %s", settings.engine, server.effective_port)
    server.run()
    _LOG.info("ended")


def create_app(settings: Settings, model: Model, objects: ObjectStore) -> App:
    """The application over a model, which may be loading yet, and the objects that it reads and writes."""
    telemetry = Telemetry(time.monotonic)
    embeddings = Embeddings(objects, telemetry, bytes_max=settings.embeddings_bytes_max)
    bounds = Bounds(settings.readers, settings.invocations_max, settings.pictures_bytes_max)
    return App(
        model=model,
        workshop=Workshop(objects, embeddings, telemetry, bounds=bounds, clock=time.monotonic),
        gate=Gate(running_max=settings.invocations_max, waiting_max=settings.waiting_max, clock=time.monotonic),
        telemetry=telemetry,
        deadline_s=settings.deadline_s,
        request_bytes_max=settings.request_bytes_max,
        metrics_namespace=settings.metrics_namespace,
    )


def create_http_server(app: Wsgi, settings: Settings) -> Any:
    """A waitress server that listens and does not yet answer.

    Its own bound on bodies is twice the application's, so that the application can refuse most of them in words.
    """
    return create_server(
        app,
        host=settings.host,
        port=settings.port,
        threads=settings.invocations_max + settings.waiting_max + _SPARE_THREADS,
        connection_limit=_CONNECTIONS_MAX,
        channel_timeout=int(settings.deadline_s) + 60,
        max_request_body_size=2 * settings.request_bytes_max,
        ident="maskmill",
        clear_untrusted_proxy_headers=True,
    )


def drain_on_signals(server: Any, gate: Gate, drain_s: float) -> None:
    """On SIGTERM or SIGINT refuse what is new, let what runs end and be sent, then end the server's loop.

    The work is done by a timer's signal in the main thread, because that is where the server's loop sends answers.
    """
    ends_at = 0.0

    def begin(signum: int, _frame: FrameType | None) -> None:
        nonlocal ends_at
        if gate.is_open:
            gate.close()
            ends_at = time.monotonic() + drain_s
            signal.setitimer(signal.ITIMER_REAL, _TICK_S, _TICK_S)

    def look(signum: int, _frame: FrameType | None) -> None:
        if (gate.is_empty and _is_idle(server)) or time.monotonic() >= ends_at:
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise SystemExit(0)

    signal.signal(signal.SIGALRM, look)
    signal.signal(signal.SIGTERM, begin)
    signal.signal(signal.SIGINT, begin)


def _is_idle(server: Any) -> bool:
    """Whether no connection has a request in work or an answer that is not yet sent."""
    return not any(channel.requests or channel.total_outbufs_len for channel in server.active_channels.values())


if __name__ == "__main__":
    code = main(sys.argv[1:])
    logging.shutdown()
    os._exit(code)  # a thread that hangs in a download or in a model must not keep the process
