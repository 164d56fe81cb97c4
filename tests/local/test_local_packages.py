"""The laptop's model as a package: made once, and laid where the page's decoder is looked for."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import pytest

from local.aws import client
from local.emulator.environment import EmulatorSettings
from local.models import BUCKET, SAM_TEST, LocalModel
from local.packages import lay_out, packaged
from maskmill.core.engines import Engine
from maskmill.core.package import DECODER, MANIFEST, Manifest

pytestmark = pytest.mark.enable_socket

PRESENT = all(importlib.util.find_spec(name) for name in ("torch", "onnx", "segment_anything"))
needs_engines = pytest.mark.skipif(not PRESENT, reason="the SAM engines are not installed")


@pytest.fixture(scope="module")
def model() -> LocalModel:
    return LocalModel(Engine.SAM_TEST, SAM_TEST, hashlib.sha256(SAM_TEST.read_bytes()).hexdigest())


@pytest.fixture(scope="module")
def package(model: LocalModel, tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    return packaged(model, tmp_path_factory.mktemp("models"))


@needs_engines
def test_a_file_is_packaged_once_under_its_own_version(model: LocalModel, package: LocalModel) -> None:
    manifest = Manifest.model_validate_json((package.place / MANIFEST).read_bytes())
    assert (manifest.version, manifest.source_sha256) == (package.place.name, model.source_sha256)
    assert DECODER in {file.name for file in manifest.files}
    made_at = (package.place / MANIFEST).stat().st_mtime_ns
    assert packaged(model, package.place.parent) == package == packaged(package, package.place.parent)
    assert (package.place / MANIFEST).stat().st_mtime_ns == made_at
    assert package.context() == model.context()


def test_what_no_page_could_decode_stays_a_file(tmp_path: Path) -> None:
    other = LocalModel(Engine.SAM2_TINY, tmp_path / "weights.safetensors", "ab" * 32)
    assert packaged(other, tmp_path / "models") == other
    assert not (tmp_path / "models").exists()


@needs_engines
def test_weights_that_cannot_be_packaged_are_served_as_they_are_and_the_reason_is_told(tmp_path: Path) -> None:
    (tmp_path / "spoiled.safetensors").write_bytes(b"spoiled")
    spoiled = LocalModel(Engine.SAM_TEST, tmp_path / "spoiled.safetensors", "ab" * 32)
    told: list[str] = []
    assert packaged(spoiled, tmp_path / "models", tell=told.append) == spoiled
    assert told and told[0].startswith("The page gets no decoder: sam-test could not be packaged")


@needs_engines
def test_the_decoder_lies_below_the_prefix_that_the_stacks_are_told(
    model: LocalModel, package: LocalModel, emulator: EmulatorSettings
) -> None:
    for _ in range(2):  # the second start finds the bucket there
        lay_out(package, emulator.url)
    store = client("s3", emulator.url)
    prefix = package.context()["fast_weights"].removeprefix(f"s3://{BUCKET}/")
    manifest = Manifest.model_validate_json(store.get_object(Bucket=BUCKET, Key=prefix + MANIFEST)["Body"].read())
    decoder = store.get_object(Bucket=BUCKET, Key=prefix + DECODER)["Body"].read()
    assert {file.name: file.sha256 for file in manifest.files}[DECODER] == hashlib.sha256(decoder).hexdigest()


def test_a_file_has_nothing_for_the_page(model: LocalModel) -> None:
    lay_out(model, "http://127.0.0.1:1")  # nothing is sent, so nobody need listen
