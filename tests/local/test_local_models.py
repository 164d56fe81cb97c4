"""`maskmill models` against a real HTTP server in the place of a publisher."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from maskmill.cli.main import app
from maskmill.client.checkpoints import State, expected_of, fetch_checkpoint, look
from maskmill.client.retry import Backoff
from maskmill.core.catalogue import PUBLISHED, Published
from maskmill.core.engines import Engine
from maskmill.core.errors import Code, MaskmillError, NotFound, Unavailable

pytestmark = pytest.mark.enable_socket

DATA = bytes(range(256)) * 4096  # 1 MiB
DIGEST = hashlib.sha256(DATA).hexdigest()
FILE = "sam_vit_b_01ec64.pth"


class Publisher(ThreadingHTTPServer):
    """Gives DATA away under any name; breaks connections and refuses as it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.data = DATA
        self.breaks_after: list[int] = []  # bytes after which the next connections break
        self.statuses: list[int] = []  # of the next answers
        self.redirects = False
        self.tells_length = True
        self.asked: list[tuple[str, str | None]] = []  # method and range of each request

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/models"


class _Handler(BaseHTTPRequestHandler):
    server: Publisher

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        server = self.server
        if server.redirects and not self.path.startswith("/store/"):
            self.send_response(302)
            self.send_header("Location", f"/store{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        server.asked.append((self.command, self.headers.get("Range")))
        if server.statuses:
            self.send_response(server.statuses.pop(0))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = int(re.findall(r"\d+", self.headers.get("Range") or "0")[0])
        body = server.data[start:]
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{hashlib.sha256(server.data).hexdigest()[:8]}"')
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(server.data) - 1}/{len(server.data)}")
        if server.tells_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[: server.breaks_after.pop(0)] if server.breaks_after else body)
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    server = Publisher()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def entry(*, size_bytes: int | None = len(DATA), sha256: str | None = DIGEST) -> Published:
    return Published(
        engine=Engine.SAM_VIT_B, file=FILE, url="https://nobody.example/", page="", size_bytes=size_bytes, sha256=sha256
    )


def fetched(published: Published, folder: Path, publisher: Publisher) -> Any:
    return fetch_checkpoint(published, folder, mirror=publisher.url, backoff=Backoff(sleep=lambda _: None))


def test_a_checkpoint_is_fetched_once_and_checked(publisher: Publisher, tmp_path: Path) -> None:
    first, second = (fetched(entry(), tmp_path, publisher) for _ in range(2))
    assert (first.is_new, second.is_new) == (True, False)
    assert first.version == second.version == f"sam-vit-b-{DIGEST[:12]}"
    assert (tmp_path / FILE).read_bytes() == DATA
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert publisher.asked == [("GET", None)]


def test_a_download_goes_on_where_it_broke(publisher: Publisher, tmp_path: Path) -> None:
    publisher.breaks_after = [300_000, 100_000]
    assert fetched(entry(), tmp_path, publisher).sha256 == DIGEST
    starts = [int((asked or "bytes=0-").removeprefix("bytes=").rstrip("-")) for _, asked in publisher.asked]
    assert starts[0] == 0
    assert 0 < starts[1] <= 300_000
    assert starts[1] < starts[2] <= 400_000


def test_a_publisher_that_stays_broken_is_given_up_and_what_came_is_kept(publisher: Publisher, tmp_path: Path) -> None:
    publisher.breaks_after = [400_000] + [0] * 20
    with pytest.raises(Unavailable) as caught:
        fetched(entry(), tmp_path, publisher)
    assert caught.value.message == f"{FILE} could not be downloaded: the connection broke."
    assert len(publisher.asked) <= 7
    assert not (tmp_path / FILE).exists()
    publisher.breaks_after = []
    publisher.asked.clear()
    assert fetched(entry(), tmp_path, publisher).is_new
    assert publisher.asked[0][1] not in (None, "bytes=0-")


def test_a_busy_publisher_is_asked_again_a_few_times(publisher: Publisher, tmp_path: Path) -> None:
    publisher.statuses = [503, 500]
    assert fetched(entry(), tmp_path, publisher).sha256 == DIGEST


def test_another_file_than_the_published_one_is_refused_whole(publisher: Publisher, tmp_path: Path) -> None:
    publisher.data = DATA[:-1] + b"!"
    with pytest.raises(MaskmillError) as caught:
        fetched(entry(), tmp_path, publisher)
    assert caught.value.code is Code.CHECKSUM_MISMATCH
    assert f"not {DIGEST}. Try again; if it stays" in caught.value.message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [(404, NotFound, "answered 404"), (403, Unavailable, "without an account. Download it yourself")],
)
def test_a_refusal_says_what_to_do(
    publisher: Publisher, tmp_path: Path, status: int, error: type[MaskmillError], words: str
) -> None:
    publisher.statuses = [status]
    with pytest.raises(error) as caught:
        fetched(entry(), tmp_path, publisher)
    assert words in caught.value.message


