"""Uploads: announced files become expected images and signed forms to post them with; it knows no bytes."""

from __future__ import annotations

from typing import Any

from pydantic_core import ErrorDetails

from lambdas.serve_api import datasets, quotas
from lambdas.serve_api.names import is_plain
from lambdas.serve_api.once import put_once
from lambdas.serve_api.ports import Ports
from maskmill.core import keys, rows
from maskmill.core.api import RequestUploads, UploadTicket, UploadTickets
from maskmill.core.errors import Code, FieldFault, InvalidInput, QuotaExceeded
from maskmill.core.image import Image, ImageStatus, Upload
from maskmill.core.limits import FILENAME_BYTES_MAX, IMAGES_PER_DATASET_MAX, SWEEP_UPLOAD_S, UPLOAD_URL_LIFE_S
from maskmill.core.usage import Quota

_TOO_LARGE = "less_than_equal"


def code_for(fault: ErrorDetails) -> Code | None:
    """The codes of an announcement's own faults."""
    name = fault["loc"][-1] if fault["loc"] else ""
    if name == "name" and fault["type"].startswith("string_too_"):
        return Code.INVALID_FILENAME
    if name == "size_bytes" and fault["type"] == _TOO_LARGE:
        return Code.FILE_TOO_LARGE
    return None


def announce(ports: Ports, tenant: str, dataset_id: str, body: RequestUploads) -> UploadTickets:
    """Expect these files; the rows are written before any form is handed out.

    Called again with the same ids, it gives new forms for the images that it announced before.
    """
    _check_names(body.files)
    count = len(body.files)
    image_ids = ports.ids.new(count)
    is_repeated = ports.table.get(rows.image_key(tenant, dataset_id, image_ids[-1])) is not None
    if not is_repeated:
        _reserve(ports, tenant, dataset_id, count=count, size_bytes=sum(upload.size_bytes for upload in body.files))
    now = ports.clock.now()
    due_at_s = int(now.timestamp()) + SWEEP_UPLOAD_S
    images = [
        Image(
            image_id=image_id,
            dataset_id=dataset_id,
            name=upload.name,
            status=ImageStatus.EXPECTED,
            upload=upload,
            created_at=now,
        )
        for image_id, upload in zip(image_ids, body.files, strict=True)
    ]
    if not is_repeated:
        for image in images:
            put_once(ports.table, rows.put_image(tenant, image, due_at_s=due_at_s))
    return UploadTickets(items=tuple(_ticket(ports, tenant, image) for image in images))


def _reserve(ports: Ports, tenant: str, dataset_id: str, *, count: int, size_bytes: int) -> None:
    """Count the images on their dataset and then on the tenant, so that the tenant's count is never too small."""
    what: dict[str, Any] = {"kind": "images", "count": count, "size_bytes": size_bytes}
    datasets.reserve(ports.table, tenant, dataset_id, count_max=IMAGES_PER_DATASET_MAX, **what)
    try:
        quotas.take(ports, tenant, {Quota.IMAGES: count, Quota.BYTES: size_bytes}, is_shown=True)
    except QuotaExceeded:
        ports.table.write(rows.release(tenant, dataset_id, **what))
        raise


def _check_names(files: tuple[Upload, ...]) -> None:
    faults = tuple(
        FieldFault(pointer=f"/files/{position}/name", detail="empty, too long, or with control characters")
        for position, upload in enumerate(files)
        if not _is_name(upload.name)
    )
    if faults:
        raise InvalidInput(Code.INVALID_FILENAME, faults=faults)


def _is_name(name: str) -> bool:
    is_short = len(name.encode("utf-8")) <= FILENAME_BYTES_MAX
    return is_short and name.strip(" .") != "" and is_plain(name)


def _ticket(ports: Ports, tenant: str, image: Image) -> UploadTicket:
    key = keys.upload(tenant, image.dataset_id, image.image_id)
    form = ports.doors.upload(key, size_bytes=image.upload.size_bytes, sha256=image.upload.sha256)
    return UploadTicket(
        image_id=image.image_id,
        name=image.name,
        url=form.url,
        fields=form.fields,
        expires_in_s=UPLOAD_URL_LIFE_S,
    )
