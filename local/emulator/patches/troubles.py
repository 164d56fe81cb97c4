"""Answer calls late, or refuse them as a busy service does, when a test asks for it.

Reason: services are slow and throttle at times, and the emulator never. `POST /_local/troubles` takes what is to
happen from now on, by service or by operation in the words of request_counts.py, and tells what has happened so far:

    {"delay_s": {"s3": 0.2, "dynamodb Query": 0.1}, "refuse": {"sqs SendMessageBatch": 5}}
    → {"met": {"s3 GetObject": 3}}

Each refusal is for one request. What is not named is as always; an empty question ends all troubles.
"""

import asyncio
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from local.emulator.internals import internal
from local.emulator.patches import routes
from local.emulator.patches.request_counts import operation

PATH = f"{routes.PREFIX}troubles"
_SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a service says that it is busy."""

    status: int
    headers: dict[str, str]
    body: bytes


class Troubles:
    """What happens to calls; several threads ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._delay_s: dict[str, float] = {}
        self._refuse: Counter[str] = Counter()
        self._met: Counter[str] = Counter()

    def begin(self, *, delay_s: dict[str, float], refuse: dict[str, int]) -> dict[str, int]:
        """Change what happens from now on; gives what was met until now."""
        with self._lock:
            self._delay_s, self._refuse = dict(delay_s), Counter(refuse)
            met, self._met = dict(self._met), Counter()
        return met

    def meet(self, name: str) -> tuple[float, bool]:
        """How long a call waits, and whether it is refused."""
        with self._lock:
            kinds = (name, name.partition(" ")[0])
            delay_s = next((self._delay_s[kind] for kind in kinds if kind in self._delay_s), 0.0)
            refused = next((kind for kind in kinds if self._refuse[kind] > 0), None)
            if refused is not None:
                self._refuse[refused] -= 1
            if delay_s or refused is not None:
                self._met[name] += 1
        return delay_s, refused is not None


def apply() -> None:
    troubles = Troubles()
    app_module = internal("app")
    served = app_module.app

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        name = _operation(scope) if scope["type"] == "http" else None
        delay_s, is_refused = (0.0, False) if name is None else troubles.meet(name)
        if delay_s:
            await asyncio.sleep(delay_s)
        if name is not None and is_refused:
            await routes.drain(receive)
            said = refusal_of(name.partition(" ")[0])
            await routes.respond(send, said.status, said.headers, said.body)
            return
        await served(scope, receive, send)

    def answer(question: dict[str, Any]) -> routes.Answer:
        met = troubles.begin(delay_s=question.get("delay_s", {}), refuse=question.get("refuse", {}))
        return 200, {"met": met}

    app_module.app = app
    routes.serve(PATH, answer)


def _operation(scope: dict[str, Any]) -> str | None:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
    return operation(scope["method"], scope["path"], headers, query)


def refusal_of(service: str) -> Refusal:
    """S3 speaks XML, the others JSON with the error's name."""
    if service == "s3":
        return Refusal(503, {"Content-Type": "application/xml"}, _SLOW_DOWN)
    kinds = {"dynamodb": "ProvisionedThroughputExceededException", "sqs": "RequestThrottled"}
    kind = kinds.get(service, "ThrottlingException")
    headers = {"Content-Type": "application/x-amz-json-1.0", "x-amzn-query-error": f"{kind};Sender"}
    return Refusal(400, headers, b'{"__type": "%s", "message": "Rate exceeded"}' % kind.encode())
