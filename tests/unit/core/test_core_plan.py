"""How a job is cut: into requests to the segmenter and into runs that render."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskmill.core.limits import IMAGES_PER_JOB_MAX, RENDERED_PIXELS_MAX, SHARD_ITEMS_MAX, SHARD_S_MAX
from maskmill.core.messages import RenderItems
from maskmill.core.plan import chunk_items_of, renderings, spread
from maskmill.core.rates import pace_of

MEGAPIXELS = 1_000_000


@given(
    pixels=st.lists(st.integers(0, 50 * MEGAPIXELS), max_size=SHARD_ITEMS_MAX),
    together=st.integers(1, SHARD_ITEMS_MAX),
    variants=st.integers(0, 200),
)
def test_every_item_is_rendered_in_one_group_in_order_and_within_bounds(
    pixels: list[int], together: int, variants: int
) -> None:
    groups = list(renderings(dict(enumerate(pixels)), together=together, variants=variants))
    assert [index for group in groups for index in group] == list(range(len(pixels)))
    for group in groups:
        drawn = max(1, variants) * sum(pixels[index] for index in group)
        assert 1 <= len(group) <= together
        assert len(group) == 1 or drawn <= RENDERED_PIXELS_MAX


def test_a_small_job_is_spread_item_by_item_and_a_large_one_in_groups() -> None:
    assert [spread(images, over=50) for images in (0, 1, 50, 51, 1000, IMAGES_PER_JOB_MAX)] == [
        1, 1, 1, 2, 20, SHARD_ITEMS_MAX,
    ]  # fmt: skip


@pytest.mark.parametrize(("images", "least", "wanted"), [(12, 4, 4), (80, 4, 4), (1000, 4, 50), (3, 25, 25)])
def test_a_request_holds_the_stages_number_of_images_or_more_in_a_large_job(
    images: int, least: int, wanted: int
) -> None:
    assert chunk_items_of(images, templates=1, segmenter="classic-1", least=least) == wanted


@given(images=st.integers(0, IMAGES_PER_JOB_MAX), templates=st.integers(1, 16), least=st.integers(1, SHARD_ITEMS_MAX))
def test_a_request_keeps_the_segmenter_for_a_bounded_time(images: int, templates: int, least: int) -> None:
    """Of 16 prompts on each of 25 images, the classic segmenter would make a request of six minutes."""
    pace = pace_of("classic-1")
    held = chunk_items_of(images, templates=templates, segmenter="classic-1", least=least)
    assert held == 1 or held * (pace.image_s + pace.mask_s * templates) <= SHARD_S_MAX


def test_a_message_of_one_item_that_was_sent_before_an_upgrade_is_understood() -> None:
    old = '{"kind": "render", "v": 1, "tenant": "a", "job_id": "j", "chunk": 2, "index": 7}'
    assert RenderItems.model_validate_json(old) == RenderItems(tenant="a", job_id="j", chunk=2, indices=(7,))
