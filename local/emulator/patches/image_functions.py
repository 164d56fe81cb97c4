"""Run functions that are container images as calls of the laptop's model server. It knows no request of it.

Reason: the emulator runs such a function in Docker, and the laptop has none. The only image that the stacks run as a
function is the model server's, which takes the same payload there as under `/invocations` here, and answers the same
words. What the server refuses by a status, the function returns as its answer.
"""

import http.client
import json
import os
from typing import Any
from urllib.parse import urlsplit

from local.emulator.environment import MODEL_VARIABLE
from local.emulator.internals import internal

PATH = "/invocations"
TIMEOUT_S = 3  # of a function that names none, as on AWS


def apply() -> None:
    service = internal("services.lambda_svc")
    in_docker = service._execute_function_docker

    def execute(function: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        config = function.get("config") or function
        url = os.environ.get(MODEL_VARIABLE)
        if url is None or config.get("PackageType") != "Image":
            return dict(in_docker(function, event, request_id))
        return invoke(url, event, timeout_s=int(config.get("Timeout") or TIMEOUT_S))

    service._execute_function_docker = execute


def invoke(url: str, event: Any, *, timeout_s: int) -> dict[str, Any]:
    """What the emulator takes for the outcome of a function: its answer, or an error in Lambda's words."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=timeout_s)
    try:
        connection.request("POST", PATH, body=json.dumps(event), headers={"Content-Type": "application/json"})
        return {"body": json.loads(connection.getresponse().read())}
    except TimeoutError:
        return _error("Sandbox.Timedout", f"Task timed out after {timeout_s}.00 seconds")
    except (OSError, http.client.HTTPException, ValueError) as error:
        return _error("Runtime.ExitError", f"{type(error).__name__}: {error}")
    finally:
        connection.close()


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"body": {"errorType": kind, "errorMessage": message}, "error": True}
