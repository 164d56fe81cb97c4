"""Faults on the running stacks: whatever dies, is lost, comes twice or late, the job ends as the undisturbed one did.

After each fault the job is complete, its counters are exact, every item is there once, and every file of its dataset
has the bytes of the job that nothing disturbed. Where something is lost for good, or comes back only after a queue's
or a lease's patience, hours pass in the tenant's rows and the deployed sweep runs.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import secrets
import time
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from local.aws import client
from local.cloud import Laptop
from local.processes import DIRECT
from maskmill.core.messages import CollectAnswer, DispatchItems, FinishJob, Message, PlanJob, RenderItems
from tests.e2e.conftest import User, draw, endpoint_state
from tests.e2e.faults import Chaos, brought_to_its_end, ended, function_of, tenant_of
from tests.e2e.jobs import asked, is_ingested, job_body, submitted, until, uploaded

pytestmark = pytest.mark.integration

PHOTOS = 6  # two shards of the local stage
BALL = (0.30, 0.50)
OF_A_TENANT = re.compile(r'\b[0-9a-hjkmnp-tv-z]{26}\b|(?<="recipe_sha256":")[0-9a-f]{64}')
PIPELINE = ("plan_job", "dispatch_shard", "collect_masks", "render_item", "finish_job")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job left behind, as far as it must not depend on what happened on the way."""

    status: str
    items: dict[str, int]
    names: tuple[str, ...]
    work: tuple[int, int, int]  # images, variants and masks: whether one was there already depends on who died when
    files: dict[str, str]  # of the archive, by name: their digests
    variants: dict[str, str]  # as the API tells them; their bytes are in the archive


@dataclass(slots=True)
class Scene:
    """A tenant of its own with the same photos, and the switches of the cloud."""

    cloud: Laptop
    chaos: Chaos
    user: User
    photos: dict[str, bytes]
    dataset: str = ""

    def upload(self) -> None:
        self.dataset = uploaded(self.user, "disturbed", self.photos)

    def arrive(self) -> None:
        self.upload()
        until(lambda: is_ingested(self.user, self.dataset, PHOTOS), every_s=0.3)

    def submit(self) -> str:
        return submitted(self.user, self.dataset, job_body(self.user, self.dataset, BALL))

    def wait(self, job_id: str) -> None:
        """Nothing was lost, so nobody but the functions themselves is needed."""
        until(lambda: ended(self.user, job_id), every_s=0.3)

    def repair(self, job_id: str) -> dict[str, int]:
        return brought_to_its_end(self.chaos, self.user, lambda: ended(self.user, job_id))

    def outcome(self, job_id: str) -> Outcome:
        job = asked(self.user, f"/jobs/{job_id}")
        items = asked(self.user, f"/jobs/{job_id}/items")["items"]
        pages = asked(self.user, f"/jobs/{job_id}/variants?limit={PHOTOS}")
        assert pages["next_cursor"] is None
        variants = [variant for item in pages["items"] for variant in item["variants"]]
        assert len({item["index"] for item in items}) == len(items)
        archive = packed(self.user, job_id)
        actual = job["cost"]["actual"]
        return Outcome(
            status=job["status"],
            items=job["items"],
            names=tuple(sorted(f"{item['name']} {item['status']}" for item in items)),
            work=(
                actual["images"],
                actual["variants_made"] + actual["variants_reused"],
                actual["masks_computed"] + actual["masks_reused"],
            ),
            files=archived(archive),
            variants={one["file_name"]: one["sha256"] for one in variants},
        )


def packed(user: User, job_id: str) -> bytes:
    """Everything that an ended job gave, made by its export."""
    where = f"/jobs/{job_id}/exports/archive"
    asked(user, where, method="POST")
    until(lambda: asked(user, where)["status"] == "ready")
    (file,) = asked(user, where)["files"]
    with DIRECT.open(urllib.request.Request(file["url"]), timeout=30) as answer:
        return bytes(answer.read())


def archived(data: bytes) -> dict[str, str]:
    """The digest of each file, in which the ids of a tenant, and the hash of a recipe that names them, are numbers."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: hashlib.sha256(numbered(archive.read(name))).hexdigest() for name in sorted(archive.namelist())}


def numbered(data: bytes) -> bytes:
    """A text with its ids replaced by when each came first; anything else as it is."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return data
    seen: dict[str, str] = {}
    return OF_A_TENANT.sub(lambda found: seen.setdefault(found[0], f"id {len(seen)}"), text).encode()


