"""The tables of docs/costs.md, computed from a counted run and the list of prices; it runs nothing.

A run's figures lie in `benchmarks/results/cost.json`. Amounts are scaled to 1,000 images; seconds of the segmenter are
those of the GPU that `SEGMENTER` runs on, by the pace of `maskmill/core/rates.py`, since no laptop has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from math import ceil
from pathlib import Path
from typing import Any

from benchmarks import report
from infra import shapes
from infra.config import STAGES
from infra.idle import Line, lines_of
from infra.plans import SEGMENTERS, EndpointPlan
from maskmill.core import prices, rates
from maskmill.core.engines import Engine
from maskmill.core.prices import ALWAYS_FREE, HOURS, PRICES, UPKEEP, Price, Resource, Upkeep

RESULTS = Path(__file__).parent / "results" / "cost.json"
SEGMENTER = SEGMENTERS[Engine.SAM_VIT_B]
SWEEPS = 60 * HOURS  # a month
SWEEP_GB = shapes.SWEEP.memory_mb / 1024
SWEEP = "the sweep's runs, one a minute"
IMAGE_GB = 0.5  # server and lane with the classic segmenter: estimated from the sizes of their wheels
IMAGES_A_MONTH = (50, 500, 5_000, 100_000)
LARGE_JOB, SMALL_JOB = 2_500, 50  # images
# What a comparable serverless design whose endpoints are always on gives as its own costs, by jobs a month.
ALWAYS_ON = {50: 22, 500: 100, 5_000: 500}
IDLE_AIM, WORK_AIM = 3.0, 2.0
BY_CHOICE = (Upkeep.FIREWALL, Upkeep.FIREWALL_RULE, Upkeep.KEY)
_WORDS = {
    Resource.INSTANCE_S: "seconds of the segmenter",
    Resource.FUNCTION_GB_S: "GB-seconds of functions",
    Resource.FUNCTION_CALLS: "invocations of functions",
    Resource.TABLE_WRITES: "writes of the table",
    Resource.TABLE_READS: "reads of the table",
    Resource.OBJECT_WRITES: "writes of objects",
    Resource.OBJECT_READS: "reads of objects",
    Resource.QUEUE_REQUESTS: "requests of queues",
    Resource.NOTICES: "notices",
    Upkeep.API_REQUESTS: "requests of the API",
    Upkeep.CDN_REQUESTS: "requests of the distribution",
    Upkeep.LOG_GB: "GB of logs",
}

Amounts = Mapping[str, float]


def tables(found: Mapping[str, Any]) -> dict[str, str]:
    """Each table by the name of its place on the page."""
    return {
        "run": _run(found),
        "per 1000": _per_1000(found),
        "idle": _idle(found),
        "month": _month(found),
        "aims": _aims(found),
    }


def rewritten(page: str, found: Mapping[str, Any]) -> str:
    """The page with its tables computed anew; raises KeyError for a table that has no place on it."""
    for name, table in tables(found).items():
        page = report.rewritten(page, f"cost: {name}", table)
    return page


def price_of(what: str) -> Price:
    """The price of one unit of a resource; the segmenter's is that of the GPU."""
    if what == Resource.INSTANCE_S:
        instance = prices.instance_s(SEGMENTER.instance_type)
        if instance is None:
            raise KeyError(SEGMENTER.instance_type)
        return instance
    return PRICES[Resource(what)] if what in set(Resource) else UPKEEP[Upkeep(what)]


def dollars_of(amounts: Amounts) -> float:
    return sum(amount * price_of(what).dollars for what, amount in amounts.items())


def amounts_in(found: Mapping[str, Any], phase: str, *, memory_gb: float = rates.IMAGING_GB) -> dict[str, float]:
    """What a phase asked for; its functions are billed for their processors' time and for waiting for answers.

    The time that they really took is that of a loaded laptop and its emulator. `memory_gb` is that of who waits: the
    largest function's, where there are several.
    """
    amounts = dict(found["phases"][phase]["amounts"])
    slow = (Resource.OBJECT_READS, Resource.OBJECT_WRITES)
    others = (Resource.TABLE_READS, Resource.TABLE_WRITES, Resource.QUEUE_REQUESTS, Resource.NOTICES)
    waits_s = rates.OBJECT_WAIT_S * _of(amounts, slow) + rates.OTHER_WAIT_S * _of(amounts, others)
    amounts[Resource.FUNCTION_GB_S] += waits_s * memory_gb
    amounts[Upkeep.CDN_REQUESTS] = amounts[Upkeep.API_REQUESTS]
    return amounts


def _of(amounts: Amounts, names: Iterable[str]) -> float:
    return sum(amounts[name] for name in names)


def uploading(found: Mapping[str, Any]) -> dict[str, float]:
    """What 1,000 images ask for until they are ingested."""
    return _scaled(found, amounts_in(found, "upload"))


