from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk

from infra.constructs.sockets import Sockets
from infra.context import chosen
from infra.stacks.live import ROWS_TOLD_OF
from maskmill.core import rows
from tests.unit.infra.cloud import Cloud, Resource


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


# Sockets --------------------------------------------------------------------------------------------------------------


def of_sockets(cloud: Cloud, kind: str) -> list[Resource]:
    return [found for found in cloud.resources(f"ApiGatewayV2::{kind}") if found.name.startswith("Sockets/")]


def test_all_that_happens_to_a_socket_goes_to_one_function(cloud: Cloud) -> None:
    """A ticket is checked when a socket opens; the gateway has nothing to check it by."""
    routes = {
        route.properties["RouteKey"]: route.properties["AuthorizationType"] for route in of_sockets(cloud, "Route")
    }
    assert routes == dict.fromkeys(("$connect", "$disconnect", "$default"), "NONE")
    (integration,) = of_sockets(cloud, "Integration")
    uri = cloud.text(integration.stack, integration.properties["IntegrationUri"])
    assert uri.endswith("functions/<HoldConnection/Function.Arn>/invocations")
    (permission,) = [one for one in cloud.resources("Lambda::Permission") if one.name.startswith("Sockets/")]
    assert cloud.text(permission.stack, permission.properties["FunctionName"]) == "<HoldConnection/Function>"
    assert cloud.text(permission.stack, permission.properties["SourceArn"]).endswith(":<Sockets/Api>/live/*")


def test_sockets_are_limited(cloud: Cloud) -> None:
    (stage,) = of_sockets(cloud, "Stage")
    assert stage.properties["StageName"] == "live"
    assert stage.properties["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
    assert stage.properties["DefaultRouteSettings"]["ThrottlingBurstLimit"] > 0


def test_clients_are_told_where_sockets_are_opened(cloud: Cloud) -> None:
    url = "wss://<Sockets/Api>.execute-api.<AWS::Region>.<AWS::URLSuffix>/live"
    assert cloud.outputs()["LiveUrl"] == url
    api = cloud.named("ServeApi/Function")
    assert cloud.text(api.stack, api.properties["Environment"]["Variables"]["LIVE_URL"]) == url
    for name in ("PushProgress", "HoldConnection"):
        function = cloud.named(f"{name}/Function")
        told = cloud.text(function.stack, function.properties["Environment"]["Variables"]["SOCKETS_URL"])
        assert told == url.replace("wss:", "https:")


def test_an_emulator_serves_sockets_below_an_address_of_its_own() -> None:
    base = "http://127.0.0.1:4566/_aws/execute-api"
    app = cdk.App()
    sockets = Sockets(cdk.Stack(app), "Sockets", name="live", base=base, rate=1, burst=1)
    assert sockets.url.startswith("ws://127.0.0.1:4566/_aws/execute-api/")
    assert sockets.sending_url.startswith(f"{base}/")
    assert sockets.url.endswith("/live") and sockets.sending_url.endswith("/live")
    emulator = chosen({"stage": "local", "emulator": "http://127.0.0.1:4566"}).emulator
    assert emulator is not None
    assert emulator.gateway_base == base
