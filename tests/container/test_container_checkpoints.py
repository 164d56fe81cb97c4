"""Checkpoints from a file to a ready model: every way in, and every way to fail as a clear state at /ping."""

from __future__ import annotations

import importlib.util
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from moto import mock_aws

torch = pytest.importorskip("torch", reason="the SAM engines are not installed")
if importlib.util.find_spec("segment_anything") is None:
    pytest.skip("the SAM engines are not installed", allow_module_level=True)

from safetensors import safe_open  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

from inference_container import package_model  # noqa: E402
from inference_container.checkpoints import fetch_checkpoint, find_checkpoint, sha256_of, verify  # noqa: E402
from inference_container.engines import build_segmenter  # noqa: E402
from inference_container.objects import S3Objects  # noqa: E402
from inference_container.segmenters import packaging  # noqa: E402
from inference_container.segmenters.architectures import ARCHITECTURES, build_sam  # noqa: E402
from inference_container.segmenters.checkpoint import build_quickly, fill, open_weights  # noqa: E402
from inference_container.settings import Runtime, Settings  # noqa: E402
from maskmill.core.engines import Engine, segmenter_version  # noqa: E402
from maskmill.core.errors import Code, Conflict, MaskmillError, Unavailable  # noqa: E402
from maskmill.core.package import DECODER, MANIFEST, WEIGHTS, Manifest  # noqa: E402
from tests.container.conftest import Start  # noqa: E402

