from __future__ import annotations

import json
from typing import Any

from infra.stacks.live import ROWS_TOLD_OF
from maskmill.core import rows
from tests.unit.infra.cloud import Cloud


def changes(cloud: Cloud) -> dict[str, Any]:
    (mapping,) = [
        one
        for one in cloud.resources("Lambda::EventSourceMapping")
        if cloud.text(one.stack, one.properties["EventSourceArn"]) == "<Table.StreamArn>"
    ]
    assert cloud.text(mapping.stack, mapping.properties["FunctionName"]) == "<PushProgress/Function>"
    assert cloud.texts(mapping.stack, mapping.properties["DestinationConfig"]["OnFailure"]["Destination"]) == [
        "<ProgressLetters.Arn>"
    ]
    return mapping.properties


def test_the_stream_tells_of_rows_as_they_were_and_as_they_are(cloud: Cloud) -> None:
    assert cloud.only("DynamoDB::GlobalTable").properties["StreamSpecification"] == {
        "StreamViewType": "NEW_AND_OLD_IMAGES"
    }


def test_only_rows_of_jobs_wake_the_function(cloud: Cloud) -> None:
    """What it writes itself must not wake it again."""
    (entry,) = changes(cloud)["FilterCriteria"]["Filters"]
    pattern = json.loads(entry["Pattern"])
    assert pattern["eventName"] == ["INSERT", "MODIFY"]
    assert pattern["dynamodb"]["Keys"]["sk"]["S"] == [{"prefix": prefix} for prefix in ROWS_TOLD_OF]
    told = [rows.job_key("t", "j"), rows.chunk_key("t", "j", 1)]
    untold = [rows.event_key("t", "j", 1), rows.result_key("t", "j", 1), rows.dataset_key("t", "d")]
    assert all(key.sk.startswith(ROWS_TOLD_OF) for key in told)
    assert not any(key.sk.startswith(ROWS_TOLD_OF) for key in untold)


def test_a_batch_that_fails_is_halved_and_given_up_at_last(cloud: Cloud) -> None:
    """A poisoned record must not hold the records behind it for ever."""
    mapping = changes(cloud)
    assert mapping["BisectBatchOnFunctionError"] is True
    assert 0 < mapping["MaximumRetryAttempts"] <= 100
    assert 3600 <= mapping["MaximumRecordAgeInSeconds"] <= 24 * 3600
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert 1 <= mapping["MaximumBatchingWindowInSeconds"] <= 2
