"""What an ended job took is counted where it happens, once, and stands beside what was thought of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from maskmill.core.api import JobView
from maskmill.core.bill import Actual
from maskmill.core.image import Refusal
from maskmill.core.prices import Resource
from maskmill.core.shard import ImageAnswer, ImageTask
from maskmill.core.table import Key
from maskmill.core.work import ROW_KB_FACT
from tests.simulation.cloud import at_once
from tests.unit.lambdas.studio import BOX, Studio, picture


class Shop:
    """A studio with three photos and two templates of the segmenter's, and one of the whole picture."""

    def __init__(self, **more: Any) -> None:
        self.studio = Studio(worked_ms=1500, **more)
        files = {f"{number}.png": picture(number) for number in range(3)}
        self.dataset_id, _ = self.studio.dataset(**files)
        ball, box = self.studio.template(self.dataset_id, "ball"), self.box()
        whole = self.studio.template(self.dataset_id, "all", placement="whole")
        layers = [{"region": ball, "edits": {"hue": 60}}, {"region": box, "edits": {"noise": 0.1}}]
        self.recipe = {"templates": [ball, box, whole], "layers": layers, "samples_per_image": 2}

    def box(self) -> str:
        return self.studio.template(self.dataset_id, "box", prompt={"points": [BOX]})

    def run(self, **more: Any) -> Actual:
        job = self.studio.job(self.dataset_id, {**self.recipe, **more})
        assert job.cost.actual is not None
        return job.cost.actual


def test_a_first_job_makes_everything_and_a_second_one_nothing() -> None:
    shop = Shop()
    first, second = shop.run(), shop.run()
    assert (first.images, first.images_failed) == (second.images, second.images_failed) == (3, 0)
    assert (first.masks_computed, first.masks_reused) == (6, 0)
    assert (second.masks_computed, second.masks_reused) == (0, 6)
    # without noise both samples are one picture, which is made once
    assert (first.variants_made, first.variants_reused) == (3 * 3, 3)
    assert (second.variants_made, second.variants_reused) == (0, 12)
    assert first.made_bytes > 0 == second.made_bytes
    assert first.dataset_bytes == second.dataset_bytes > 0
    assert second.cost.dollars < first.cost.dollars


def test_the_segmenters_own_time_is_what_its_answers_say() -> None:
    shop = Shop()
    actual = shop.run()
    shards = len(shop.studio.asked)
    assert actual.segmenting_s == shards * 1.5
    (line,) = (line for line in actual.cost.lines if line.resource is Resource.INSTANCE_S)
    assert line.amount == actual.segmenting_s


def test_a_segmenter_that_says_nothing_of_its_time_costs_nothing() -> None:
    shop = Shop()
    shop.studio.worked_ms = None
    assert shop.run().segmenting_s == 0


def test_new_edits_on_known_masks_cost_no_segmenter() -> None:
    shop = Shop()
    shop.run()
    other = shop.run(layers=[{"region": shop.recipe["templates"][0], "edits": {"hue": -60}}])
    assert (other.masks_computed, other.segmenting_s, other.variants_made) == (0, 0, 3)


def test_items_that_failed_are_told_apart() -> None:
    def see(studio: Studio, task: ImageTask) -> ImageAnswer:
        if task.image_key.endswith(".1"):
            return ImageAnswer(image_key=task.image_key, error=Refusal(code="model_failed", message="no"))
        return studio.look(task)

    actual = Shop(see=see).run()
    assert (actual.images, actual.images_failed, actual.masks_computed) == (2, 1, 4)


def test_the_time_to_the_first_picture_and_to_the_end_are_told() -> None:
    actual = Shop().run()
    assert actual.waited_s is not None
    assert 0 < actual.waited_s <= actual.took_s


def test_an_open_job_has_no_figures_yet_and_one_without_a_result_says_so() -> None:
    shop = Shop()
    job_id = shop.studio.submit(shop.dataset_id, shop.recipe)
    assert shop.studio.view(job_id).cost.actual is None

    def see(studio: Studio, task: ImageTask) -> ImageAnswer:
        return ImageAnswer(image_key=task.image_key, error=Refusal(code="model_failed", message="no"))

    actual = Shop(see=see).run()
    assert (actual.images, actual.variants_made, actual.waited_s, actual.dataset_bytes) == (0, 0, None, 0)


@pytest.mark.parametrize("worked_ms", [None, 0, 90_000])
def test_how_long_it_took_is_in_no_file_of_the_dataset(worked_ms: int | None) -> None:
    shop, other = Shop(), Shop()
    other.studio.worked_ms = worked_ms
    other.studio.pipeline.world.now_s += 1234.5
    ours, theirs = (one.studio.archive(one.studio.job(one.dataset_id, one.recipe).job_id) for one in (shop, other))
    assert ours == theirs


# Requests -----------------------------------------------------------------------------------------------------------

MEASURES = {
    Resource.TABLE_READS: {"table.get", "table.get_all", "table.query"},
    Resource.TABLE_WRITES: {"table.write", "table.create_all"},
    Resource.OBJECT_READS: {f"{bucket}.{verb}" for bucket in ("media", "work") for verb in ("get", "head")},
    Resource.OBJECT_WRITES: {"media.put", "work.put"},
}


def counted(studio: Studio, act: Callable[[], Any]) -> Counter[str]:
    """The calls of the ports that something makes; of many rows at once each, as it is paid for."""
    calls: Counter[str] = Counter()
    written: list[Key] = []

    def call(service: str, label: str, effect: Callable[[], Any]) -> Any:
        written.clear()
        found = effect()
        if service == "table.get_all":
            calls[service] += len(found)
        elif service == "table.create_all":
            twice = 2 if len(written) > 1 else 1
            calls[service] += twice * sum(map(_kilobytes, written))
        else:
            calls[service] += 1
        return found

    def _kilobytes(key: Key) -> int:
        return ROW_KB_FACT if key.sk.startswith(("MASK#", "LABEL#")) else 1

    studio.pipeline.table.watch.append(lambda key, _before, _after: written.append(key))

    parts = [getattr(studio.pipeline, name) for name in ("table", "media", "work", "queues", "endpoint")]
    for part in parts:
        part.call = call
    act()
    for part in parts:
        part.call = at_once
    return calls


@pytest.mark.parametrize("is_known", [False, True])
@pytest.mark.parametrize(("images", "samples"), [(3, 1), (12, 4)])
def test_the_bill_counts_the_requests_that_the_functions_make(images: int, samples: int, is_known: bool) -> None:
    """Within a quarter, each kind: rows and objects are counted call by call, a write as its kilobytes."""
    studio = Studio()
    dataset_id, _ = studio.dataset(**{f"{number}.png": picture(number) for number in range(images)})
    ball = studio.template(dataset_id, "ball")
    recipe = {"templates": [ball], "layers": [{"region": ball, "edits": {"noise": 0.1}}], "samples_per_image": samples}
    if is_known:
        studio.job(dataset_id, recipe)
    seen: list[JobView] = []
    calls = counted(studio, lambda: seen.append(studio.job(dataset_id, recipe)))
    actual = seen[0].cost.actual
    assert actual is not None
    amounts = {line.resource: line.amount for line in actual.cost.lines}
    for resource, services in MEASURES.items():
        asked = sum(calls[service] for service in services)
        assert 0.75 * asked <= amounts[resource] <= 1.35 * asked, (resource, asked, amounts[resource], calls)
