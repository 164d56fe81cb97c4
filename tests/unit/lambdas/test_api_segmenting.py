"""The interactive routes: what is asked of the lane, what is kept, and what each of its failures looks like."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lambdas.serve_api import handler as edge
from lambdas.serve_api import segmenting
from maskmill.core import keys, limits, rows
from maskmill.core.api import Everything, FindEverything
from maskmill.core.automask import Automask, FoundMask
from maskmill.core.engines import CLASSIC_SCORE_MIN
from maskmill.core.geometry import Point, Size
from maskmill.core.image import Refusal
from maskmill.core.mask import Mask, Rle
from maskmill.core.prompt import Prompt
from maskmill.core.runs import rle_of_runs
from maskmill.core.shard import ImageAnswer, MaskAnswer, ServerProblem, ShardAnswer, ShardRequest
from tests.contract import aws
from tests.unit.lambdas.gateway import LANE_SEGMENTER, LANE_SIDE_MAX, PROMPT, Answer, Api, mask_of, normal_image

PIXELS = normal_image().pixels_sha256


@pytest.fixture
def image(api: Api) -> str:
    """The path of a picture that is ready."""
    dataset, _, (image_id,) = api.ready_dataset()
    return f"/datasets/{dataset}/images/{image_id}"


def asked(lane: aws.LaneFunction) -> ShardRequest:
    (payload,) = lane.calls
    return ShardRequest.model_validate(payload)


# Prompts ------------------------------------------------------------------------------------------------------------


def test_a_prompt_is_answered_with_the_chosen_candidate_first(api: Api, image: str, lane: aws.LaneFunction) -> None:
    body = {"prompt": PROMPT, "choice": "1", "top_k": 3}
    answer = api.post(f"{image}/segment", body)
    assert answer.status == 200, answer.text
    assert answer.json["segmenter"] == LANE_SEGMENTER
    assert [one["score"] for one in answer.json["candidates"]] == [0.9, 0.1, 0.1]
    assert answer.json["choices"] == ["1", "0", "2"]
    assert answer.json["candidates"][0]["rle"] == {"size": {"height_px": 30, "width_px": 40}, "counts": "0`U1"}
    (task,) = asked(lane).images
    assert task.prompts[0].prompt == Prompt(points=(Point(x=0.5, y=0.5),))
    assert (task.prompts[0].choice, task.prompts[0].top_k, task.size) == ("1", 3, normal_image().size)


def test_without_more_one_candidate_comes(api: Api, image: str, lane: aws.LaneFunction) -> None:
    answer = api.post(f"{image}/segment", {"prompt": PROMPT}).json
    assert (len(answer["candidates"]), answer["choices"]) == (1, [None])
    assert asked(lane).images[0].prompts[0].choice == "best"


def test_a_lane_that_does_not_say_which_candidates_it_sends_is_understood(
    api: Api, image: str, lane: aws.LaneFunction
) -> None:
    """A lane is as old as its last deployment."""
    masks = [mask.model_dump(mode="json") for mask in (mask_of(0.9), mask_of(0.1))]
    entry = {"mask_key": "0", "mask": masks[0], "others": masks[1:]}
    shard = {"segmenter": LANE_SEGMENTER, "images": [{"image_key": "0", "masks": [entry]}]}
    lane.reply = lambda _payload: aws.answering(ShardAnswer.model_validate(shard))
    answer = api.post(f"{image}/segment", {"prompt": PROMPT, "top_k": 2}).json
    assert (len(answer["candidates"]), answer["choices"]) == (2, [None, None])


def test_the_lane_is_named_addresses_of_the_tenant_alone(api: Api, image: str, lane: aws.LaneFunction) -> None:
    api.post(f"{image}/segment", {"prompt": PROMPT})
    (task,) = asked(lane).images
    assert task.address == f"s3://{aws.MEDIA}/{keys.normal(api.tenant, PIXELS)}"
    assert task.embedding == f"s3://{aws.MEDIA}/{keys.embedding(api.tenant, PIXELS, LANE_SEGMENTER)}"


def test_the_parts_of_the_first_candidate_come_when_they_are_asked_for(
    api: Api, image: str, lane: aws.LaneFunction
) -> None:
    """Two bars of 30 rows in a picture of 40 columns; the wider one first."""
    two = rle_of_runs([300, 90, 300, 150, 360], Size(height_px=30, width_px=40))
    answered = MaskAnswer(mask_key="0", mask=Mask(rle=two, score=0.9))
    shard = ShardAnswer(segmenter=LANE_SEGMENTER, images=(ImageAnswer(image_key="0", masks=(answered,)),))
    lane.reply = lambda _payload: aws.answering(shard)
    answer = api.post(f"{image}/segment", {"prompt": PROMPT, "parts_max": 8})
    assert answer.status == 200, answer.text
    assert [part["area_px"] for part in answer.json["parts"]] == [150, 90]
    assert answer.json["parts"][0]["box"] == {"x": 23, "y": 0, "width": 5, "height": 30}
    assert len(api.post(f"{image}/segment", {"prompt": PROMPT, "parts_max": 1}).json["parts"]) == 1
    assert api.post(f"{image}/segment", {"prompt": PROMPT}).json["parts"] == []


def test_a_mask_that_is_none_is_the_lanes_failure(api: Api, image: str, lane: aws.LaneFunction) -> None:
    answered = MaskAnswer(mask_key="0", mask=mask_of(0.9, counts="1"))
    found = FoundMask(mask=mask_of(0.9, counts="1"), stability=1.0, point=Point(x=0.3, y=0.3))
    answer = ImageAnswer(image_key="0", masks=(answered,), found=(found,))
    lane.reply = lambda _payload: aws.answering(ShardAnswer(segmenter=LANE_SEGMENTER, images=(answer,)))
    assert api.post(f"{image}/segment", {"prompt": PROMPT, "parts_max": 8}).code == "model_failed"
    assert api.post(f"{image}/automask", {"at": {"x": 0.5, "y": 0.5}}).code == "model_failed"


BAD_PROMPTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "no prompt": ({}, "/prompt", "invalid_request"),
    "nothing to look for": ({"prompt": {}}, "/prompt", "need_positive_point"),
    "negative points only": (
        {"prompt": {"points": [{"x": 0.1, "y": 0.1, "positive": False}]}},
        "/prompt",
        "need_positive_point",
    ),
    "a point outside": ({"prompt": {"points": [{"x": 1.1, "y": 0.1}]}}, "/prompt/points/0/x", "invalid_request"),
    "too many points": ({"prompt": {"points": [{"x": 0.1, "y": 0.1}] * 65}}, "/prompt/points", "invalid_request"),
    "four candidates": ({"prompt": PROMPT, "top_k": 4}, "/top_k", "invalid_request"),
    "no candidate": ({"prompt": PROMPT, "top_k": 0}, "/top_k", "invalid_request"),
    "too many parts": ({"prompt": PROMPT, "parts_max": 65}, "/parts_max", "invalid_request"),
    "an unknown choice": ({"prompt": PROMPT, "choice": "3"}, "/choice", "invalid_request"),
    "an address": ({"prompt": PROMPT, "address": "s3://other/key"}, "/address", "invalid_request"),
}


@pytest.mark.parametrize(("body", "pointer", "code"), BAD_PROMPTS.values(), ids=BAD_PROMPTS)
def test_a_bad_prompt_is_refused_by_its_pointer_before_the_lane_is_called(
    api: Api, image: str, lane: aws.LaneFunction, body: dict[str, Any], pointer: str, code: str
) -> None:
    answer = api.post(f"{image}/segment", body)
    assert (answer.status, answer.code, answer.pointers) == (422, code, [pointer])
    assert lane.calls == []


# Pictures that there are not ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", ["segment", "automask", "embedding"])
def test_a_picture_that_is_not_there_yet_or_was_refused_is_a_conflict(
    api: Api, lane: aws.LaneFunction, route: str
) -> None:
    dataset = api.dataset()
    waiting, refused = api.announce(dataset, "a.jpg", "b.jpg")
    api.settle(dataset, refused, refusal=Refusal(code="corrupt_image", message="It is broken."))
    for image_id, words in ((waiting, "has not arrived"), (refused, "corrupt_image")):
        answer = ask(api, f"/datasets/{dataset}/images/{image_id}", route)
        assert (answer.status, answer.code) == (409, "conflict")
        assert words in answer.json["detail"]
    assert lane.calls == []


def ask(api: Api, image: str, route: str) -> Answer:
    if route == "embedding":
        return api.get(f"{image}/embedding")
    return api.post(f"{image}/{route}", {"prompt": PROMPT} if route == "segment" else {})


# Failures of the lane -------------------------------------------------------------------------------------------------


def refusing(code: str) -> Any:
    return lambda _payload: aws.answering(ServerProblem(code=code, message="a secret of the server"))


def failing(code: str) -> Any:
    image = ImageAnswer(image_key="0", error=Refusal(code=code, message="a secret of the server"))
    return lambda _payload: aws.answering(ShardAnswer(segmenter=LANE_SEGMENTER, images=(image,)))


def holding(*masks: Mask, images: int = 1) -> Any:
    entries = tuple(MaskAnswer(mask_key="0", mask=mask) for mask in masks)
    image = ImageAnswer(image_key="0", masks=entries)
    return lambda _payload: aws.answering(ShardAnswer(segmenter=LANE_SEGMENTER, images=(image,) * images))


OTHER_SIZE = Mask(rle=Rle(size=Size(height_px=3, width_px=4), counts="<"), score=0.5)
FAULTS: dict[str, tuple[Any, int, str]] = {
    "loading": (refusing("model_unavailable"), 503, "model_unavailable"),
    "no model for this image": (failing("model_unavailable"), 503, "model_unavailable"),
    "the store is busy": (failing("unavailable"), 503, "model_unavailable"),
    "too slow": (failing("model_timeout"), 504, "model_timeout"),
    "the model fails": (failing("model_failed"), 502, "model_failed"),
    "a picture that it cannot read": (failing("corrupt_image"), 502, "model_failed"),
    "garbage": (lambda _payload: aws.answering(b"[]"), 502, "model_failed"),
    "no mask": (holding(), 502, "model_failed"),
    "two masks": (holding(mask_of(0.5), mask_of(0.5)), 502, "model_failed"),
    "two pictures": (holding(mask_of(0.5), images=2), 502, "model_failed"),
    "a mask of another picture": (holding(OTHER_SIZE), 502, "model_failed"),
    "throttled": (lambda _payload: (429, {"x-amzn-ErrorType": "TooManyRequestsException"}, b"{}"), 503, "unavailable"),
}


@pytest.mark.parametrize(("reply", "status", "code"), FAULTS.values(), ids=FAULTS)
def test_every_failure_of_the_lane_is_a_problem_in_plain_words(
    api: Api, image: str, lane: aws.LaneFunction, reply: Any, status: int, code: str
) -> None:
    lane.reply = reply
    answer = api.post(f"{image}/segment", {"prompt": PROMPT})
    assert (answer.status, answer.code) == (status, code)
    assert "secret" not in answer.text
    assert "failed items" not in answer.text
    assert ("Retry-After" in answer.headers) == (status == 503)


def test_an_answer_that_the_gateway_cannot_carry_is_refused(api: Api, image: str, lane: aws.LaneFunction) -> None:
    long = mask_of(0.5, counts="0" * (limits.LANE_ANSWER_BYTES_MAX // 2))
    entry = MaskAnswer(mask_key="0", mask=long, others=(long, long))
    image_answer = ImageAnswer(image_key="0", masks=(entry,))
    lane.reply = lambda _payload: aws.answering(ShardAnswer(segmenter=LANE_SEGMENTER, images=(image_answer,)))
    answer = api.post(f"{image}/segment", {"prompt": PROMPT, "top_k": 3})
    assert (answer.status, answer.code) == (422, "answer_too_large")
    assert api.post(f"{image}/segment", {"prompt": PROMPT}).status == 200


# Everything -----------------------------------------------------------------------------------------------------------


def test_a_search_is_made_once_and_then_read(api: Api, image: str, lane: aws.LaneFunction) -> None:
    first = api.post(f"{image}/automask", {"score_min": 0.7})
    assert first.status == 200, first.text
    assert [one["point"]["y"] for one in first.json["masks"]] == [0.2, 0.7]
    assert asked(lane).images[0].everything == Automask(points_per_side=LANE_SIDE_MAX, score_min=0.7)
    again = api.post(f"{image}/automask", {"score_min": 0.7})
    assert (again.status, again.text, len(lane.calls)) == (200, first.text, 1)
    api.post(f"{image}/automask", {"score_min": 0.71})
    assert len(lane.calls) == 2


def test_what_lies_under_a_point_is_picked_from_the_same_search(api: Api, image: str, lane: aws.LaneFunction) -> None:
    size = Size(height_px=30, width_px=40)
    large, small = rle_of_runs([0, 1200], size), rle_of_runs([300, 90, 810], size)
    things = [
        FoundMask(mask=Mask(rle=rle, score=0.9), stability=1.0, point=Point(x=0.3, y=0.3)) for rle in (large, small)
    ]
    shard = ShardAnswer(segmenter=LANE_SEGMENTER, images=(ImageAnswer(image_key="0", found=tuple(things)),))
    lane.reply = lambda _payload: aws.answering(shard)
    assert len(api.post(f"{image}/automask", {}).json["masks"]) == 2
    under = api.post(f"{image}/automask", {"at": {"x": 0.28, "y": 0.5}}).json
    assert [one["mask"]["rle"]["counts"] for one in under["masks"]] == [small.counts, large.counts]
    assert "at" not in under["search"]
    beside = api.post(f"{image}/automask", {"at": {"x": 0.9, "y": 0.5}}).json
    assert [one["mask"]["rle"]["counts"] for one in beside["masks"]] == [large.counts]
    assert len(lane.calls) == 1
    assert api.post(f"{image}/automask", {"at": {"x": 1.1, "y": 0.5}}).pointers == ["/at/x"]


def test_a_search_asks_for_the_score_that_suits_the_segmenter(api: Api, image: str, lane: aws.LaneFunction) -> None:
    """A good mask of `classic` scores far less than one of SAM: SAM's bound would leave nothing of any photo."""
    _, _, dataset, _, image_id = image.split("/")
    ports = replace(api.ports, lane_segmenter="classic-1")
    for search in (Automask(), Automask(score_min=0.8)):
        body = FindEverything.model_validate(search.model_dump(exclude_unset=True))
        segmenting.find_everything(ports, api.tenant, dataset, image_id, body)
    scores = [call["images"][0]["everything"]["score_min"] for call in lane.calls]
    assert scores == [CLASSIC_SCORE_MIN, 0.8]
    assert Automask().score_min > CLASSIC_SCORE_MIN


