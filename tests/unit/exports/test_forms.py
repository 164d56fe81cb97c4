"""The files of every export form, made by the product's own logic, and what their receipts say."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lambdas import records, state
from maskmill.core.errors import InvalidInput
from maskmill.core.export import Conversion, ExportFormat, Split, Splits
from maskmill.core.recipe import Output, OutputFormat
from maskmill.core.result import ItemResult
from maskmill.exports import parts
from maskmill.exports.entries import entries
from maskmill.exports.parts import plan_parts
from maskmill.exports.yolo import data_yaml
from maskmill.imaging.encode import webp_lossless
from maskmill.imaging.normal import read_own
from tests.unit.exports.made import JOB, SPLITS, TEMPLATES, TENANT, Finished, names_in_tar, picture_of, recipe

IMAGES, SAMPLES = 12, 2


@pytest.fixture(scope="module")
def finished() -> Finished:
    return Finished(IMAGES, recipe())


def members(finished: Finished, export: ExportFormat) -> dict[str, bytes]:
    receipt = finished.export(export)
    found: dict[str, bytes] = {}
    for part in receipt.parts:
        with zipfile.ZipFile(io.BytesIO(finished.part(export, part.name))) as archive:
            found |= {name: archive.read(name) for name in archive.namelist()}
    return found


def test_variants_are_in_the_training_set_alone_and_each_photo_is_in_one_split(finished: Finished) -> None:
    receipt = finished.export(ExportFormat.MASKS)
    assert set(receipt.splits) == {Split.TRAIN, Split.VAL, Split.TEST}
    train = receipt.splits[Split.TRAIN]
    assert train.variants == SAMPLES * train.sources
    assert all(receipt.splits[split].variants == 0 for split in (Split.VAL, Split.TEST))
    assert sum(tally.sources for tally in receipt.splits.values()) == IMAGES
    stems: dict[str, set[str]] = {}
    for stem in finished.truth:
        stems.setdefault(stem.split("__")[0], set()).add(finished.split_of(stem))
    assert all(len(splits) == 1 for splits in stems.values())


def test_without_sources_the_other_splits_still_have_their_originals() -> None:
    receipt = Finished(8, recipe(sources=False)).export(ExportFormat.MASKS)
    assert receipt.splits[Split.TRAIN].sources == 0
    assert receipt.splits[Split.TRAIN].variants > 0
    assert receipt.splits[Split.VAL].sources > 0


def test_a_split_stays_when_photos_are_added_and_follows_its_shares() -> None:
    splits = Splits(train=0.8, val=0.1, test=0.1)
    names = [f"{number:064x}" for number in range(4000)]
    before = {name: splits.of(name) for name in names[:2000]}
    assert all(splits.of(name) is split for name, split in before.items())
    shares = {split: sum(splits.of(name) is split for name in names) / len(names) for split in Split}
    assert shares[Split.TRAIN] == pytest.approx(0.8, abs=0.03)
    assert shares[Split.VAL] == pytest.approx(0.1, abs=0.03)
    assert any(Splits(**{**splits.model_dump(), "seed": 1}).of(name) is not split for name, split in before.items())
    assert {Splits().of(name) for name in names} == {Split.TRAIN}


@pytest.mark.parametrize(
    "shares", [{"train": 0.5}, {"train": 0.5, "val": 0.6}, {"train": 1.2, "val": -0.2}, {"variants_in": ["val", "val"]}]
)
def test_splits_that_are_no_division_are_refused(shares: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Splits.model_validate(shares)


@pytest.mark.parametrize("export", ExportFormat)
def test_the_same_job_gives_the_same_bytes(finished: Finished, export: ExportFormat) -> None:
    first, second = finished.export(export), Finished(IMAGES, recipe()).export(export)
    assert first == second
    assert first.parts
    assert sum(part.pictures for part in first.parts) == sum(tally.pictures for tally in first.splits.values())


def test_a_receipt_counts_every_label_by_its_class(finished: Finished) -> None:
    receipt = finished.export(ExportFormat.COCO)
    pictures = sum(tally.pictures for tally in receipt.splits.values())
    assert receipt.classes == tuple(TEMPLATES)
    for tally in receipt.splits.values():
        assert tally.labels == dict.fromkeys(sorted(TEMPLATES), tally.pictures)
    assert receipt.loss.labels == len(TEMPLATES) * pictures
    assert (receipt.loss.iou_mean, receipt.loss.iou_min) == (1.0, 1.0)


def test_pictures_are_copied_as_they_are(finished: Finished) -> None:
    held = {hash(data) for key, data in finished.media.objects.items() if key.endswith(("normal.png", ".webp"))}
    for export in (
        ExportFormat.COCO,
        ExportFormat.YOLO_SEG,
        ExportFormat.IMAGEFOLDER,
        ExportFormat.MASKS,
        ExportFormat.ARCHIVE,
    ):
        files = members(finished, export)
        pictures = [name for name in files if name.endswith((".webp", ".png")) and "masks/" not in name]
        assert pictures
        assert all(hash(files[name]) in held for name in pictures), export


def test_voc_has_a_jpeg_for_every_picture_and_says_so(finished: Finished) -> None:
    files = members(finished, ExportFormat.VOC)
    receipt = finished.export_state(ExportFormat.VOC).receipt
    assert receipt is not None
    pictures = sum(tally.pictures for tally in receipt.splits.values())
    assert receipt.conversions[Conversion.WRITTEN_AS_JPEG] == pictures
    assert 0 < receipt.conversions[Conversion.LAID_ON_WHITE] < pictures
    assert receipt.loss.labels_overlapped == pictures  # the plate gives pixels to the ring
    assert receipt.loss.pixels_overlapped > 0
    stem = "0001_photo-0"
    classes = np.asarray(Image.open(io.BytesIO(files[f"SegmentationClass/{stem}.png"])))
    assert Image.open(io.BytesIO(files[f"SegmentationClass/{stem}.png"])).mode == "P"
    assert set(np.unique(classes)) == {0, 1, 2, 3, 4}
    lists = [files[f"ImageSets/Segmentation/{split}.txt"].decode().split() for split in SPLITS]
    assert sorted(name for names in lists for name in names) == sorted(finished.truth)


def test_jpeg_variants_are_copied_into_voc() -> None:
    finished = Finished(4, recipe(output=Output(format=OutputFormat.JPEG, quality=90).model_dump(), splits={}))
    receipt = finished.export(ExportFormat.VOC)
    assert receipt.conversions[Conversion.WRITTEN_AS_JPEG] == 4  # the sources alone


def test_webdataset_gives_every_sample_the_same_members(finished: Finished) -> None:
    receipt = finished.export(ExportFormat.WEBDATASET)
    kinds: dict[str, set[str]] = {}
    for part in receipt.parts:
        assert part.name.startswith(("train-", "val-", "test-"))
        for name in names_in_tar(finished.part(ExportFormat.WEBDATASET, part.name)):
            key, kind = name.split(".", 1)
            kinds.setdefault(key, set()).add(kind)
    assert set(map(frozenset, kinds.values())) == {frozenset({"image.webp", "mask.png", "json"})}
    assert len(kinds) == len(finished.truth)
    assert receipt.conversions == {Conversion.WRITTEN_AS_WEBP: IMAGES}


def test_a_source_written_as_webp_keeps_every_pixel(finished: Finished) -> None:
    for index in range(5):
        picture = picture_of(index)
        again = read_own(webp_lossless(picture))
        assert np.array_equal(again.rgb, picture.rgb)
        assert (again.alpha is None) == (picture.alpha is None)
        assert picture.alpha is None or np.array_equal(again.alpha, picture.alpha)


def test_avif_variants_become_jpeg_where_readers_do_not_know_them() -> None:
    finished = Finished(3, recipe(output={"format": "avif"}, splits={}))
    assert finished.export(ExportFormat.YOLO_SEG).conversions[Conversion.WRITTEN_AS_JPEG] == 3 * SAMPLES
    webdataset = finished.export(ExportFormat.WEBDATASET)
    assert webdataset.conversions[Conversion.WRITTEN_AS_JPEG] == 3 * (1 + SAMPLES)


def test_overlays_hold_nothing_that_is_read_back(finished: Finished) -> None:
    receipt = finished.export(ExportFormat.OVERLAY)
    assert (receipt.loss.labels, receipt.loss.iou_mean, receipt.loss.iou_min) == (0, None, None)
    files = members(finished, ExportFormat.OVERLAY)
    assert len(files) == len(finished.truth)
    assert all(Image.open(io.BytesIO(data)).format == "JPEG" for data in files.values())


def test_yolo_names_a_set_to_validate_with_even_where_there_is_none() -> None:
    text = data_yaml(("no", "1.0"), (Split.TRAIN,))
    assert "val: images/train  #" in text
    assert '  0: "no"\n  1: "1.0"\n' in text
    assert "val: images/val\n" in data_yaml(("a",), (Split.TRAIN, Split.VAL))


def test_large_exports_are_split_and_each_part_counts_its_own(
    finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = members(finished, ExportFormat.COCO)
    monkeypatch.setattr(parts, "EXPORT_PART_BYTES_MAX", 8_000)
    monkeypatch.setattr(parts, "EXPORT_SHARD_BYTES_MAX", 8_000)
    split = Finished(IMAGES, recipe())
    assert members(split, ExportFormat.COCO) == whole
    receipt = split.export_state(ExportFormat.COCO).receipt
    assert receipt is not None
    assert len(receipt.parts) > 3
    assert receipt.parts[0].name == f"coco-001-of-{len(receipt.parts):03d}.zip"
    assert receipt.loss == finished.export(ExportFormat.COCO).loss
    shards = split.export(ExportFormat.PARQUET).parts
    assert shards[0].name.startswith("train-00000-of-0000")
    assert len({part.name for part in shards}) == len(shards) > 3


def test_what_is_too_large_to_be_exported_is_refused(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "EXPORT_BYTES_MAX", 10_000)
    results = done(finished)
    with pytest.raises(InvalidInput, match="export_too_large"):
        plan_parts(entries(results, finished.recipe), ExportFormat.COCO, draws=False)


def done(finished: Finished) -> list[ItemResult]:
    chunks = state.all_chunks(finished.table, TENANT, JOB)
    return list(records.done_results(finished.table, finished.media, finished.job, chunks))


def test_the_function_starts_without_pyarrow() -> None:
    code = "import sys, lambdas.export_dataset.handler; print('pyarrow' in sys.modules)"
    root = Path(__file__).parents[3]
    answer = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def test_the_archive_holds_what_the_lists_name_whole_or_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = members(Finished(IMAGES, recipe()), ExportFormat.ARCHIVE)
    lines = [json.loads(line) for line in whole["manifest.jsonl"].splitlines()]
    named = {line["file"] for line in lines}
    made = {line["file"]: line["sha256"] for line in lines if line["kind"] == "variant"}
    assert {name: hashlib.sha256(whole[name]).hexdigest() for name in made} == made
    masks = {mask["file"] for line in lines for mask in line["masks"]}
    assert whole.keys() == {"annotations/instances.json", "manifest.jsonl", *named, *masks}
    notes = json.loads(whole["annotations/instances.json"])["annotations"]
    assert {note["mask_file"] for note in notes} == masks
    monkeypatch.setattr(parts, "EXPORT_PART_BYTES_MAX", 8_000)
    finished = Finished(IMAGES, recipe())
    assert members(finished, ExportFormat.ARCHIVE) == whole
    names = [part.name for part in finished.export(ExportFormat.ARCHIVE).parts]
    assert names[0] == f"archive-001-of-{len(names):03d}.zip" and len(names) > 3
