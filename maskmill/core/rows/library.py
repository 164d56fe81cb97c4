"""The rows of datasets, images and templates."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from maskmill.core.image import Dataset, DatasetStatus, Image, ImageStatus, NormalImage, Refusal
from maskmill.core.prompt import Template
from maskmill.core.table import Condition, Delete, Key, Op, Path, Put, Row, Update

DUE_UPLOADS = "DUE#uploads"
DUE_DATASETS = "DUE#datasets"  # those that expire and those that are being removed


def tenant_pk(tenant: str) -> str:
    return f"T#{tenant}"


def dataset_pk(tenant: str, dataset_id: str) -> str:
    return f"T#{tenant}#D#{dataset_id}"


def dataset_key(tenant: str, dataset_id: str) -> Key:
    return Key(tenant_pk(tenant), f"DATASET#{dataset_id}")


def image_key(tenant: str, dataset_id: str, image_id: str) -> Key:
    return Key(dataset_pk(tenant, dataset_id), f"IMAGE#{image_id}")


def template_key(tenant: str, dataset_id: str, template_id: str) -> Key:
    return Key(dataset_pk(tenant, dataset_id), f"TEMPLATE#{template_id}")


def put_dataset(tenant: str, dataset: Dataset) -> Put:
    """A new dataset; one that expires is due at that moment.

    The row has no attribute `expires_at`: the table's own time to live would remove it, and with it the only trace of
    what must go as well.
    """
    row: dict[str, Any] = {
        "tenant": tenant,
        "dataset_id": dataset.dataset_id,
        "doc": dataset.model_dump_json(include={"dataset_id", "created_at", "is_trial"}),
        "name": dataset.name,
        "gone": {},
    }
    if dataset.expires_at is not None:
        expiry_s = int(dataset.expires_at.timestamp())
        row |= {"expiry_s": expiry_s, "due_pk": DUE_DATASETS, "due_at": expiry_s}
    return Put(dataset_key(tenant, dataset.dataset_id), row)


def dataset_of(row: Row) -> Dataset:
    is_removed = "deleted_at_s" in row
    values = json.loads(row["doc"]) | {
        "name": row["name"],
        "status": DatasetStatus.REMOVING if is_removed else DatasetStatus.ACTIVE,
        "expires_at": datetime.fromtimestamp(row["expiry_s"], UTC) if "expiry_s" in row else None,
        "images_total": int(row.get("images_reserved", 0)),
        "size_bytes": int(row.get("bytes_reserved", 0)),
    }
    return Dataset.model_validate(values, extra="ignore")


def rename_dataset(tenant: str, dataset_id: str, *, name: str) -> Update:
    """Refused when the dataset is being removed."""
    return Update(dataset_key(tenant, dataset_id), set={("name",): name}, require=(is_kept(),))


def expire_dataset(tenant: str, dataset_id: str, *, expiry_s: int | None) -> Update:
    """Sets when a dataset expires (None: never); refused when it is being removed."""
    names: tuple[Path, ...] = (("expiry_s",), ("due_pk",), ("due_at",))
    key, kept = dataset_key(tenant, dataset_id), (is_kept(),)
    if expiry_s is None:
        return Update(key, remove=names, require=kept)
    return Update(key, set=dict(zip(names, (expiry_s, DUE_DATASETS, expiry_s), strict=True)), require=kept)


def is_kept() -> Condition:
    """Nobody has asked for the removal of the dataset."""
    return Condition(("deleted_at_s",), Op.ABSENT)


def reserve(tenant: str, dataset_id: str, *, kind: str, count: int, count_max: int, size_bytes: int = 0) -> Update:
    """Count new things of a dataset before they are made.

    Refused without a dataset, when it is being removed, or when it would hold too many.
    """
    path = (f"{kind}_reserved",)
    return Update(
        key=dataset_key(tenant, dataset_id),
        add={path: count, **_bytes(size_bytes)},
        require=(is_kept(), Condition(path, Op.AT_MOST, count_max - count)),
    )


def release(tenant: str, dataset_id: str, *, kind: str, count: int, size_bytes: int = 0) -> Update:
    """Counts things of a dataset that have gone, or were not made after all; refused without a dataset."""
    return Update(key=dataset_key(tenant, dataset_id), add={(f"{kind}_reserved",): -count, **_bytes(-size_bytes)})


def _bytes(size: int) -> dict[Path, int]:
    return {("bytes_reserved",): size} if size else {}


def put_template(tenant: str, dataset_id: str, template_id: str, template: Template) -> Put:
    row = {"template_id": template_id, "doc": template.model_dump_json()}
    return Put(template_key(tenant, dataset_id, template_id), row)


def change_template(tenant: str, dataset_id: str, template_id: str, template: Template, *, before: Row) -> Update:
    """Another template in place of the one that was read; refused when somebody changed it meanwhile."""
    return Update(
        template_key(tenant, dataset_id, template_id),
        set={("doc",): template.model_dump_json()},
        require=(Condition(("doc",), Op.EQUALS, before["doc"]),),
    )


def remove_template(tenant: str, dataset_id: str, template_id: str, *, before: Row) -> Delete:
    """The end of the template that was read; refused when somebody changed or removed it meanwhile."""
    require = (Condition(("doc",), Op.EQUALS, before["doc"]),)
    return Delete(template_key(tenant, dataset_id, template_id), require=require, must_exist=True)


def template_of(row: Row) -> tuple[str, Template]:
    return row["template_id"], Template.model_validate_json(row["doc"])


def put_image(tenant: str, image: Image, *, due_at_s: int) -> Put:
    """An announced image; it is due when its upload should have arrived."""
    row = {
        "status": image.status.value,
        "doc": image.model_dump_json(include={"image_id", "dataset_id", "name", "upload", "created_at"}),
        "tenant": tenant,
        "due_pk": DUE_UPLOADS,
        "due_at": due_at_s,
    }
    return Put(image_key(tenant, image.dataset_id, image.image_id), row)


def settle_image(
    tenant: str, dataset_id: str, image_id: str, *, normal: NormalImage | None, refusal: Refusal | None
) -> Update:
    """expected → ready (with its normal image) or refused (with the reason); refused once it is settled."""
    status = ImageStatus.READY if normal is not None else ImageStatus.REFUSED
    values: dict[Path, Any] = {("status",): status.value}
    if normal is not None:
        values[("normal",)] = normal.model_dump_json()
    if refusal is not None:
        values[("refusal",)] = refusal.model_dump_json()
    return Update(
        key=image_key(tenant, dataset_id, image_id),
        set=values,
        remove=(("due_pk",), ("due_at",)),
        require=(Condition(("status",), Op.EQUALS, ImageStatus.EXPECTED.value),),
    )


def postpone(key: Key, due_at_s: int) -> Update:
    """Look again later at a row that is still due."""
    return Update(key=key, set={("due_at",): due_at_s}, require=(Condition(("due_pk",), Op.PRESENT),))


def image_of(row: Row) -> Image:
    values = json.loads(row["doc"]) | {"status": row["status"]}
    for name in ("normal", "refusal"):
        if name in row:
            values[name] = json.loads(row[name])
    return Image.model_validate(values, extra="ignore")
