"""A job ends, and a receiver on this machine is told so over https, signed, through the stacks as they are deployed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.cloud import Laptop
from maskmill.webhooks import verify
from tests.contract.receiver import Authority, Receiver, answering, receiver
from tests.e2e.conftest import BALL, User

pytestmark = pytest.mark.integration

PATIENCE_S = 120.0  # the stream, a first failure and the wait after it, on a busy machine


@pytest.fixture(scope="module")
def hal(cloud: Laptop, tmp_path_factory: pytest.TempPathFactory) -> User:
    """Somebody whose jobs nobody else ends."""
    profile = tmp_path_factory.mktemp("hal") / "profile.json"
    cloud.sign_in("hal@example.com", profile)
    return User(profile)


@pytest.fixture
def listening(authority: Authority) -> Iterator[Receiver]:
    """A receiver that is busy at first, and well afterwards."""
    with receiver(authority.issue("localhost", "127.0.0.1", name="e2e"), answering(503), answering(200)) as found:
        yield found


def until(found: Callable[[], Any]) -> Any:
    """What is found, looked for until it is there."""
    deadline = time.monotonic() + PATIENCE_S
    while not (value := found()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.3)
    return value


def create(user: User, url: str, *events: str) -> dict[str, Any]:
    status, hook = user.get("/webhooks", method="POST", body={"url": url, **({"events": events} if events else {})})
    assert status == 201, hook
    return hook


def deliveries(user: User, hook: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = user.get(f"/webhooks/{hook['webhook_id']}/deliveries")[1]["items"]
    return found


def test_a_test_arrives_signed_after_a_busy_receiver_and_a_retry(hal: User, listening: Receiver) -> None:
    hook = create(hal, f"https://localhost:{listening.port}/hook?a=1")
    path = f"/webhooks/{hook['webhook_id']}"
    status, ping = hal.get(f"{path}/test", method="POST")
    assert (status, ping["type"]) == (202, "ping")
    (failed,) = until(lambda: [one for one in deliveries(hal, hook) if one["state"] == "failed"])
    assert [attempt["status"] for attempt in failed["attempts"]] == [503]
    assert hal.get(f"{path}/deliveries/{ping['delivery_id']}/retry", method="POST")[0] == 202
    (told,) = until(lambda: [one for one in deliveries(hal, hook) if one["state"] == "delivered"])
    assert [attempt["status"] for attempt in told["attempts"]] == [503, 200]
    for request in listening.requests:
        event = verify([hook["secret"]], request.headers, request.body, now_s=time.time())
        assert event["type"] == "ping"
        assert request.headers["webhook-id"] == ping["delivery_id"]
        assert (request.line, request.server_name) == ("POST /hook?a=1 HTTP/1.1", "localhost")


def test_a_job_that_ends_is_told_of_and_tried_again_by_itself(
    hal: User, listening: Receiver, photos: Path, tmp_path: Path
) -> None:
    hook = create(hal, f"https://localhost:{listening.port}/jobs", "job.succeeded", "job.failed")
    deaf = create(hal, f"https://localhost:{listening.port}/never", "job.cancelled")
    hal.maskmill("run", str(photos), "--template", BALL, "--edit", "ball:hue=90", "--out", str(tmp_path))
    (told,) = until(lambda: [one for one in deliveries(hal, hook) if one["state"] == "delivered"])
    assert [attempt["status"] for attempt in told["attempts"]] == [503, 200]
    assert deliveries(hal, deaf) == []
    first, second = (request for request in listening.requests if "/jobs" in request.line)
    assert first.body == second.body and first.headers["webhook-id"] == second.headers["webhook-id"]
    event = verify([hook["secret"]], second.headers, second.body, now_s=time.time())
    (job,) = hal.get("/jobs")[1]["items"]
    assert event["type"] == "job.succeeded"
    assert (event["data"]["job_id"], event["data"]["items"]["done"]) == (job["job_id"], 4)


def test_a_certificate_that_nobody_vouches_for_gets_nothing(hal: User, authority: Authority, tmp_path: Path) -> None:
    with receiver(authority.issue("elsewhere.example.com", name="elsewhere")) as found:
        hook = create(hal, f"https://localhost:{found.port}/")
        hal.get(f"/webhooks/{hook['webhook_id']}/test", method="POST")
        (failed,) = until(lambda: [one for one in deliveries(hal, hook) if one["state"] == "failed"])
    assert [attempt["trouble"] for attempt in failed["attempts"]] == ["tls_failed"]
    assert found.requests == []


def test_private_addresses_are_refused_here_too(hal: User) -> None:
    for url in ("https://127.0.0.2/", "https://10.0.0.1/", "http://localhost/", "https://169.254.169.254/"):
        status, problem = hal.get("/webhooks", method="POST", body={"url": url})
        assert (status, problem["code"]) == (422, "webhook_url_refused")
