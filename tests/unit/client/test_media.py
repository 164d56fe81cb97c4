"""Pictures for programs: a session is asked for when the first is read, shown where it belongs, and renewed."""

from __future__ import annotations

import threading
from pathlib import Path

import httpx
import pytest

from maskmill.client import Client
from maskmill.client.media import MediaPass, Opened, cookie_header
from maskmill.core.errors import Unavailable
from tests.unit.client.fake_service import FakeService

FOLDER = "https://page.example/media/t/ann/"
SIGNED = "https://bucket.s3.amazonaws.com/t/ann/jobs/j/dataset/dataset.zip?X-Amz-Signature=x"


class Sessions:
    """A service that counts, and a store that opens for its last session alone."""

    def __init__(self) -> None:
        self.opened = 0
        self.seen: list[httpx.Request] = []
        self.now = 0.0
        self.is_closed = False

    def open(self) -> Opened:
        self.opened += 1
        return Opened(url=FOLDER, cookie=f"session={self.opened}", renew_at=self.now + 3300)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        is_open = request.headers.get("cookie") == f"session={self.opened}" and not self.is_closed
        return httpx.Response(200 if is_open or "X-Amz-Signature" in request.url.params else 403)

    def client(self) -> httpx.Client:
        media = MediaPass(self.open, lambda: self.now)
        return httpx.Client(transport=httpx.MockTransport(self.answer), auth=media)


def test_one_session_opens_many_pictures() -> None:
    sessions = Sessions()
    with sessions.client() as storage:
        assert [storage.get(f"{FOLDER}px/{number}").status_code for number in range(3)] == [200] * 3
    assert sessions.opened == 1


def test_threads_that_begin_together_share_a_session() -> None:
    sessions, gate = Sessions(), threading.Barrier(6)
    with sessions.client() as storage:

        def read() -> None:
            gate.wait()
            storage.get(f"{FOLDER}px/1")

        threads = [threading.Thread(target=read) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (sessions.opened, len(sessions.seen)) == (1, 6)


def test_cookies_go_below_the_sessions_own_folder_and_nowhere_else() -> None:
    sessions = Sessions()
    elsewhere = (SIGNED, "https://evil.example/media/t/ann/px/1", "https://page.example/media/t/bob/px/1")
    with sessions.client() as storage:
        storage.get(f"{FOLDER}px/1")
        for address in elsewhere:
            storage.get(address)
        storage.post("https://bucket.s3.amazonaws.com/", content=b"x")
    assert ["cookie" in request.headers for request in sessions.seen] == [True, False, False, False, False]


def test_nothing_is_asked_for_where_addresses_are_signed() -> None:
    sessions = Sessions()
    with sessions.client() as storage:
        assert storage.get(SIGNED).status_code == 200
        storage.post("https://bucket.s3.amazonaws.com/", content=b"x")
    assert sessions.opened == 0


def test_a_session_is_renewed_before_it_ends_and_once_when_it_is_refused() -> None:
    sessions = Sessions()
    with sessions.client() as storage:
        storage.get(f"{FOLDER}px/1")
        sessions.now = 3301.0
        assert (storage.get(f"{FOLDER}px/1").status_code, sessions.opened) == (200, 2)
        sessions.opened += 1  # its key is not trusted any more
        assert (storage.get(f"{FOLDER}px/1").status_code, sessions.opened) == (200, 4)
        sessions.is_closed = True
        assert (storage.get(f"{FOLDER}px/1").status_code, sessions.opened) == (403, 5)


def test_a_name_of_the_own_machine_needs_no_resolver() -> None:
    seen: list[tuple[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.url.host, request.headers["host"]))
        return httpx.Response(200)

    opened = Opened(url="http://maskmill.localhost:4566/media/t/ann/", cookie="a=b", renew_at=9e9)
    with httpx.Client(transport=httpx.MockTransport(answer), auth=MediaPass(lambda: opened)) as storage:
        storage.get(f"{opened.url}px/1")
    assert seen == [("127.0.0.1", "maskmill.localhost:4566")]


@pytest.mark.parametrize("lines", [[], ["=x; Path=/"], ["a b=c"]])
def test_an_answer_without_cookies_is_no_session(lines: list[str]) -> None:
    answer = httpx.Response(201, headers=[("Set-Cookie", line) for line in lines])
    with pytest.raises(Unavailable):
        cookie_header(answer)


def test_attributes_are_not_shown() -> None:
    lines = ["A=1; Path=/media/t/ann/; Max-Age=3600; HttpOnly; Secure; SameSite=Strict", "B=x-_~; Path=/"]
    assert cookie_header(httpx.Response(201, headers=[("Set-Cookie", line) for line in lines])) == "A=1; B=x-_~"


def test_a_client_reads_pictures_after_its_session_was_closed(
    service: FakeService, client: Client, photos: Path
) -> None:
    client.upload_folder("caps", photos)
    image = client.find_image("caps", "photo0.jpg")
    assert client.thumbnail(image) == client.thumbnail(image)
    assert service.sessions == 1
    client.close_media()
    assert client.thumbnail(image)
    assert service.sessions == 2
