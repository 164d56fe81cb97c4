"""One file through one presigned form, straight from disk in bounded memory; it knows no datasets.

The form's fields go first and the file last, as S3 asks for it.
"""

from __future__ import annotations

import re
from pathlib import Path

import httpx

from maskmill.client.retry import Backoff
from maskmill.core.api import UploadTicket
from maskmill.core.errors import Code, InvalidInput, Unavailable

_S3_CODE = re.compile(r"<Code>([A-Za-z0-9]{1,64})</Code>")
_CHANGED = frozenset({"EntityTooLarge", "EntityTooSmall", "BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch"})
_ANSWER_CHARS_MAX = 4000


class TicketExpired(Exception):
    """The store does not accept this form any more; another one may work."""


def post_file(storage: httpx.Client, ticket: UploadTicket, path: Path, *, backoff: Backoff) -> None:
    """Post a file until the store has it.

    Raises TicketExpired, InvalidInput `checksum_mismatch` (the file changed since it was announced), Unavailable.
    """
    for attempt in range(backoff.attempts_max):
        try:
            answer = _post(storage, ticket, path)
        except httpx.TransportError as exc:
            if isinstance(exc, httpx.LocalProtocolError):  # more or fewer bytes than the form was sized for
                raise _changed(path, repr(exc)) from exc
            failure = Unavailable(message=f"{path.name} could not be sent: the connection broke.", detail=repr(exc))
        else:
            if answer.is_success:
                return
            code = _code_in(answer)
            if answer.status_code == httpx.codes.FORBIDDEN:
                raise TicketExpired(code)
            if code in _CHANGED:
                raise _changed(path, code)
            words = f"{path.name} could not be sent: the store answered {answer.status_code} {code}."
            failure = Unavailable(message=words, detail=answer.text[:_ANSWER_CHARS_MAX])
            if answer.status_code < 500 and answer.status_code not in (408, 429):
                raise failure
        if backoff.is_last(attempt):
            raise failure
        backoff.pause(attempt)


def _post(storage: httpx.Client, ticket: UploadTicket, path: Path) -> httpx.Response:
    media_type = ticket.fields.get("Content-Type", "application/octet-stream")
    with path.open("rb") as file:
        return storage.post(ticket.url, data=ticket.fields, files={"file": ("file", file, media_type)})


def _code_in(answer: httpx.Response) -> str:
    found = _S3_CODE.search(answer.text[:_ANSWER_CHARS_MAX])
    return found.group(1) if found else answer.reason_phrase


def _changed(path: Path, detail: str) -> InvalidInput:
    message = f"{path.name} changed while it was being sent. Run the upload again."
    return InvalidInput(Code.CHECKSUM_MISMATCH, message=message, detail=detail)
