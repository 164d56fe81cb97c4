"""Ingest beside removals: what nobody knows any more goes, and a picture that is being removed is waited for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import pytest

from lambdas.ingest_image.logic import Normalised, Ports, ingest
from maskmill.core import keys, rows
from maskmill.core.errors import Code, Unavailable
from maskmill.core.image import Dataset, Image, ImageStatus, Upload
from maskmill.core.messages import IngestUpload
from tests.simulation.cloud import FixedClock, MemoryObjects, MemoryTable
from tests.simulation.stand_ins import normalise
from tests.unit.lambdas.scene import TENANT

DATA = b"good photo"
PIXELS = normalise(DATA).normal.pixels_sha256
MESSAGE = IngestUpload(tenant=TENANT, dataset_id="d", image_id="i")
UPLOAD = keys.upload(TENANT, "d", "i")


@dataclass
class Arrival:
    """An image that was announced and whose file lies in the store."""

    table: MemoryTable = field(default_factory=MemoryTable)
    uploads: MemoryObjects = field(default_factory=lambda: MemoryObjects("uploads"))
    media: MemoryObjects = field(default_factory=lambda: MemoryObjects("media"))

    def __post_init__(self) -> None:
        now = FixedClock().now()
        upload = Upload(name="i.jpg", size_bytes=len(DATA), sha256=hashlib.sha256(DATA).hexdigest())
        image = Image(
            image_id="i", dataset_id="d", name="i.jpg", status=ImageStatus.EXPECTED, upload=upload, created_at=now
        )
        self.table.write(rows.put_dataset(TENANT, Dataset(dataset_id="d", name="d", created_at=now)))
        self.table.write(rows.put_image(TENANT, image, due_at_s=0))
        self.uploads.put(UPLOAD, DATA, media_type="image/jpeg")

    def ingest(self) -> None:
        ingest(Ports(self.table, self.uploads, self.media, normalise), MESSAGE)

    def status(self) -> ImageStatus:
        return rows.image_of(self.table.rows[rows.image_key(TENANT, "d", "i")]).status


@pytest.fixture
def arrival() -> Arrival:
    return Arrival()


def test_a_picture_knows_its_image_and_the_image_its_pixels(arrival: Arrival) -> None:
    for _ in range(2):
        arrival.ingest()
    assert arrival.status() is ImageStatus.READY
    assert rows.pixels_of(arrival.table.rows[rows.image_key(TENANT, "d", "i")]) == {PIXELS}
    references = [key.sk for key in arrival.table.rows if key.pk == rows.picture_pk(TENANT, PIXELS)]
    assert references == [rows.references_of("d", "i")]


def test_a_file_whose_image_was_removed_goes(arrival: Arrival) -> None:
    arrival.table.write(rows.drop_image(TENANT, "d", "i"))
    arrival.ingest()
    assert (arrival.uploads.objects, arrival.media.objects) == ({}, {})


def test_a_file_whose_dataset_is_being_removed_goes(arrival: Arrival) -> None:
    arrival.table.write(rows.begin_removal(TENANT, "d", now_s=1, due_at_s=2))
    arrival.ingest()
    assert (arrival.uploads.objects, arrival.media.objects) == ({}, {})


def test_a_picture_that_is_being_removed_elsewhere_is_waited_for(arrival: Arrival) -> None:
    arrival.table.write(rows.lock_picture(TENANT, PIXELS, run="r", until_s=100))
    with pytest.raises(Unavailable):
        arrival.ingest()
    assert arrival.media.objects == {}
    arrival.table.write(rows.unlock_picture(TENANT, PIXELS, run="r"))
    arrival.ingest()
    assert arrival.status() is ImageStatus.READY


def test_an_image_that_is_removed_while_it_is_looked_at_leaves_nothing(arrival: Arrival) -> None:
    def late(data: bytes) -> Normalised:
        arrival.table.write(rows.drop_image(TENANT, "d", "i"))
        return normalise(data)

    ingest(Ports(arrival.table, arrival.uploads, arrival.media, late), MESSAGE)
    assert arrival.media.objects == {}


def test_i14_another_type_than_the_file_has_changes_nothing(arrival: Arrival) -> None:
    arrival.uploads.put(UPLOAD, DATA, media_type="image/png")
    arrival.ingest()
    assert arrival.status() is ImageStatus.READY


def test_i49_a_file_that_has_not_arrived_is_waited_for(arrival: Arrival) -> None:
    """What arrives too late or never is `upload_missing`, which the sweep says (`test_sweep.py`)."""
    arrival.uploads.delete(UPLOAD)
    arrival.ingest()
    assert arrival.status() is ImageStatus.EXPECTED


def test_i50_the_same_bytes_twice_are_two_images_of_one_picture(arrival: Arrival) -> None:
    now = FixedClock().now()
    upload = Upload(name="j.jpg", size_bytes=len(DATA), sha256=hashlib.sha256(DATA).hexdigest())
    again = Image(
        image_id="j", dataset_id="d", name="j.jpg", status=ImageStatus.EXPECTED, upload=upload, created_at=now
    )
    arrival.table.write(rows.put_image(TENANT, again, due_at_s=0))
    arrival.uploads.put(keys.upload(TENANT, "d", "j"), DATA, media_type="image/jpeg")
    arrival.ingest()
    kept = dict(arrival.media.objects)
    ingest(
        Ports(arrival.table, arrival.uploads, arrival.media, normalise), MESSAGE.model_copy(update={"image_id": "j"})
    )
    assert arrival.media.objects == kept
    for image_id in ("i", "j"):
        assert rows.image_of(arrival.table.rows[rows.image_key(TENANT, "d", image_id)]).status is ImageStatus.READY


@pytest.mark.parametrize("data", [b"good phot", b"good photO", b"good photo ", b""])
def test_i53_a_file_that_is_not_the_announced_one_is_refused(arrival: Arrival, data: bytes) -> None:
    arrival.uploads.put(UPLOAD, data, media_type="image/jpeg")
    arrival.ingest()
    refusal = rows.image_of(arrival.table.rows[rows.image_key(TENANT, "d", "i")]).refusal
    assert refusal is not None and refusal.code == Code.CHECKSUM_MISMATCH
