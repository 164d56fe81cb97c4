"""In what moto and the emulator differ from what AWS documents, as far as the product could notice.

A row is a claim of the contract tests, or a probe, that does not hold there. A difference that has gone makes its test
fail, as does one that has no row: so the list says how far each of them may be trusted, and no further.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Divergence:
    """One cloud gives something else: what, why nothing rests on it or what proves it instead, and where that stands."""

    cloud: str
    claim: str  # the name of a test, or the id of a probe
    gives: str  # of a probe its exact outcome
    instead: str
    source: str
    seen: date


SEEN = date(2026, 11, 21)
MOTO = "github.com/getmoto/moto, 5.2.5: moto/"
MINISTACK = "github.com/ministackorg/ministack, 1.5.33: ministack/services/"

DIVERGENCES: tuple[Divergence, ...] = (
    # What moto takes and AWS refuses. The same claims are tested on the emulator, where they hold.
    Divergence("moto", "number of 40 digits", "accepted",
               "the emulator refuses it; numbers of rows are counts, bytes and seconds", f"{MOTO}dynamodb/models", SEEN),
    Divergence("moto", "index attribute of the wrong type", "accepted",
               "the emulator refuses it; mypy and the writes of the schema give due_at as an integer",
               f"{MOTO}dynamodb/models/table.py", SEEN),
    Divergence("moto", "position outside of the query", "accepted",
               "the adapter refuses a foreign position itself, and the emulator refuses what passes it",
               f"{MOTO}dynamodb/models/table.py", SEEN),
    Divergence("moto", "expression of more than 4 KB", "accepted",
               "tests/unit/lambdas/test_expressions.py bounds the longest write; the emulator refuses it",
               f"{MOTO}dynamodb/responses.py", SEEN),
    Divergence("moto", "test_more_bytes_than_a_transaction_holds_are_refused_and_change_nothing", "accepted",
               "the emulator refuses them, and so does the simulation", f"{MOTO}dynamodb/responses.py", SEEN),
    Divergence("moto", "put with the checksum of other bytes", "accepted",
               "the emulator refuses it, and ingest_image compares the bytes with what was announced",
               f"{MOTO}s3/responses.py", SEEN),
    Divergence("moto", "key of more than 1024 bytes", "accepted",
               "tests/unit/core/test_core_keys.py bounds the longest name", f"{MOTO}s3/responses.py", SEEN),
    Divergence("moto", "deletion of 1001 objects at once", "accepted",
               "what is deleted at once is one page of a listing, which has a thousand", f"{MOTO}s3/responses.py", SEEN),
    Divergence("moto", "key in an event", "t%2Fa%2F%C3%A4+%2B%25%26%3D%2Fb.png = t/a/ä +%&=/b.png",
               "decoded once, both spellings are the same key", f"{MOTO}s3/notifications.py", SEEN),
    Divergence("moto", "sequencer of an event", "absent",
               "nothing reads it; the emulator sends it", f"{MOTO}s3/notifications.py", SEEN),
    Divergence("moto", "deletion with an old receipt handle", "accepted, deleted",
               "AWS may do either, and so does the simulation: a message that is lost is the sweep's to repair",
               f"{MOTO}sqs/models.py", SEEN),
    Divergence("moto", "batch with one message that is refused", "['1', '2'] sent, [] failed",
               "the emulator refuses one alone; tests/contract/test_queues_port.py plays the refusals",
               f"{MOTO}sqs/models.py", SEEN),
    Divergence("moto", "control character in a message", "accepted",
               "the emulator refuses it; messages escape it, which the queues port shows", f"{MOTO}sqs/models.py", SEEN),
    Divergence("moto", "empty message", "accepted",
               "the emulator refuses it; a message is a JSON object", f"{MOTO}sqs/models.py", SEEN),
    Divergence("moto", "test_a_socket_that_was_never_there_is_told_and_is_no_error", "any id is an open socket",
               "the emulator's sockets are real ones", f"{MOTO}apigatewaymanagementapi/models.py", SEEN),
    Divergence("moto", "test_a_socket_that_is_closed_hears_nothing_any_more", "a socket that was closed is open again",
               "the emulator's sockets are real ones", f"{MOTO}apigatewaymanagementapi/models.py", SEEN),
    Divergence("moto", "test_of_two_that_close_a_socket_one_is_told_that_it_had_ended", "any id is an open socket",
               "the emulator's sockets are real ones", f"{MOTO}apigatewaymanagementapi/models.py", SEEN),
    Divergence("moto", "test_the_answer_is_promised_under_the_name_that_was_asked_for", "a bucket and a name of its own",
               "the endpoint stand-in keeps the names; the address that was promised is kept and read, too",
               f"{MOTO}sagemakerruntime/models.py", SEEN),
    Divergence("moto", "test_a_failure_is_promised_beside_it", "a bucket of its own",
               "the endpoint stand-in keeps the folder", f"{MOTO}sagemakerruntime/models.py", SEEN),
    Divergence("moto", "test_an_endpoint_that_is_not_there_may_be_there_later", "every endpoint is there",
               "the endpoint stand-in refuses as SageMaker does", f"{MOTO}sagemakerruntime/models.py", SEEN),
    # What the emulator does in another way.
    Divergence("emulator", "key of more than 1024 bytes", "accepted",
               "tests/unit/core/test_core_keys.py bounds the longest name", f"{MINISTACK}s3.py", SEEN),
    Divergence("emulator", "part of less than 5 MiB", "accepted",
               "moto refuses it; tests/contract/test_s3_objects.py shows parts of 8 MiB", f"{MINISTACK}s3.py", SEEN),
    Divergence("emulator", "deletion of 1001 objects at once", "accepted",
               "what is deleted at once is one page of a listing, which has a thousand", f"{MINISTACK}s3.py", SEEN),
    Divergence("emulator", "deletion with an old receipt handle", "ReceiptHandleIsInvalid",
               "Lambda deletes messages, not the product; rows say what is done", f"{MINISTACK}sqs.py", SEEN),
    Divergence("emulator", "delay of more than 15 minutes", "accepted",
               "moto refuses it; tests/simulation/hooks.py checks each delay against QUEUE_DELAY_S_MAX",
               f"{MINISTACK}sqs.py", SEEN),
)  # fmt: skip

_BY_CLAIM = {(one.cloud, one.claim): one for one in DIVERGENCES}


def of_claim(cloud: str, claim: str) -> Divergence | None:
    """The row of a claim on a cloud."""
    return _BY_CLAIM.get((cloud, claim))
