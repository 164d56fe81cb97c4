"""The rows of exports: which parts of each are made, who is at it, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from maskmill.core.export import ExportFormat, ExportReceipt, ExportStatus, MadePart
from maskmill.core.image import Refusal
from maskmill.core.rows.items import job_pk
from maskmill.core.table import Condition, Key, Op, Put, Row, Update

EXPORT_PREFIX = "EXPORT#"
DUE_EXPORTS = "DUE#exports"


@dataclass(frozen=True, slots=True)
class ExportState:
    """An export row. Times are seconds since 1970.

    `made` are the parts of an export that is being made, by number; `run` is the run that makes more of them until
    `run_until_s`, 0 when none is.
    """

    tenant: str
    job_id: str
    format: ExportFormat
    status: ExportStatus
    created_at_s: int
    made: Mapping[int, MadePart]
    run: str | None
    run_until_s: int
    busy_ms: int
    finished_at: str | None
    receipt: ExportReceipt | None
    refusal: Refusal | None

    @property
    def waits_for_a_run(self) -> bool:
        return not self.status.is_terminal and not self.run_until_s


def export_key(tenant: str, job_id: str, export: ExportFormat) -> Key:
    return Key(job_pk(tenant, job_id), f"{EXPORT_PREFIX}{export.value}")


def put_export(tenant: str, job_id: str, export: ExportFormat, *, now_s: int, due_at_s: int) -> Put:
    """An export that is to be made; it is due when its message must have been lost."""
    row: dict[str, Any] = {
        "tenant": tenant,
        "job_id": job_id,
        "format": export.value,
        "status": ExportStatus.MAKING.value,
        "created_at_s": now_s,
        "made": {},
        "due_pk": DUE_EXPORTS,
        "due_at": due_at_s,
    }
    return Put(export_key(tenant, job_id, export), row)


def export_of(row: Row) -> ExportState:
    return ExportState(
        tenant=row["tenant"],
        job_id=row["job_id"],
        format=ExportFormat(row["format"]),
        status=ExportStatus(row["status"]),
        created_at_s=row["created_at_s"],
        made={int(number): MadePart.stored(doc) for number, doc in row.get("made", {}).items()},
        run=row.get("run"),
        run_until_s=row.get("run_until_s", 0),
        busy_ms=row.get("busy_ms", 0),
        finished_at=row.get("finished_at"),
        receipt=ExportReceipt.stored(row["receipt"]) if "receipt" in row else None,
        refusal=Refusal.stored(row["refusal"]) if "refusal" in row else None,
    )


def begin_export(
    tenant: str, job_id: str, export: ExportFormat, *, run: str, now_s: int, until_s: int, due_at_s: int
) -> Update:
    """Takes an export for one run; refused while another run may still be at it, and when it has ended."""
    return Update(
        key=export_key(tenant, job_id, export),
        set={("run",): run, ("run_until_s",): until_s, ("due_at",): due_at_s},
        require=(_is_making(), Condition(("run_until_s",), Op.AT_MOST, now_s)),
    )


def note_part(
    tenant: str, job_id: str, export: ExportFormat, number: int, made: MadePart, *, run: str, busy_ms: int
) -> Update:
    """A part lies in the store; refused when another run has taken over."""
    return Update(
        key=export_key(tenant, job_id, export),
        set={("made", str(number)): made.model_dump_json()},
        add={("busy_ms",): busy_ms},
        require=(_is_making(), _is_by(run)),
    )


def release_export(tenant: str, job_id: str, export: ExportFormat, *, run: str, due_at_s: int) -> Update:
    """Ends a run that leaves parts to the next one, which may then start at once."""
    return Update(
        key=export_key(tenant, job_id, export),
        set={("run_until_s",): 0, ("due_at",): due_at_s},
        require=(_is_making(), _is_by(run)),
    )


def close_export(
    tenant: str, job_id: str, export: ExportFormat, receipt: ExportReceipt, *, run: str, finished_at: datetime
) -> Update:
    """making → ready, with the receipt; refused when another run has taken over."""
    return Update(
        key=export_key(tenant, job_id, export),
        set={
            ("status",): ExportStatus.READY.value,
            ("receipt",): receipt.model_dump_json(),
            ("finished_at",): finished_at.isoformat(),
        },
        remove=(("made",), ("due_pk",), ("due_at",)),
        require=(_is_making(), _is_by(run)),
    )


def fail_export(
    tenant: str,
    job_id: str,
    export: ExportFormat,
    refusal: Refusal,
    *,
    finished_at: datetime,
    run: str | None = None,
) -> Update:
    """making → failed, with the reason, by the run that is at it, or by somebody else once none is."""
    nobody = Condition(("run_until_s",), Op.AT_MOST, int(finished_at.timestamp()))
    return Update(
        key=export_key(tenant, job_id, export),
        set={
            ("status",): ExportStatus.FAILED.value,
            ("refusal",): refusal.model_dump_json(),
            ("finished_at",): finished_at.isoformat(),
            ("run_until_s",): 0,
        },
        remove=(("due_pk",), ("due_at",)),
        require=(_is_making(), nobody if run is None else _is_by(run)),
    )


def restart_export(tenant: str, job_id: str, export: ExportFormat, *, now_s: int, due_at_s: int) -> Update:
    """failed → making: what is made already is kept."""
    values: dict[tuple[str, ...], Any] = {
        ("status",): ExportStatus.MAKING.value,
        ("created_at_s",): now_s,
        ("due_pk",): DUE_EXPORTS,
        ("due_at",): due_at_s,
    }
    return Update(
        key=export_key(tenant, job_id, export),
        set=values,
        remove=(("refusal",), ("finished_at",)),
        require=(Condition(("status",), Op.EQUALS, ExportStatus.FAILED.value),),
    )


def _is_making() -> Condition:
    return Condition(("status",), Op.EQUALS, ExportStatus.MAKING.value)


def _is_by(run: str) -> Condition:
    return Condition(("run",), Op.EQUALS, run)
