"""The API on the cloud in memory: every call of a port is written down, and all that is kept can be compared."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lambdas.aws.ids import RandomIds, new_secret
from lambdas.aws.lane import FunctionLane
from lambdas.serve_api.media import MediaGate
from lambdas.serve_api.ports import Ports
from lambdas.serve_api.rates import Rates
from lambdas.serve_api.signing import Keyring
from lambdas.spending import Switch
from maskmill.core.bill import Fleet
from maskmill.core.messages import Message
from maskmill.core.ports import PostTicket
from maskmill.core.rsa import PrivateKey
from maskmill.core.table import Key
from tests.contract import aws
from tests.simulation.bounds import check_row
from tests.simulation.cloud import FixedClock, MemoryObjects, MemoryQueues, MemoryTable
from tests.simulation.judge import Judge, acting
from tests.unit.lambdas.gateway import (
    LANE_SEGMENTER,
    LANE_SIDE_MAX,
    MEDIA_KEY_PAIR_ID,
    MEDIA_URL,
    QUOTAS,
    TRIAL_LIFE_S,
    lane_reply,
)
from tests.unit.lambdas.media_key import media_key

FLEET = Fleet(instance_type="ml.c6i.xlarge", instances_max=1, idle_s=300, chunk_items=16, renders_at_once=20)
_TENANT = re.compile(r"(?<![A-Z])T#([^#|']+)|\bt/([^/|']+)/|\"tenant\":\"([^\"]+)\"")

Asked = tuple[str, str]  # which call of which port, and what it named


def tenants_in(label: str) -> set[str]:
    """The tenants whose rows, objects or messages a call names; none for what belongs to the service."""
    return {name for found in _TENANT.finditer(label) for name in found.groups() if name}


@dataclass(slots=True)
class _Doors:
    """The doors port, with addresses that say what they open."""

    call: Callable[[str, str, Callable[[], Any]], Any]

    def upload(self, key: str, *, size_bytes: int, sha256: str) -> PostTicket:
        ticket = PostTicket(url="https://uploads.example", fields={"key": key})
        return self.call("doors.upload", key, lambda: ticket)  # type: ignore[no-any-return]

    def download(self, key: str, *, filename: str | None = None) -> str:
        return self.call("doors.download", key, lambda: f"https://media.example/{key}")  # type: ignore[no-any-return]


@dataclass(slots=True)
class _LaneClient:
    """What the lane's adapter calls: its function answers as in the tests on moto."""

    call: Callable[[str, str, Callable[[], Any]], Any]
    function: aws.LaneFunction

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - the SDK's names
        def run() -> dict[str, Any]:
            request = type("Request", (), {"body": Payload, "url": "https://lane.example"})
            with acting(None):  # the lane has rights of its own
                return {"Payload": io.BytesIO(self.function.send(request).content)}

        return self.call("lane.invoke", Payload.decode(), run)  # type: ignore[no-any-return]


class _Queues(MemoryQueues):
    """The queues, which name a message in full."""

    def send(self, messages: Iterable[Message], *, delay_s: int = 0) -> None:
        for message in messages:
            self.call("queue.send", message.model_dump_json(), partial(self._send, message, delay_s))


@dataclass
class MemoryCloud:
    """All that the API needs; `asked` holds the calls since it was cleared, and `judge` may refuse one."""

    judge: Judge | None = None
    asked: list[Asked] = field(default_factory=list)
    lane: aws.LaneFunction = field(default_factory=lambda: aws.LaneFunction(lane_reply))

    def __post_init__(self) -> None:
        self.table = MemoryTable(self._call, check=check_row)
        self.media = MemoryObjects("media", self._call)
        self.queues = _Queues(self._call)
        clock = FixedClock()
        self.ports = Ports(
            table=self.table,
            media=self.media,
            doors=_Doors(self._call),
            queues=self.queues,
            clock=clock,
            ids=RandomIds(clock),
            lane=FunctionLane(_LaneClient(self._call, self.lane), "lane"),
            rates=Rates(self.table, clock, per_window=100_000),
            spending=Switch(self.table, clock),
            keyring=Keyring(self.table, draw=new_secret),
            live_url="wss://live.example/live",
            gate=MediaGate(url=MEDIA_URL, key_pair_id=MEDIA_KEY_PAIR_ID, key=self._key),
            media_bucket=aws.MEDIA,
            segmenter="classic-1",
            lane_segmenter=LANE_SEGMENTER,
            lane_side_max=LANE_SIDE_MAX,
            trial_life_s=TRIAL_LIFE_S,
            fleet=FLEET,
            quotas=QUOTAS,
            draw_secret=new_secret,
        )

    def _key(self) -> PrivateKey:
        return self._call("vault.secret", aws.MEDIA_KEY_NAME, media_key)  # type: ignore[no-any-return]

    def kept_of(self, tenant: str) -> dict[str, str]:
        """Every row and object of a tenant as text, short of the count of its requests."""
        rows = {str(key): repr(row) for key, row in self.table.rows.items() if _is_of(key, tenant)}
        folder = f"t/{tenant}/"
        return rows | {key: repr(data) for key, data in self.media.objects.items() if key.startswith(folder)}

    def _call(self, service: str, label: Hashable, effect: Callable[[], Any]) -> Any:
        self.asked.append((service, str(label)))
        if self.judge is None:
            return effect()
        values = tuple(json.loads(str(label)).values()) if service == "queue.send" else label
        self.judge.weigh(service, values)
        return self.judge.telling(service, effect)


def _is_of(key: Key, tenant: str) -> bool:
    return key.sk != "RATE" and (key.pk == f"T#{tenant}" or key.pk.startswith(f"T#{tenant}#"))