def working(found: Mapping[str, Any]) -> dict[str, float]:
    """What a job over 1,000 images asks for; of rows, which may be of several units, the bill's count if it is more."""
    amounts, billed = amounts_in(found, "job"), found["billed"]
    for what in (Resource.TABLE_WRITES, Resource.TABLE_READS):
        amounts[what] = max(amounts[what], billed[what])
    return {Resource.INSTANCE_S: 1000 * gpu_s(found), **_scaled(found, amounts)}


def gpu_s(found: Mapping[str, Any]) -> float:
    """Seconds of the GPU for an image of the run."""
    pace = rates.pace_of(f"{SEGMENTER.engine}-")
    return pace.image_s + pace.mask_s * float(found["masks"]) / float(found["images"])


def wake_dollars(found: Mapping[str, Any]) -> float:
    """The GPU's start and idle tail, and the metrics of the hour."""
    awake_s = rates.WAKING_S + 60 * EndpointPlan().idle_min
    metrics = int(found["phases"]["upload"]["metrics"]) + int(found["phases"]["job"]["metrics"])
    return awake_s * price_of(Resource.INSTANCE_S).dollars + metrics * UPKEEP[Upkeep.METRIC].dollars / HOURS


def work_dollars(found: Mapping[str, Any], images: int) -> float:
    """Upload and jobs of so many images on an instance that is awake."""
    return (dollars_of(uploading(found)) + dollars_of(working(found))) * images / 1000


def idle_lines(found: Mapping[str, Any], stage: str) -> list[Line]:
    """What a stage costs by the month while nobody works, dearest first."""
    lines = lines_of(found["there"][stage])
    lines += [_sweep(found), _logs(found, stage), _images()]
    metrics = found["phases"]["rest"]["metrics"]
    if metrics:
        price = UPKEEP[Upkeep.METRIC]
        lines.append(Line("metric", metrics, price.dollars, price.source, ALWAYS_FREE[Upkeep.METRIC]))
    return sorted(lines, key=lambda line: (-line.dollars, line.what))


def _sweep(found: Mapping[str, Any]) -> Line:
    """Its requests and seconds, as they were counted at rest; of those, the functions' are forgiven."""
    rest = amounts_in(found, "rest", memory_gb=SWEEP_GB)
    rest.pop(Upkeep.LOG_GB)
    runs = rest[Resource.FUNCTION_CALLS]
    dollars = dollars_of(rest) / runs * SWEEPS
    forgiven = sum(rest[what] * price_of(what).dollars for what in (Resource.FUNCTION_CALLS, Resource.FUNCTION_GB_S))
    return Line(SWEEP, 1, dollars, "requests counted at rest", forgiven / runs * SWEEPS / dollars)


def _logs(found: Mapping[str, Any], stage: str) -> Line:
    rest = found["phases"]["rest"]["amounts"]
    written_gb = rest[Upkeep.LOG_GB] / rest[Resource.FUNCTION_CALLS] * SWEEPS
    kept_gb = written_gb * STAGES[stage].log_days / 30
    dollars = written_gb * UPKEEP[Upkeep.LOG_GB].dollars + kept_gb * UPKEEP[Upkeep.LOG_KEPT_GB].dollars
    return Line(f"its logs, {written_gb:.2f} GB", 1, dollars, UPKEEP[Upkeep.LOG_GB].source, 1.0)


def _images() -> Line:
    price = UPKEEP[Upkeep.IMAGE_GB]
    return Line(f"the model server's images, {IMAGE_GB} GB", 1, IMAGE_GB * price.dollars, price.source)


def _scaled(found: Mapping[str, Any], amounts: Amounts) -> dict[str, float]:
    return {what: amount * 1000 / found["images"] for what, amount in amounts.items()}


def _run(found: Mapping[str, Any]) -> str:
    size = found["size"]
    megapixels = size["height_px"] * size["width_px"] / 1e6
    return (
        f"The run of {found['measured_on']}: {found['images']} images of {megapixels:.1f} megapixels, one template, "
        f"{found['variants']} variants each, {found['chunk_items']} images to an invocation of the segmenter."
    )


def _per_1000(found: Mapping[str, Any]) -> str:
    upload, job = uploading(found), working(found)
    rows = []
    for what in sorted(job, key=lambda what: -dollars_of({what: job[what] + upload.get(what, 0.0)})):
        both = job[what] + upload.get(what, 0.0)
        price = price_of(what)
        amounts = f"{_amount(upload.get(what, 0.0))} | {_amount(job[what])}"
        rows.append(f"| {_WORDS[_named(what)]} | {amounts} | {both * price.dollars:.4f} | {price.source} |")
    sums = f"{dollars_of(upload):.4f} | {dollars_of(job):.4f}"
    together = dollars_of(upload) + dollars_of(job)
    head = "| for 1,000 images | upload | job | dollars | source of the price |"
    return _table(head, [*rows, f"| dollars | {sums} | {together:.4f} | |", *_later(found)])


