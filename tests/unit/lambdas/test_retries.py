"""A retry is a new job over the same plan: what was done costs only look-ups, and its dataset is whole."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from lambdas.serve_api import jobs, submissions
from maskmill.core import rows
from maskmill.core.errors import Code, Conflict, InvalidInput, NotFound
from maskmill.core.image import Refusal
from maskmill.core.shard import ImageAnswer, ImageTask
from maskmill.core.table import Delete
from tests.unit.lambdas.studio import TENANT, Studio, picture

NAMES = ("a.png", "b.png", "c.png")


class Shop:
    """A studio with three photos and a template, whose segmenter breaks on the photos that are named."""

    def __init__(self, *, broken: tuple[str, ...] = ("b.png",), **recipe: Any) -> None:
        self.studio = Studio(see=self._see)
        self.dataset_id, self.images = self.studio.dataset(
            **{name: picture(number) for number, name in enumerate(NAMES)}
        )
        self.template = self.studio.template(self.dataset_id, "ball")
        self.broken: set[str] = set()
        for name in broken:
            self.broken.add(self._pixels(name))
        layer = {"region": self.template, "edits": {"hue": 60}}
        self.recipe = {"templates": [self.template], "layers": [layer], **recipe}

    def _pixels(self, name: str) -> str:
        row = self.studio.api.table.get(rows.image_key(TENANT, self.dataset_id, self.images[name]))
        assert row is not None
        normal = rows.image_of(row).normal
        assert normal is not None
        return normal.pixels_sha256

    def _see(self, studio: Studio, task: ImageTask) -> ImageAnswer:
        if any(pixels in task.address for pixels in self.broken):
            return ImageAnswer(image_key=task.image_key, error=Refusal(code="model_failed", message="no"))
        return studio.look(task)

    def retry(self, job_id: str, key: str | None = None) -> str:
        retry_id = submissions.retry(self.studio.api, TENANT, job_id, key).job.job_id
        self.studio.run()
        return retry_id


def test_a_retry_makes_the_dataset_whole_and_asks_only_for_what_is_missing() -> None:
    shop = Shop()
    first = shop.studio.job(shop.dataset_id, shop.recipe)
    assert (first.status, first.items.done, first.items.failed) == ("partial", 2, 1)
    shop.broken.clear()
    shop.studio.asked.clear()
    shop.studio.upload(shop.dataset_id, **{"late.png": picture(9)})  # no part of the plan
    second = shop.studio.view(shop.retry(first.job_id))
    assert (second.status, second.items.done, second.items_total) == ("succeeded", 3, 3)
    assert (second.retry_of, second.recipe) == (first.job_id, first.recipe)
    assert shop.studio.view(first.job_id).retried_by == (second.job_id,)
    assert sum(len(request.images) for request in shop.studio.asked) == 1
    names = [json.loads(line)["image_name"] for line in shop.studio.lines(second.job_id)]
    assert sorted(set(names)) == list(NAMES)


def test_a_whole_retry_has_the_bytes_of_a_job_that_never_failed() -> None:
    shop, calm = Shop(), Shop(broken=())
    first = shop.studio.job(shop.dataset_id, shop.recipe)
    shop.broken.clear()
    retried = shop.studio.files(shop.retry(first.job_id))
    job = calm.studio.job(calm.dataset_id, calm.recipe)
    assert retried == calm.studio.files(job.job_id)


def test_a_job_without_failures_or_still_open_is_not_retried() -> None:
    shop = Shop(broken=())
    job_id = shop.studio.submit(shop.dataset_id, shop.recipe)
    with pytest.raises(Conflict, match="not ended"):
        shop.retry(job_id)
    shop.studio.run()
    with pytest.raises(Conflict, match="nothing to retry"):
        shop.retry(job_id)
    with pytest.raises(NotFound):
        shop.retry("j" + "0" * 25)


def test_the_same_key_names_the_same_retry_and_another_body_is_a_mismatch() -> None:
    shop = Shop(broken=("a.png", "b.png"))
    first = shop.studio.job(shop.dataset_id, shop.recipe, key="first")
    retry_id = shop.retry(first.job_id, key="again")
    assert shop.retry(first.job_id, key="again") == retry_id
    assert shop.studio.view(first.job_id).retried_by == (retry_id,)
    with pytest.raises(InvalidInput) as refused:
        shop.retry(first.job_id, key="first")
    assert refused.value.code is Code.IDEMPOTENCY_MISMATCH


def test_retries_make_a_chain_and_two_of_one_job_do_not_run_at_once() -> None:
    shop = Shop()
    first = shop.studio.job(shop.dataset_id, shop.recipe)
    second = shop.retry(first.job_id)
    assert shop.studio.view(second).status == "partial"
    shop.broken.clear()
    open_id = submissions.retry(shop.studio.api, TENANT, second, None).job.job_id
    with pytest.raises(Conflict, match="running already"):
        submissions.retry(shop.studio.api, TENANT, second, None)
    shop.studio.run()
    assert [shop.studio.view(job).retry_of for job in (second, open_id)] == [first.job_id, second]
    assert shop.studio.view(open_id).status == "succeeded"


def test_a_cancelled_job_can_be_taken_up_again() -> None:
    shop = Shop(broken=())
    job_id = shop.studio.submit(shop.dataset_id, shop.recipe)
    jobs.cancel(shop.studio.api, TENANT, job_id)
    shop.studio.run()
    assert shop.studio.view(job_id).status == "cancelled"
    assert shop.studio.view(shop.retry(job_id)).status == "succeeded"


def test_an_image_that_was_removed_meanwhile_is_left_out() -> None:
    shop = Shop()
    first = shop.studio.job(shop.dataset_id, shop.recipe)
    shop.studio.api.table.write(Delete(rows.image_key(TENANT, shop.dataset_id, shop.images["b.png"])))
    second = shop.studio.view(shop.retry(first.job_id))
    assert (second.status, second.items.done, second.items_total) == ("succeeded", 2, 2)
    files = {json.loads(line)["file"] for line in shop.studio.lines(second.job_id)}
    assert {"sources/0001_a.png", "sources/0002_c.png"} < files, "numbers without a gap"


def test_a_retry_takes_the_segmenter_of_today() -> None:
    shop = Shop()
    first = shop.studio.job(shop.dataset_id, shop.recipe)
    shop.studio.api = replace(shop.studio.api, segmenter="sim-2")
    state = submissions.retry(shop.studio.api, TENANT, first.job_id, None)
    assert state.job.segmenter == "sim-2"
