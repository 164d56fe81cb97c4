"""The client of a program or a notebook: whole roads in one call each."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from maskmill import Client, Layer, Placement, Recipe, Template
from maskmill.client.calls import FixedToken
from maskmill.client.progress import Progress, Step
from maskmill.client.session import Profile, StaticToken, write_profile
from maskmill.core.edit import Edits
from maskmill.core.errors import Code, InvalidInput, NotFound
from maskmill.core.job import JobStatus
from tests.unit.client.fake_service import FakeService


def test_a_folder_becomes_a_training_set_in_one_call(client: Client, photos: Path, tmp_path: Path) -> None:
    steps: list[Step] = []
    report = client.run(
        photos,
        templates=["cap=photo0.jpg:0.5,0.4"],
        edits=["cap:hue=-40..40"],
        samples=2,
        out=tmp_path / "set",
        on_progress=lambda progress: steps.append(progress.step),
    )
    assert report.is_complete
    assert report.dataset.name == "caps"
    assert sorted(path.name for path in (tmp_path / "set").iterdir() if not path.name.startswith(".")) == [
        "annotations", "manifest.jsonl", "masks", "sources", "variants",
    ]  # fmt: skip
    assert [step for step in dict.fromkeys(steps) if step in (Step.HASHING, Step.UPLOADING, Step.DOWNLOADING)] == [
        Step.HASHING,
        Step.UPLOADING,
        Step.DOWNLOADING,
    ]


def test_the_road_can_be_gone_step_by_step(client: Client, photos: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    uploaded = client.upload_folder("caps", photos, on_progress=seen.append)
    assert (uploaded.ready, uploaded.sent) == (3, 3)
    assert seen[-1].done == seen[-1].total == 3
    dataset = client.find_dataset("caps")
    client.create_template(dataset.dataset_id, Template(name="all", placement=Placement.WHOLE))
    recipe = Recipe(templates=("all",), layers=(Layer(region="all", edits=Edits(hue=40)),))
    image = client.find_image("caps", "photo1.jpg")
    states: list[JobStatus] = []
    job = client.submit("caps", recipe, image_ids=[image.image_id])
    ended = client.wait(job, on_change=lambda one: states.append(one.status))
    assert (ended.status, ended.items.done) == (JobStatus.SUCCEEDED, 1)
    assert states[-1] is JobStatus.SUCCEEDED and len(states) > 1
    assert client.sync(job, tmp_path / "out").fetched == 5
    assert client.sync(job.job_id, tmp_path / "out").fetched == 0


def test_an_upload_again_sends_nothing(service: FakeService, client: Client, photos: Path) -> None:
    client.upload_folder("caps", photos)
    (photos / "photo3.jpg").write_bytes(b"GOOD" + b"new" * 99)
    again = client.upload_folder("caps", photos)
    assert (again.sent, again.ready) == (1, 4)


def test_a_submission_may_name_its_key(client: Client, photos: Path) -> None:
    client.upload_folder("caps", photos)
    dataset = client.find_dataset("caps")
    client.create_template(dataset.dataset_id, Template(name="all", placement=Placement.WHOLE))
    recipe = Recipe(templates=("all",))
    assert client.submit(dataset, recipe, key="k").job_id == client.submit(dataset, recipe, key="k").job_id
    assert client.submit(dataset, recipe).job_id != client.submit(dataset, recipe).job_id


def test_a_picture_comes_as_pixels_and_small(service: FakeService, client: Client, photos: Path) -> None:
    client.upload_folder("caps", photos)
    image = client.find_image("caps", "photo0.jpg")
    assert client.picture(image).rgb.shape == (300, 400, 3)
    small = Image.open(io.BytesIO(client.thumbnail(image)))
    assert small.size == (40, 30)
    with pytest.raises(NotFound, match="no thumbnail"):
        client.thumbnail(image.model_copy(update={"thumbnail_url": None}))


def test_what_is_not_there_is_said(client: Client) -> None:
    with pytest.raises(NotFound, match="no dataset 'nothing'"):
        client.find_dataset("nothing")


def test_a_saved_sign_in_is_found(service: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "profile.json"
    write_profile(path, Profile(api_url=service.url, token=StaticToken(access_token=service.token)))
    with Client.from_login(path) as client:
        assert list(client.datasets()) == []
    monkeypatch.setenv("MASKMILL_PROFILE", str(path))
    with Client.from_login() as client:
        assert list(client.datasets()) == []
    monkeypatch.delenv("MASKMILL_PROFILE")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nobody"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput) as raised:
        Client.from_login()
    assert raised.value.code is Code.UNAUTHENTICATED


def test_words_that_are_no_template_are_refused_before_anything_is_sent(service: FakeService, photos: Path) -> None:
    with Client(service.url, FixedToken(service.token)) as client, pytest.raises(ValueError, match="The form is"):
        client.run(photos, templates=["cap"], out="nowhere")
    assert service.calls == []
