"""What posts to users' addresses, on real sockets and real TLS: whom it reaches, and whom it refuses to."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lambdas.deliver_webhook.logic import Posted
from lambdas.deliver_webhook.sender import SafePostman, resolve, trusting
from maskmill.core.addresses import Destination
from maskmill.core.webhook import Trouble
from tests.contract.receiver import Authority, Receiver, Reply, answering, make_authority, receiver, saying

HOST = "hooks.example.com"
BODY = b'{"type":"ping"}'
PRIVATE = frozenset({HOST, "127.0.0.1"})
LOCAL = "127.0.0.1"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> Path:
    return authority.issue(HOST, LOCAL)


class Names:
    """A resolver that counts, and may change its mind."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


def postman(authority: Authority, names: Names | None = None, **more: float) -> SafePostman:
    context = trusting()
    context.load_verify_locations(authority.path)
    made = SafePostman(context=context, private_hosts=PRIVATE, resolve=names or Names([LOCAL]))
    return replace(made, **more)  # type: ignore[arg-type]


def to(port: int, host: str = HOST) -> Destination:
    return Destination(host=host, port=port, target="/hook?a=1")


def post(authority: Authority, certificate: Path, *replies: Reply, **more: float) -> tuple[Posted, Receiver]:
    with receiver(certificate, *replies) as found:
        return postman(authority, **more).post(to(found.port), {"webhook-id": "i"}, BODY), found


def test_a_receiver_gets_the_body_the_headers_and_its_own_name(authority: Authority, certificate: Path) -> None:
    posted, found = post(authority, certificate, answering(200, b"thank you"))
    assert (posted.status, posted.trouble) == (200, None)
    (request,) = found.requests
    assert (request.line, request.body, request.server_name) == ("POST /hook?a=1 HTTP/1.1", BODY, HOST)
    assert request.headers["host"] == f"{HOST}:{found.port}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == "i"
    assert request.headers["user-agent"].startswith("Maskmill/")


@pytest.mark.parametrize("status", [200, 204, 400, 404, 410, 429, 500, 503])
def test_the_status_is_told_as_it_is(authority: Authority, certificate: Path, status: int) -> None:
    posted, _ = post(authority, certificate, answering(status))
    assert posted == Posted(status=status, took_ms=posted.took_ms)


def test_a_redirect_is_an_answer_and_is_not_followed(authority: Authority, certificate: Path) -> None:
    with receiver(certificate) as elsewhere:
        posted, _ = post(authority, certificate, answering(302, Location=f"https://{LOCAL}:{elsewhere.port}/"))
        assert posted.status == 302
    assert elsewhere.connections == 0


def test_interim_answers_are_waited_out(authority: Authority, certificate: Path) -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    posted, _ = post(authority, certificate, saying(early + b"HTTP/1.1 201 Made\r\n\r\n"))
    assert posted.status == 201


