"""The model server's log lines and numbers."""

import json
import logging
import sys

from inference_container.logs import JsonLines, as_metrics
from inference_container.telemetry import Count, Phase, Telemetry
from maskmill.core.redaction import GONE


def line(message: str, *arguments: object, **more: object) -> dict[str, object]:
    record = logging.LogRecord("maskmill", logging.INFO, "file", 1, message, arguments, None)
    for field, value in more.items():
        setattr(record, field, value)
    text = JsonLines().format(record)
    assert len(text.splitlines()) == 1
    found: dict[str, object] = json.loads(text)
    return found


def test_a_record_is_one_line_with_its_facts() -> None:
    told = line("two\nlines of %s", "text", facts={"images": 3, "odd": "\r\n\x85\u2028\u2029\x0b"})
    assert (told["message"], told["level"], told["logger"], told["images"]) == (
        "two\nlines of text",
        "INFO",
        "maskmill",
        3,
    )


def test_a_failure_keeps_its_trace_and_no_secret() -> None:
    try:
        raise RuntimeError("https://bucket.s3.amazonaws.com/key?X-Amz-Signature=abc&X-Amz-Security-Token=def failed")
    except RuntimeError:
        told = line("failed", exc_info=sys.exc_info())
    trace = str(told["trace"])
    assert f"RuntimeError: https://bucket.s3.amazonaws.com/key?{GONE}" in trace
    assert "abc" not in trace
    assert "def failed" not in trace


def test_metrics_stand_in_the_same_line() -> None:
    told = as_metrics({"images": 2, "seconds": 1.5, "inference_id": "a"}, namespace="N", segmenter="sam-1", at_ms=7)
    assert told["_aws"] == {
        "Timestamp": 7,
        "CloudWatchMetrics": [
            {
                "Namespace": "N",
                "Dimensions": [["segmenter"]],
                "Metrics": [{"Name": "images", "Unit": "Count"}, {"Name": "seconds", "Unit": "Seconds"}],
            }
        ],
    }
    assert (told["segmenter"], told["images"], told["inference_id"]) == ("sam-1", 2, "a")


def test_the_busy_share_counts_overlapping_invocations_once() -> None:
    now = [0.0]
    telemetry = Telemetry(lambda: now[0])
    with telemetry.busy():
        now[0] = 2.0
        with telemetry.busy():
            now[0] = 3.0
        now[0] = 4.0
        assert telemetry.snapshot()["running"] == 1
    now[0] = 8.0
    assert telemetry.snapshot()["busy_share"] == 0.5


def test_a_phase_counts_failed_work_too() -> None:
    now = [0.0]
    telemetry = Telemetry(lambda: now[0])
    try:
        with telemetry.phase(Phase.EMBED):
            now[0] = 1.5
            raise ValueError
    except ValueError:
        pass
    telemetry.add(Count.EMBEDS)
    telemetry.fail("model_failed")
    told = telemetry.snapshot()
    assert (told["seconds"]["embed"], told["embeds"], told["failures"]) == (1.5, 1, {"model_failed": 1})
