"""What a run, an upload and a sync did, as tables for a person and as one document for a script; it does nothing."""

from __future__ import annotations

from collections import Counter
from typing import Any

from maskmill.cli.bars import WORDS
from maskmill.cli.bills import show_actual, show_receipt
from maskmill.cli.output import Output, jsonable
from maskmill.client.run import RunReport
from maskmill.client.sync import SyncReport
from maskmill.client.upload import UploadedFile, UploadReport
from maskmill.core.api import ItemView, JobView
from maskmill.core.job import JobStatus

_ROWS_MAX = 50
_MIB = 1024 * 1024


def show_run(output: Output, report: RunReport) -> None:
    """Everything that a run did."""
    output.result(f"Dataset {report.dataset.name} ({report.dataset.dataset_id})")
    show_upload(output, report.upload)
    told = {file.image.image_id for file in report.upload.refused if file.image}
    show_job(output, report.job, tuple(item for item in report.unwell if item.image_id not in told))
    show_sync(output, report.sync)
    for export in report.exports:
        output.result(f"Export {export.receipt.format.value}: {export.out}")
        show_receipt(output, export.receipt)
    seconds = [(WORDS[step], f"{value:.1f}") for step, value in report.seconds.items()]
    seconds.append(("Together", f"{sum(report.seconds.values()):.1f}"))
    output.table(("step", "seconds"), seconds)
    output.result(f"Results: {report.out}")


def run_document(report: RunReport) -> dict[str, Any]:
    """The one JSON document of a run."""
    return {
        "complete": report.is_complete,
        "dataset": jsonable(report.dataset),
        "upload": upload_document(report.upload),
        "templates": jsonable(report.templates),
        "job": jsonable(report.job),
        "unwell": jsonable(report.unwell),
        "sync": sync_document(report.sync),
        "exports": [{"out": str(one.out), "receipt": jsonable(one.receipt)} for one in report.exports],
        "seconds": {step.value: round(value, 3) for step, value in report.seconds.items()},
        "out": str(report.out),
    }


def show_upload(output: Output, report: UploadReport) -> None:
    """Counts, what was refused and why, what ingest changed, and what was left out."""
    held = sum(not file.was_sent and file.image is not None for file in report.firsts)
    output.result(f"Photos: {report.sent} sent, {held} held already, {len(report.refused)} refused")
    notes = Counter(
        note for file in report.files if file.image and file.image.normal for note in file.image.normal.notes
    )
    if notes:
        output.result(
            "Ingest: " + ", ".join(f"{count} {note.replace('_', ' ')}" for note, count in notes.most_common())
        )
    if report.refused:
        rows = [(file.file.name, file.refusal.code, file.refusal.message) for file in report.refused if file.refusal]
        _table(output, ("refused photo", "code", "reason"), rows)
    left_out = [(file.file.name, f"same content as {first.file.name}") for file, first in report.repeated]
    left_out += [
        (file.file.name, f"held already as {file.image.name}")
        for file in report.firsts
        if not file.was_sent and file.image is not None and file.image.name != file.file.name
    ]
    left_out += [(one.name, one.reason) for one in report.left_out]
    if left_out:
        _table(output, ("left out", "reason"), left_out)


def upload_document(report: UploadReport) -> dict[str, Any]:
    """Every file with its image, notes or refusal."""
    return {
        "files": [_file_document(file) for file in report.files],
        "left_out": [{"name": one.name, "reason": one.reason} for one in report.left_out],
        "sent": report.sent,
        "ready": report.ready,
        "refused": len(report.refused),
    }


def show_job(output: Output, job: JobView, unwell: tuple[ItemView, ...]) -> None:
    """How a job ended, and which items gave nothing."""
    counts = ", ".join(f"{count} {name}" for name, count in job.items.model_dump().items() if count)
    output.result(f"Job {job.job_id}: {job.status.value} ({counts or 'no items'})")
    if job.refusal is not None:
        output.result(f"  {job.refusal.message} ({job.refusal.code})")
    if unwell:
        rows = [_item_row(item) for item in unwell]
        _table(output, ("photo", "state", "code", "reason"), rows)
    show_actual(output, job.cost)


def show_sync(output: Output, report: SyncReport) -> None:
    """Counts, remarks and failures of a sync."""
    size = f"{report.fetched_bytes / _MIB:.1f} MiB"
    removed = f", {report.removed} of an earlier job removed" if report.removed else ""
    output.result(
        f"Files: {report.fetched} fetched ({size}), {report.kept} there already, {len(report.failures)} failed{removed}"
    )
    if report.remarks:
        _table(output, ("photo", "remark"), [(name, remark.replace("_", " ")) for name, remark in report.remarks])
    if report.failures:
        rows = [(failure.name, failure.code, failure.message) for failure in report.failures]
        _table(output, ("file not fetched", "code", "reason"), rows)


def sync_document(report: SyncReport) -> dict[str, Any]:
    """Counts, remarks and failures of a sync."""
    return {
        "out": str(report.out),
        "fetched": report.fetched,
        "kept": report.kept,
        "removed": report.removed,
        "fetched_bytes": report.fetched_bytes,
        "remarks": [{"name": name, "remark": str(remark)} for name, remark in report.remarks],
        "failures": [
            {"name": failure.name, "code": failure.code, "message": failure.message} for failure in report.failures
        ],
    }


def is_well(job: JobView) -> bool:
    """Whether an ended job did all that was asked."""
    return job.status is JobStatus.SUCCEEDED


def _item_row(item: ItemView) -> tuple[object, ...]:
    refusal = item.refusal
    return item.name, item.status.value, refusal.code if refusal else "", refusal.message if refusal else ""


def _file_document(file: UploadedFile) -> dict[str, Any]:
    normal = file.image.normal if file.image else None
    return {
        "name": file.file.name,
        "path": str(file.file.path),
        "sha256": file.hashed.sha256,
        "sent": file.was_sent,
        "image_id": file.image.image_id if file.image else None,
        "status": file.image.status.value if file.image else "refused",
        "notes": [note.value for note in normal.notes] if normal else [],
        "refusal": jsonable(file.refusal),
    }


def _table(output: Output, headings: tuple[str, ...], rows: list[Any]) -> None:
    output.table(headings, rows[:_ROWS_MAX])
    if len(rows) > _ROWS_MAX:
        output.result(f"… and {len(rows) - _ROWS_MAX} more")
