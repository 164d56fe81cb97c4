"""What a job may cost at most, whatever is repeated: attempts at its masks, calls of the endpoint, and no loose ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from maskmill.core.limits import MODEL_ATTEMPTS_MAX
from maskmill.core.shard import ShardRequest

if TYPE_CHECKING:
    from tests.simulation.pipeline import Pipeline

CALLS_PER_REQUEST_MAX = 12  # a call whose answer is lost is made again with every delivery of its message


def excesses(pipeline: Pipeline) -> Iterator[str]:
    """What went beyond its bound, at rest."""
    calls = Counter(pipeline.endpoint.invocations)
    yield from (f"{key} was sent {times} times" for key, times in calls.items() if times > CALLS_PER_REQUEST_MAX)
    asked: Counter[str] = Counter()
    for key in calls:
        data = pipeline.work.objects.get(key)  # removed with its dataset, perhaps
        if data is not None:
            job = key.split("/requests/")[0]
            asked.update(f"{job} item {image.image_key}" for image in ShardRequest.model_validate_json(data).images)
    yield from (
        f"{item} was asked for by {times} requests" for item, times in asked.items() if times > MODEL_ATTEMPTS_MAX
    )
    if not pipeline.post.is_at_rest:
        yield f"{pipeline.post.undelivered} messages are left, and {pipeline.post.running} functions run"
