"""Live progress on the deployed stacks: a ticket opens a socket, lines say what changed, events say how."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidHandshake
from websockets.sync.client import ClientConnection, connect

from local.cloud import Laptop
from tests.e2e.conftest import BALL, User

pytestmark = pytest.mark.integration

ENDED = {"succeeded", "partial", "failed", "cancelled"}


def ticket_of(user: User) -> dict[str, Any]:
    status, ticket = user.get("/live/tickets", method="POST")
    assert status == 201, ticket
    return ticket


def address_of(ticket: dict[str, Any]) -> str:
    return f"{ticket['url']}?ticket={ticket['ticket']}"


@contextmanager
def listening(user: User) -> Iterator[ClientConnection]:
    with connect(address_of(ticket_of(user)), proxy=None) as socket:
        yield socket


def lines_until_the_end(socket: ClientConnection, *, within_s: float = 90.0) -> list[dict[str, Any]]:
    """The lines about one job until one says that it has ended."""
    found: list[dict[str, Any]] = []
    until = time.monotonic() + within_s
    while not found or found[-1]["status"] not in ENDED:
        found.append(json.loads(socket.recv(timeout=max(0.1, until - time.monotonic()))))
    return found


def run_arguments(photos: Path, out: Path, name: str, hue: int) -> tuple[str, ...]:
    edits = ("--template", BALL, "--edit", f"ball:hue={hue}")
    return ("--json", "run", str(photos), "--dataset", name, *edits, "--out", str(out))


def events_of(user: User, job_id: str, since: int = 0) -> list[dict[str, Any]]:
    """Every event after a number, page by page."""
    found: list[dict[str, Any]] = []
    while True:
        status, page = user.get(f"/jobs/{job_id}/events?since={since}&limit=3")
        assert (status, page["is_complete"]) == (200, True), page
        if not page["items"]:
            return found
        found += page["items"]
        since = page["next_since"]


def as_told(events: list[dict[str, Any]]) -> dict[int, str]:
    """The state of every item, from the events alone."""
    assert not any(event["items_truncated"] for event in events)
    return {change["index"]: change["status"] for event in events for change in event["items"]}


def settled_events(user: User, job_id: str, *, within_s: float = 20.0) -> list[dict[str, Any]]:
    """All events of an ended job, once its end and its items' changes, which come beside each other, have been told."""
    until = time.monotonic() + within_s
    _, job = user.get(f"/jobs/{job_id}")
    _, items = user.get(f"/jobs/{job_id}/items")
    states = {item["index"]: item["status"] for item in items["items"]}
    while time.monotonic() < until:
        found = events_of(user, job_id)
        if as_told(found) == states and found[-1]["status"] == job["status"]:
            break
        time.sleep(0.3)
    return found


def test_a_job_is_heard_of_from_its_start_to_its_end(ann: User, bob: User, photos: Path, tmp_path: Path) -> None:
    with listening(ann) as socket, listening(bob) as foreign:
        answer = ann.maskmill(*run_arguments(photos, tmp_path, "live", 40))
        job_id = json.loads(answer.stdout.splitlines()[-1])["job"]["job_id"]
        lines = lines_until_the_end(socket)
        with pytest.raises(TimeoutError):
            foreign.recv(timeout=1.0)
    assert {line["job_id"] for line in lines} == {job_id}
    assert {line["type"] for line in lines} == {"job"}
    assert [line["seq"] for line in lines] == sorted(line["seq"] for line in lines)
    _, job = ann.get(f"/jobs/{job_id}")
    _, items = ann.get(f"/jobs/{job_id}/items")
    events = settled_events(ann, job_id)
    assert as_told(events) == {item["index"]: item["status"] for item in items["items"]}
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert (events[-1]["status"], events[-1]["counts"]) == (job["status"], job["items"])
    assert {line["seq"] for line in lines} <= {event["seq"] for event in events}
    assert bob.get(f"/jobs/{job_id}/events")[0] == 404


def test_who_was_away_for_a_while_misses_nothing(ann: User, photos: Path, tmp_path: Path) -> None:
    with listening(ann) as socket:
        running = ann.start(*run_arguments(photos, tmp_path, "away", 70))
        first = json.loads(socket.recv(timeout=60))
    job_id, seq = first["job_id"], first["seq"]
    seen = [event for event in events_of(ann, job_id) if event["seq"] <= seq]
    out, _ = running.communicate(timeout=120)
    assert running.returncode == 0, out
    with listening(ann):
        everything = settled_events(ann, job_id)
        missed = events_of(ann, job_id, since=seq)
    _, job = ann.get(f"/jobs/{job_id}")
    _, items = ann.get(f"/jobs/{job_id}/items")
    assert [*seen, *missed] == everything
    assert [event["seq"] for event in everything] == list(range(1, len(everything) + 1))
    assert as_told(everything) == {item["index"]: item["status"] for item in items["items"]}
    assert (everything[-1]["status"], everything[-1]["counts"]) == (job["status"], job["items"])
    # The first line may already have been the last one: whoever left earlier misses nothing either.
    assert all(events_of(ann, job_id, since=left) == everything[left:] for left in range(len(everything)))


def test_a_ticket_opens_one_socket(ann: User) -> None:
    ticket = ticket_of(ann)
    with connect(address_of(ticket), proxy=None), pytest.raises(InvalidHandshake, match="403"):
        connect(address_of(ticket), proxy=None)
    for text in ("", "x" * 43, ticket["ticket"][:-1]):
        with pytest.raises(InvalidHandshake, match="403"):
            connect(address_of({**ticket, "ticket": text}), proxy=None)


def test_a_ping_is_answered_and_nonsense_is_not(ann: User) -> None:
    with listening(ann) as socket:
        for text in ("nonsense", '{"type":"job"}', '{"type":"ping"}'):
            socket.send(text)
        answers = list[dict[str, Any]]()
        with suppress(TimeoutError):
            while True:
                answers.append(json.loads(socket.recv(timeout=0.5 if answers else 20)))
    assert [answer for answer in answers if answer["type"] != "job"] == [{"type": "pong"}]


def test_the_address_of_the_sockets_is_an_output(cloud: Laptop, ann: User) -> None:
    assert ticket_of(ann)["url"] == cloud.outputs["LiveUrl"]
