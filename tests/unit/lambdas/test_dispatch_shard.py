"""Requests to the endpoint: one name, one content."""

from __future__ import annotations

from lambdas.known import keep_first
from maskmill.core import keys
from maskmill.core.fact import mask_fact
from maskmill.core.geometry import Point, Size
from maskmill.core.mask import Rle
from maskmill.core.prompt import Placement, Prompt, Template
from maskmill.core.shard import ShardRequest
from tests.unit.lambdas.scene import SEGMENTER, TEMPLATE, TENANT, Scene

GIVEN = Rle(size=Size(height_px=30, width_px=40), counts="0`U1")
CAP = Template(name="cap", prompt=Prompt(points=(Point(x=0.1, y=0.1),)))


def dispatched(*, is_known: bool) -> tuple[str, ShardRequest]:
    """The request for an image's two masks, when one of them is known already and when it is not."""
    scene = Scene()
    scene.submit(u=CAP)
    scene.plan(items=1)
    pixels = f"{0:064x}"
    if is_known and CAP.prompt is not None:
        known = keys.mask_key_of(pixels_sha256=pixels, prompt=CAP.prompt, choice=CAP.choice, segmenter=SEGMENTER)
        keep_first(scene.table, scene.media, TENANT, {mask_fact(pixels, known): b"{}"})
    request_key = scene.dispatch()
    return request_key, ShardRequest.model_validate_json(scene.work.get(request_key))


def test_requests_that_ask_for_different_masks_have_different_names() -> None:
    """Two dispatchers met: the one that lost the lease had overwritten what the other's answer was checked against.

    Every answer of that attempt was then taken for a mask that does not fit, and a good image could fail.
    """
    (whole_key, whole), (rest_key, rest) = dispatched(is_known=False), dispatched(is_known=True)
    assert (len(whole.images[0].prompts), len(rest.images[0].prompts)) == (2, 1)
    assert whole_key != rest_key


def test_the_same_request_has_the_same_name() -> None:
    assert dispatched(is_known=False) == dispatched(is_known=False)


def test_a_mask_that_a_template_brings_along_is_not_asked_for() -> None:
    scene = Scene()
    given = Template(name="part", placement=Placement.MASK, prompt=Prompt(previous=GIVEN))
    scene.submit(u=given)
    scene.plan(items=1)
    request = ShardRequest.model_validate_json(scene.work.get(scene.dispatch()))
    assert [task.prompt.points for task in request.images[0].prompts] == [TEMPLATE.prompt and TEMPLATE.prompt.points]


def test_an_engine_with_weights_is_told_where_to_keep_what_it_knows_of_a_picture() -> None:
    """At the place where the interactive lane keeps it, so that neither looks at a picture that the other has seen."""
    versions = {"sam-vit-b-ec2df6273261": True, "sam2.1-tiny-48c14467e5cf": True, "classic-1": False}
    for version, is_kept in versions.items():
        scene = Scene(segmenter=version)
        scene.submit()
        scene.plan(items=1)
        request = ShardRequest.model_validate_json(scene.work.get(scene.dispatch()))
        place = f"s3://media/{keys.embedding(TENANT, f'{0:064x}', version)}"
        assert request.images[0].embedding == (place if is_kept else None)
