"""What the pipeline's logic needs of the world, as small protocols; it knows no implementation.

Adapters for AWS lie in lambdas/aws, an in-memory cloud for simulation in tests/simulation. Every adapter translates
faults of its service into the errors named here and decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from maskmill.core.messages import Message
from maskmill.core.shard import ShardAnswer, ShardRequest
from maskmill.core.table import Key, Page, Put, Query, Row, Write


class Table(Protocol):
    """The one table. Reads of single rows and of partitions are consistent; reads of indexes may be stale."""

    def get(self, key: Key) -> Row | None: ...

    def query(self, query: Query) -> Page: ...

    def write(self, write: Write) -> Row:
        """Perform a write and return the row as it is afterwards; raises RowConflict, Unavailable."""
        ...

    def get_all(self, keys: Sequence[Key]) -> list[Row | None]:
        """The rows under these keys, in their order, each as it stands when it is read; raises Unavailable."""
        ...

    def create_all(self, puts: Sequence[Put]) -> None:
        """Create all rows or none: at most ROWS_CREATED_MAX, under keys that differ, of 4 MB together.

        Raises RowConflict where there is a row already, with one of those that are there, and Unavailable.
        """
        ...


class ObjectMissing(Exception):
    """There is no object under that key."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What is known of an object without reading it; `sha256` is given for objects that Maskmill wrote."""

    size_bytes: int
    sha256: str | None


class Sink(Protocol):
    """Where a stream is written to."""

    def write(self, data: bytes, /) -> int: ...


class Objects(Protocol):
    """One bucket. An object is complete or absent."""

    def get(self, key: str, *, bytes_max: int | None = None) -> bytes:
        """The bytes; raises ObjectMissing, InvalidInput (file_too_large) past `bytes_max`, Unavailable."""
        ...

    def head(self, key: str) -> ObjectInfo | None: ...

    def put(self, key: str, data: bytes, *, media_type: str) -> None:
        """Write an object under a name that determines its content: writing it again changes nothing."""
        ...

    def put_first(self, key: str, data: bytes, *, media_type: str) -> bool:
        """Write an object only if there is none; False when there was one already."""
        ...

    def stream(self, key: str, *, media_type: str) -> AbstractContextManager[Sink]:
        """Write an object of unknown size in bounded memory; it appears when the context ends without an error."""
        ...


class Clearable(Protocol):
    """One bucket, as those see it who remove what lies in it."""

    def delete(self, key: str) -> None:
        """Remove an object if there is one; raises Unavailable."""
        ...

    def delete_some(self, prefix: str) -> bool:
        """Remove up to a thousand objects whose names begin with `prefix`; whether there may be more of them."""
        ...


@dataclass(frozen=True, slots=True)
class PostTicket:
    """A signed form with which a browser posts one file to the store."""

    url: str
    fields: dict[str, str]


class Doors(Protocol):
    """Signed addresses, for clients to move bytes without passing through a function."""

    def upload(self, key: str, *, size_bytes: int, sha256: str) -> PostTicket:
        """A form that accepts exactly one file of this size under this key."""
        ...

    def download(self, key: str, *, filename: str | None = None) -> str:
        """A URL that reads one media object for DOWNLOAD_URL_LIFE_S seconds."""
        ...


class Queues(Protocol):
    """All queues of the pipeline; a message's type decides its queue, its tenant its fairness group."""

    def send(self, messages: Iterable[Message], *, delay_s: int = 0) -> None:
        """Send all, to be seen after a delay of at most QUEUE_DELAY_S_MAX seconds.

        Raises Unavailable when some could not be sent (the caller is then redelivered).
        """
        ...


@dataclass(frozen=True, slots=True)
class Invoked:
    """Where the endpoint said that its answer, or its failure, will be: s3:// addresses."""

    answer: str
    failure: str | None


class Endpoint(Protocol):
    """The asynchronous endpoint that runs the model server."""

    def invoke(self, *, request_key: str, request_id: str, answer_folder: str, answer_file: str) -> Invoked:
        """Hand over a request that lies in the work bucket; raises Unavailable when the endpoint cannot take it."""
        ...


class Lane(Protocol):
    """The interactive lane: the model server's code in a function, for one picture that somebody waits for."""

    def answer(self, request: ShardRequest) -> ShardAnswer:
        """The answer within seconds.

        Raises Unavailable (`model_unavailable`) while the lane is loading or busy, ModelFailure (`model_timeout`,
        `model_failed`) when it cannot answer, InvalidInput (`answer_too_large`) when the answer is too long to be sent.
        """
        ...


class Sockets(Protocol):
    """The open sockets of clients. A socket may be gone without a word."""

    def send(self, connection_id: str, text: str) -> bool:
        """Send one line; False when nobody is there any more. Raises Unavailable."""
        ...

    def close(self, connection_id: str) -> bool:
        """End a connection; False when it has ended. Raises Unavailable."""
        ...


class Clock(Protocol):
    """The time, as the function that runs sees it."""

    def now(self) -> datetime:
        """The present moment, in UTC."""
        ...


class Ids(Protocol):
    """New names: sortable by time, unguessable."""

    def new(self, count: int) -> Sequence[str]:
        """`count` ids of 26 lower-case characters that sort in the order given and after earlier ones."""
        ...
