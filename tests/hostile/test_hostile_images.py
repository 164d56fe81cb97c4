"""Rows I: every picture file of the corpus has its one answer, from the process that ingest decodes it in."""

from __future__ import annotations

import re
from collections.abc import Iterator

import PIL
import pytest
from PIL import features

from lambdas.ingest_image.decoder import Decoder
from maskmill.core.errors import InvalidInput
from maskmill.core.limits import VARIANT_THUMBNAIL_SIDE_PX
from maskmill.core.recipe import Output, OutputFormat
from maskmill.imaging.encode import encode, thumbnail_of, webp_lossless
from maskmill.imaging.normal import normalise, read_normal
from maskmill.imaging.picture import Picture
from tests.hostile.pictures.accepted import ACCEPTED
from tests.hostile.pictures.hidden import HIDDEN, WALKERS, WORD
from tests.hostile.pictures.refused import REFUSED


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    one = Decoder()
    yield one
    one.stop()


@pytest.mark.parametrize("row", REFUSED)
def test_a_hostile_picture_is_refused_with_its_code(decoder: Decoder, row: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        decoder.normalise(REFUSED[row].build())
    assert caught.value.code is REFUSED[row].code
    assert len(caught.value.message) > 20
    assert "Error" not in caught.value.message


@pytest.mark.parametrize("row", ACCEPTED)
def test_an_odd_picture_is_accepted_as_what_it_is(decoder: Decoder, row: str) -> None:
    data, wanted = ACCEPTED[row].build(), ACCEPTED[row]
    expected, made = normalise(data), decoder.normalise(data)
    assert (made.normal, made.png, made.thumbnail) == (expected.normal, expected.png, expected.thumbnail)
    if wanted.notes is not None:
        assert set(made.normal.notes) == wanted.notes
    assert wanted.check is not None
    wanted.check(expected)


def outputs_of(picture: Picture) -> Iterator[tuple[str, bytes]]:
    """What a job may make of a picture: variants in every format and their thumbnails, by kind."""
    for output in OutputFormat:
        yield output.value, encode(picture, Output(format=output))
    yield "webp", thumbnail_of(picture, VARIANT_THUMBNAIL_SIDE_PX)
    yield "webp", webp_lossless(picture)


@pytest.mark.parametrize("row", HIDDEN)
def test_what_a_file_says_beside_its_pixels_is_in_no_output(decoder: Decoder, row: str) -> None:
    _, build = HIDDEN[row]
    data = build()
    assert WORD in data
    made = decoder.normalise(data)
    outputs = [("png", made.png), ("webp", made.thumbnail), *outputs_of(read_normal(made.png))]
    for kind, output in outputs:
        walk, allowed = WALKERS[kind]
        assert walk(output) <= allowed, kind
        for word in (WORD, b"Exif", b"xmp", b"script", b"Photoshop", b"iCCP", b"GPS"):
            assert word not in output, kind
    assert WORD.decode() not in made.normal.model_dump_json()


@pytest.mark.parametrize("row", [row for row, one in ACCEPTED.items() if row.startswith("I31")])
def test_a_file_that_is_two_files_leaves_one(decoder: Decoder, row: str) -> None:
    data = ACCEPTED[row].build()
    assert WORD in data
    made = decoder.normalise(data)
    for output in (made.png, made.thumbnail):
        assert WORD not in output
        assert b"PK\x03\x04" not in output


def test_the_libraries_that_decode_are_as_new_as_their_faults_demand() -> None:
    """I51: CVE-2023-4863 lies in a copy of libwebp inside Pillow's wheel, where no lock of ours would show it."""
    found = {name: features.version(name) or "0" for name in ("webp", "libjpeg_turbo", "zlib", "libtiff", "littlecms2")}
    least = {
        "webp": (1, 3, 2),
        "libjpeg_turbo": (3, 0, 0),
        "zlib": (1, 2, 12),
        "libtiff": (4, 6, 0),
        "littlecms2": (2, 16),
    }
    for name, version in least.items():
        assert tuple(int(part) for part in found[name].split(".")[:3] if part.isdigit()) >= version, name
    assert tuple(map(int, PIL.__version__.split(".")[:2])) >= (12, 3)


def test_the_corpus_is_as_large_as_it_is_said_to_be() -> None:
    assert len(REFUSED) + len(ACCEPTED) + len(HIDDEN) >= 200
    groups = {re.match(r"I\d+", row)[0] for row in (*REFUSED, *ACCEPTED, *HIDDEN)}  # type: ignore[index]
    elsewhere = {"I14", "I49", "I50", "I53", "I54"}  # of uploads, and of mutants
    assert {f"I{number}" for number in range(1, 55)} - groups == elsewhere
