"""What a job would take and took, and what an export holds and cost in accuracy, as tables; it computes nothing."""

from __future__ import annotations

from maskmill.cli.output import Output
from maskmill.core.api import ExportView
from maskmill.core.bill import Estimate, JobCost, Lane
from maskmill.core.export import ExportReceipt

_MIB = 1024 * 1024


def show_estimate(output: Output, found: Estimate) -> None:
    """An estimate: pictures, masks, seconds and dollars, and what should be known before."""
    masks, seconds = found.masks, found.seconds
    about = "about " if masks.is_sampled else ""
    output.result(f"{found.images} photos give {found.variants} variants")
    asks = "no segmenter is asked" if found.lane is Lane.NONE else f"the others come from the {found.lane.value}"
    output.result(f"Masks: {about}{masks.known} of {masks.needed} known already, {asks}")
    wakes = seconds.waking_s > 0
    output.table(
        ("part", "seconds"),
        [
            ("waking the segmenter", f"{seconds.waking_s:.0f}"),
            ("segmenting", f"{seconds.segmenting_s:.1f}"),
            ("rendering", f"{seconds.rendering_s:.1f}"),
            ("finishing", f"{seconds.finishing_s:.1f}"),
            ("together", f"{seconds.total_s:.1f}" + (f", {seconds.total_if_awake_s:.1f} if awake" if wakes else "")),
        ],
    )
    waking = f", and {_dollars(found.waking_dollars)} for waking it" if wakes else ""
    output.result(f"Cost: {_dollars(found.cost.dollars)}{waking}")
    for warning in found.warnings:
        output.result(f"Note: {warning.message}")


def show_actual(output: Output, cost: JobCost) -> None:
    """What an ended job took beside what was thought before; nothing while it is open."""
    actual, estimate = cost.actual, cost.estimate
    if actual is None:
        return
    thought = ("", "", "", "", "") if estimate is None else (
        str(estimate.variants),
        str(estimate.masks.needed - estimate.masks.known),
        f"{estimate.seconds.segmenting_s:.1f}",
        f"{estimate.seconds.rendering_s:.1f}",
        _dollars(estimate.cost.dollars),
    )  # fmt: skip
    took = (
        str(actual.variants_made + actual.variants_reused),
        str(actual.masks_computed),
        f"{actual.segmenting_s:.1f}",
        f"{actual.rendering_s:.1f}",
        _dollars(actual.cost.dollars),
    )
    names = ("variants", "new masks", "segmenting, s", "rendering, s", "cost")
    output.table(("", "estimate", "actual"), list(zip(names, thought, took, strict=True)))


def show_receipt(output: Output, receipt: ExportReceipt) -> None:
    """What an export holds by split, and what reading it back costs against the masks themselves."""
    rows = [
        (split.value, held.sources, held.variants, ", ".join(f"{n} {name}" for name, n in held.labels.items()))
        for split, held in receipt.splits.items()
    ]
    output.table(("split", "sources", "variants", "labels"), rows)
    loss = receipt.loss
    if loss.iou_mean is not None and loss.iou_min is not None:
        output.result(
            f"Read back at IoU {loss.iou_mean:.4f} on average, {loss.iou_min:.4f} at the least ({loss.labels} labels)"
        )
    lost = {
        "holes lost": loss.holes_lost,
        "objects split": loss.objects_split,
        "labels dropped": loss.labels_dropped,
        "labels overlapped": loss.labels_overlapped,
    }
    if any(lost.values()):
        output.result("What the format cannot hold: " + ", ".join(f"{n} {name}" for name, n in lost.items() if n))


def export_row(export: ExportView) -> tuple[object, ...]:
    """A line of a list of exports."""
    size = f"{export.size_bytes / _MIB:.1f}"
    if export.receipt is None:
        return export.format.value, export.status.value, export.parts, size, "", "", "", ""
    pictures = sum(split.pictures for split in export.receipt.splits.values())
    loss = export.receipt.loss
    mean = "" if loss.iou_mean is None else f"{loss.iou_mean:.4f}"
    least = "" if loss.iou_min is None else f"{loss.iou_min:.4f}"
    return export.format.value, export.status.value, export.parts, size, pictures, loss.labels, mean, least


def _dollars(amount: float) -> str:
    return f"${amount:.2f}" if amount >= 1 else f"${amount:.5f}"
