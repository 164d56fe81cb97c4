"""Names of datasets and ids of jobs for the completion of shells, asked of the service at once; it prints nothing.

A completion that cannot be had is empty: a shell that waits or complains at the Tab key is worse than none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maskmill.client import Client

WITHIN_S = 1.5
OFFERED_MAX = 50
Offer = tuple[str, str]  # what is completed, and words about it


def dataset_names(ctx: Any, incomplete: str) -> list[Offer]:
    """Datasets by name."""
    return _offers(ctx, incomplete, lambda client: ((one.name, one.dataset_id) for one in client.datasets()))


def job_ids(ctx: Any, incomplete: str) -> list[Offer]:
    """Jobs by id, the newest first."""
    return _offers(
        ctx,
        incomplete,
        lambda client: ((one.job_id, f"{one.status.value}, {one.items.done} done") for one in client.jobs()),
    )


def _offers(ctx: Any, incomplete: str, ask: Callable[[Client], Iterator[Offer]]) -> list[Offer]:
    with suppress(Exception), _client(ctx) as client:
        fitting = (offer for offer in islice(ask(client), OFFERED_MAX) if offer[0].startswith(incomplete))
        return list(fitting)
    return []


def _client(ctx: Any) -> Client:
    """A client by the options that stand on the line so far; it tries once and does not wait."""
    from maskmill.cli.context import Common
    from maskmill.cli.output import Output

    given = ctx.find_root().params
    profile = given.get("profile")
    common = Common(
        api=given.get("api") or os.environ.get("MASKMILL_API"),
        token=given.get("token") or os.environ.get("MASKMILL_TOKEN"),
        profile=Path(profile) if profile else None,
        output=Output(as_json=False),
    )
    return common.connect(within_s=WITHIN_S)
