"""Uploading: odd files, what is held already, and a store that fails half-way."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest

from maskmill.client import Client
from maskmill.client.folder import RESULT_MARK, find_files
from maskmill.client.posting import post_file
from maskmill.client.progress import Progress, Step
from maskmill.client.upload import UploadReport, upload_files
from maskmill.core.api import UploadTicket
from maskmill.core.errors import InvalidInput, Unavailable
from maskmill.core.image import ImageStatus
from maskmill.core.limits import FILENAME_BYTES_MAX, UPLOADS_PER_CALL_MAX
from tests.unit.client.conftest import PATIENCE
from tests.unit.client.fake_service import FakeService, problem


@pytest.fixture
def dataset(client: Client) -> str:
    return client.create_dataset("caps").dataset_id


def send(client: Client, dataset: str, *paths: Path, recursive: bool = False) -> UploadReport:
    return upload_files(client, dataset, find_files(paths, recursive=recursive))


def test_all_photos_are_sent_byte_by_byte(service: FakeService, client: Client, dataset: str, photos: Path) -> None:
    report = send(client, dataset, photos)
    assert (report.sent, report.ready, report.refused) == (3, 3, ())
    sent = {service.store.objects[image_id] for image_id in report.image_ids}
    assert sent == {path.read_bytes() for path in photos.iterdir()}


def test_a_second_upload_sends_nothing(service: FakeService, client: Client, dataset: str, photos: Path) -> None:
    first = send(client, dataset, photos)
    (photos / "text.jpg").write_bytes(b"TEXT")
    send(client, dataset, photos)
    service.store.posts.clear()
    report = send(client, dataset, photos)
    assert (report.sent, service.store.posts) == (0, [])
    assert report.image_ids[:3] == first.image_ids
    assert [file.refusal.code for file in report.refused if file.refusal] == ["unsupported_format"]


def test_bad_files_are_sent_and_come_back_refused(client: Client, dataset: str, photos: Path) -> None:
    bad = {"text.jpg": b"TEXT", "empty.jpg": b"", "cut.jpg": b"CUT!", "bomb.png": b"BOMB"}
    for name, data in bad.items():
        (photos / name).write_bytes(data)
    report = send(client, dataset, photos)
    assert {file.file.name: file.refusal.code for file in report.refused if file.refusal} == {
        "text.jpg": "unsupported_format",
        "empty.jpg": "empty_file",
        "cut.jpg": "corrupt_image",
        "bomb.png": "too_many_pixels",
    }
    assert (report.sent, report.ready) == (7, 3)


def test_what_is_no_photo_by_name_is_left_out_and_said(photos: Path) -> None:
    for name in ("notes.txt", "photo0.mask.png", ".hidden.jpg", "README"):
        (photos / name).write_bytes(b"x")
    (photos / "broken.jpg").symlink_to(photos / "nowhere")
    (photos / "more").mkdir()
    found = find_files([photos])
    assert [file.name for file in found.files] == ["photo0.jpg", "photo1.jpg", "photo2.jpg"]
    assert {one.name for one in found.left_out} == {"notes.txt", "photo0.mask.png", "README", "broken.jpg", "more"}


def test_folders_below_are_looked_into_on_request_but_not_results(photos: Path) -> None:
    for folder in ("more", "result", ".hidden"):
        (photos / folder).mkdir()
        (photos / folder / "x.png").write_bytes(b"GOOD")
    (photos / "result" / RESULT_MARK).write_text("{}")
    names = [file.name for file in find_files([photos], recursive=True).files]
    assert names == ["photo0.jpg", "photo1.jpg", "photo2.jpg", "more/x.png"]


def test_a_fifo_does_not_hang(photos: Path) -> None:
    os.mkfifo(photos / "pipe.jpg")
    assert [one.name for one in find_files([photos]).left_out] == ["pipe.jpg"]


def test_odd_names_are_sent(client: Client, dataset: str, tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    names = [
        b'a "quoted" name.jpg',
        "Größe 写真.JPG".encode(),
        b"not-\xff-utf8.png",
        b"new\nline.png",
        "turned\u202egnp.jpg".encode(),
        b"x" * 250 + b".jpg",
    ]
    for number, name in enumerate(names):
        Path(os.fsdecode(bytes(folder) + b"/" + name)).write_bytes(b"GOOD%d" % number)
    report = send(client, dataset, folder)
    assert report.ready == len(names)
    sent = {image.name for image in client.images(dataset)}
    assert {
        'a "quoted" name.jpg',
        "Größe 写真.JPG",
        "not-\ufffd-utf8.png",
        "new\ufffdline.png",
        "turned\ufffdgnp.jpg",
    } < sent
    assert all(len(name.encode()) <= FILENAME_BYTES_MAX for name in sent)


def test_the_same_content_twice_is_sent_once(client: Client, dataset: str, photos: Path) -> None:
    (photos / "copy.jpg").write_bytes((photos / "photo0.jpg").read_bytes())
    report = send(client, dataset, photos)
    assert len(report.files) == 4
    assert len(list(client.images(dataset))) == 3
    assert report.files[0].image == report.files[1].image


def test_a_file_that_cannot_be_read_is_left_out(client: Client, dataset: str, photos: Path) -> None:
    report = send(client, dataset, photos, photos / "missing.jpg")
    assert [one.name for one in report.left_out] == ["missing.jpg"]
    assert report.ready == 3


def test_files_are_announced_in_bounded_batches(
    service: FakeService, client: Client, dataset: str, tmp_path: Path
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(UPLOADS_PER_CALL_MAX + 20):
        (folder / f"{number}.jpg").write_bytes(b"GOOD%d" % number)
    assert send(client, dataset, folder).ready == UPLOADS_PER_CALL_MAX + 20
    assert service.calls.count(f"POST /api/v1/datasets/{dataset}/uploads") == 2


def test_a_busy_store_is_asked_again(service: FakeService, client: Client, dataset: str, photos: Path) -> None:
    service.store.post_faults = [503, 500]
    assert send(client, dataset, photos).ready == 3
    assert len(service.store.posts) == 5


def test_an_expired_form_is_replaced(service: FakeService, client: Client, dataset: str, photos: Path) -> None:
    service.store.post_faults = [403]
    assert send(client, dataset, photos).ready == 3
    assert service.calls.count(f"POST /api/v1/datasets/{dataset}/uploads") == 2


def test_a_store_that_stays_away_fails_the_files_and_not_the_upload(
    service: FakeService, client: Client, dataset: str, photos: Path
) -> None:
    service.store.post_faults = [503] * 3 * client.backoff.attempts_max
    report = send(client, dataset, photos)
    codes = [file.refusal.code for file in report.files if file.refusal]
    assert (codes, report.ready) == (["unavailable"] * 3, 0)


def test_a_file_that_grows_on_its_way_is_reported(
    service: FakeService, client: Client, dataset: str, photos: Path
) -> None:
    def grow(progress: Progress) -> None:
        if progress.step is Step.UPLOADING and progress.done == 0:
            (photos / "photo1.jpg").write_bytes(b"GOOD and longer than announced" * 50)

    report = upload_files(client, dataset, find_files([photos]), progress=grow)
    assert [(file.file.name, file.refusal.code) for file in report.refused if file.refusal] == [
        ("photo1.jpg", "checksum_mismatch")
    ]


def test_waiting_for_ingest_has_an_end_and_clear_words(
    service: FakeService, client: Client, dataset: str, photos: Path
) -> None:
    service.settles = False
    with pytest.raises(Unavailable) as raised:
        upload_files(client, dataset, find_files([photos]), settle_quiet_s=0.0)
    assert "3 of 3 files were sent but have not been examined" in raised.value.message
    service.settles = True
    service.store.posts.clear()
    assert send(client, dataset, photos).ready == 3
    assert service.store.posts == []  # what was on its way is not sent again


def test_an_earlier_upload_that_never_arrived_is_sent_again(
    service: FakeService, client: Client, dataset: str, photos: Path
) -> None:
    first = send(client, dataset, photos)
    for image in service.images[dataset]:
        image |= {"status": "refused", "refusal": {"code": "upload_missing", "message": "never arrived"}}
    report = send(client, dataset, photos)
    assert report.ready == 3
    assert not set(first.image_ids) & set(report.image_ids)


def test_a_large_file_is_posted_in_pieces(tmp_path: Path) -> None:
    large = tmp_path / "large.jpg"
    large.write_bytes(b"GOOD" * (1024 * 1024))
    pieces: list[int] = []
    ticket = UploadTicket(image_id="i", name="large.jpg", url="http://store/", fields={"key": "k"}, expires_in_s=9)
    with httpx.Client(transport=_Counting(pieces)) as storage:
        post_file(storage, ticket, large, backoff=PATIENCE)
    assert sum(pieces) > 4 * 1024 * 1024
    assert max(pieces) <= 128 * 1024


class _Counting(httpx.BaseTransport):
    def __init__(self, pieces: list[int]) -> None:
        self._pieces = pieces

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.SyncByteStream)
        self._pieces.extend(len(piece) for piece in request.stream)
        return httpx.Response(204)


def test_a_refused_sign_in_ends_the_upload(service: FakeService, client: Client, dataset: str, photos: Path) -> None:
    service.faults = [(f"POST /api/v1/datasets/{dataset}/uploads", problem(401, "unauthenticated"))]
    with pytest.raises(InvalidInput, match="unauthenticated"):
        send(client, dataset, photos)


def test_images_have_states(client: Client, dataset: str, photos: Path) -> None:
    send(client, dataset, photos)
    assert len(list(client.images(dataset, status=ImageStatus.READY))) == 3
