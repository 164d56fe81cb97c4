"""The weights of the laptop's model server: where they are found, and what is said when they are not."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from inference_container.settings import Settings
from infra.config import LOCAL
from infra.context import chosen
from local.models import SAM_TEST, LocalModel, ModelMissing, find_model
from maskmill.core.catalogue import PUBLISHED
from maskmill.core.engines import Engine

DATA = b"weights"
DIGEST = hashlib.sha256(DATA).hexdigest()


def said() -> tuple[list[str], dict[str, object]]:
    lines: list[str] = []
    return lines, {"tell": lines.append}


def test_an_engine_without_weights_needs_none(tmp_path: Path) -> None:
    assert find_model(Engine.CLASSIC, models=tmp_path) is None


def test_a_named_checkpoint_goes_first(tmp_path: Path) -> None:
    path = tmp_path / "mine.pth"
    path.write_bytes(DATA)
    assert find_model(Engine.SAM_VIT_H, checkpoint=path) == LocalModel(Engine.SAM_VIT_H, path, DIGEST)
    with pytest.raises(ModelMissing, match=r"There is no checkpoint at .*gone\.pth"):
        find_model(Engine.SAM_VIT_H, checkpoint=tmp_path / "gone.pth")


def test_a_package_is_served_under_the_version_of_its_source(tmp_path: Path) -> None:
    folder = tmp_path / "sam-test"
    folder.mkdir()
    manifest = {
        "engine": "sam-test",
        "version": "sam-test-abababababab",
        "source_sha256": "ab" * 32,
        "dtype": "fp32",
        "files": [{"name": "model.safetensors", "size_bytes": 7, "sha256": DIGEST}],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert find_model(Engine.SAM_TEST, models=tmp_path) == LocalModel(Engine.SAM_TEST, folder, "ab" * 32)
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(ModelMissing, match="neither a checkpoint nor a packaged model"):
        find_model(Engine.SAM_TEST, models=tmp_path)


def test_the_test_model_comes_with_the_repository(tmp_path: Path) -> None:
    if not SAM_TEST.exists():
        with pytest.raises(ModelMissing):
            find_model(Engine.SAM_TEST, models=tmp_path)
        pytest.skip("the test model is not trained yet")
    found = find_model(Engine.SAM_TEST, models=tmp_path)
    assert found is not None
    assert found.source_sha256 == hashlib.sha256(SAM_TEST.read_bytes()).hexdigest()


def test_without_internet_it_says_what_to_download_and_where_to_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = PUBLISHED[Engine.SAM_VIT_B]
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nobody listens there
    lines, options = said()
    with pytest.raises(ModelMissing) as caught:
        find_model(Engine.SAM_VIT_B, models=tmp_path, **options)  # type: ignore[arg-type]
    assert f"Download {published.url} on a machine with internet" in str(caught.value)
    assert str(tmp_path / published.file) in str(caught.value)
    assert lines == [f"Fetching {published.file} (Apache-2.0, {published.page}) …"]


def test_the_stacks_and_the_server_agree_on_the_version(tmp_path: Path) -> None:
    weights = LocalModel(Engine.SAM_TEST, tmp_path / "sam-test.safetensors", DIGEST)
    stage = chosen({"stage": LOCAL.name, **weights.context()})
    assert stage.quality.version == stage.fast.version == f"sam-test-{DIGEST[:12]}"
    settings = Settings.from_env({**stage.quality.to_env(), **weights.environment()})
    assert (settings.checkpoint, settings.checkpoint_sha256) == (str(weights.place), DIGEST)
