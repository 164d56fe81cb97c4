"""Posts to an address that a user chose, as safely as that can be done; it knows no webhook and no signature.

The name is resolved once, every address that comes back must be a public one, and the connection is made to the very
address that was checked: a name that changes its address in between leads nowhere else. The certificate is verified for
the name. Redirects are not followed, proxies of the environment are not asked, and of the answer only the status is
read, within one deadline for everything.

A request and a status line are all of HTTP that is needed; the library's own client keeps a deadline for each read
only, so a receiver that drips a byte now and then would hold it for ever.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from lambdas.deliver_webhook.logic import Posted
from maskmill import __version__
from maskmill.core.addresses import Destination, is_public
from maskmill.core.limits import WEBHOOK_ANSWER_BYTES_MAX, WEBHOOK_ATTEMPT_S, WEBHOOK_CONNECT_S
from maskmill.core.webhook import Trouble

USER_AGENT = f"Maskmill/{__version__}"
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\r\n")
_HEAD_END = b"\r\n\r\n"
_SWITCHING, _FINAL = 101, 200
ADDRESSES_TRIED_MAX = 4

Resolve = Callable[[str, int], Sequence[str]]


class _Trouble(Exception):
    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble
        super().__init__(trouble.value)


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, as numbers; raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def trusting() -> ssl.SSLContext:
    """Verifies the certificate and the name with the machine's authorities, TLS 1.2 at least."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@dataclass(frozen=True, slots=True, kw_only=True)
class SafePostman:
    """The postman port on plain sockets; hosts in `private_hosts` may have addresses that are not public."""

    context: ssl.SSLContext
    private_hosts: frozenset[str] = frozenset()
    resolve: Resolve = resolve
    connect_s: float = WEBHOOK_CONNECT_S
    attempt_s: float = WEBHOOK_ATTEMPT_S

    def post(self, to: Destination, headers: dict[str, str], body: bytes) -> Posted:
        began = time.monotonic()
        status, trouble = None, None
        try:
            status = self._status(to, _request(to, headers, body), began + self.attempt_s)
        except _Trouble as error:
            trouble = error.trouble
        except TimeoutError:
            trouble = Trouble.TIMED_OUT
        except ssl.SSLError:
            trouble = Trouble.TLS_FAILED
        except OSError:
            trouble = Trouble.UNREACHABLE
        return Posted(status=status, trouble=trouble, took_ms=int((time.monotonic() - began) * 1000))

    def _status(self, to: Destination, request: bytes, deadline: float) -> int:
        with self._connected(self._addresses(to, deadline), to.port, deadline) as plain:
            plain.settimeout(_left(deadline))
            with self.context.wrap_socket(plain, server_hostname=to.host) as connection:
                connection.settimeout(_left(deadline))
                connection.sendall(request)
                return _status_in(connection, deadline)

    def _addresses(self, to: Destination, deadline: float) -> Sequence[str]:
        """Where to connect to; a name with a private address among its own is refused as a whole."""
        addresses = _bounded(lambda: self.resolve(to.host, to.port), min(self.connect_s, _left(deadline)))
        if not addresses:
            raise _Trouble(Trouble.UNRESOLVED)
        if to.host not in self.private_hosts and not all(map(is_public, addresses)):
            raise _Trouble(Trouble.ADDRESS_REFUSED)
        return addresses[:ADDRESSES_TRIED_MAX]

    def _connected(self, addresses: Sequence[str], port: int, deadline: float) -> socket.socket:
        """A connection to the first of the checked addresses that takes one; the name is not asked for again."""
        for address in addresses[:-1]:
            with suppress(OSError):
                return socket.create_connection((address, port), timeout=min(self.connect_s, _left(deadline)))
        return socket.create_connection((addresses[-1], port), timeout=min(self.connect_s, _left(deadline)))


def _bounded(resolve: Callable[[], Sequence[str]], seconds: float) -> Sequence[str]:
    """The system's resolver takes no deadline of ours: it is left behind when it takes too long."""
    found: list[Sequence[str]] = []

    def run() -> None:
        try:
            found.append(resolve())
        except (OSError, UnicodeError):
            found.append(())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not found:
        raise TimeoutError
    return found[0]


def _left(deadline: float) -> float:
    """The seconds until the deadline; raises TimeoutError when there are none."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _request(to: Destination, headers: dict[str, str], body: bytes) -> bytes:
    lines = {
        "Host": to.authority,
        "User-Agent": USER_AGENT,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Accept": "*/*",
        "Connection": "close",
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {to.target} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body


def _status_in(connection: ssl.SSLSocket, deadline: float) -> int:
    """The final status, after any interim ones; what comes after it, and beyond the bound, is left unread."""
    head, read = b"", 0
    while True:
        while _HEAD_END in head:
            status = _first_status(head)
            if status >= _FINAL or status == _SWITCHING:
                return status
            head = head.partition(_HEAD_END)[2]
        if read >= WEBHOOK_ANSWER_BYTES_MAX:
            return _first_status(head)
        connection.settimeout(_left(deadline))
        part = connection.recv(WEBHOOK_ANSWER_BYTES_MAX - read)
        if not part:
            return _first_status(head)
        head, read = head + part, read + len(part)


def _first_status(head: bytes) -> int:
    found = _STATUS.match(head)
    if found is None:
        raise _Trouble(Trouble.BAD_ANSWER)
    return int(found[1])
