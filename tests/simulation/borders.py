"""Nobody reads, writes or sends what is another tenant's: every invocation acts for one tenant, and keys name theirs."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

import greenlet

from maskmill.core import keys
from maskmill.core.table import Key, Row
from tests.simulation.post import Body
from tests.simulation.world import World


def act_for(tenant: str | None) -> None:
    """What runs now does so for a tenant."""
    greenlet.getcurrent().tenant = tenant


def tenant_of(body: Body) -> str | None:
    """Whose message it is; a callback is of the tenant whose request it names."""
    if not isinstance(body, tuple):
        return body.tenant
    name = keys.parse_request(body[1])
    return None if name is None else name.tenant


@dataclass(slots=True)
class Borders:
    """Watches the table and the buckets of a world."""

    world: World
    violations: list[str] = field(default_factory=list)

    def committed(self, key: Key, _before: Row | None, _after: Row | None) -> None:
        """Called at every commit of the table."""
        tenant = getattr(greenlet.getcurrent(), "tenant", None)
        if tenant is not None and key.pk.startswith("T#") and key.pk.split("#", 2)[1] != tenant:
            self.violations.append(f"{tenant} wrote the row {key}")

    def call(self, service: str, label: Hashable, effect: Callable[[], Any]) -> Any:
        """A call of a bucket: its label is the name of an object."""
        tenant = getattr(greenlet.getcurrent(), "tenant", None)
        if tenant is not None and f"t/{tenant}/" not in str(label):
            self.violations.append(f"{tenant} called {service} of {label}")
        return self.world.call(service, label, effect)

    def sent(self, body: Body) -> None:
        """Called with every message that is sent."""
        tenant = getattr(greenlet.getcurrent(), "tenant", None)
        if tenant is not None and tenant_of(body) != tenant:
            self.violations.append(f"{tenant} sent {body!r}")
