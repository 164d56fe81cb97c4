"""Carry one request through: download, invoke, upload, tell. It knows neither threads nor the queue.

SageMaker does not retry: whatever goes wrong here becomes a failure record and a message on the error topic.
"""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from local.endpoint import messages
from local.endpoint.backlog import Waiting
from local.endpoint.cloud import Cloud, CloudError
from local.endpoint.container import Answer, MalformedAnswer, NoAnswer
from local.endpoint.deployed import DeployedEndpoint

FAULTS = ("drop_notifications", "duplicate_notifications", "delay_notifications", "fail_uploads")
DELAY_S = 4.0  # of a notification that is held back


class Invokes(Protocol):
    """The part of a container that an invocation needs."""

    def invoke(self, waiting: Waiting, body: bytes) -> Answer: ...


class Failed(Exception):
    """The invocation failed: the reason SageMaker gives, and what the failure object says."""

    def __init__(self, reason: str, body: bytes | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.body = reason.encode() if body is None else body


def later(delay_s: float, action: Callable[[], None]) -> None:
    """Do something after a delay, unless the process has ended by then."""
    timer = threading.Timer(delay_s, action)
    timer.daemon = True
    timer.start()


@dataclass(slots=True)
class Runner:
    """Runs invocations of one endpoint and counts them. `faults` holds how many of each fault are still to come."""

    endpoint: DeployedEndpoint
    container: Invokes
    cloud: Cloud
    clock: Callable[[], float]
    log: Callable[[str], None]
    later: Callable[[float, Callable[[], None]], None] = later
    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def run(self, waiting: Waiting) -> None:
        try:
            answer = self._invoke(waiting, self._input(waiting))
            self._upload(waiting, answer)
        except Failed as failure:
            self._record_failure(waiting, failure)
            return
        self.counts["completed"] += 1
        self._publish(
            self.endpoint.success_topic,
            messages.success(
                self.endpoint,
                waiting,
                content_type=answer.content_type,
                custom_attributes=answer.custom_attributes,
                body=answer.body,
                now=self.clock(),
            ),
        )

    def expire(self, waiting: Waiting) -> None:
        self.counts["expired"] += 1
        self._record_failure(waiting, Failed(messages.reason_expired(waiting)))

    def announce(self) -> None:
        """The test notification that both topics receive when an endpoint is created or updated."""
        for topic in sorted({self.endpoint.success_topic, self.endpoint.error_topic} - {None}, key=str):
            self._publish(topic, messages.test_notification())

    def _input(self, waiting: Waiting) -> bytes:
        if waiting.request.body is not None:
            return waiting.request.body
        try:
            return self.cloud.download(self.endpoint.role, waiting.request.input_location or "")
        except CloudError as error:
            self.counts["download_failures"] += 1
            raise Failed(messages.reason_download(waiting, str(error))) from error

    def _invoke(self, waiting: Waiting, body: bytes) -> Answer:
        self.counts["invocations"] += 1
        try:
            answer = self.container.invoke(waiting, body)
        except NoAnswer as error:
            self.log(f"{waiting.id}: no answer from the model: {error}")
            reason = messages.reason_of_status(self.endpoint, 0)
            raise Failed(reason, messages.reason_no_response(self.endpoint).encode()) from error
        except MalformedAnswer as error:
            self.log(f"{waiting.id}: {error}")
            raise Failed(messages.reason_no_response(self.endpoint)) from error
        if not 200 <= answer.status < 300:
            raise Failed(messages.reason_of_status(self.endpoint, answer.status), answer.body)
        return answer

    def _upload(self, waiting: Waiting, answer: Answer) -> None:
        try:
            if self._take_fault("fail_uploads"):
                raise CloudError("InjectedFault")
            self.cloud.upload(self.endpoint.role, waiting.output_location, answer.body, answer.content_type)
        except CloudError as error:
            self.counts["upload_failures"] += 1
            raise Failed(messages.reason_upload(waiting, str(error))) from error

    def _record_failure(self, waiting: Waiting, failure: Failed) -> None:
        self.counts["failed"] += 1
        self.log(f"{waiting.id}: {failure.reason}")
        if waiting.failure_location:
            try:
                self.cloud.upload(self.endpoint.role, waiting.failure_location, failure.body, "text/plain")
            except CloudError as error:
                self.counts["upload_failures"] += 1
                self.log(f"{waiting.id}: no failure object: {error}")
        message = messages.failure(self.endpoint, waiting, reason=failure.reason, body=failure.body, now=self.clock())
        self._publish(self.endpoint.error_topic, message)

    def _publish(self, topic: str | None, message: str) -> None:
        if topic is None or self._take_fault("drop_notifications"):
            return
        times = 2 if self._take_fault("duplicate_notifications") else 1
        if self._take_fault("delay_notifications"):
            self.later(DELAY_S, partial(self._send, topic, message, times))
        else:
            self._send(topic, message, times)

    def _send(self, topic: str, message: str, times: int) -> None:
        for _ in range(times):
            try:
                self.cloud.publish(self.endpoint.role, topic, message)
            except CloudError as error:
                self.counts["notification_failures"] += 1
                self.log(f"no message on {topic}: {error}")

    def _take_fault(self, name: str) -> bool:
        if self.faults[name] <= 0:
            return False
        self.faults[name] -= 1
        return True