def test_a_checkpoint_may_lie_elsewhere_than_its_address_says(publisher: Publisher, tmp_path: Path) -> None:
    publisher.redirects = True
    publisher.breaks_after = [300_000]
    assert fetched(entry(), tmp_path, publisher).sha256 == DIGEST


def test_a_file_that_nobody_knows_is_trusted_the_first_time_and_never_again(
    publisher: Publisher, tmp_path: Path
) -> None:
    unknown = entry(size_bytes=None, sha256=None)
    first = fetched(unknown, tmp_path, publisher)
    assert (first.is_first, first.sha256) == (True, DIGEST)
    assert (tmp_path / f"{FILE}.sha256").read_text() == f"{DIGEST}  {FILE}\n"
    assert not fetched(unknown, tmp_path, publisher).is_first
    assert expected_of(unknown, tmp_path) == DIGEST
    (tmp_path / FILE).unlink()
    publisher.data = DATA[::-1]
    with pytest.raises(MaskmillError) as caught:
        fetched(unknown, tmp_path, publisher)
    assert caught.value.code is Code.CHECKSUM_MISMATCH


def test_a_size_that_nobody_tells_is_a_clear_refusal(publisher: Publisher, tmp_path: Path) -> None:
    publisher.tells_length = False
    with pytest.raises(Unavailable, match="unavailable") as caught:
        fetched(entry(size_bytes=None, sha256=None), tmp_path, publisher)
    assert "does not say how large" in caught.value.message


def test_a_full_disk_is_told_before_anything_is_fetched(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(MaskmillError) as caught:
        fetched(entry(), tmp_path, publisher)
    assert caught.value.code is Code.QUOTA_EXCEEDED
    assert "1,000 are free" in caught.value.message
    assert publisher.asked == []


def test_a_spoiled_file_is_not_taken_for_the_published_one(publisher: Publisher, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(DATA[:100])
    with pytest.raises(MaskmillError) as caught:
        fetched(entry(), tmp_path, publisher)
    assert "Move it away and fetch again." in caught.value.message
    assert look(entry(), tmp_path).state is State.WRONG


# The command


def command(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["models", *arguments])


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    """SAM ViT-B as the publisher of these tests has it."""
    monkeypatch.setitem(PUBLISHED, Engine.SAM_VIT_B, entry())  # type: ignore[arg-type]


def test_the_list_shows_every_checkpoint_and_which_are_here(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"1")
    lines = [json.loads(line) for line in command("list", "--in", str(tmp_path), "--json").stdout.splitlines()]
    assert {line["engine"] for line in lines} == set(PUBLISHED)
    assert [line["engine"] for line in lines if line["here"] == "yes"] == ["sam-vit-b"]
    shown = command("list", "--in", str(tmp_path)).stdout
    assert "375 MB" in shown
    assert "Apache-2.0" in shown


@pytest.mark.usefixtures("catalogue")
def test_fetch_says_where_it_comes_from_and_what_it_is(publisher: Publisher, tmp_path: Path) -> None:
    answer = command("fetch", "sam-vit-b", "--to", str(tmp_path), "--from", publisher.url)
    assert answer.exit_code == 0, answer.output
    assert f"{tmp_path / FILE} is here and whole: sam-vit-b-{DIGEST[:12]}" in answer.stdout
    assert f"{FILE}: 1 MB of 1 MB" in answer.stderr
    assert "Apache-2.0" in answer.stderr
    again = command("fetch", "sam-vit-b", "--to", str(tmp_path), "--json")
    assert json.loads(again.stdout)["sha256"] == DIGEST


def test_fetch_knows_the_engines() -> None:
    answer = command("fetch", "classic")
    assert answer.exit_code == 2
    assert "sam2.1-tiny" in answer.output.replace("\n", "")


@pytest.mark.usefixtures("catalogue")
def test_verify_finds_what_is_spoiled(tmp_path: Path) -> None:
    assert command("verify", "--in", str(tmp_path)).exit_code == 1
    (tmp_path / FILE).write_bytes(DATA)
    assert command("verify", "--in", str(tmp_path)).exit_code == 0
    (tmp_path / FILE).write_bytes(DATA[1:])
    answer = command("verify", "sam-vit-b", "--in", str(tmp_path), "--json")
    assert answer.exit_code == 1
    assert json.loads(answer.stdout)["state"] == "wrong"


def test_verify_reads_packages_too(tmp_path: Path) -> None:
    folder = tmp_path / "sam-test"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(DATA)
    manifest = {
        "engine": "sam-test",
        "version": f"sam-test-{'ab' * 6}",
        "source_sha256": "ab" * 32,
        "dtype": "bf16",
        "files": [{"name": "model.safetensors", "size_bytes": len(DATA), "sha256": DIGEST}],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert command("verify", "--in", str(tmp_path)).exit_code == 0
    (folder / "model.safetensors").unlink()
    answer = command("verify", "--in", str(tmp_path), "--json")
    assert (answer.exit_code, json.loads(answer.stdout)["state"]) == (1, "missing")
    (folder / "manifest.json").write_text("{}")
    answer = command("verify", "--in", str(tmp_path), "--json")
    assert (answer.exit_code, json.loads(answer.stdout)["state"]) == (1, "wrong")
