"""What the API needs of the world; it knows no implementation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lambdas.serve_api.media import MediaGate
from lambdas.serve_api.rates import Rates
from lambdas.serve_api.signing import Keyring
from lambdas.spending import Switch
from maskmill.core.bill import Fleet
from maskmill.core.ports import Clock, Doors, Ids, Lane, Objects, Queues, Table
from maskmill.core.usage import Quotas


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of the API.

    `segmenter` is the version that new jobs are keyed by, `lane_segmenter` that of the lane, and `lane_side_max` the
    number of points along each side of a search that the lane gets through while somebody waits; `trial_life_s` is
    after how long a trial dataset expires of which nothing else is said. `quotas` are what a tenant may use unless it
    has limits of its own. `fleet` is what jobs run on.
    `draw_secret` gives 32 bytes that nobody can guess; `live_url` is where sockets are opened. `door_digests` are those
    of the words of which a call must say one, where there are any.
    """

    table: Table
    media: Objects
    doors: Doors
    queues: Queues
    clock: Clock
    ids: Ids
    lane: Lane
    keyring: Keyring
    rates: Rates
    spending: Switch
    gate: MediaGate
    live_url: str
    media_bucket: str
    segmenter: str
    lane_segmenter: str
    lane_side_max: int
    trial_life_s: int
    quotas: Quotas
    fleet: Fleet
    draw_secret: Callable[[], bytes]
    webhook_private_hosts: frozenset[str] = frozenset()
    door_digests: frozenset[str] = frozenset()
