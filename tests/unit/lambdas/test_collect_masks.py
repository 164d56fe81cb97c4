"""What becomes of the endpoint's answers, good ones and others."""

from __future__ import annotations

import pytest

from lambdas.collect_masks import logic as collect_masks
from lambdas.known import in_order
from maskmill.core import keys
from maskmill.core.errors import Code, Unavailable, message_of
from maskmill.core.fact import mask_fact
from maskmill.core.image import Refusal
from maskmill.core.item import ItemStatus
from maskmill.core.limits import MODEL_ATTEMPTS_MAX
from maskmill.core.mask import Mask
from maskmill.core.messages import DispatchItems, RenderItems
from maskmill.core.shard import ShardRequest
from tests.unit.lambdas.scene import JOB, TENANT, Scene, mask


@pytest.fixture
def scene() -> Scene:
    made = Scene()
    made.submit()
    made.plan()
    return made


def test_good_masks_are_kept_and_their_items_go_to_rendering(scene: Scene) -> None:
    request = scene.dispatch()
    scene.answer(request, scene.good_answer(request))
    assert {item.status for item in scene.chunk().items.values()} == {ItemStatus.RENDERING}
    assert [type(message) for message in scene.sent()] == [RenderItems, RenderItems]


@pytest.mark.parametrize("code", ["model_timeout", "invalid_mask", "unavailable", "internal"])
def test_an_image_that_its_shard_left_no_room_for_is_asked_for_again_alone(scene: Scene, code: str) -> None:
    """The server answers `model_timeout` for images that came too late in a slow shard: that is no verdict on them."""
    request = scene.dispatch()
    scene.answer(request, scene.good_answer(request, _0_1=Refusal(code=code, message="no time left")))
    items = scene.chunk().items
    assert (items[0].status, items[1].status) == (ItemStatus.RENDERING, ItemStatus.SEGMENTING)
    assert scene.sent()[-1] == DispatchItems(tenant=TENANT, job_id=JOB, chunk=0, indices=(1,))


def test_an_image_that_never_fits_fails_with_the_last_reason_after_its_attempts(scene: Scene) -> None:
    request = scene.dispatch()
    for _ in range(MODEL_ATTEMPTS_MAX):
        request = scene.dispatch((1,))
        scene.answer(request, scene.good_answer(request, _0_1=Refusal(code="model_timeout", message="")))
    item = scene.chunk().items[1]
    assert item.status is ItemStatus.FAILED
    assert item.refusal == Refusal(code="model_timeout", message=message_of(Code.MODEL_TIMEOUT))


@pytest.mark.parametrize("code", ["too_complex", "of its own making", "x" * 100_000])
def test_a_servers_own_words_never_reach_a_row_or_a_user(scene: Scene, code: str) -> None:
    """25 refusals of any length would burst the chunk's row, and might tell of paths and hosts."""
    request = scene.dispatch()
    error = Refusal(code=code, message="/opt/ml/model: " + "x" * 1_000_000)
    scene.answer(request, scene.good_answer(request, _0_0=error))
    refusal = scene.chunk().items[0].refusal
    assert refusal is not None
    expected = Code.TOO_COMPLEX if code == "too_complex" else Code.MODEL_FAILED
    assert refusal == Refusal(code=expected.value, message=message_of(expected))


def test_an_answer_that_is_too_large_to_read_is_asked_for_again_in_pieces(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It used to fail five times and reach the dead letters, and its items waited for their leases to end."""
    request = scene.dispatch()
    monkeypatch.setattr(collect_masks, "MODEL_ANSWER_BYTES_MAX", 10)
    scene.answer(request, b"x" * 11)
    indices = [message.indices for message in scene.sent() if isinstance(message, DispatchItems)]
    assert indices == [(0,), (1,)]


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("Invocation Timed Out while waiting for a response from the container", "model_timeout"),
        ("ModelInvocationTimeout", "model_timeout"),
        ("Received server error (500) from model", "model_failed"),
    ],
)
def test_the_endpoints_reason_becomes_a_code_after_the_last_attempt(scene: Scene, reason: str, code: str) -> None:
    scene.dispatch()
    for _ in range(MODEL_ATTEMPTS_MAX):
        request = scene.dispatch((1,))
        collect_masks.collect_failure(scene.collecting, request, reason, None)
    item = scene.chunk().items[1]
    assert item.refusal is not None
    assert (item.status, item.refusal.code) == (ItemStatus.FAILED, code)


def test_an_answer_of_another_segmenter_keeps_nothing(scene: Scene) -> None:
    """Its masks would be found, for ever, under the name of the segmenter that was asked."""
    request = scene.dispatch()
    scene.answer(request, scene.good_answer(request).model_copy(update={"segmenter": "sam-vit-b-0"}))
    refusals = [item.refusal for item in scene.chunk().items.values()]
    assert [refusal.code for refusal in refusals if refusal] == ["wrong_segmenter"] * 2
    assert not [key for key in scene.table.rows if key.sk.startswith("MASK#")]


def test_the_first_mask_of_a_key_stays(scene: Scene) -> None:
    """An endpoint that works on a request twice may answer a little differently, and labels exist of the first."""
    request = scene.dispatch()
    first = scene.good_answer(request)
    scene.answer(request, first)
    (task, _) = ShardRequest.model_validate_json(scene.work.get(request)).images
    images = tuple(
        image.model_copy(
            update={"masks": tuple(one.model_copy(update={"mask": mask(task.size, "y")}) for one in image.masks)}
        )
        for image in first.images
    )
    scene.answer(request, first.model_copy(update={"images": images}))
    fact = mask_fact(f"{0:064x}", task.prompts[0].mask_key)
    (kept,) = in_order(scene.table, scene.media, TENANT, [fact])
    assert Mask.model_validate_json(kept).rle.counts == "x"


def test_a_reason_that_cannot_be_read_right_now_is_read_later(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taking a throttled read for "no reason given" would ask a replaced segmenter three times more."""
    request = scene.dispatch()
    reason = keys.answer_folders(TENANT, JOB)[1] + request.rsplit("/", 1)[1]

    def get(key: str, *, bytes_max: int | None = None) -> bytes:
        if key == reason:
            raise Unavailable
        return scene.work.objects[key]

    monkeypatch.setattr(type(scene.work), "get", lambda _self, key, bytes_max=None: get(key, bytes_max=bytes_max))
    with pytest.raises(Unavailable):
        collect_masks.collect_failure(scene.collecting, request, "500", f"s3://work/{reason}")


def test_an_answer_that_lies_where_another_requests_lies_changes_nothing(scene: Scene) -> None:
    """A callback is a pointer, and one that points elsewhere must not burn an attempt."""
    request = scene.dispatch()
    folder, _ = keys.answer_folders(TENANT, JOB)
    scene.work.put(f"{folder}{'0' * 24}.json", b"{}", media_type="application/json")
    before, _ = scene.chunk(), scene.sent()
    collect_masks.collect_success(scene.collecting, request, f"s3://work/{folder}{'0' * 24}.json")
    assert scene.chunk() == before and scene.sent() == []
