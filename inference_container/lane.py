"""The model server in a function: the event is a ShardRequest, the answer a ShardAnswer or a ServerProblem.

It is the same application, called without a socket, so that a mask does not depend on where it was made. It knows no
service that sends events: whoever calls the function has the request as its payload.

    python -m awslambdaric inference_container.lane.handler
"""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from inference_container.app import App
from inference_container.embeddings import ObjectStore
from inference_container.engines import build_segmenter
from inference_container.logs import start_logging
from inference_container.model import Build, Model, State
from inference_container.objects import S3Objects
from inference_container.server import create_app
from inference_container.settings import Settings
from maskmill.core.errors import Code, message_of
from maskmill.core.limits import LANE_ANSWER_BYTES_MAX
from maskmill.core.shard import ServerProblem

_LEFT_S_MIN = 1.0  # of the deadline, for an answer after the model has loaded


class Lane:
    """One environment of the function: it loads its model once and answers one request after the other.

    A first request waits for the model, up to the deadline; loading goes on with the next. A model that failed to load
    is loaded again for the next request, because nobody restarts an environment.
    """

    def __init__(self, settings: Settings, build: Build, objects: ObjectStore, clock: Callable[[], float]) -> None:
        self._build = build
        self._clock = clock
        self._app = create_app(settings, Model(build), objects)
        self._app.model.start()

    def answer(self, event: object, *, name: str = "") -> Any:
        """The answer to a request as JSON's own types; a request that fails as a whole is answered with a problem.

        `name` is what the logs of both sides call the request.
        """
        began = self._clock()
        self._app.model.wait(self._app.deadline_s)
        left_s = max(_LEFT_S_MIN, self._app.deadline_s - (self._clock() - began))
        body = _called(replace(self._app, deadline_s=left_s), json.dumps(event).encode(), name)
        if self._app.model.facts()["state"] is State.FAILED:
            self._app = replace(self._app, model=Model(self._build))
            self._app.model.start()
        if len(body) > LANE_ANSWER_BYTES_MAX:
            problem = ServerProblem(code=Code.ANSWER_TOO_LARGE, message=message_of(Code.ANSWER_TOO_LARGE))
            return problem.model_dump(mode="json")
        return json.loads(body)

    def close(self) -> None:
        """Let go of the threads."""
        self._app.workshop.close()


def _called(app: App, body: bytes, name: str) -> bytes:
    """What the application answers to an invocation, whatever its status: a problem says in words what it is."""
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/invocations",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_X_AMZN_SAGEMAKER_INFERENCE_ID": name,
        "wsgi.input": io.BytesIO(body),
    }
    return b"".join(app(environ, lambda _status, _headers: None))


@cache
def connect() -> Lane:
    """The lane of this environment, made by its first request."""
    start_logging()
    settings = Settings.from_env(os.environ)
    return Lane(settings, lambda: build_segmenter(settings), S3Objects(settings.s3_endpoint_url), time.monotonic)


def handler(event: object, context: Any) -> Any:
    return connect().answer(event, name=str(getattr(context, "aws_request_id", "")))
