"""Talk to the model server as SageMaker talks to a container. It knows neither queues nor AWS.

Only four headers are forwarded, an answer needs a Content-Length, and its headers must stay below 4,096 bytes:
SageMaker fails answers that break either rule.
"""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from local.endpoint.backlog import Waiting

HEADER_BYTES_MAX = 4096
PING_TIMEOUT_S = 2.0


class NoAnswer(RuntimeError):
    """The connection died or the time was over before the container had answered."""


class MalformedAnswer(RuntimeError):
    """The container answered in a way that SageMaker does not accept; the message says which."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the container answered to one invocation."""

    status: int
    content_type: str
    custom_attributes: str | None
    body: bytes


class Container:
    """The model server at a URL such as `http://127.0.0.1:8080`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80

    def answers_ping(self) -> bool:
        """Whether `GET /ping` answers 200 within two seconds."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=PING_TIMEOUT_S)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def invoke(self, waiting: Waiting, body: bytes) -> Answer:
        """One `POST /invocations`. Raises NoAnswer or MalformedAnswer."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=waiting.request.timeout_s)
        try:
            connection.request("POST", "/invocations", body=body, headers=forwarded_headers(waiting))
            response = connection.getresponse()
            check_headers(response.getheaders())
            return Answer(
                status=response.status,
                content_type=response.getheader("Content-Type", "application/octet-stream"),
                custom_attributes=response.getheader("X-Amzn-SageMaker-Custom-Attributes"),
                body=response.read(),
            )
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(f"{type(error).__name__}: {error}") from error
        finally:
            connection.close()


def forwarded_headers(waiting: Waiting) -> Mapping[str, str]:
    """The headers that reach the container; all others are stripped."""
    request = waiting.request
    given = {
        "Content-Type": request.content_type,
        "Accept": request.accept,
        "X-Amzn-SageMaker-Custom-Attributes": request.custom_attributes,
        "X-Amzn-SageMaker-Inference-Id": waiting.inference_id,
    }
    return {name: value for name, value in given.items() if value}


def check_headers(headers: list[tuple[str, str]]) -> None:
    if not any(name.lower() == "content-length" for name, _ in headers):
        raise MalformedAnswer("the answer carries no Content-Length")
    size_bytes = sum(len(name) + len(value) + 4 for name, value in headers)
    if size_bytes >= HEADER_BYTES_MAX:
        raise MalformedAnswer(f"the headers take {size_bytes} bytes; fewer than {HEADER_BYTES_MAX} are allowed")
