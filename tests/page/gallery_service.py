"""A service of 5,000 images beside the built page; it knows no browser.

Only what the gallery asks for is answered, in the shapes of the API's own models.
"""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Picture

from maskmill.core.api import DatasetView, ImageView
from maskmill.core.geometry import Size
from maskmill.core.image import ImageStatus, NormalImage, SourceFormat
from tests.page.browser import listening
from tests.page.page_service import BEGAN, PageHandler, PageServer

DATASET = "01gallery"
IMAGES = 5000
PAGE_ITEMS = 100
_DISTINCT = 24
KEPT = "private, max-age=31536000, immutable"


def thumbnails() -> list[bytes]:
    """Pictures of about ten kilobytes, as ingest makes them."""
    rng = np.random.default_rng(7)
    made = []
    for _ in range(_DISTINCT):
        coarse = Picture.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
        out = io.BytesIO()
        coarse.resize((384, 288), Picture.Resampling.BICUBIC).save(out, "WEBP", quality=80)
        made.append(out.getvalue())
    return made


def image_view(number: int) -> ImageView:
    sha256 = f"{number:064x}"
    return ImageView(
        image_id=f"01image{number:06d}",
        dataset_id=DATASET,
        name=f"photo-{number:04d}.jpg",
        status=ImageStatus.READY,
        created_at=BEGAN + timedelta(seconds=number),
        sha256=sha256,
        normal=NormalImage(
            pixels_sha256=sha256,
            source_sha256=sha256,
            png_sha256=sha256,
            png_bytes=1_000_000,
            source_format=SourceFormat.JPEG,
            size=Size(height_px=1200, width_px=1600),
            is_grey=False,
            has_alpha=False,
        ),
        source_url=f"https://media.test/t/{sha256}/source.png?{secrets.token_hex(300)}",
        thumbnail_url=f"https://media.test/t/{number}/thumbnail.webp?{secrets.token_hex(300)}",
    )


class _Handler(PageHandler):
    def __init__(self, *given: Any, pictures: list[bytes], asked: list[str], **page: Any) -> None:
        self._pictures, self._asked = pictures, asked
        super().__init__(*given, **page)

    def api(self, method: str, path: str, query: dict[str, list[str]]) -> None:
        self.answer_json(_answer(path, query))

    def media(self, path: str) -> None:
        self._asked.append(path)
        number = int(path.split("/")[3])
        self.answer(200, self._pictures[number % _DISTINCT], "image/webp", {"Cache-Control": KEPT})


def _answer(path: str, query: dict[str, list[str]]) -> dict[str, Any]:
    if path == f"/datasets/{DATASET}":
        view = DatasetView(dataset_id=DATASET, name="Many photos", created_at=BEGAN, images_total=IMAGES)
        return view.model_dump(mode="json")
    if path == f"/datasets/{DATASET}/images":
        start = int(query.get("cursor", ["0"])[0])
        end = min(IMAGES, start + PAGE_ITEMS)
        items = [image_view(number).model_dump(mode="json") for number in range(start, end)]
        return {"items": items, "next_cursor": str(end) if end < IMAGES else None}
    return {}


@contextmanager
def serving_gallery(folder: Path, asked: list[str] | None = None) -> Iterator[str]:
    """The address of the built page and of its service; `asked` takes the path of each picture that is fetched."""
    handler = partial(_Handler, folder=folder, pictures=thumbnails(), asked=[] if asked is None else asked)
    with listening(PageServer(handler)) as address:
        yield address
