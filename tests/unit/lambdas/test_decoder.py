"""Decoding in a process of its own: what it gives, what it may reach, and what its end says of a file."""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambdas.aws.telemetry import logger_of
from lambdas.ingest_image import handler
from lambdas.ingest_image.decoder import Decoder, clean_environment
from maskmill.core.errors import Code, InvalidInput, Unavailable
from maskmill.imaging.normal import normalise
from tests.unit.imaging import files
from tests.unit.imaging.files import saved, scene
from tests.unit.lambdas import hostile_nursery

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the address space")


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    one = Decoder()
    yield one
    one.stop()


@pytest.fixture(scope="module")
def hostile() -> Iterator[Decoder]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_SECRET_ACCESS_KEY", "SECRET")
        patch.setenv("AWS_SESSION_TOKEN", "SECRET")
        one = Decoder(module=hostile_nursery.__name__)
        one.start()
    yield one
    one.stop()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_a_child_makes_the_bytes_that_this_process_makes(decoder: Decoder, kind: str) -> None:
    data = files.oriented(scene(90, 140), 6, kind)
    made, expected = decoder.normalise(data), normalise(data)
    assert (made.normal, made.png, made.thumbnail) == (expected.normal, expected.png, expected.thumbnail)


@pytest.mark.parametrize(
    ("deed", "code"),
    [
        ("burn", Code.TOO_COMPLEX),
        pytest.param("eat", Code.TOO_COMPLEX, marks=ON_LINUX),
        ("crash", Code.CORRUPT_IMAGE),
        ("abort", Code.CORRUPT_IMAGE),
    ],
)
def test_the_end_of_a_child_refuses_its_file(hostile: Decoder, deed: str, code: Code) -> None:
    with pytest.raises(InvalidInput) as caught:
        hostile.normalise(deed.encode())
    assert caught.value.code is code


@pytest.mark.parametrize("deed", ["sleep", "leave", "be_killed", "kill_nursery", "lie", "babble", "stop_short"])
def test_what_a_file_cannot_help_lets_it_come_again(hostile: Decoder, deed: str) -> None:
    with pytest.raises(Unavailable):
        hostile.normalise(deed.encode())


def test_the_next_file_finds_a_decoder_whatever_the_last_one_did(hostile: Decoder) -> None:
    for deed in ("kill_nursery", "crash", "lie"):
        with pytest.raises((InvalidInput, Unavailable)):
            hostile.normalise(deed.encode())
        with pytest.raises(InvalidInput) as caught:
            hostile.normalise(b"look_around")
        assert caught.value.message == "seen"


def test_a_child_sees_no_credentials_and_opens_nothing(hostile: Decoder) -> None:
    with pytest.raises(InvalidInput) as caught:
        hostile.normalise(b"look_around")
    assert caught.value.detail == "holds a descriptor"  # one: the line that its file came over


@ON_LINUX
def test_a_picture_that_no_check_stops_is_stopped_by_its_memory(hostile: Decoder) -> None:
    bomb = files.png(12_000, 12_000, colour=6, raw=bytes(12_000 * (4 * 12_000 + 1) // 8))
    with pytest.raises(InvalidInput) as caught:
        hostile.normalise(bomb)
    assert caught.value.code is Code.TOO_COMPLEX


def test_a_picture_that_no_check_stops_is_stopped_by_its_time(hostile: Decoder) -> None:
    with pytest.raises(InvalidInput) as caught:
        hostile.normalise(files.jpeg_with_scans(4_000, side=1_200))
    assert caught.value.code is Code.TOO_COMPLEX
    assert "exit code -24" in caught.value.detail or sys.platform != "linux"


def test_a_nursery_is_started_with_nothing_of_the_function_s(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "TABLE_NAME", "LD_PRELOAD"):
        monkeypatch.setenv(name, "SECRET")
    assert "SECRET" not in clean_environment().values()


def nursery_of(decoder: Decoder) -> int:
    assert decoder._process is not None
    return decoder._process.pid


def test_a_nursery_that_died_between_two_files_is_made_again(decoder: Decoder) -> None:
    data = saved(scene(), "PNG")
    first = decoder.normalise(data)
    assert decoder._process is not None
    decoder._process.kill()
    decoder._process.wait()
    assert decoder.normalise(data).normal == first.normal


def test_a_decoder_that_goes_takes_its_processes_along() -> None:
    one = Decoder()
    one.start()
    pid = nursery_of(one)
    os.kill(pid, 0)
    del one
    gc.collect()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_refusal_is_logged_by_its_code_and_why(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, decoder: Decoder
) -> None:
    log = io.StringIO()  # a logger keeps the stream that it was made with, which may be one of an earlier test
    monkeypatch.setattr(logger_of("ingest_image").registered_handler, "stream", log)
    with pytest.raises(InvalidInput):
        handler.watched(decoder, saved(scene(), "PNG")[:60])
    assert '"code":"corrupt_image"' in log.getvalue()
    assert '"refused_corrupt_image":[1.0]' in capsys.readouterr().out.replace(" ", "")


def test_the_function_itself_loads_no_codec() -> None:
    source = Path(handler.__file__).parent
    for name in ("handler.py", "decoder.py", "answers.py", "logic.py"):
        assert "PIL" not in (source / name).read_text()
        assert "maskmill.imaging.normal" not in (source / name).read_text()
