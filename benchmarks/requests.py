"""How many requests a job makes of AWS for each image, by kind: a first run, and a second one with other edits.

    python -m benchmarks.requests --images 1000 --emulated 24

The 1,000-image job is played on paper (`benchmarks/paper.py`): the product's own functions, real small pictures, a
cloud in memory, the sizes of a stage, and therefore the same figures on every machine. A smaller one runs on the local
stack, where the emulator counts, to show that both agree. Counted is what follows ingest, over S3, DynamoDB, SQS, SNS
and invocations of functions together; what the endpoint reads, writes and publishes is in it, the client's own
questions about the job are not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from benchmarks.emulated import emulated
from benchmarks.machine import facts
from benchmarks.paper_jobs import PaperJob, counted
from benchmarks.report import keep, table
from infra.config import DEV, LOCAL, PROD

IMAGES, SMALL, EMULATED = 1000, 120, 24
OF_THE_CLIENT = ("api request", "invoke maskmill-local-serve-api")
OF_THE_CLOCK = ("dynamodb ", "invoke push_progress", "invoke sweep")  # how many depends on how long a job takes
SERVICES = ("s3 ", "dynamodb ", "sqs ", "sns ", "invoke ")
PREFIX = "invoke maskmill-local-"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=IMAGES, help="of the job on paper")
    parser.add_argument("--emulated", type=int, default=EMULATED, help="of the job on the local stack; 0: none")
    chosen = parser.parse_args()
    jobs = {stage.name: counted(stage, chosen.images) for stage in (LOCAL, DEV, PROD)}
    figures = figures_of(jobs) | small_figures()
    found = emulated(chosen.emulated) if chosen.emulated else None
    beside = counted(LOCAL, chosen.emulated) if chosen.emulated else None
    keep(
        "requests",
        figures,
        text=text_of(chosen.images, jobs, found, beside),
        machine=facts(),
        guarded=list(figures),
        details={
            "images": chosen.images,
            "on_paper": {name: job.told() for name, job in jobs.items()},
            "emulated": found,
        },
    )
    return 0


def figures_of(jobs: Mapping[str, PaperJob]) -> dict[str, float]:
    """`first_run` and `second_run` of the local stack's sizes, and the same of the other stages."""
    figures = {}
    for name, job in jobs.items():
        suffix = "" if name == LOCAL.name else f"_{name}"
        figures[f"first_run{suffix}"] = total(job.first)
        figures[f"second_run{suffix}"] = total(job.second)
    return figures


def small_figures() -> dict[str, float]:
    """The same of a job that is small enough to be played by the tests, which compare it with what was kept."""
    job = counted(LOCAL, SMALL)
    return {"first_run_small": total(job.first), "second_run_small": total(job.second)}


def total(per_image: Mapping[str, float]) -> float:
    """All requests for each image."""
    return round(sum(share for kind, share in per_image.items() if kind.startswith(SERVICES)), 2)


def text_of(images: int, jobs: Mapping[str, PaperJob], found: Mapping[str, Any] | None, beside: PaperJob | None) -> str:
    local = jobs[LOCAL.name]
    kinds = sorted(local.first.keys() | local.second.keys(), key=lambda kind: -local.first.get(kind, 0.0))
    rows = [(kind, local.first.get(kind, 0.0), local.second.get(kind, 0.0)) for kind in kinds]
    sums = [(f"in all, at the sizes of `{stage.name}`", total(jobs[stage.name].first), total(jobs[stage.name].second))
            for stage in (LOCAL, DEV, PROD)]  # fmt: skip
    lines = [
        f"{images:,} images, one template, one variant each; the kinds are those of the local stack's sizes.",
        "",
        table(("request, for each image", "first run", "second run, other edits"), [*rows, *sums]),
    ]
    if found is not None and beside is not None:
        lines += ["", _agreement(found, beside)]
    return "\n".join(lines)


def _agreement(found: Mapping[str, Any], beside: PaperJob) -> str:
    """The same small job both ways; what depends on how long it takes is left out of both."""
    pairs = (("first run", found["job"], beside.first), ("second run", found["second"], beside.second))
    words = [
        f"{name} {total(as_on_paper(phase['per_image'])):.2f} there and {total(timeless(paper)):.2f} on paper"
        for name, phase, paper in pairs
    ]
    return (
        f"The same with {found['images']} images, counted at the emulator, shows that both agree: {'; '.join(words)}. "
        "Left out of both is what depends on how long a job takes: the client's questions about it, the runs of "
        "`push_progress` and `sweep`, and with them all requests of the table."
    )


def as_on_paper(per_image: Mapping[str, float]) -> dict[str, float]:
    """What the emulator counted, by the names on paper, without what depends on the clock."""
    named = {
        f"invoke {kind.removeprefix(PREFIX).replace('-', '_')}" if kind.startswith(PREFIX) else kind: share
        for kind, share in per_image.items()
        if kind not in OF_THE_CLIENT
    }
    return timeless(named)


def timeless(per_image: Mapping[str, float]) -> dict[str, float]:
    return {kind: share for kind, share in per_image.items() if not kind.startswith(OF_THE_CLOCK)}


if __name__ == "__main__":
    sys.exit(main())
