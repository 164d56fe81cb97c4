"""`maskmill ops`: for operators of the service, with rights of its AWS account; it needs no user of the service."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskmill import __version__
from maskmill.cli.context import Common, common_of
from maskmill.cli.failures import FAILED

if TYPE_CHECKING:
    from maskmill.ops.account import Account
    from maskmill.ops.job import Life
    from maskmill.ops.letters import DeadQueue
    from maskmill.ops.timeline import Step

WHY_DAYS = 3
WHY_LETTERS_MAX = 3

ops = typer.Typer(no_args_is_help=True, help="For operators, with rights of the AWS account: logs and dead letters.")

Stage = Annotated[str, typer.Option("--stage", help="The stage; dev, or local where the profile is of a laptop.")]
Endpoint = Annotated[str, typer.Option("--endpoint", metavar="URL", help="An emulator instead of AWS.")]


@ops.command("explain")
def explain(
    context: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB", help="The id of a job.")],
    stage: Stage = "",
    endpoint: Endpoint = "",
    days: Annotated[int, typer.Option("--days", min=1, max=90, help="How far back its logs are looked for.")] = 7,
    whole: Annotated[bool, typer.Option("--all", help="Every line, also where many are alike.")] = False,
    spans: Annotated[
        Path | None, typer.Option("--spans", metavar="FILE", help="Write it as spans of OpenTelemetry (OTLP, JSON).")
    ] = None,
) -> None:
    """A job's life: its steps in every log, what led to it, its row, and what is out of order."""
    from maskmill.ops.account import explained
    from maskmill.ops.job import life_of
    from maskmill.ops.lines import Logs
    from maskmill.ops.spans import spans_of

    common = common_of(context)
    account = _account(common, stage, endpoint)
    with explained():
        logs = Logs(account.client("logs"), account.prefix)
        life = life_of(job, logs, account.table(), now=datetime.now(UTC), days=days)
    if spans is not None:
        told = spans_of(job, life.lines, trace_id=life.trace_id, version=__version__)
        spans.write_text(json.dumps(told), encoding="utf-8")
        common.output.say(f"Wrote the spans of {len(life.lines)} lines to {spans}.")
    _show_life(common, life, is_whole=whole)


@ops.command("redrive")
def redrive(
    context: typer.Context,
    queue: Annotated[str, typer.Argument(metavar="[QUEUE]", help="Only queues whose names hold this.")] = "",
    stage: Stage = "",
    endpoint: Endpoint = "",
    go: Annotated[bool, typer.Option("--go", help="Send the letters back; without it nothing is moved.")] = False,
    rate: Annotated[int, typer.Option("--rate", min=1, max=500, help="Letters a second.")] = 10,
    most: Annotated[int, typer.Option("--most", min=1, max=1_000_000, help="Refuse queues with more letters.")] = 1000,
) -> None:
    """Queues of dead letters, how deep and why; with --go their letters go back to where they came from."""
    from maskmill.ops.account import explained
    from maskmill.ops.letters import chosen, dead_queues
    from maskmill.ops.letters import redrive as move

    common = common_of(context)
    account = _account(common, stage, endpoint)
    with explained():
        sqs = account.client("sqs")
        queues = chosen(dead_queues(sqs, account.prefix), queue)
        _show_queues(common, account, queues)
        full = [one for one in queues if one.depth and (one.source or not go)]
        for one in full:
            if not go:
                common.output.result(f"Would send {one.depth} back to {one.source or 'nowhere: people read them'}.")
                continue
            task = move(sqs, one, per_second=rate, most=most)
            common.output.result(f"{one.depth} letters of {one.name} go back to {one.source}, {rate} a second.")
            common.output.document({"queue": one.name, "letters": one.depth, "task": task})
    if full and not go:
        common.output.result("Nothing was moved. --go moves them.")
        raise typer.Exit(FAILED)


