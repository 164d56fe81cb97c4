"""Watching a folder: a file is taken once it is whole, once only, and no error ends the watch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from maskmill.client import Client, upload
from maskmill.client.folder import Found
from maskmill.client.folder_watch import FolderWatch, follow
from maskmill.core.errors import Code, InvalidInput, MaskmillError, Unavailable
from tests.unit.client.fake_service import FakeService, problem


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(tmp_path: Path, clock: Clock) -> FolderWatch:
    return FolderWatch([tmp_path], quiet_s=2, burst_s_max=30, clock=clock)


def names(found: Found) -> list[str]:
    return [file.name for file in found.files]


def later(watch: FolderWatch, clock: Clock, seconds: float) -> list[str]:
    clock.now_s += seconds
    return names(watch.look())


def test_a_file_is_taken_once_it_has_stopped_growing(watch: FolderWatch, clock: Clock, tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"half")
    assert later(watch, clock, 0) == []
    photo.write_bytes(b"half and more")
    assert later(watch, clock, 3) == []  # it grew since the last look
    assert later(watch, clock, 1) == []
    assert later(watch, clock, 1.1) == ["a.jpg"]
    assert later(watch, clock, 99) == []


def test_an_empty_file_is_a_beginning(watch: FolderWatch, clock: Clock, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    assert later(watch, clock, 0) + later(watch, clock, 10) == []
    (tmp_path / "a.jpg").write_bytes(b"whole")
    assert later(watch, clock, 0) + later(watch, clock, 2) == ["a.jpg"]


def test_a_burst_is_one_round_and_has_an_end(watch: FolderWatch, clock: Clock, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(b"x")
        assert later(watch, clock, 1.5) == []
    assert later(watch, clock, 2) == ["0.jpg", "1.jpg", "2.jpg"]
    taken: list[str] = []
    for number in range(40):  # a camera that never pauses
        (tmp_path / f"n{number}.jpg").write_bytes(b"x")
        taken = later(watch, clock, 1)
        if taken:
            break
    assert 25 < len(taken) < 35


def test_a_call_takes_no_more_than_the_service_does(watch: FolderWatch, clock: Clock, tmp_path: Path) -> None:
    for number in range(130):
        (tmp_path / f"{number:03}.jpg").write_bytes(b"x")
    later(watch, clock, 0)
    assert [len(later(watch, clock, 2)), len(later(watch, clock, 1)), len(later(watch, clock, 1))] == [100, 30, 0]


def test_a_changed_file_is_new_and_a_lost_one_is_forgotten(watch: FolderWatch, clock: Clock, tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"one")
    assert later(watch, clock, 0) + later(watch, clock, 2) == ["a.jpg"]
    photo.write_bytes(b"another")
    assert later(watch, clock, 0) + later(watch, clock, 2) == ["a.jpg"]
    photo.unlink()
    assert later(watch, clock, 5) == []
    photo.write_bytes(b"another")
    assert later(watch, clock, 0) + later(watch, clock, 2) == ["a.jpg"]


def test_what_cannot_be_handled_comes_again_with_the_next_file(
    watch: FolderWatch, clock: Clock, tmp_path: Path
) -> None:
    """A job waits for the photo that its template was clicked on."""
    (tmp_path / "b.jpg").write_bytes(b"x")
    later(watch, clock, 0)
    clock.now_s += 2
    watch.hold(watch.look())
    assert later(watch, clock, 60) == []
    (tmp_path / "a.jpg").write_bytes(b"x")
    assert later(watch, clock, 0) + later(watch, clock, 2) == ["a.jpg", "b.jpg"]


def test_no_error_ends_the_watch_but_the_end_of_the_sign_in(tmp_path: Path, clock: Clock) -> None:
    watch = FolderWatch([tmp_path], quiet_s=0, clock=clock)
    (tmp_path / "a.jpg").write_bytes(b"x")
    outcomes: list[MaskmillError | None] = [
        Unavailable(), Unavailable(), InvalidInput(), None, InvalidInput(Code.UNAUTHENTICATED),
    ]  # fmt: skip
    handled: list[list[str]] = []
    told: list[Code] = []
    waits: list[float] = []

    def handle(found: Found) -> None:
        handled.append(names(found))
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock.now_s += seconds
        if len(waits) in (5, 7):
            (tmp_path / f"{len(waits)}.jpg").write_bytes(b"x")
        assert len(waits) < 20

    with pytest.raises(InvalidInput) as raised:
        follow(watch, handle, failed=lambda error: told.append(error.code), sleep=sleep)
    assert raised.value.code is Code.UNAUTHENTICATED
    assert handled == [["a.jpg"], ["a.jpg"], ["a.jpg"], ["5.jpg", "a.jpg"], ["7.jpg"]]
    assert told == [Code.UNAVAILABLE, Code.UNAVAILABLE, Code.INVALID_REQUEST]
    assert waits[:3] == [1, 2, 1]


def start(service: FakeService, folder: Path, *arguments: str | Path) -> subprocess.Popen[str]:
    environ = {
        "MASKMILL_API": service.url, "MASKMILL_TOKEN": service.token, "PATH": os.environ["PATH"], "HOME": str(folder),
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-m", "maskmill.cli", *map(str, arguments)],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def test_the_command_goes_on_with_new_photos_until_it_is_interrupted(
    service: FakeService, photos: Path, tmp_path: Path
) -> None:
    service.faults = [("POST /api/v1/datasets/d0/jobs", problem(422, "invalid_recipe"))]
    out = tmp_path / "out"
    edits = ("-t", "cap=photo0.jpg:0.5,0.4", "-e", "cap:hue=40")
    command = start(service, tmp_path, "run", photos, "--watch", *edits, "--out", out)
    try:
        wait_until(lambda: "POST /api/v1/datasets/d0/jobs" in service.calls)
        (photos / "photo3.jpg").write_bytes(b"GOOD and new")
        wait_until(lambda: len(list(out.glob("*/manifest.jsonl"))) == 1)
        (photos / "photo4.jpg").write_bytes(b"GOOD and newer")
        wait_until(lambda: len(list(out.glob("*/manifest.jsonl"))) == 2)
        command.send_signal(signal.SIGINT)
        stdout, stderr = command.communicate(timeout=20)
    finally:
        command.kill()
    assert command.returncode == 0, stderr
    assert stdout == ""
    assert "Not done yet: words of invalid_recipe (invalid_recipe)" in stderr
    assert "1 photo, job j" in stderr
    assert "Stopped after 5 photos in 2 rounds." in stderr
    assert [len(job["ids"]) for job in service.jobs.values()] == [4, 1]
    assert len(service.store.posts) == 5


def wait_until(is_true: object) -> None:
    ends_at = time.monotonic() + 30
    while not is_true():  # type: ignore[operator]
        assert time.monotonic() < ends_at
        time.sleep(0.05)


def test_only_folders_are_watched(service: FakeService, photos: Path, tmp_path: Path) -> None:
    command = start(service, tmp_path, "upload", photos / "photo0.jpg", "--watch")
    _, stderr = command.communicate(timeout=20)
    assert command.returncode == 2
    assert "only folders can be watched" in stderr


def test_an_upload_that_was_killed_goes_on_where_it_stopped(
    service: FakeService, client: Client, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "EARLIER_QUIET_S", 0.5)  # how long what was announced and never sent is waited for
    for number in range(40):
        (photos / f"more{number:02}.jpg").write_bytes(b"GOOD%03d" % number)
    service.store.delay_s = 0.05
    command = start(service, tmp_path, "upload", photos, "--dataset", "caps")
    wait_until(lambda: len(service.store.objects) >= 10)
    command.kill()
    command.communicate(timeout=20)
    assert len(service.store.objects) < 43
    service.store.delay_s = 0
    again = client.upload_folder("caps", photos)
    assert (again.ready, len(again.refused)) == (43, 0)
    assert 0 < again.sent < 40
    assert len(service.store.posts) == 43  # no content twice
