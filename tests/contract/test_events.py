"""What AWS sends us, byte for byte as it was seen or documented, and what we read out of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lambdas.aws.events import (
    AnswerFailed,
    AnswerReady,
    Ignored,
    UnreadableRecord,
    callbacks_in,
    expecting,
    letters_in,
    message_in,
    uploads_in,
)
from maskmill.core import keys
from maskmill.core.messages import CollectAnswer, FinishJob, IngestUpload, Message, PlanJob, RenderItems

PAYLOADS = Path(__file__).parent / "payloads"
REQUEST = "t/a1b2c3-tenant/jobs/j0123456789abcdef012345678/requests/0123456789abcdef01234567.json"
ANSWER = (
    "s3://maskmill-work/async/t/a1b2c3-tenant/jobs/j0123456789abcdef012345678/answers/0123456789abcdef01234567.json"
)
FAILURE = "s3://maskmill-work/async-failed/41744303-0000-4000-8000-000000000000-error.out"
UPLOAD = IngestUpload(
    tenant="a1b2c3-tenant", dataset_id="01j0000000000000000000000a", image_id="01j0000000000000000000000b"
)


def payload(name: str) -> str:
    return (PAYLOADS / f"{name}.json").read_text()


@pytest.mark.parametrize("name", ["sagemaker_success", "sagemaker_success_with_body", "sns_envelope_success"])
def test_a_success_names_its_request_and_its_answer(name: str) -> None:
    assert callbacks_in(payload(name)) == (AnswerReady(REQUEST, ANSWER),)
    assert keys.parse_request(REQUEST) is not None


@pytest.mark.parametrize(
    ("name", "failure"),
    [
        ("sagemaker_failure", None),
        ("sagemaker_failure_location_on_top", FAILURE),
        ("sagemaker_failure_location_in_response", FAILURE),
    ],
)
def test_a_failure_names_its_reason_and_its_explanation_wherever_it_stands(name: str, failure: str | None) -> None:
    (callback,) = callbacks_in(payload(name))
    assert isinstance(callback, AnswerFailed)
    assert callback.request_key == REQUEST
    assert callback.reason.startswith("ClientError: Received server error (500)")
    assert callback.failure == failure


def test_a_failure_without_a_reason_is_still_a_failure() -> None:
    values = json.loads(payload("sagemaker_failure"))
    del values["failureReason"]
    assert callbacks_in(json.dumps(values)) == (AnswerFailed(REQUEST, "no reason given", None),)


def test_test_notifications_are_ignored_by_type() -> None:
    assert isinstance(callbacks_in(payload("sagemaker_test"))[0], Ignored)
    assert isinstance(uploads_in(payload("s3_test"))[0], Ignored)


def test_the_sweeps_own_messages_come_through_the_same_queues() -> None:
    collect = CollectAnswer(tenant="a", job_id="j1", request_id="r1")
    assert callbacks_in(collect.model_dump_json()) == (collect,)
    assert uploads_in(UPLOAD.model_dump_json()) == (UPLOAD,)


@pytest.mark.parametrize("name", ["s3_created", "s3_created_encoded"])
def test_an_event_of_the_store_names_an_upload(name: str) -> None:
    assert uploads_in(payload(name)) == (UPLOAD,)


def test_events_that_are_not_ours_are_ignored_one_by_one() -> None:
    first, removed, foreign = uploads_in(payload("s3_mixed"))
    assert first == UPLOAD
    assert isinstance(removed, Ignored)
    assert isinstance(foreign, Ignored)


@pytest.mark.parametrize(
    "message",
    [
        PlanJob(tenant="a", job_id="j"),
        RenderItems(tenant="a", job_id="j", chunk=1, indices=(2,)),
        FinishJob(tenant="a", job_id="j"),
        UPLOAD,
    ],
)
def test_a_message_survives_its_journey(message: Message) -> None:
    assert message_in(message.model_dump_json()) == message
    assert letters_in(message.model_dump_json()) == (message,)


def test_a_message_in_the_wrong_queue_is_unreadable() -> None:
    with pytest.raises(UnreadableRecord, match="plan message in the wrong queue"):
        expecting(RenderItems)(PlanJob(tenant="a", job_id="j").model_dump_json())


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        "null",
        "[]",
        '"text"',
        "{}",
        "[" * 100_000,
        '{"kind": "plan"}',
        '{"kind": "plan", "v": 2, "tenant": "a", "job_id": "j"}',
        '{"kind": "unknown", "v": 1}',
        '{"kind": "plan", "v": 1, "tenant": "a", "job_id": "j", "extra": 1}',
        '{"eventSource": "aws:sagemaker", "eventName": "InferenceResult"}',
        '{"eventSource": "aws:sagemaker", "invocationStatus": "Completed", "requestParameters": {"inputLocation": 5}}',
        '{"eventSource": "aws:sagemaker", "invocationStatus": "Completed", "requestParameters": {"inputLocation": "x"}}',
        '{"eventSource": "aws:sagemaker", "invocationStatus": "Completed", "requestParameters": null}',
        '{"Type": "Notification", "Message": "not json"}',
    ],
)
def test_what_nobody_can_read_is_refused_and_not_dropped(body: str) -> None:
    with pytest.raises(UnreadableRecord):
        callbacks_in(body)


@pytest.mark.parametrize("body", ['{"Records": [{}]}', '{"Records": [{"eventName": "ObjectCreated:Put", "s3": {}}]}'])
def test_an_event_of_another_shape_is_refused(body: str) -> None:
    with pytest.raises(UnreadableRecord):
        uploads_in(body)


@pytest.mark.parametrize("body", ['{"Records": 5}', '{"Records": null}', '{"Records": ["x"]}', '{"Records": [null]}'])
def test_records_that_are_none_are_refused(body: str) -> None:
    with pytest.raises(UnreadableRecord):
        uploads_in(body)


def test_dead_letters_are_read_whatever_queue_they_come_from() -> None:
    assert letters_in(payload("s3_created")) == (UPLOAD,)
    assert isinstance(letters_in(payload("s3_test"))[0], Ignored)
    for name in ("sagemaker_success", "sagemaker_failure", "sagemaker_test", "sns_envelope_success"):
        assert isinstance(letters_in(payload(name))[0], Ignored)
    with pytest.raises(UnreadableRecord):
        letters_in('{"something": "else"}')
