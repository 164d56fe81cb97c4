"""Let loopback requests count as TLS. It knows nothing of certificates.

Reason: buckets that enforce SSL, the CDK's own staging bucket among them, deny every request whose
`aws:SecureTransport` is false. On AWS each request is TLS; here the wire never leaves the machine, and a
self-signed certificate would have to be trusted by every client. So a request that names no other protocol is
marked `x-forwarded-proto: https`, the header that a TLS-terminating proxy would have set.
"""

from typing import Any

from local.emulator.internals import internal

HEADER = b"x-forwarded-proto"


def apply() -> None:
    app_module = internal("app")
    served = app_module.app

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] in ("http", "websocket") and not any(name == HEADER for name, _ in scope["headers"]):
            scope = {**scope, "headers": [*scope["headers"], (HEADER, b"https")]}
        await served(scope, receive, send)

    app_module.app = app