@pytest.fixture(scope="module")
def stage(cloud: Laptop, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Scene]:
    """A scene for a name: the photos are always the same, the tenant is another one."""
    folder = tmp_path_factory.mktemp("disturbed")
    for number in range(PHOTOS):
        draw(folder / f"photo-{number}.jpg", seed=40 + number)
    photos = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}

    def scene(name: str) -> Scene:
        profile = folder / f"{name}.json"
        cloud.sign_in(f"{name}-{secrets.token_hex(3)}@example.com", profile)  # a new tenant, to whom no mask is known
        return Scene(cloud, Chaos(cloud), User(profile), photos)

    return scene


@pytest.fixture(scope="module")
def calm(stage: Callable[[str], Scene]) -> Outcome:
    """The job that nothing disturbs; the sweep finds nothing to repair in it."""
    scene = stage("calm")
    scene.arrive()
    job_id = scene.submit()
    scene.wait(job_id)
    assert scene.chaos.sweep() == {}
    return scene.outcome(job_id)


@pytest.fixture
def scene(stage: Callable[[str], Scene], calm: Outcome, request: pytest.FixtureRequest) -> Scene:
    return stage(request.node.name.removeprefix("test_").replace("_", "-")[:40])


def test_the_undisturbed_job_is_complete(calm: Outcome) -> None:
    assert calm.status == "succeeded"
    assert {name: count for name, count in calm.items.items() if count} == {"done": PHOTOS}
    assert calm.work == (PHOTOS, PHOTOS, PHOTOS)
    assert len(calm.variants) == PHOTOS
    assert {name for name in calm.files if name.startswith("variants/")} == set(calm.variants)


def check(scene: Scene, job_id: str, calm: Outcome) -> None:
    assert scene.outcome(job_id) == calm
    usage = asked(scene.user, "/usage")
    assert (usage["variants_per_day"]["used"], usage["images"]["used"], usage["open_jobs"]["used"]) == (
        PHOTOS,
        PHOTOS,
        0,
    )


def test_the_model_server_dies_with_requests_in_its_hands(scene: Scene, calm: Outcome) -> None:
    scene.arrive()
    before = endpoint_state(scene.cloud)
    job_id = scene.submit()
    until(lambda: _is_at_work(scene, before), every_s=0.02)
    scene.cloud.model.kill()
    scene.cloud.model.start()
    scene.repair(job_id)
    check(scene, job_id, calm)


def _is_at_work(scene: Scene, before: dict[str, Any]) -> bool:
    now = endpoint_state(scene.cloud)
    return bool(now["running"] or now["completed"] > before["completed"])


def test_functions_are_killed_in_the_middle(scene: Scene, calm: Outcome) -> None:
    before = scene.chaos.killed()
    scene.chaos.kill_workers(ingest_image=[0.05])
    scene.upload()
    brought_to_its_end(scene.chaos, scene.user, lambda: is_ingested(scene.user, scene.dataset, PHOTOS))
    scene.chaos.kill_workers(**{**{verb: [0.01] for verb in PIPELINE}, "render_item": [0.02, 0.06]})
    job_id = scene.submit()
    repairs = scene.repair(job_id)
    killed = {name: times - before.get(name, 0) for name, times in scene.chaos.killed().items()}
    assert set(killed) >= {function_of(verb) for verb in (*PIPELINE, "ingest_image")}
    assert sum(repairs.values()) > 0
    check(scene, job_id, calm)


def test_the_endpoint_dies_and_finds_its_queue_again(scene: Scene, calm: Outcome) -> None:
    _kill_endpoint(scene, calm, keeps_queue=True)


def test_the_endpoint_dies_and_its_queue_is_lost(scene: Scene, calm: Outcome) -> None:
    repairs = _kill_endpoint(scene, calm, keeps_queue=False)
    assert repairs["dispatch"] > 0


def _kill_endpoint(scene: Scene, calm: Outcome, *, keeps_queue: bool) -> dict[str, int]:
    scene.arrive()
    scene.chaos.sleeping_endpoint()
    job_id = scene.submit()
    until(lambda: endpoint_state(scene.cloud)["accepted"] == 2, every_s=0.02)
    scene.chaos.kill_endpoint(keeps_queue=keeps_queue)
    repairs = scene.repair(job_id)
    check(scene, job_id, calm)
    return repairs


def test_callbacks_are_lost(scene: Scene, calm: Outcome) -> None:
    scene.arrive()
    scene.chaos.callbacks(drop_notifications=2)
    job_id = scene.submit()
    assert scene.repair(job_id)["collect"] == 2
    check(scene, job_id, calm)


