"""The pure work is a job's work: every photo has its mask, its variant and its place in one archive."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.emulated import draw_photos
from benchmarks.pure import _finish, work
from benchmarks.throughput import draw, text_of

PHOTOS = 2


def test_the_library_alone_makes_what_a_job_makes(tmp_path: Path) -> None:
    draw_photos(tmp_path / "photos", PHOTOS)
    done = [work(tmp_path, number, photo) for number, photo in enumerate(sorted((tmp_path / "photos").iterdir()))]
    size = _finish(done, tmp_path)
    with zipfile.ZipFile(tmp_path / "dataset.zip") as archive:
        names = archive.namelist()
        annotations = json.loads(archive.read(names[0]))
        assert size == (tmp_path / "dataset.zip").stat().st_size
    kinds = [Path(name).parts[0] for name in names]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "annotations": 1, "manifest.jsonl": 1, "sources": PHOTOS, "masks": PHOTOS, "variants": PHOTOS,
    }  # fmt: skip
    assert len(annotations["annotations"]) == 2 * PHOTOS, "one for the source and one for its variant"
    assert all(one.mask.area_px > 500 for one in done), "the ball was found"


def test_photos_beyond_those_that_are_drawn_differ(tmp_path: Path) -> None:
    draw(tmp_path / "photos", 2, drawn=1)
    first, second = (np.asarray(Image.open(path)) for path in sorted((tmp_path / "photos").iterdir()))
    assert first.shape == second.shape
    assert (first != second).mean() > 0.3


def test_the_parts_of_the_stack_are_told_by_their_share() -> None:
    figures = {"images": 10, "clock_ratio": 0.5, "ratio": 0.6, "images_per_s": 1.0, "pure_images_per_s": 2.0,
               "cpu_s_per_image": 2.0, "pure_cpu_s_per_image": 1.2}  # fmt: skip
    text = text_of(figures, {"processors_busy_share": 0.8, "cpu_s": {"emulator": 5.0, "model server": 14.9, "x": 0.05}})
    assert "| images in a second | 1.0 | 2.0 | 0.5 |" in text
    assert "| model server | 1490 | 75% |" in text
    assert "| x |" not in text
