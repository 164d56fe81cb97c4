"""Answer for a distribution's alternate names. It knows none of them.

Reason: the emulator knows a distribution by its own name alone. On AWS the sign-in pages have a name of their own,
too; here they are paths, which a distribution's name leaves to the emulator, so that the page finds them at its own
origin.
"""

import os
from typing import Any

from local.emulator.internals import internal
from local.emulator.patches import routes

VIEWER_HOST = "x-viewer-host"  # under which the name goes on that the visitor came by
LOOPBACK = ("127.0.0.1", "localhost")  # no distribution's name
LEFT = ("/oauth2/token", "/logout", routes.PREFIX)


def apply() -> None:
    app_module = internal("app")
    served = app_module.app

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            own = own_name(_host(scope))
            if own is not None:
                left = scope["path"].startswith(LEFT)
                scope = _addressed(scope, f"127.0.0.1:{os.environ['GATEWAY_PORT']}" if left else own)
        await served(scope, receive, send)

    app_module.app = app


def own_name(host: str) -> str | None:
    """The domain of the distribution that has this alternate name, if one has."""
    if not host or host in LOOPBACK or host.endswith(".cloudfront.net"):
        return None  # before any distribution's description is read, which takes longer than most requests
    cloudfront = internal("services.cloudfront")
    for distribution in list(cloudfront._distributions.values()):
        if host in (name.lower() for name in cloudfront._get_distribution_aliases(distribution)):
            return str(distribution["DomainName"])
    return None


def _host(scope: dict[str, Any]) -> str:
    for name, value in scope["headers"]:
        if name == b"host":
            return str(value.decode("latin-1")).partition(":")[0].lower()
    return ""


def _addressed(scope: dict[str, Any], host: str) -> dict[str, Any]:
    others = [(name, value) for name, value in scope["headers"] if name not in (b"host", VIEWER_HOST.encode())]
    asked = [(VIEWER_HOST.encode(), value) for name, value in scope["headers"] if name == b"host"]
    return {**scope, "headers": [*others, *asked, (b"host", host.encode("latin-1"))]}