ENGINE = Engine.SAM_TEST
package = partial(packaging.package, with_decoder=False)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint as a publisher would give it away: random weights of the small architecture."""
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("published") / "sam-test.pth"
    torch.save(build_sam(ARCHITECTURES[ENGINE]).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def packaged(published: Path) -> Path:
    package(ENGINE, published, published.parent / "package", dtype="fp32")
    return published.parent / "package"


def version_of(path: Path) -> str:
    return segmenter_version(ENGINE, sha256_of(path))


def settings_of(place: Path | str, **changes: Any) -> Settings:
    return Settings(engine=ENGINE, checkpoint=str(place), s3_endpoint_url=None, device="cpu", threads=1, **changes)


def ping(start: Start, settings: Settings) -> tuple[int, dict[str, Any]]:
    """The answer at /ping once the weights were looked at whole."""
    server = start(build=lambda: build_segmenter(settings))
    with suppress(Unavailable):
        server.app.model.proven_segmenter(30)
    reply = server.call("GET", "/ping")
    return reply.status, reply.json


@contextmanager
def refused(error: type[MaskmillError], words: str) -> Iterator[None]:
    with pytest.raises(error) as caught:
        yield
    assert words in caught.value.message


def copied(folder: Path, to: Path) -> Path:
    to.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        (to / file.name).write_bytes(file.read_bytes())
    return to


# Ways in


@pytest.mark.parametrize("name", ["sam-test.pth", "sam-test.safetensors"])
def test_a_file_in_the_model_folder_is_found(published: Path, tmp_path: Path, start: Start, name: str) -> None:
    path = tmp_path / name
    if name.endswith(".pth"):
        path.write_bytes(published.read_bytes())
    else:
        save_file(torch.load(published, weights_only=True), path)
    assert ping(start, settings_of(tmp_path)) == (200, {"segmenter": version_of(path)})


def test_a_package_answers_under_the_version_of_its_source(published: Path, packaged: Path, start: Start) -> None:
    found = find_checkpoint(ENGINE, packaged)
    assert found.path.name == WEIGHTS
    assert found.path.stat().st_mode & 0o777 == 0o644
    assert sha256_of(found.path) != sha256_of(published)
    digest = sha256_of(published)
    assert ping(start, settings_of(packaged, checkpoint_sha256=digest)) == (200, {"segmenter": version_of(published)})


def test_a_package_is_taken_only_as_the_one_that_was_named(published: Path, packaged: Path, start: Start) -> None:
    """Its own manifest cannot vouch for it: who changes the weights can change that, too."""
    digest = sha256_of(packaged / "manifest.json")
    assert ping(start, settings_of(packaged, package_sha256=digest))[0] == 200
    status, problem = ping(start, settings_of(packaged, package_sha256="0" * 64))
    assert status == 503
    assert "manifest.json is damaged or is another one" in str(problem)
    status, problem = ping(start, settings_of(published, package_sha256=digest))
    assert (status, "manifest.json" in str(problem)) == (503, True)


def test_a_package_holds_the_same_numbers(published: Path, packaged: Path) -> None:
    given = torch.load(published, weights_only=True)
    kept = open_weights(ENGINE, packaged).tensors
    assert kept.keys() == given.keys()
    assert all(torch.equal(kept[name], given[name]) for name in given)


def test_a_package_of_bf16_rounds_the_image_encoder_alone(published: Path, tmp_path: Path) -> None:
    manifest = package(ENGINE, published, tmp_path / "half", dtype="bf16")
    given, kept = torch.load(published, weights_only=True), load_file(tmp_path / "half" / WEIGHTS)
    rounded = {name for name in kept if kept[name].dtype is torch.bfloat16}
    assert {name.split(".")[0] for name in rounded} == {"image_encoder"}
    assert all(torch.equal(kept[name], given[name].to(kept[name].dtype)) for name in given)
    assert manifest.dtype == "bf16"
    assert manifest.weights.size_bytes < 0.7 * published.stat().st_size
    model = build_sam(ARCHITECTURES[ENGINE])
    fill(model, open_weights(ENGINE, tmp_path / "half"))
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32}
    fill(model, open_weights(ENGINE, tmp_path / "half"), as_stored=True)
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32, torch.bfloat16}


def test_a_package_says_which_numbers_it_holds_whatever_was_asked_for(published: Path, tmp_path: Path) -> None:
    tensors = {name: tensor.half() for name, tensor in torch.load(published, weights_only=True).items()}
    save_file(tensors, tmp_path / "sam-test.safetensors")
    assert package(ENGINE, tmp_path, tmp_path / "package", dtype="bf16").dtype == "fp16"


def test_the_same_checkpoint_makes_the_same_package(published: Path, packaged: Path, tmp_path: Path) -> None:
    package(ENGINE, published, tmp_path / "again", dtype="fp32")
    for file in packaged.iterdir():
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes()


def test_the_weights_stay_on_the_disk(packaged: Path) -> None:
    """They are mapped, not read: the model's tensors lie in the file's own pages."""
    with build_quickly():
        model = build_sam(ARCHITECTURES[ENGINE])
    fill(model, open_weights(ENGINE, packaged))
    address = model.image_encoder.blocks[0].attn.qkv.weight.data_ptr()
    mapped = [line.split() for line in Path("/proc/self/maps").read_text().splitlines() if line.endswith(WEIGHTS)]
    ranges = [[int(end, 16) for end in line[0].split("-")] for line in mapped]
    assert any(low <= address < high for low, high in ranges)


def test_a_model_that_is_built_quickly_answers_like_one_that_is_built_slowly(published: Path) -> None:
    weights = open_weights(ENGINE, published)
    slow = build_sam(ARCHITECTURES[ENGINE])
    with build_quickly():
        quick = build_sam(ARCHITECTURES[ENGINE])
    fill(slow, weights)
    fill(quick, weights)
    assert torch.equal(slow.pixel_mean, quick.pixel_mean)
    assert torch.equal(slow.pixel_std, quick.pixel_std)
    with torch.inference_mode():
        image = torch.randn((1, 3, 256, 256), generator=torch.Generator().manual_seed(0))
        assert torch.equal(slow.image_encoder(image), quick.image_encoder(image))


# Ways to fail


def _no_folder(place: Path, _: Path) -> Path:
    return place / "nothing-here"


def _empty_folder(place: Path, _: Path) -> Path:
    return place


def _edited(place: Path, packaged: Path, edit: Callable[[Path], object]) -> Path:
    edit(copied(packaged, place))
    return place


def _cut_short(place: Path, packaged: Path) -> Path:
    return _edited(place, packaged, lambda folder: (folder / WEIGHTS).write_bytes(b"1234"))


def _one_bit_off(place: Path, packaged: Path) -> Path:
    def flip(folder: Path) -> None:
        data = bytearray((folder / WEIGHTS).read_bytes())
        data[-5] ^= 1
        (folder / WEIGHTS).write_bytes(data)

    return _edited(place, packaged, flip)


def _without_its_weights(place: Path, packaged: Path) -> Path:
    return _edited(place, packaged, lambda folder: (folder / WEIGHTS).unlink())


def _of_another_engine(place: Path, packaged: Path) -> Path:
    def rename(folder: Path) -> None:
        manifest = json.loads((folder / MANIFEST).read_text())
        manifest |= {"engine": "sam-vit-b", "version": manifest["version"].replace("sam-test", "sam-vit-b")}
        (folder / MANIFEST).write_text(json.dumps(manifest))

    return _edited(place, packaged, rename)


def _with_the_weights_of_another(place: Path, packaged: Path) -> Path:
    """Somebody copied one package over another, and even the sizes and digests are right."""

    def swap(folder: Path) -> None:
        save_file(load_file(folder / WEIGHTS), folder / WEIGHTS, metadata={"version": "sam-test-000000000000"})
        manifest = json.loads((folder / MANIFEST).read_text())
        manifest["files"][0] |= {
            "size_bytes": (folder / WEIGHTS).stat().st_size,
            "sha256": sha256_of(folder / WEIGHTS),
        }
        (folder / MANIFEST).write_text(json.dumps(manifest))

    return _edited(place, packaged, swap)


def _with_half_a_manifest(place: Path, packaged: Path) -> Path:
    return _edited(place, packaged, lambda folder: (folder / MANIFEST).write_text("{"))


def _a_page_instead(place: Path, _: Path) -> Path:
    (place / "sam-test.pth").write_text("<!DOCTYPE html><title>Not found</title>")
    return place


def _half_a_download(place: Path, packaged: Path) -> Path:
    data = (packaged / WEIGHTS).read_bytes()
    (place / "sam-test.safetensors").write_bytes(data[: len(data) // 2])
    return place


def _not_finite(place: Path, packaged: Path) -> Path:
    tensors = load_file(packaged / WEIGHTS)
    tensors["image_encoder.neck.0.weight"][0, 0] = float("nan")
    save_file(tensors, place / "sam-test.safetensors")
    return place


def _another_architecture(place: Path, packaged: Path) -> Path:
    tensors = load_file(packaged / WEIGHTS)
    del tensors["image_encoder.pos_embed"]
    save_file(tensors, place / "sam-test.safetensors")
    return place


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_no_folder, "nothing-here is missing. Put it into the model folder."),
        (_empty_folder, "The checkpoint is missing"),
        (_cut_short, "damaged or incomplete: 4 of"),
        (_one_bit_off, "damaged or is another one than expected. Copy it again."),
        (_without_its_weights, "model.safetensors is missing"),
        (_of_another_engine, "holds sam-vit-b, but the server is set up for sam-test"),
        (_with_the_weights_of_another, "are not those of its manifest"),
        (_with_half_a_manifest, "manifest.json of the model folder is damaged. Package the model again."),
        (_a_page_instead, "neither a .pth nor a .safetensors checkpoint. Download it again."),
        (_half_a_download, "damaged or incomplete. Copy it again."),
        (_not_finite, "not finite"),
        (_another_architecture, "belongs to another architecture"),
    ],
)
def test_what_cannot_be_served_is_a_clear_state(
    packaged: Path, tmp_path: Path, start: Start, spoil: Callable[[Path, Path], Path], words: str
) -> None:
    status, body = ping(start, settings_of(spoil(tmp_path, packaged)))
    assert (status, body["code"]) == (503, Code.MODEL_UNAVAILABLE)
    assert words in body["message"]


@pytest.mark.parametrize("what", ["file", "package"])
def test_another_checkpoint_than_the_one_that_the_server_is_told_is_never_served(
    published: Path, packaged: Path, start: Start, what: str
) -> None:
    place = published if what == "file" else packaged
    status, body = ping(start, settings_of(place, checkpoint_sha256="0" * 64))
    assert (status, body["code"]) == (503, Code.MODEL_UNAVAILABLE)
    assert "expected" in body["message"]


def test_a_file_under_its_publishers_name_must_be_what_its_publisher_gives_away(
    published: Path, tmp_path: Path, start: Start
) -> None:
    path = tmp_path / "sam_vit_b_01ec64.pth"
    path.write_bytes(published.read_bytes())
    settings = replace(settings_of(tmp_path), engine=Engine.SAM_VIT_B)
    status, body = ping(start, settings)
    assert status == 503
    assert "of 375,042,383 bytes" in body["message"]


def test_an_engine_without_its_libraries_names_the_list_that_installs_them(
    published: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "inference_container.segmenters.sam", None)
    status, body = ping(start, settings_of(published))
    assert status == 503
    assert "sam-test needs libraries that are not installed (requirements/sam.txt)" in body["message"]


@pytest.mark.parametrize("changes", [{"runtime": Runtime.OPENVINO}, {"compile": True}])
def test_an_engine_refuses_what_it_cannot_do_rather_than_leaving_it_out(
    published: Path, changes: dict[str, Any]
) -> None:
    with refused(Unavailable, "runs on torch as it is"):
        build_segmenter(replace(settings_of(published, **changes), engine=Engine.SAM2_TINY))


# Packages


def test_what_is_no_package_is_not_overwritten(published: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("two years of work")
    with refused(Conflict, "holds something else"):
        package(ENGINE, published, tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_a_package_that_does_not_prove_good_leaves_the_former_one(published: Path, tmp_path: Path) -> None:
    def refuse(_: Path) -> None:
        raise Unavailable(message="it does not load")

    folder = tmp_path / "package"
    package(ENGINE, published, folder, dtype="fp32")
    with pytest.raises(Unavailable):
        package(ENGINE, published, folder, dtype="bf16", prove=refuse)
    assert Manifest.model_validate_json((folder / MANIFEST).read_text()).dtype == "fp32"
    assert [path.name for path in tmp_path.iterdir()] == ["package"]


def test_the_command_packages_and_says_what_it_made(
    published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], start: Start
) -> None:
    pytest.importorskip("inference_container.segmenters.sam_onnx")
    out = tmp_path / "out"
    arguments = ["--engine", "sam-test", "--checkpoint", str(published), "--out", str(out)]
    assert package_model.main(arguments) == 0
    assert f"{version_of(published)} is ready to be served from {out}." in capsys.readouterr().out
    with safe_open(out / WEIGHTS, framework="pt") as file:
        assert file.metadata() == {"version": version_of(published)}
    assert ping(start, settings_of(out))[0] == 200
    assert {path.name for path in out.iterdir()} == {WEIGHTS, DECODER, MANIFEST}


def test_the_command_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--engine", "sam-test", "--checkpoint", str(tmp_path / "gone.pth"), "--out", str(tmp_path / "out")]
    assert package_model.main(arguments) == 1
    assert "gone.pth is missing" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


# S3


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="models")
        yield client


class Counting(S3Objects):
    downloads = 0

    def download(self, address: str, path: Path, *, bytes_max: int) -> None:
        self.downloads += 1
        super().download(address, path, bytes_max=bytes_max)


def test_a_package_in_s3_is_fetched_once(packaged: Path, published: Path, tmp_path: Path, bucket: Any) -> None:
    for file in packaged.iterdir():
        bucket.upload_file(str(file), "models", f"sam/{file.name}")
    store = Counting()
    for _ in range(2):
        folder = fetch_checkpoint(ENGINE, "s3://models/sam", tmp_path, store)
        found = find_checkpoint(ENGINE, folder)
        verify(found)
        assert found.version == version_of(published)
    assert store.downloads == 1
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".part")]


@pytest.mark.parametrize("address", ["s3://models/raw/", "s3://models/raw/sam-test.pth"])
def test_a_published_file_in_s3_is_fetched_again_only_when_it_changed(
    published: Path, tmp_path: Path, bucket: Any, address: str
) -> None:
    bucket.upload_file(str(published), "models", "raw/sam-test.pth")
    store = Counting()
    for _ in range(2):
        assert sha256_of(find_checkpoint(ENGINE, fetch_checkpoint(ENGINE, address, tmp_path, store)).path)
    assert store.downloads == 1
    bucket.put_object(Bucket="models", Key="raw/sam-test.pth", Body=b"<!DOCTYPE html>")
    assert fetch_checkpoint(ENGINE, address, tmp_path, store).read_bytes() == b"<!DOCTYPE html>"


@pytest.mark.parametrize("address", ["s3://models/empty/", "s3://models/empty/sam.pth", "s3://nobodys/sam/"])
def test_nothing_in_s3_is_a_clear_state(tmp_path: Path, bucket: Any, address: str) -> None:
    with refused(Unavailable, "There is no checkpoint for sam-test at s3://"):
        fetch_checkpoint(ENGINE, address, tmp_path, S3Objects())


def test_a_package_in_s3_that_lacks_a_file_is_a_clear_state(packaged: Path, tmp_path: Path, bucket: Any) -> None:
    bucket.upload_file(str(packaged / MANIFEST), "models", f"sam/{MANIFEST}")
    with refused(Unavailable, "There is no checkpoint"):
        fetch_checkpoint(ENGINE, "s3://models/sam/", tmp_path, S3Objects())


def test_a_disk_that_is_too_small_is_a_clear_state(
    packaged: Path, tmp_path: Path, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    for file in packaged.iterdir():
        bucket.upload_file(str(file), "models", f"sam/{file.name}")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))  # type: ignore[attr-defined]
    with refused(Unavailable, "does not fit"):
        fetch_checkpoint(ENGINE, "s3://models/sam/", tmp_path, S3Objects())


DIGITS = b"0123456789" * 4


class Breaking:
    """A connection to S3 that breaks after three bytes, and again, and then does not."""

    def __init__(self, data: bytes, breaks: int) -> None:
        self.data, self.breaks = data, breaks
        self.ranges: list[str | None] = []

    def get_object(self, *, Bucket: str, Key: str, Range: str = "bytes=0-") -> dict[str, Any]:  # noqa: N803
        start = int(Range.removeprefix("bytes=").rstrip("-"))
        self.ranges.append(Range)
        rest = self.data[start:]
        is_broken = len(self.ranges) <= self.breaks
        body = StreamingBody(io.BytesIO(rest[:3] if is_broken else rest), len(rest))
        return {"ContentLength": len(rest), "Body": body}


@pytest.mark.parametrize("breaks", [0, 2, 9])
def test_a_download_goes_on_where_it_broke_and_gives_up_in_the_end(tmp_path: Path, bucket: Any, breaks: int) -> None:
    store = S3Objects()
    store._client = Breaking(DIGITS, breaks)
    if breaks == 9:
        with pytest.raises(Unavailable):
            store.download("s3://models/a.pth", tmp_path / "a.pth", bytes_max=len(DIGITS))
        assert len(store._client.ranges) == 4
    else:
        store.download("s3://models/a.pth", tmp_path / "a.pth", bytes_max=len(DIGITS))
        assert (tmp_path / "a.pth").read_bytes() == DIGITS
        assert store._client.ranges == [f"bytes={3 * number}-" for number in range(breaks + 1)]
