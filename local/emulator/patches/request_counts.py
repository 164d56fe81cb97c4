"""Count what is asked of the emulator, by service and operation. It changes no answer.

Reason: what a job costs on AWS follows from its requests, and nobody else sees all of them. `POST /_local/requests`
gives the counts since the start, or since the last question that said `{"reset": true}`, and the seconds that each
function ran for:

    {"counts": {"dynamodb GetItem": 12, "s3 PutObject": 3, "sqs ReceiveMessage": 5, "invoke maskmill-local-…": 5},
     "seconds": {"maskmill-local-…": 1.25}}

A request for many rows counts as one, and its rows are counted beside it, as they are paid for: `rows dynamodb
TransactWriteItems`. Queues are read by the emulator itself, within its process: each invocation that a queue causes
counts as one receive and one deletion. On AWS, empty receives come on top (see docs/costs.md).
"""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from local.emulator.internals import internal
from local.emulator.patches import routes

PATH = f"{routes.PREFIX}requests"
_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")
_SIGNED_URL = re.compile(r"[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")
_INVOCATIONS = re.compile(r"/2015-03-31/functions/[^/]+/invocations")
_MULTIPART = {"POST": "CompleteMultipartUpload", "PUT": "UploadPart", "DELETE": "AbortMultipartUpload"}
_OBJECTS = {"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}


class Counts:
    """Counters that several threads write."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counter: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}

    def add(self, name: str, times: int = 1) -> None:
        with self._lock:
            self._counter[name] += times

    def ran(self, function: str, seconds: float) -> None:
        with self._lock:
            self._seconds[function] = self._seconds.get(function, 0.0) + seconds

    def taken(self, *, reset: bool) -> dict[str, dict[str, Any]]:
        with self._lock:
            seconds = {name: round(value, 3) for name, value in sorted(self._seconds.items())}
            found: dict[str, dict[str, Any]] = {"counts": dict(sorted(self._counter.items())), "seconds": seconds}
            if reset:
                self._counter.clear()
                self._seconds.clear()
        return found


def apply() -> None:
    counts = Counts()
    _count_requests(counts)
    _count_rows(counts)
    _count_invocations(counts)
    routes.serve(PATH, lambda question: (200, counts.taken(reset=bool(question.get("reset")))))


def _count_requests(counts: Counts) -> None:
    app_module = internal("app")
    served = app_module.app

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
            query = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
            name = operation(scope["method"], scope["path"], headers, query)
            if name is not None:
                counts.add(name)
        await served(scope, receive, send)

    app_module.app = app


def _count_rows(counts: Counts) -> None:
    service = internal("services.dynamodb")
    for name, handler, rows_in in (
        ("BatchGetItem", "_batch_get_item", _rows_asked_for),
        ("TransactWriteItems", "_transact_write_items", _rows_written),
    ):
        setattr(service, handler, _counting(counts, name, getattr(service, handler), rows_in))


def _counting(
    counts: Counts, name: str, handle: Callable[[dict[str, Any]], Any], rows_in: Callable[[dict[str, Any]], int]
) -> Callable[[dict[str, Any]], Any]:
    def counted(data: dict[str, Any]) -> Any:
        counts.add(f"rows dynamodb {name}", rows_in(data))
        return handle(data)

    return counted


def _rows_asked_for(data: dict[str, Any]) -> int:
    return sum(len(table.get("Keys", ())) for table in data.get("RequestItems", {}).values())


def _rows_written(data: dict[str, Any]) -> int:
    return len(data.get("TransactItems", ()))


def _count_invocations(counts: Counts) -> None:
    service = internal("services.lambda_svc")
    dispatch = service._execute_function_dispatch

    def counted(function: dict[str, Any], config: dict[str, Any], event: Any, *rest: Any, **named: Any) -> Any:
        name = config.get("FunctionName", "unknown")
        counts.add(f"invoke {name}")
        records = event.get("Records") if isinstance(event, dict) else None
        if records and records[0].get("eventSource") == "aws:sqs":
            counts.add("sqs ReceiveMessage")
            counts.add("sqs DeleteMessageBatch")
        began = time.monotonic()
        try:
            return dispatch(function, config, event, *rest, **named)
        finally:
            counts.ran(name, time.monotonic() - began)

    service._execute_function_dispatch = counted


def operation(method: str, path: str, headers: Mapping[str, str], query: Mapping[str, list[str]]) -> str | None:
    """The service and the operation of a request; None for one that is not AWS's."""
    if path.startswith(("/_local/", "/_ministack")):
        return None
    if "execute-api" in path or "execute-api" in headers.get("host", ""):
        return "api request"
    signed = _SCOPE.search(headers.get("authorization", ""))
    if signed is None:
        return _unsigned(method, query)
    service = signed.group(1)
    target = headers.get("x-amz-target", "")
    if target:
        return f"{service} {target.rpartition('.')[2]}"
    if service == "s3":
        return f"s3 {_object_operation(method, query)}"
    if service == "lambda" and _INVOCATIONS.fullmatch(path):
        return "lambda Invoke"
    return f"{service} {method}"


def _unsigned(method: str, query: Mapping[str, list[str]]) -> str | None:
    """What a client does with a signed address or a signed form."""
    credential = _SIGNED_URL.fullmatch((query.get("X-Amz-Credential") or [""])[0])
    if credential is not None:
        return f"{credential.group(1)} {_OBJECTS.get(method, method)} by a signed address"
    return "s3 PostObject" if method == "POST" else None


def _object_operation(method: str, query: Mapping[str, list[str]]) -> str:
    if "uploads" in query:
        return "CreateMultipartUpload"
    if "uploadId" in query:
        return _MULTIPART.get(method, "ListParts")
    if "delete" in query:
        return "DeleteObjects"
    return "ListObjectsV2" if "list-type" in query else _OBJECTS.get(method, method)
