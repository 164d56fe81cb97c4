"""The page about webhooks: its receiver runs, and its lists are those of the code."""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Iterator
from http.server import HTTPServer
from pathlib import Path

import pytest

from maskmill.core import limits, webhook
from maskmill.core.addresses import PORTS
from maskmill.core.webhook import DisabledReason, EventType, Trouble

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
SECRET = webhook.secret_text(b"k" * 32)
BODY = b'{"type":"job.succeeded","data":{"job_id":"j1"}}'


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Where the receiver of the page listens."""
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, type] = {}
    exec(compile(example, "docs/webhooks.md", "exec"), names)
    quiet = type("Quiet", (names["Receiver"],), {"log_message": lambda *_: None})
    with HTTPServer(("127.0.0.1", 0), quiet) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join(5)


def status(port: int, headers: dict[str, str], body: bytes = BODY) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/maskmill", body, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def test_the_receiver_takes_what_is_genuine_and_nothing_else(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    now_s = int(time.time())
    good = webhook.headers_of([SECRET], "d1", now_s, BODY)
    assert status(port, good) == 204
    assert capsys.readouterr().out == "job.succeeded j1\n"
    assert status(port, good, BODY + b" ") == 401
    assert status(port, webhook.headers_of([SECRET], "d1", now_s - 3600, BODY)) == 401
    assert status(port, {}) == 401
    assert capsys.readouterr().out == ""


def rows_under(title: str) -> list[str]:
    (table,) = re.findall(rf"\| {title} \|.*?\n\n", PAGE, re.DOTALL)
    return re.findall(r"^\| `([a-z._]+)`", table, re.MULTILINE)


def test_the_lists_are_those_of_the_code() -> None:
    assert rows_under("event") == [event.value for event in EventType]
    assert rows_under("trouble") == [trouble.value for trouble in Trouble]
    assert all(f"`{reason.value}`" in PAGE for reason in DisabledReason)


def test_the_numbers_are_those_of_the_code() -> None:
    assert webhook.WAITS_S == (5, 60, 300, 900, 3600, 6 * 3600, 24 * 3600)
    assert "5 seconds, 1 minute, 5 minutes, 15 minutes, 1 hour, 6 hours and 24 hours" in PAGE
    assert (limits.WEBHOOK_ATTEMPTS_MAX, "eight attempts in all" in PAGE) == (8, True)
    assert (limits.WEBHOOK_ATTEMPT_S, "within 15 seconds" in PAGE) == (15, True)
    assert (limits.WEBHOOKS_PER_TENANT_MAX, "at most ten webhooks" in PAGE) == (10, True)
    assert (sorted(PORTS), "port 443 or 8443" in PAGE) == ([443, 8443], True)
    assert (limits.WEBHOOK_DELIVERY_LIFE_S, limits.WEBHOOK_OLD_SECRET_S) == (30 * 86400, 86400)
    assert limits.WEBHOOK_DISABLE_FAILURES == 20 and limits.WEBHOOK_DISABLE_AFTER_S == 3 * 86400