def test_a_search_of_one_tenant_is_not_read_by_another(
    api: Api, other: Api, image: str, lane: aws.LaneFunction
) -> None:
    """The picture is the same, and so is the search."""
    api.post(f"{image}/automask", {})
    dataset, _, (image_id,) = other.ready_dataset()
    other.post(f"/datasets/{dataset}/images/{image_id}/automask", {})
    assert len(lane.calls) == 2


def test_a_kept_search_that_is_not_understood_is_made_again(api: Api, image: str, lane: aws.LaneFunction) -> None:
    search = Automask(points_per_side=LANE_SIDE_MAX)
    key = keys.automask(api.tenant, PIXELS, keys.search_id_of(search, segmenter=LANE_SEGMENTER))
    api.ports.media.put(key, b'{"words": "of a later version"}', media_type="application/json")
    assert api.post(f"{image}/automask", {}).status == 200
    assert Everything.model_validate_json(api.ports.media.get(key)).search == search
    assert len(lane.calls) == 1


def test_the_name_of_a_search_follows_from_what_is_searched_and_by_whom() -> None:
    search = Automask(points_per_side=8)
    name = keys.search_id_of(search, segmenter="sam-vit-b-ec2df6273261")
    assert name == keys.search_id_of(Automask(points_per_side=8), segmenter="sam-vit-b-ec2df6273261")
    assert name != keys.search_id_of(search, segmenter="sam-vit-l-3adcc4315b64")
    assert name != keys.search_id_of(Automask(points_per_side=9), segmenter="sam-vit-b-ec2df6273261")


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"points_per_side": LANE_SIDE_MAX + 1}, ["/points_per_side"]),
        ({"crop_layers": 1}, ["/crop_layers"]),
        ({"points_per_side": 64, "crop_layers": 2}, ["/points_per_side", "/crop_layers"]),
        ({"points_per_side": 0}, ["/points_per_side"]),
        ({"score_min": 1.5}, ["/score_min"]),
        ({"points": 8}, ["/points"]),
    ],
)
def test_a_search_beyond_the_lane_is_refused_before_it_is_called(
    api: Api, image: str, lane: aws.LaneFunction, body: dict[str, Any], pointers: list[str]
) -> None:
    answer = api.post(f"{image}/automask", body)
    assert (answer.status, answer.code, answer.pointers) == (422, "invalid_request", pointers)
    assert lane.calls == []


