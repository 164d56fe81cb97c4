"""A receiver of webhooks on this machine, over TLS with a certificate of an authority made for the purpose."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HEAD_BYTES_MAX = 64 * 1024
Reply = Callable[[socket.socket], None]


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority that nobody knows but who is given `path`."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "authority.pem"

    def issue(self, *names: str, days: int = 2, name: str = "server") -> Path:
        """A file with a certificate for these names or numbers, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName([_alternative(one) for one in names])
        certificate = (
            _builder(names[0], key.public_key(), issuer=self.certificate.subject, days=days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(alternatives, critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        path = self.folder / f"{name}.pem"
        pem, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        path.write_bytes(key.private_bytes(pem, kind, serialization.NoEncryption()) + certificate.public_bytes(pem))
        return path


def make_authority(folder: Path) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A receiver's authority")])
    certificate = (
        _builder("A receiver's authority", key.public_key(), issuer=name, days=2)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, **usage), critical=True)
        .sign(key, hashes.SHA256())
    )
    authority = Authority(key, certificate, folder)
    authority.path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return authority


def _builder(name: str, key: ec.EllipticCurvePublicKey, *, issuer: x509.Name, days: int) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=3))
        .not_valid_after(now + timedelta(days=days))
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came: header names are lower-case; `server_name` is the one that was asked for in TLS."""

    line: str
    headers: dict[str, str]
    body: bytes
    server_name: str | None


@dataclass(slots=True)
class Receiver:
    """Listens on a port of 127.0.0.1; `reply` writes the answer to each request in turn, the last one from then on."""

    port: int
    replies: list[Reply]
    requests: list[Request] = field(default_factory=list)
    connections: int = 0


def answering(status: int, body: bytes = b"", **headers: str) -> Reply:
    lines = {"Content-Length": str(len(body)), **{name.replace("_", "-"): text for name, text in headers.items()}}
    head = "".join(f"{name}: {text}\r\n" for name, text in lines.items())
    return saying(f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + body)


def saying(data: bytes) -> Reply:
    return lambda connection: connection.sendall(data)


@contextmanager
def receiver(certificate: Path, *replies: Reply) -> Iterator[Receiver]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = Receiver(listener.getsockname()[1], list(replies) or [answering(204)])
        thread = threading.Thread(target=_serve, args=(listener, context, names, found), daemon=True)
        thread.start()
        yield found
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def _serve(listener: socket.socket, context: ssl.SSLContext, names: list[str | None], found: Receiver) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return
        found.connections += 1
        with suppress(OSError), plain, context.wrap_socket(plain, server_side=True) as connection:
            connection.settimeout(10)
            request = _read(connection, names[-1] if names else None)
            if request is None:
                continue
            found.requests.append(request)
            found.replies[min(len(found.requests), len(found.replies)) - 1](connection)


def _read(connection: ssl.SSLSocket, server_name: str | None) -> Request | None:
    data = b""
    while b"\r\n\r\n" not in data and len(data) < HEAD_BYTES_MAX:
        part = connection.recv(4096)
        if not part:
            return None
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    line, *rest = head.decode("ascii").split("\r\n")
    headers = {name.lower(): text for name, _, text in (one.partition(": ") for one in rest)}
    while len(body) < int(headers["content-length"]):
        body += connection.recv(4096)
    return Request(line, headers, body, server_name)
