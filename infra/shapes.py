"""How large and how patient each function is, and which bundle it runs from; it knows no queue and no right."""

from __future__ import annotations

from dataclasses import dataclass, replace

from infra.bundle import CONTROL, EXPORTS, IMAGING, Bundle


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A function by its verb, the folder under lambdas/ that holds its handler."""

    verb: str
    bundle: Bundle
    memory_mb: int
    timeout_s: int
    batch: int = 1  # messages that one invocation takes
    feeds_itself: bool = False  # one of its messages may lead to its next, in a chain as long as a job

    def waiting(self, seconds: int) -> Shape:
        """The same, for one that has to wait for somebody else within its time."""
        return replace(self, timeout_s=self.timeout_s + seconds)


SERVE_API = Shape(verb="serve_api", bundle=CONTROL, memory_mb=1024, timeout_s=29)  # the gateway gives up after 30
INGEST_IMAGE = Shape(verb="ingest_image", bundle=IMAGING, memory_mb=3008, timeout_s=120)
PLAN_JOB = Shape(verb="plan_job", bundle=CONTROL, memory_mb=1024, timeout_s=300, feeds_itself=True)
DISPATCH_SHARD = Shape(verb="dispatch_shard", bundle=CONTROL, memory_mb=1024, timeout_s=60, feeds_itself=True)
COLLECT_MASKS = Shape(verb="collect_masks", bundle=IMAGING, memory_mb=3008, timeout_s=120)
RENDER_ITEM = Shape(verb="render_item", bundle=IMAGING, memory_mb=3008, timeout_s=600)
FINISH_JOB = Shape(verb="finish_job", bundle=IMAGING, memory_mb=3008, timeout_s=900)
DELIVER_WEBHOOK = Shape(verb="deliver_webhook", bundle=CONTROL, memory_mb=256, timeout_s=30)
EXPORT_DATASET = Shape(verb="export_dataset", bundle=EXPORTS, memory_mb=3008, timeout_s=900)  # nothing is kept on disk
REMOVE_DATASET = Shape(verb="remove_dataset", bundle=CONTROL, memory_mb=1024, timeout_s=300)
SWEEP = Shape(verb="sweep", bundle=CONTROL, memory_mb=512, timeout_s=50)  # ends before its next minute begins
BURY_LETTERS = Shape(verb="bury_letters", bundle=CONTROL, memory_mb=512, timeout_s=60, batch=10)
SWITCH_SPENDING = Shape(verb="switch_spending", bundle=CONTROL, memory_mb=256, timeout_s=20)
HOLD_CONNECTION = Shape(verb="hold_connection", bundle=CONTROL, memory_mb=512, timeout_s=10)
PUBLISH_PAGE = Shape(verb="publish_page", bundle=CONTROL, memory_mb=1024, timeout_s=300)
MAKE_KEY = Shape(verb="make_key", bundle=CONTROL, memory_mb=1024, timeout_s=60)  # it draws primes for some seconds
PUSH_PROGRESS = Shape(verb="push_progress", bundle=CONTROL, memory_mb=512, timeout_s=60, batch=100)
