"""The messages between the functions of the pipeline; it knows no queue.

A message is a hint: it names rows, and the rows are the truth. Losing, repeating or reordering messages may change
only latency. `v` is the version of the shape; a function accepts the versions that it knows.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from maskmill.core.export import ExportFormat
from maskmill.core.limits import SHARD_ITEMS_MAX
from maskmill.core.model import Model


class QueueName(StrEnum):
    """The queues of the pipeline, by what their consumer does."""

    INGEST = "ingest"
    PLAN = "plan"
    DISPATCH = "dispatch"
    COLLECT = "collect"
    RENDER = "render"
    FINISH = "finish"
    WEBHOOK = "webhook"
    EXPORT = "export"
    REMOVE = "remove"


class IngestUpload(Model):
    """This upload has arrived: what the sweep sends when the store's own event was lost."""

    kind: Literal["ingest"] = "ingest"
    v: Literal[1] = 1
    tenant: str
    dataset_id: str
    image_id: str


class RemoveDataset(Model):
    """Go on with the removal of this dataset."""

    kind: Literal["remove_dataset"] = "remove_dataset"
    v: Literal[1] = 1
    tenant: str
    dataset_id: str


class RemoveImage(Model):
    """Remove the objects of this image, which has left its dataset."""

    kind: Literal["remove_image"] = "remove_image"
    v: Literal[1] = 1
    tenant: str
    dataset_id: str
    image_id: str


class _Message(Model):
    v: Literal[1] = 1
    tenant: str
    job_id: str


class PlanJob(_Message):
    """Split this job into items; the chunks before `next_chunk` have been written."""

    kind: Literal["plan"] = "plan"
    next_chunk: int = 0


class DispatchItems(_Message):
    """See to the masks of these items of a chunk (None: all of it)."""

    kind: Literal["dispatch"] = "dispatch"
    chunk: int
    indices: Annotated[tuple[int, ...], Field(max_length=SHARD_ITEMS_MAX)] | None = None


class CollectAnswer(_Message):
    """The answer to this request may lie in the store: what the sweep sends when a callback was lost."""

    kind: Literal["collect"] = "collect"
    request_id: str


class RenderItems(_Message):
    """Render the variants of these items of a chunk, in one run."""

    kind: Literal["render"] = "render"
    chunk: int
    indices: Annotated[tuple[int, ...], Field(min_length=1, max_length=SHARD_ITEMS_MAX)]

    @model_validator(mode="before")
    @classmethod
    def _of_one(cls, data: Any) -> Any:
        """An older message names one item."""
        if isinstance(data, dict) and "index" in data and "indices" not in data:
            return {name: value for name, value in data.items() if name != "index"} | {"indices": (data["index"],)}
        return data


class FinishJob(_Message):
    """Finish this job if all its items have ended."""

    kind: Literal["finish"] = "finish"


class DeliverWebhook(Model):
    """Tell a webhook what waits for it."""

    kind: Literal["webhook"] = "webhook"
    v: Literal[1] = 1
    tenant: str
    webhook_id: str
    delivery_id: str


class ExportDataset(_Message):
    """Make this export of a finished job, or go on with it."""

    kind: Literal["export"] = "export"
    format: ExportFormat


Message = (
    IngestUpload
    | PlanJob
    | DispatchItems
    | CollectAnswer
    | RenderItems
    | FinishJob
    | ExportDataset
    | DeliverWebhook
    | RemoveDataset
    | RemoveImage
)

QUEUE_OF: dict[type[Message], QueueName] = {
    IngestUpload: QueueName.INGEST,
    PlanJob: QueueName.PLAN,
    DispatchItems: QueueName.DISPATCH,
    CollectAnswer: QueueName.COLLECT,
    RenderItems: QueueName.RENDER,
    FinishJob: QueueName.FINISH,
    DeliverWebhook: QueueName.WEBHOOK,
    ExportDataset: QueueName.EXPORT,
    RemoveDataset: QueueName.REMOVE,
    RemoveImage: QueueName.REMOVE,
}
