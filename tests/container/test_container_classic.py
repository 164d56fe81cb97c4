"""The classic segmenter behind the real server: its bytes do not depend on the company that an image has."""

import resource

import numpy as np
import pytest

from inference_container.segmenter import Picture, chosen
from inference_container.segmenters.classic import ClassicSegmenter
from maskmill.core.geometry import Size
from maskmill.core.mask import Mask
from maskmill.core.prompt import MaskChoice
from maskmill.core.shard import ShardAnswer
from tests.container.conftest import Start
from tests.container.pictures import blob, click, png, request, task, truth_of

pytestmark = pytest.mark.enable_socket

SIZES = [Size(height_px=80, width_px=110), Size(height_px=120, width_px=60), Size(height_px=40, width_px=40)]


def masks_of(answer: ShardAnswer) -> dict[str, Mask]:
    return {mask.mask_key: mask.mask for image in answer.images for mask in image.masks}


def test_a_mask_does_not_depend_on_its_shard(start: Start) -> None:
    server = start(ClassicSegmenter(), invocations_max=2)
    tasks = []
    for index, size in enumerate(SIZES):
        image, truth = blob(size, seed=index)
        server.source.put(f"s3://pictures/{index}.png", png(image))
        tasks.append(task(str(index), size, click(truth), click(blob(size, centre=(0.45, 0.55))[1])))
    together = masks_of(server.invoke(request(*tasks, segmenter="classic-1")))
    backwards = masks_of(server.invoke(request(*reversed(tasks), segmenter="classic-1")))
    alone: dict[str, Mask] = {}
    for one in tasks:
        for prompt in reversed(one.prompts):
            single = one.model_copy(update={"prompts": (prompt,)})
            alone |= masks_of(server.invoke(request(single, segmenter="classic-1")))
    assert len(together) == 6
    assert together == backwards == alone


def test_pictures_with_alpha_and_grey_pictures_are_answered(start: Start) -> None:
    server = start(ClassicSegmenter())
    image, truth = blob(SIZES[0])
    alpha = np.dstack([image, np.full(truth.shape, 128, np.uint8)])
    server.source.put("s3://pictures/rgb.png", png(image))
    server.source.put("s3://pictures/rgba.png", png(alpha))
    server.source.put("s3://pictures/grey.png", png(image, "L"))
    tasks = [task(name, SIZES[0], click(truth)) for name in ("rgb", "rgba", "grey")]
    masks = masks_of(server.invoke(request(*tasks, segmenter="classic-1")))
    assert masks["rgb/0"] == masks["rgba/0"]
    assert (truth_of(masks["grey/0"].rle) & truth).any()


@pytest.mark.slow
def test_the_largest_image_is_cut_with_little_more_than_its_own_memory() -> None:
    segmenter = ClassicSegmenter()
    segmenter.setup()
    image, truth = blob(Size(height_px=600, width_px=800))
    large = np.repeat(np.repeat(image, 10, axis=0), 10, axis=1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    [candidates] = segmenter.segment(segmenter.embed(Picture.whole(large)), [click(truth)])
    mask = chosen(candidates, MaskChoice.BEST).bitmap()
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert mask.shape == (6000, 8000)
    expected = np.repeat(np.repeat(truth, 10, axis=0), 10, axis=1)
    assert (mask & expected).sum() / (mask | expected).sum() > 0.97
    assert grown_kib < 400 * 1024
