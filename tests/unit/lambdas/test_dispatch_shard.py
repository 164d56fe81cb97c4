"""Requests to the endpoint: one name, one content."""

from __future__ import annotations

from maskmill.core import keys
from maskmill.core.prompt import MaskChoice, Prompt
from maskmill.core.shard import ShardRequest
from tests.unit.lambdas.scene import SEGMENTER, TEMPLATE, TENANT, Scene, mask


def dispatched(*, is_known: bool) -> tuple[str, ShardRequest]:
    """The request for two images, when the mask of the first is known already and when it is not."""
    scene = Scene()
    scene.submit()
    scene.plan()
    if is_known:
        pixels = f"{0:064x}"
        prompt = TEMPLATE.prompt or Prompt()
        key = keys.mask_key_of(pixels_sha256=pixels, prompt=prompt, choice=MaskChoice.BEST, segmenter=SEGMENTER)
        scene.media.put(keys.mask(TENANT, pixels, key), b"{}", media_type="application/json")
    request_key = scene.dispatch()
    return request_key, ShardRequest.model_validate_json(scene.work.get(request_key))


def test_requests_that_ask_for_different_masks_have_different_names() -> None:
    """Two dispatchers met: the one that lost the lease had overwritten what the other's answer was checked against.

    Every answer of that attempt was then taken for a mask that does not fit, and a good image could fail.
    """
    (whole_key, whole), (rest_key, rest) = dispatched(is_known=False), dispatched(is_known=True)
    assert (len(whole.images), len(rest.images)) == (2, 1)
    assert whole_key != rest_key


def test_the_same_request_has_the_same_name() -> None:
    assert dispatched(is_known=False) == dispatched(is_known=False)