def test_callbacks_come_twice_and_late(scene: Scene, calm: Outcome) -> None:
    scene.arrive()
    scene.chaos.callbacks(duplicate_notifications=2, delay_notifications=1)
    job_id = scene.submit()
    scene.wait(job_id)
    check(scene, job_id, calm)


def test_every_message_of_a_job_comes_again_after_its_end(scene: Scene, calm: Outcome) -> None:
    scene.arrive()
    job_id = scene.submit()
    until(lambda: asked(scene.user, f"/jobs/{job_id}")["items"]["segmenting"] > 0 or ended(scene.user, job_id))
    for _ in range(2):
        _send_all_again(scene, job_id)
        scene.wait(job_id)
    until(lambda: not scene.chaos.busy(), every_s=0.1)
    check(scene, job_id, calm)


def _send_all_again(scene: Scene, job_id: str) -> None:
    tenant = tenant_of(scene.user)
    told: dict[str, list[Message]] = {
        "PlanQueueUrl": [PlanJob(tenant=tenant, job_id=job_id)],
        "DispatchQueueUrl": [DispatchItems(tenant=tenant, job_id=job_id, chunk=number) for number in range(2)],
        "CollectQueueUrl": [CollectAnswer(tenant=tenant, job_id=job_id, request_id="0" * 24)],
        "RenderQueueUrl": [
            RenderItems(tenant=tenant, job_id=job_id, chunk=index // 4, indices=(index,)) for index in range(PHOTOS)
        ],
        "FinishQueueUrl": [FinishJob(tenant=tenant, job_id=job_id)],
    }
    queues = client("sqs", scene.cloud.emulator_url)
    for name, messages in told.items():
        for message in messages:
            queues.send_message(QueueUrl=scene.cloud.outputs[name], MessageBody=message.model_dump_json())


def test_the_queues_take_nothing_for_a_while(scene: Scene, calm: Outcome) -> None:
    scene.arrive()
    body = job_body(scene.user, scene.dataset, BALL)
    with scene.chaos.troubles(refuse={"sqs SendMessageBatch": 8}):
        status, answer = scene.user.get(f"/datasets/{scene.dataset}/jobs", method="POST", body=body)
        assert status in {202, 503}, answer
        (job,) = asked(scene.user, "/jobs")["items"]
        repairs = scene.repair(job["job_id"])
        assert scene.chaos.met() == {"sqs SendMessageBatch": 8}
    assert sum(repairs.values()) > 0
    check(scene, job["job_id"], calm)


def test_the_store_is_slow_and_the_table_busy(scene: Scene, calm: Outcome) -> None:
    scene.arrive()
    job_id = scene.submit()
    with scene.chaos.troubles(delay_s={"s3": 0.15, "dynamodb": 0.02}, refuse={"dynamodb UpdateItem": 5}):
        scene.repair(job_id)
        assert scene.chaos.met()["s3 GetObject"] > 0
    check(scene, job_id, calm)


def test_everything_is_deployed_anew_in_the_middle(scene: Scene, calm: Outcome) -> None:
    scene.arrive()
    job_id = scene.submit()
    until(lambda: asked(scene.user, f"/jobs/{job_id}")["items"]["rendering"] > 0, every_s=0.05)
    moment = scene.chaos.redeploy()
    assert all(scene.chaos.environment_of(verb)["DEPLOYED_AT"] == moment for verb in PIPELINE)
    scene.repair(job_id)
    check(scene, job_id, calm)


def test_the_api_dies_while_it_takes_a_job_and_is_asked_again(scene: Scene, calm: Outcome) -> None:
    scene.arrive()
    body = job_body(scene.user, scene.dataset, BALL)
    scene.chaos.kill_workers(serve_api=[0.02])
    path, key = f"/datasets/{scene.dataset}/jobs", {"Idempotency-Key": "asked-once"}
    first, _ = scene.user.get(path, method="POST", body=body, headers=key)
    assert first == 502
    status, job = scene.user.get(path, method="POST", body=body, headers=key)
    while status in {409, 503}:
        time.sleep(0.2)
        status, job = scene.user.get(path, method="POST", body=body, headers=key)
    assert status == 202, json.dumps(job)
    scene.repair(job["job_id"])
    check(scene, job["job_id"], calm)
    assert len(asked(scene.user, "/jobs")["items"]) == 1