def test_a_failed_search_is_not_kept(api: Api, image: str, lane: aws.LaneFunction) -> None:
    lane.reply = failing("model_timeout")
    assert api.post(f"{image}/automask", {}).code == "model_timeout"
    search_id = keys.search_id_of(Automask(points_per_side=LANE_SIDE_MAX), segmenter=LANE_SEGMENTER)
    assert api.ports.media.head(keys.automask(api.tenant, PIXELS, search_id)) is None


# Embeddings -----------------------------------------------------------------------------------------------------------


def test_an_embedding_is_made_once_and_has_a_signed_address(api: Api, image: str, lane: aws.LaneFunction) -> None:
    first = api.get(f"{image}/embedding")
    assert (first.status, first.json["segmenter"]) == (200, LANE_SEGMENTER)
    decoder = {name: first.json[name] for name in ("decoder_url", "frame_px")}
    assert decoder == {"decoder_url": f"/models/{LANE_SEGMENTER}/decoder.onnx", "frame_px": 1024}
    assert keys.embedding(api.tenant, PIXELS, LANE_SEGMENTER) in first.json["url"]
    (task,) = asked(lane).images
    assert (task.prompts, task.everything) == ((), None)
    assert api.get(f"{image}/embedding").status == 200
    assert len(lane.calls) == 1


