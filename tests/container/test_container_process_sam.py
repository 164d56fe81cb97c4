"""The real process with the test checkpoint: masks that mean something, and embeddings that outlive the process."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

if importlib.util.find_spec("segment_anything") is None or importlib.util.find_spec("torch") is None:
    pytest.skip("the SAM engines are not installed", allow_module_level=True)

from maskmill.core.geometry import Size
from maskmill.core.shard import ImageAnswer, ImageTask, ShardAnswer, ShardRequest
from tests.container.pictures import click, png, task, truth_of
from tests.container.process import REPOSITORY, Objects, Server, storing
from tests.sam_test.scenes import draw_scene

pytestmark = pytest.mark.enable_socket

SIZE = Size(height_px=240, width_px=320)
SCENES = [draw_scene(9_000 + number, height=240, width=320) for number in range(4)]
TASKS = [task(str(number), SIZE, *(click(mask) for mask in scene.objects[:3])) for number, scene in enumerate(SCENES)]


Running = tuple[Server, Objects]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for the tests that do not end it; each keeps its embeddings in a folder of its own."""
    with stored_scenes() as objects:
        server = started(tmp_path_factory.mktemp("server"), objects)
        yield server, objects
        server.kill()


@contextmanager
def stored_scenes() -> Iterator[Objects]:
    with storing() as objects:
        for number, scene in enumerate(SCENES):
            objects.objects[f"/pictures/{number}.png"] = png(scene.pixels)
        yield objects


def started(folder: Path, objects: Objects) -> Server:
    model = str(REPOSITORY / "tests" / "sam_test")
    server = Server(folder, objects.url, SEGMENTER="sam-test", MODEL_DIR=model, THREADS="1")
    server.ping_until(status=200, timeout_s=60)
    return server


def kept(asked: ImageTask, folder: str) -> ImageTask:
    return asked.model_copy(update={"embedding": f"s3://pictures/{folder}/{asked.image_key}.bin"})


def answers(server: Server, *tasks: ImageTask) -> dict[str, ImageAnswer]:
    version = server.call("GET", "/ping").json["segmenter"]
    shard = ShardRequest(segmenter=version, images=tasks)
    reply = server.call("POST", "/invocations", shard.model_dump_json())
    images = ShardAnswer.model_validate_json(reply.body).images
    assert [image.error for image in images] == [None] * len(tasks)
    return {image.image_key: image for image in images}


def test_clicks_find_what_was_clicked_at(running: Running) -> None:
    overlaps = []
    for image, scene in zip(answers(running[0], *TASKS).values(), SCENES, strict=True):
        for answer, truth in zip(image.masks, scene.objects[:3], strict=True):
            found = truth_of(answer.mask.rle)
            overlaps.append((found & truth).sum() / (found | truth).sum())
    assert np.mean(overlaps) > 0.75


def test_a_mask_does_not_change_with_the_shard_it_came_in(running: Running) -> None:
    server, _ = running
    together = answers(server, *TASKS)
    alone = {name: image for asked in reversed(TASKS) for name, image in answers(server, asked).items()}
    assert alone == together
    again = [kept(asked, "alike") for asked in TASKS]
    assert answers(server, *again) == together  # where the embedding is new
    assert answers(server, *again) == together  # and where it is known


def test_images_may_be_embedded_ahead_of_their_prompts(running: Running) -> None:
    server, objects = running
    asked = [kept(one, "ahead") for one in TASKS]
    before = server.call("GET", "/stats").json["embeds"]
    ahead = [one.model_copy(update={"prompts": ()}) for one in asked]
    assert all(image.masks == () for image in answers(server, *ahead).values())
    assert {f"/pictures/ahead/{number}.bin" for number in range(len(TASKS))} <= objects.objects.keys()
    answers(server, *asked)
    assert server.call("GET", "/stats").json["embeds"] == before + len(TASKS)


def test_the_second_job_on_the_same_images_embeds_nothing_but_what_is_damaged(tmp_path: Path) -> None:
    asked = [kept(one, "job") for one in TASKS]
    with stored_scenes() as objects:
        server = started(tmp_path, objects)
        first = answers(server, *asked)
        assert server.call("GET", "/stats").json["embeds"] == len(TASKS)
        server.kill()
        whole = objects.objects["/pictures/job/0.bin"]
        objects.objects["/pictures/job/0.bin"] = whole[:-1]
        objects.objects["/pictures/job/1.bin"] = b"nonsense"
        server = started(tmp_path, objects)
        objects.paths.clear()
        assert answers(server, *asked) == first
        stats = server.call("GET", "/stats").json
        server.kill()
    assert (stats["embeds"], stats["embeddings_unusable"]) == (2, 2)
    assert sorted(path for path in objects.paths if path.endswith(".png")) == ["/pictures/0.png", "/pictures/1.png"]
    assert objects.objects["/pictures/job/0.bin"] == whole
