"""One picture of a dataset: found by its name, fetched as pixels, and what a prompt finds in it; it knows no files."""

from __future__ import annotations

import hashlib

import httpx

from maskmill.client.calls import unreachable
from maskmill.client.runplan import TemplateDraft, unique
from maskmill.client.service import Service
from maskmill.core.api import ImageView, Segmentation, SegmentImage
from maskmill.core.errors import Code, InvalidInput, MaskmillError, NotFound, Unavailable
from maskmill.core.image import ImageStatus
from maskmill.core.prompt import Template
from maskmill.imaging.decode import decode
from maskmill.imaging.picture import Picture

_NO_CODING = {"Accept-Encoding": "identity"}


def find_picture(client: Service, dataset_id: str, text: str) -> ImageView:
    """A picture that is ready, by its id or its name; raises NotFound, and InvalidInput when several have the name."""
    by_name: dict[str, list[ImageView]] = {}
    for image in client.images(dataset_id, status=ImageStatus.READY):
        if image.image_id == text:
            return image
        by_name.setdefault(image.name, []).append(image)
    found = unique(by_name, text, "picture")
    if found is None:
        raise NotFound(message=f"There is no picture {text!r} that is ready. `maskmill images` shows those that exist.")
    return found


def try_template(
    client: Service, dataset_id: str, draft: TemplateDraft, *, top_k: int = 1, parts_max: int = 0
) -> tuple[ImageView, Template, Segmentation]:
    """What a template finds in the picture that it was clicked on, without making it; raises InvalidInput, NotFound."""
    if draft.image is None or draft.mask is not None:
        raise InvalidInput(message=f"The template {draft.name} names no picture to try it on: write NAME=IMAGE:x,y.")
    image = find_picture(client, dataset_id, draft.image)
    template = draft.template(image_id=image.image_id, size=image.normal.size if image.normal else None)
    if template.prompt is None:
        raise InvalidInput(Code.NEED_POSITIVE_POINT)
    body = SegmentImage(prompt=template.prompt, choice=template.choice, top_k=top_k, parts_max=parts_max)
    return image, template, client.segment(dataset_id, image.image_id, body)


def fetch_picture(client: Service, image: ImageView) -> Picture:
    """The upright pixels of a picture; raises NotFound, Unavailable, MaskmillError `checksum_mismatch`."""
    if image.source_url is None or image.normal is None:
        raise NotFound(message=f"There is no upright picture of {image.name}.")
    data = _bytes_at(client, image.source_url)
    if hashlib.sha256(data).hexdigest() != image.normal.png_sha256:
        raise MaskmillError(Code.CHECKSUM_MISMATCH, detail=image.name)
    return decode(data)[0]


def fetch_thumbnail(client: Service, image: ImageView) -> bytes:
    """The thumbnail of a picture as WebP; raises NotFound, Unavailable."""
    if image.thumbnail_url is None:
        raise NotFound(message=f"There is no thumbnail of {image.name}.")
    return _bytes_at(client, image.thumbnail_url)


def _bytes_at(client: Service, url: str) -> bytes:
    """A small object at its address, asked for again while the store is busy."""
    for attempt in range(client.backoff.attempts_max):
        try:
            answer = client.storage.get(url, headers=_NO_CODING)
        except httpx.TransportError as exc:
            failure = unreachable("The store", exc)
        else:
            if answer.is_success:
                return answer.content
            failure = Unavailable(detail=f"the store answers {answer.status_code}")
            if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                raise failure
        if client.backoff.is_last(attempt):
            raise failure
        client.backoff.pause(attempt)
    raise Unavailable(detail="a picture was asked for too often")