def test_while_the_lane_is_loading_an_embedding_is_promised(api: Api, image: str, lane: aws.LaneFunction) -> None:
    lane.reply = refusing("model_unavailable")
    answer = api.get(f"{image}/embedding")
    assert (answer.status, answer.json["segmenter"], answer.json["url"]) == (202, LANE_SEGMENTER, None)
    assert answer.json["decoder_url"], "it can be fetched meanwhile"
    assert int(answer.headers["Retry-After"]) > 0


def test_an_answer_without_the_embedding_is_a_failure(api: Api, image: str, lane: aws.LaneFunction) -> None:
    lane.reply = holding()
    assert api.get(f"{image}/embedding").code == "model_failed"


def test_embeddings_that_no_browser_can_decode_come_without_a_decoder(
    api: Api, image: str, lane: aws.LaneFunction, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = "sam2.1-tiny-48c14467e5cf"
    monkeypatch.setenv("LANE_SEGMENTER", version)
    edge.connect.cache_clear()
    try:
        api.ports.media.put(keys.embedding(api.tenant, PIXELS, version), b"kept", media_type="x")
        view = api.get(f"{image}/embedding").json
        assert (view["segmenter"], view["decoder_url"], view["frame_px"]) == (version, None, None)
    finally:
        edge.connect.cache_clear()


def test_a_segmenter_without_weights_keeps_no_embeddings(
    api: Api, image: str, lane: aws.LaneFunction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANE_SEGMENTER", "classic-1")
    edge.connect.cache_clear()
    try:
        answer = api.get(f"{image}/embedding")
        assert (answer.status, answer.code) == (409, "conflict")
        assert lane.calls == []
        assert api.post(f"{image}/segment", {"prompt": PROMPT}).status == 200
        assert asked(lane).images[0].embedding is None
    finally:
        edge.connect.cache_clear()


def test_the_rows_of_a_picture_stay_as_they_are(api: Api, image: str, lane: aws.LaneFunction) -> None:
    """Whatever is asked of the lane, a job over the picture computes what it needs by itself."""
    _, _, dataset, _, image_id = image.split("/")
    before = api.ports.table.get(rows.image_key(api.tenant, dataset, image_id))
    for route in ("segment", "automask", "embedding"):
        assert ask(api, image, route).status == 200
    assert api.ports.table.get(rows.image_key(api.tenant, dataset, image_id)) == before
