"""Waiting until ingest has looked at every file; it knows no files on disk."""

from __future__ import annotations

import time

from maskmill.client.progress import Progress, Report, Step, silent
from maskmill.client.retry import Pace
from maskmill.client.service import Service
from maskmill.core.errors import Unavailable
from maskmill.core.image import ImageStatus

LOOKS_MAX = 100_000


def await_settled(
    client: Service,
    dataset_id: str,
    image_ids: set[str],
    *,
    quiet_s: float,
    must_settle: bool = True,
    progress: Report = silent,
) -> set[str]:
    """Wait while images settle, and for `quiet_s` seconds without any change; the images that are still expected.

    Raises Unavailable when some are left, unless they need not settle.
    """
    waiting, total = set(image_ids), len(image_ids)
    pace = Pace(shortest_s=0.3, longest_s=5.0, sleep=client.backoff.sleep)
    moved_at = time.monotonic()
    for _ in range(LOOKS_MAX):
        if waiting:
            expected = {image.image_id for image in client.images(dataset_id, status=ImageStatus.EXPECTED)}
            if waiting - expected:
                moved_at = time.monotonic()
                pace.quicken()
            waiting &= expected
        progress(Progress(Step.EXAMINING, total - len(waiting), total))
        if not waiting or time.monotonic() - moved_at > quiet_s:
            break
        pace.wait()
    if waiting and must_settle:
        raise Unavailable(
            message=f"{len(waiting)} of {total} files were sent but have not been examined after {quiet_s:.0f} s "
            "without any change. They are not lost: run the same command again in a few minutes."
        )
    return waiting