@pytest.mark.parametrize(
    "said",
    [b"", b"hello\r\n\r\n", b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 2000 X\r\n\r\n", b"x" * 5000],
    ids=[f"W3{letter}" for letter in "abcde"],
)
def test_what_is_not_http_is_no_answer(authority: Authority, certificate: Path, said: bytes) -> None:
    posted, _ = post(authority, certificate, saying(said))
    assert posted.trouble is Trouble.BAD_ANSWER


def test_a_huge_answer_is_not_read(authority: Authority, certificate: Path) -> None:
    sent: list[int] = []

    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(1000):
            connection.sendall(b"x" * 1_000_000)
            sent.append(1_000_000)

    posted, _ = post(authority, certificate, flood)
    assert posted.status == 200
    assert sum(sent) < 100_000_000


def test_a_receiver_that_drips_is_left_at_the_deadline(authority: Authority, certificate: Path) -> None:
    def drip(connection: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"y" * 1000:
            connection.sendall(bytes([byte]))
            time.sleep(0.02)

    posted, _ = post(authority, certificate, drip, attempt_s=0.4)
    assert posted.trouble is Trouble.TIMED_OUT
    assert 350 <= posted.took_ms < 2000


def test_a_receiver_that_says_nothing_is_left_at_the_deadline(authority: Authority, certificate: Path) -> None:
    posted, _ = post(authority, certificate, lambda _connection: time.sleep(1), attempt_s=0.2)
    assert posted.trouble is Trouble.TIMED_OUT


def test_a_server_that_accepts_and_never_shakes_hands_is_left_at_the_deadline(authority: Authority) -> None:
    with socket.create_server((LOCAL, 0)) as mute:
        posted = postman(authority, attempt_s=0.2).post(to(mute.getsockname()[1]), {}, BODY)
    assert posted.trouble is Trouble.TIMED_OUT


def test_nobody_there_is_unreachable(authority: Authority) -> None:
    with socket.create_server((LOCAL, 0)) as closed:
        port = closed.getsockname()[1]
    assert postman(authority).post(to(port), {}, BODY).trouble is Trouble.UNREACHABLE


# Certificates ------------------------------------------------------------------------------------------------------


def test_a_certificate_for_another_name_is_refused_before_anything_is_sent(authority: Authority) -> None:
    with receiver(authority.issue("other.example.com", name="other")) as found:
        assert postman(authority).post(to(found.port), {}, BODY).trouble is Trouble.TLS_FAILED
    assert found.requests == []


def test_a_certificate_that_has_expired_is_refused(authority: Authority) -> None:
    with receiver(authority.issue(HOST, days=-1, name="expired")) as found:
        assert postman(authority).post(to(found.port), {}, BODY).trouble is Trouble.TLS_FAILED
    assert found.requests == []


def test_an_authority_that_the_machine_does_not_know_is_refused(certificate: Path) -> None:
    with receiver(certificate) as found:
        stranger = SafePostman(context=trusting(), private_hosts=PRIVATE, resolve=Names([LOCAL]))
        assert stranger.post(to(found.port), {}, BODY).trouble is Trouble.TLS_FAILED
    assert found.requests == []


def test_a_server_without_tls_is_refused(authority: Authority) -> None:
    with socket.create_server((LOCAL, 0)) as plain:

        def talk() -> None:
            connection, _ = plain.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

        threading.Thread(target=talk, daemon=True).start()
        assert postman(authority).post(to(plain.getsockname()[1]), {}, BODY).trouble is Trouble.TLS_FAILED


def test_a_number_is_verified_as_a_number(authority: Authority, certificate: Path) -> None:
    with receiver(certificate) as found:
        assert postman(authority).post(to(found.port, LOCAL), {}, BODY).status == 204


def test_nothing_older_than_tls_1_2_is_spoken() -> None:
    context = trusting()
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.check_hostname and context.verify_mode is ssl.CERT_REQUIRED


# Addresses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        [LOCAL],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["93.184.216.34", LOCAL],  # public and private: refused as a whole, whichever comes first
        [LOCAL, "93.184.216.34"],
        ["2606:4700::1111", "::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
    ],
    ids=[f"W2{letter}" for letter in "abcdefgh"],
)
def test_a_name_with_a_private_address_is_never_connected_to(
    authority: Authority, certificate: Path, answer: list[str]
) -> None:
    with receiver(certificate) as found:
        strict = replace(postman(authority, Names(answer)), private_hosts=frozenset())
        assert strict.post(to(found.port), {}, BODY).trouble is Trouble.ADDRESS_REFUSED
    assert found.connections == 0


def test_a_name_is_asked_for_once_and_the_checked_address_is_the_one_that_is_called(
    authority: Authority, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers with another address the second time gains nothing: there is no second time."""
    called: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        called.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    names = Names(["93.184.216.34", "2606:4700::1111"], [LOCAL])
    strict = replace(postman(authority, names), private_hosts=frozenset())
    assert strict.post(to(8443), {}, BODY).trouble is Trouble.UNREACHABLE
    assert called == [("93.184.216.34", 8443), ("2606:4700::1111", 8443)]
    assert names.asked == [(HOST, 8443)]


def test_the_next_address_is_tried_when_the_first_takes_no_connection(authority: Authority, certificate: Path) -> None:
    with receiver(certificate) as found:
        names = Names(["::1", LOCAL])  # nobody listens on the first
        assert postman(authority, names).post(to(found.port), {}, BODY).status == 204


def test_a_name_without_an_address_is_unresolved(authority: Authority) -> None:
    def nobody(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror

    lost = replace(postman(authority), resolve=nobody)
    assert lost.post(to(443), {}, BODY).trouble is Trouble.UNRESOLVED
    assert postman(authority, Names([])).post(to(443), {}, BODY).trouble is Trouble.UNRESOLVED


def test_a_resolver_that_hangs_is_left_behind(authority: Authority) -> None:
    slow = replace(postman(authority, connect_s=0.1), resolve=lambda _host, _port: time.sleep(0.5) or [LOCAL])
    assert slow.post(to(443), {}, BODY).trouble is Trouble.TIMED_OUT


def test_the_systems_resolver_gives_numbers() -> None:
    assert resolve(LOCAL, 443) == [LOCAL]


def test_proxies_of_the_environment_are_not_asked(
    authority: Authority, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    posted, _ = post(authority, certificate)
    assert posted.status == 204