def _account(common: Common, stage: str, endpoint: str) -> Account:
    from maskmill.ops.account import account_of

    profile = None if common.api or stage not in ("", "local") else common.read_profile()
    return account_of(stage, endpoint, common.api or (profile.api_url if profile else ""))


def _show_life(common: Common, life: Life, *, is_whole: bool) -> None:
    from maskmill.ops.timeline import remarks_on, steps_of

    row = life.row
    began = (life.prelude or life.lines)[0].at
    common.output.result(f"Job {life.job_id}{f': {row.status.value}' if row else ''}")
    named = {"tenant": life.tenant, "dataset": life.dataset_id, "trace": life.trace_id}
    common.output.result("  " + ", ".join(f"{name} {value}" for name, value in named.items() if value))
    counts = row.counts.model_dump() if row and row.counts else dict(life.open_items)
    if counts:
        common.output.result("  items: " + ", ".join(f"{number} {state}" for state, number in counts.items() if number))
    steps = [*steps_of(life.prelude, is_whole=is_whole), *steps_of(life.lines, is_whole=is_whole)]
    headings = ("time (UTC)", "after", "where", "what", "lines", "slowest", "more")
    common.output.table(headings, (_step_row(step, began) for step in steps))
    remarks = [*remarks_on(life.lines), *(f"{source}: more lines than were read." for source in life.cut)]
    for remark in remarks:
        common.output.result(f"! {remark}")
    common.output.document(
        {
            "job_id": life.job_id,
            **named,
            "status": row.status.value if row else None,
            "items": counts,
            "steps": [_step_document(step) for step in steps],
            "remarks": remarks,
        }
    )


def _step_row(step: Step, began: datetime) -> tuple[str, ...]:
    lasted = (step.last.at - step.first.at).total_seconds()
    count = "" if step.count == 1 else f"{step.count} in {lasted:.1f} s"
    after = f"{(step.first.at - began).total_seconds():.1f} s"
    slowest = "" if step.slowest_ms is None else f"{step.slowest_ms} ms"
    mark = "! " if step.is_trouble else ""
    return (f"{step.first.at:%m-%d %H:%M:%S}", after, step.source, mark + step.what, count, slowest, step.detail)


def _step_document(step: Step) -> dict[str, object]:
    return {
        "source": step.source,
        "what": step.what,
        "first": step.first.at.isoformat(),
        "last": step.last.at.isoformat(),
        "lines": step.count,
        "slowest_ms": step.slowest_ms,
        "detail": step.detail,
    }


def _show_queues(common: Common, account: Account, queues: list[DeadQueue]) -> None:
    whys = {queue.name: _why(account, queue) for queue in queues if queue.depth}
    cells = []
    for queue in queues:
        about = ", ".join(f"{number} {kind}" for kind, number in queue.kinds.items())
        oldest = f"{queue.oldest:%Y-%m-%d %H:%M}" if queue.oldest else ""
        cells.append((queue.name, queue.depth, about, oldest, whys.get(queue.name, "")))
        common.output.document(
            {
                "queue": queue.name,
                "source": queue.source or None,
                "depth": queue.depth,
                "kinds": dict(queue.kinds),
                "jobs": sorted({letter.job_id for letter in queue.letters if letter.job_id}),
                "oldest": queue.oldest.isoformat() if queue.oldest else None,
                "why": whys.get(queue.name),
            }
        )
    common.output.table(("queue", "letters", "about", "oldest (UTC)", "why"), cells)


def _why(account: Account, queue: DeadQueue) -> str:
    """What the function that gave up on some of the letters logged of them last."""
    from maskmill.ops.lines import Logs, Span

    logs = Logs(account.client("logs"), account.prefix)
    now = datetime.now(UTC)
    span = Span(now - timedelta(days=WHY_DAYS), now)
    told: dict[str, None] = {}
    for letter in queue.letters[:WHY_LETTERS_MAX]:
        for line in reversed(logs.holding(letter.message_id, span).lines):
            why = line.text("why") or line.text("exception_name")
            if why:
                told[f"{line.source}: {why}"] = None
                break
    return "; ".join(told)
