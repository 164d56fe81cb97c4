"""The requests that wait or run, one small file each, so that a restart loses none. It knows no model and no clock."""

import base64
import json
import os
import threading
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local.endpoint.deployed import DeployedEndpoint
from local.endpoint.request import AsyncRequest, ValidationError


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queued request with the names its results will have; `received_at` is seconds since the epoch."""

    id: str
    inference_id: str
    received_at: float
    output_location: str
    failure_location: str | None
    request: AsyncRequest

    @property
    def expires_at(self) -> float:
        return self.received_at + self.request.ttl_s


def accept(endpoint: DeployedEndpoint, request: AsyncRequest, *, now: float) -> Waiting:
    """Name the request's results. The names follow a fresh id, not the inference id, as on AWS.

    Raises ValidationError for an endpoint that is not asynchronous.
    """
    if endpoint.output_path is None:
        raise ValidationError(f"Endpoint {endpoint.name} is not an asynchronous endpoint.")
    name = str(uuid.uuid4())
    output = [endpoint.output_path.rstrip("/"), request.output_path_extension or "", request.filename or f"{name}.out"]
    failure = f"{endpoint.failure_path.rstrip('/')}/{name}-error.out" if endpoint.failure_path else None
    return Waiting(
        id=f"{int(now * 1_000_000):017d}-{name}",
        inference_id=request.inference_id or str(uuid.uuid4()),
        received_at=now,
        output_location="/".join(part.strip("/") if index else part for index, part in enumerate(output) if part),
        failure_location=failure,
        request=request,
    )


class Backlog:
    """First in, first out. A request stays on disk until `finish`; what was running at a crash runs again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._queued = [_read(path) for path in sorted(folder.glob("*.json"))]
        self._running: dict[str, Waiting] = {}

    def __len__(self) -> int:
        """Queued and in process, as SageMaker's ApproximateBacklogSize counts."""
        with self._lock:
            return len(self._queued) + len(self._running)

    @property
    def running(self) -> int:
        with self._lock:
            return len(self._running)

    def add(self, waiting: Waiting) -> None:
        _write(self._path(waiting), waiting)
        with self._lock:
            self._queued.append(waiting)

    def take(self) -> Waiting | None:
        """The oldest queued request, which from now on runs."""
        with self._lock:
            if not self._queued:
                return None
            waiting = self._queued.pop(0)
            self._running[waiting.id] = waiting
            return waiting

    def take_expired(self, now: float) -> list[Waiting]:
        """The queued requests whose time to live is over; they leave the queue and run nowhere."""
        with self._lock:
            expired = [waiting for waiting in self._queued if waiting.expires_at <= now]
            self._queued = [waiting for waiting in self._queued if waiting.expires_at > now]
            self._running |= {waiting.id: waiting for waiting in expired}
            return expired

    def finish(self, waiting: Waiting) -> None:
        self._path(waiting).unlink(missing_ok=True)
        with self._lock:
            self._running.pop(waiting.id, None)

    def _path(self, waiting: Waiting) -> Path:
        return self._folder / f"{waiting.id}.json"


def _write(path: Path, waiting: Waiting) -> None:
    content: dict[str, Any] = asdict(waiting)
    body = waiting.request.body
    content["request"]["body"] = None if body is None else base64.b64encode(body).decode()
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(content))
    os.replace(temporary, path)


def _read(path: Path) -> Waiting:
    content = json.loads(path.read_text())
    request = content.pop("request")
    body = request.pop("body")
    return Waiting(**content, request=AsyncRequest(**request, body=None if body is None else base64.b64decode(body)))
