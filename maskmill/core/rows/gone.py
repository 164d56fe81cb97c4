"""The rows of images that have left their dataset and whose objects are still there.

T#t#D#d            GONE#i               such an image: its objects go as soon as no job needs them
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from maskmill.core.image import Image, ImageStatus
from maskmill.core.rows.library import dataset_key, dataset_pk, image_key, is_kept
from maskmill.core.table import Condition, Delete, Key, Op, Put, Row, Update

DUE_GONE = "DUE#gone"
GONE_PREFIX = "GONE#"
IMAGE_PREFIX = "IMAGE#"


@dataclass(frozen=True, slots=True)
class GoneImage:
    """An image that has left its dataset: which pixels it may have shown, and when. Times are seconds since 1970."""

    tenant: str
    dataset_id: str
    image_id: str
    pixels: frozenset[str]
    size_bytes: int
    gone_at_s: int
    run: str | None  # the name of the run that is or was at it
    run_until_s: int
    last_look_s: int  # when its objects may be removed for the last time; 0 until they were for the first

    @property
    def is_last_look(self) -> bool:
        return self.last_look_s > 0


def gone_key(tenant: str, dataset_id: str, image_id: str) -> Key:
    return Key(dataset_pk(tenant, dataset_id), f"{GONE_PREFIX}{image_id}")


def gone_of(row: Row) -> GoneImage:
    return GoneImage(
        tenant=row["tenant"],
        dataset_id=row["dataset_id"],
        image_id=row["image_id"],
        pixels=frozenset(row.get("pixels", ())),
        size_bytes=row["size_bytes"],
        gone_at_s=row["gone_at_s"],
        run=row.get("run"),
        run_until_s=row.get("run_until_s", 0),
        last_look_s=row.get("last_look_s", 0),
    )


def pixels_of(row: Row) -> frozenset[str]:
    """The pixels that an image may show, settled or not, by its row or by the one that it left."""
    return frozenset(row.get("pixels", ()))


def note_pixels(tenant: str, dataset_id: str, image_id: str, *, pixels_sha256: str) -> Update:
    """What ingest is about to make of an image; refused once it is settled or gone."""
    return Update(
        image_key(tenant, dataset_id, image_id),
        add={("pixels",): frozenset({pixels_sha256})},
        require=(Condition(("status",), Op.EQUALS, ImageStatus.EXPECTED.value),),
    )


def put_gone(tenant: str, image: Image, *, pixels: frozenset[str], now_s: int, due_at_s: int) -> Put:
    """Written before the image's own row goes, so that its objects are never forgotten."""
    row: dict[str, Any] = {
        "tenant": tenant,
        "dataset_id": image.dataset_id,
        "image_id": image.image_id,
        "size_bytes": image.upload.size_bytes,
        "gone_at_s": now_s,
        "due_pk": DUE_GONE,
        "due_at": due_at_s,
    }
    if pixels:  # the table has no empty sets
        row["pixels"] = pixels
    return Put(gone_key(tenant, image.dataset_id, image.image_id), row)


def add_gone_pixels(tenant: str, dataset_id: str, image_id: str, *, pixels: frozenset[str]) -> Update:
    return Update(gone_key(tenant, dataset_id, image_id), add={("pixels",): pixels} if pixels else {})


def drop_image(tenant: str, dataset_id: str, image_id: str, *, pixels: frozenset[str] | None = None) -> Delete:
    """Takes an image out of its dataset; with `pixels`, refused when ingest has noted others meanwhile."""
    key = image_key(tenant, dataset_id, image_id)
    if pixels is None:
        return Delete(key)
    path = ("pixels",)
    seen = Condition(path, Op.EQUALS, pixels) if pixels else Condition(path, Op.ABSENT)
    return Delete(key, require=(seen,))


def release_image(tenant: str, dataset_id: str, image_id: str, *, size_bytes: int) -> Update:
    """The dataset has room for another image; refused when that was noted already, or when the dataset goes itself."""
    mark = ("gone", image_id)
    return Update(
        dataset_key(tenant, dataset_id),
        set={mark: True},
        add={("images_reserved",): -1, ("bytes_reserved",): -size_bytes},
        require=(is_kept(), Condition(mark, Op.ABSENT)),
    )


def forget_release(tenant: str, dataset_id: str, image_id: str) -> Update:
    """The mark is needed no more, because the image's own row says how far it is."""
    return Update(dataset_key(tenant, dataset_id), remove=(("gone", image_id),))


def claim_gone(tenant: str, dataset_id: str, image_id: str, *, run: str, now_s: int, until_s: int) -> Update:
    """Takes the image for one run; refused while another may still be at it, which might leave a lock behind."""
    return Update(
        gone_key(tenant, dataset_id, image_id),
        set={("run",): run, ("run_until_s",): until_s, ("due_at",): until_s},
        require=(Condition(("run_until_s",), Op.AT_MOST, now_s),),
    )


def pause_gone(tenant: str, dataset_id: str, image_id: str, *, run: str, due_at_s: int) -> Update:
    """Ends a run that leaves something to the next one."""
    return Update(
        gone_key(tenant, dataset_id, image_id),
        set={("run_until_s",): 0, ("due_at",): due_at_s},
        require=(_is_run(run),),
    )


def end_first_look_at_image(tenant: str, dataset_id: str, image_id: str, *, run: str, last_look_s: int) -> Update:
    """Ends a run that has removed the last object."""
    return Update(
        gone_key(tenant, dataset_id, image_id),
        set={("run_until_s",): 0, ("last_look_s",): last_look_s, ("due_at",): last_look_s},
        require=(_is_run(run),),
    )


def drop_gone(tenant: str, dataset_id: str, image_id: str, *, run: str) -> Delete:
    """The end of a removal."""
    return Delete(gone_key(tenant, dataset_id, image_id), require=(_is_run(run),))


def _is_run(run: str) -> Condition:
    return Condition(("run",), Op.EQUALS, run)