def _later(found: Mapping[str, Any]) -> Iterable[str]:
    kept = sum(_scaled(found, found["phases"][phase]["bytes"])["media"] for phase in ("upload", "job")) / rates.GB
    fetched = found["billed"][Resource.DOWNLOADED_GB] * 1000 / found["images"]
    for words, what, gb in (
        ("GB kept, a month", Resource.STORED_GB, kept),
        ("GB of the dataset, fetched once", Resource.DOWNLOADED_GB, fetched),
    ):
        price = price_of(what)
        yield f"| on top: {words} | | {gb:.3f} | {gb * price.dollars:.4f} | {price.source} |"


def _idle(found: Mapping[str, Any]) -> str:
    stages = list(found["there"])
    by_stage = {stage: {line.what: line for line in idle_lines(found, stage)} for stage in stages}
    named = {line.what: line for stage in stages for line in by_stage[stage].values()}
    rows = []
    for what, line in sorted(named.items(), key=lambda pair: (-pair[1].dollars, pair[0])):
        cells = [_times(by_stage[stage].get(what)) for stage in stages]
        rows.append(f"| {what} | {' | '.join(cells)} | {line.source} |")
    sums = [
        ("in all", [idle_dollars(found, stage, by_choice=True) for stage in stages]),
        ("without firewall and keys", [idle_dollars(found, stage) for stage in stages]),
        ("and with what is always free", [idle_dollars(found, stage, forgiven=True) for stage in stages]),
    ]
    rows += [f"| {words} | {' | '.join(f'{dollars:.2f}' for dollars in values)} | |" for words, values in sums]
    return _table(f"| a month, dollars | {' | '.join(stages)} | source |", rows)


def _times(line: Line | None) -> str:
    return "" if line is None else f"{line.count} × {line.dollars_each:.2f} = {line.dollars:.2f}"


def idle_dollars(found: Mapping[str, Any], stage: str, *, by_choice: bool = False, forgiven: bool = False) -> float:
    """A month of rest, without firewall and keys unless told, less what is always free if told."""
    lines = [line for line in idle_lines(found, stage) if by_choice or line.what not in BY_CHOICE]
    return sum(line.dollars - (line.dollars_forgiven if forgiven else 0.0) for line in lines)


def _month(found: Mapping[str, Any]) -> str:
    wake = wake_dollars(found)
    rows = []
    for images in IMAGES_A_MONTH:
        work = work_dollars(found, images)
        cold = [work + wake * ceil(images / size) for size in (LARGE_JOB, SMALL_JOB)]
        always = f"{ALWAYS_ON[images]}" if images in ALWAYS_ON else ""
        rows.append(f"| {images:,} | {work:.2f} | {cold[0]:.2f} | {cold[1]:.2f} | {always} |")
    head = f"| images a month | warm | cold, jobs of {LARGE_JOB:,} | cold, jobs of {SMALL_JOB} | always on, by jobs |"
    return _table(head, rows)


def _aims(found: Mapping[str, Any]) -> str:
    images, wakes = 5_000, 2
    cost = work_dollars(found, images) + wakes * wake_dollars(found)
    idle = idle_dollars(found, "dev")
    forgiven = idle_dollars(found, "dev", forgiven=True)
    return "\n".join(
        (
            (
                f"- {images:,} images × {found['variants']} variants with {wakes} wakes: ${cost:.2f}. "
                f"At most ${WORK_AIM:.0f} was the aim: {_met(cost, WORK_AIM)}. "
                f"With the seconds that the functions took on this machine: ${cost + _slower(found, images):.2f}."
            ),
            (
                f"- A month of rest in `dev`, without firewall and keys: ${idle:.2f} at the prices of the list, "
                f"${forgiven:.2f} after what is always free. At most ${IDLE_AIM:.0f} was the aim: "
                f"{_met(idle, IDLE_AIM)} by the first, {_met(forgiven, IDLE_AIM)} by the second."
            ),
        )
    )


def _slower(found: Mapping[str, Any], images: int) -> float:
    """What the functions' elapsed seconds, on a machine that does other things too, would cost on top."""
    phases = ("upload", "job")
    elapsed = sum(float(found["phases"][phase]["elapsed_gb_s"]) for phase in phases)
    priced = sum(amounts_in(found, phase)[Resource.FUNCTION_GB_S] for phase in phases)
    return (elapsed - priced) * price_of(Resource.FUNCTION_GB_S).dollars * images / float(found["images"])


def _met(dollars: float, aim: float) -> str:
    return "met" if dollars <= aim else "missed"


def _named(what: str) -> Resource | Upkeep:
    return Resource(what) if what in set(Resource) else Upkeep(what)


def _amount(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 10 else f"{amount:.3g}"


def _table(head: str, rows: Iterable[str]) -> str:
    rule = re.sub(r"[^|]+", " --- ", head)
    return "\n".join([head, rule, *rows])
