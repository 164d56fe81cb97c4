"""The catalogue of published checkpoints, and the manifest of a package."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import ValidationError

from maskmill.core.catalogue import PUBLISHED, Published
from maskmill.core.engines import Engine
from maskmill.core.package import WEIGHTS, Manifest

UNKNOWN = 3
PUBLISHERS = {"dl.fbaipublicfiles.com", "huggingface.co"}


def test_every_engine_whose_weights_somebody_publishes_is_there() -> None:
    assert set(PUBLISHED) == set(Engine) - {Engine.CLASSIC, Engine.SAM_TEST}
    assert len({published.file for published in PUBLISHED.values()}) == len(PUBLISHED)


@pytest.mark.parametrize("published", PUBLISHED.values(), ids=lambda published: published.engine)
def test_a_checkpoint_is_fetched_from_its_publisher_and_is_known_by_its_digest(published: Published) -> None:
    address = urlsplit(published.url)
    assert (address.scheme, address.hostname in PUBLISHERS) == ("https", True)
    assert published.file == published.file.replace("/", "")
    if published.sha256 is not None:
        assert re.fullmatch("[0-9a-f]{64}", published.sha256)
        assert published.size_bytes is not None


def test_the_digest_of_most_is_known() -> None:
    unknown = {engine for engine, published in PUBLISHED.items() if published.sha256 is None}
    assert len(unknown) <= UNKNOWN, f"fetched without proof: {unknown}"


def test_a_known_digest_of_a_moving_repository_is_pinned_to_a_revision() -> None:
    for published in PUBLISHED.values():
        if published.sha256 is not None and "huggingface.co" in published.url:
            assert re.search("/resolve/[0-9a-f]{40}/", published.url)


DIGEST = "ab" * 32
MANIFEST: dict[str, Any] = {
    "engine": "sam-vit-b",
    "version": "sam-vit-b-abababababab",
    "source_sha256": DIGEST,
    "dtype": "bf16",
    "files": [{"name": WEIGHTS, "size_bytes": 7, "sha256": DIGEST}],
}


def test_a_manifest_names_the_version_of_its_source() -> None:
    assert Manifest.model_validate_json(Manifest.model_validate(MANIFEST).model_dump_json()).weights.size_bytes == 7


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": "sam-vit-b-000000000000"}, "not that of the source"),
        ({"files": [{"name": "decoder.onnx", "size_bytes": 7, "sha256": DIGEST}]}, "missing"),
        ({"files": [MANIFEST["files"][0]] * 2}, "twice"),
        ({"files": [{"name": "../escape", "size_bytes": 7, "sha256": DIGEST}]}, "pattern"),
        ({"engine": "sam-vit-x"}, "Input should be"),
    ],
)
def test_a_manifest_that_does_not_fit_together_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Manifest.model_validate(MANIFEST | change)
