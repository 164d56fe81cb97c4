"""Every function connects from its settings alone and serves its queue; a missing setting stops its start."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from lambdas.aws.endpoint import SageMakerEndpoint
from lambdas.aws.realtime_endpoint import RealtimeEndpoint
from maskmill.core import settings as all_settings
from maskmill.core.errors import Unavailable
from maskmill.core.export import ExportFormat
from maskmill.core.messages import (
    CollectAnswer,
    DeliverWebhook,
    DispatchItems,
    ExportDataset,
    FinishJob,
    IngestUpload,
    Message,
    PlanJob,
    RemoveDataset,
    RemoveImage,
    RenderItems,
)
from maskmill.core.settings import BadSettings, Settings
from maskmill.core.usage import Quota
from tests.contract import aws
from tests.contract.test_events import payload
from tests.unit.lambdas.sqs import failed, sqs_event

LAMBDAS = Path(__file__).parents[3] / "lambdas"
FUNCTIONS = sorted(path.parent.name for path in LAMBDAS.glob("*/handler.py"))
MISSING: dict[str, list[Message]] = {
    "ingest_image": [IngestUpload(tenant="a", dataset_id="d", image_id="i")],
    "plan_job": [PlanJob(tenant="a", job_id="j")],
    "dispatch_shard": [DispatchItems(tenant="a", job_id="j", chunk=0)],
    "collect_masks": [CollectAnswer(tenant="a", job_id="j", request_id="r")],
    "render_item": [RenderItems(tenant="a", job_id="j", chunk=0, indices=(0,))],
    "finish_job": [FinishJob(tenant="a", job_id="j")],
    "deliver_webhook": [DeliverWebhook(tenant="a", webhook_id="w", delivery_id="d")],
    "export_dataset": [ExportDataset(tenant="a", job_id="j", format=ExportFormat.COCO)],
    "remove_dataset": [
        RemoveDataset(tenant="a", dataset_id="d"),
        RemoveImage(tenant="a", dataset_id="d", image_id="i"),
    ],
    "bury_letters": [
        IngestUpload(tenant="a", dataset_id="d", image_id="i"),
        PlanJob(tenant="a", job_id="j"),
        RenderItems(tenant="a", job_id="j", chunk=0, indices=(0,)),
        ExportDataset(tenant="a", job_id="j", format=ExportFormat.COCO),
    ],
}

OTHERS = {"hold_connection", "make_key", "publish_page", "push_progress", "serve_api", "sweep", "switch_spending"}


def settings_of(function: str) -> type[Settings]:
    name = "".join(part.capitalize() for part in function.split("_")) + "Settings"
    found: type[Settings] = getattr(all_settings, name)
    return found


def env_of(function: str, urls: dict[str, str]) -> dict[str, str]:
    known = {
        "TABLE_NAME": aws.TABLE,
        "UPLOADS_BUCKET": aws.UPLOADS,
        "MEDIA_BUCKET": aws.MEDIA,
        "WORK_BUCKET": aws.WORK,
        "SITE_BUCKET": aws.SITE,
        "ENDPOINT_NAME": "endpoint",
        "ENDPOINT_MODE": "async",
        "SEGMENTER": "classic-1",
        "LANE_NAME": "lane",
        "LIVE_URL": "wss://live.example/live",
        "MEDIA_URL": "https://page.example/media/",
        "MEDIA_KEY_NAME": aws.MEDIA_KEY_NAME,
        "MEDIA_KEY_PAIR_ID": "K1",
        "DOOR_DIGESTS": "",
        "KEY_FOLDER": "/maskmill/media-key",
        "SOCKETS_URL": "https://live.example/live",
        "LANE_SEGMENTER": "classic-1",
        "LANE_SIDE_MAX": "4",
        "TRIAL_LIFE_S": "21600",
        **{f"QUOTA_{quota.upper()}": "10" for quota in Quota},
        "REQUESTS_PER_MINUTE": "100",
        "CHUNK_ITEMS": "25",
        "INSTANCE_TYPE": "ml.g5.xlarge",
        "INSTANCES_MIN": "0",
        "INSTANCES_MAX": "1",
        "INSTANCE_IDLE_S": "300",
        "RENDERS_AT_ONCE": "20",
        "LATE_S": "1500",
        "WEBHOOK_PRIVATE_HOSTS": "",
        "WINDOW_SHARDS": "4",
        "QUEUE_LIFE_S": "3600",
        "INVOCATION_TIMEOUT_S": "900",
        **{f"{name.upper()}_QUEUE_URL": url for name, url in urls.items()},
    }
    return {name: known[name] for name in (field.upper() for field in settings_of(function).names())}


@pytest.fixture
def urls() -> Iterator[dict[str, str]]:
    with aws.cloud() as found:
        yield found


def handler_of(function: str) -> Any:
    module = importlib.import_module(f"lambdas.{function}.handler")
    module.connect.cache_clear()
    return module


def serve(function: str, urls: dict[str, str], event: dict[str, Any]) -> dict[str, Any]:
    module = handler_of(function)
    with mock.patch.dict(os.environ, env_of(function, urls)):
        answer: dict[str, Any] = module.handler(event, None)
    module.connect.cache_clear()
    return answer


def test_every_function_is_known_here() -> None:
    assert set(FUNCTIONS) == {*MISSING, *OTHERS}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_importing_a_function_makes_no_client_and_reads_no_environment(function: str) -> None:
    with mock.patch("botocore.session.Session.create_client", side_effect=AssertionError("a client at import")):
        importlib.reload(importlib.import_module(f"lambdas.{function}.handler"))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_without_its_settings_says_which_are_missing(function: str, urls: dict[str, str]) -> None:
    module = handler_of(function)
    env = env_of(function, urls)
    first = min(env)
    with mock.patch.dict(os.environ, {name: value for name, value in env.items() if name != first}):
        os.environ.pop(first, None)
        with pytest.raises(BadSettings, match=first):
            module.connect()


@pytest.mark.parametrize("function", sorted(MISSING))
def test_messages_about_nothing_are_done_and_nonsense_beside_them_is_not(function: str, urls: dict[str, str]) -> None:
    bodies = [message.model_dump_json() for message in MISSING[function]]
    answer = serve(function, urls, sqs_event(*bodies, "nonsense"))
    expected = [] if function == "bury_letters" else [f"m{len(bodies)}"]
    assert failed(answer) == expected


def test_the_stores_events_and_the_endpoints_callbacks_reach_their_functions(urls: dict[str, str]) -> None:
    events = [payload(name) for name in ("s3_test", "s3_created", "s3_mixed")]
    assert failed(serve("ingest_image", urls, sqs_event(*events))) == []
    names = ("sagemaker_test", "sagemaker_success", "sagemaker_failure", "sns_envelope_success")
    assert failed(serve("collect_masks", urls, sqs_event(*map(payload, names)))) == []


@pytest.mark.parametrize(("mode", "kind"), [("async", SageMakerEndpoint), ("realtime", RealtimeEndpoint)])
def test_who_asks_the_endpoint_asks_it_in_the_way_of_its_stage(urls: dict[str, str], mode: str, kind: type) -> None:
    module = handler_of("dispatch_shard")
    with mock.patch.dict(os.environ, env_of("dispatch_shard", urls) | {"ENDPOINT_MODE": mode}):
        assert type(module.connect().endpoint) is kind
    module.connect.cache_clear()


def test_the_sweep_of_an_empty_table_repairs_nothing(urls: dict[str, str]) -> None:
    assert serve("sweep", urls, {}) == {"repairs": {}}


def test_changes_of_jobs_that_are_gone_are_told_to_nobody(urls: dict[str, str]) -> None:
    assert serve("push_progress", urls, json.loads(payload("table_stream"))) is None


def test_a_batch_that_cannot_be_told_comes_again(urls: dict[str, str]) -> None:
    event = json.loads(payload("table_stream"))
    with mock.patch.dict(os.environ, env_of("push_progress", {**urls}) | {"TABLE_NAME": "no-such-table"}):
        module = handler_of("push_progress")
        with pytest.raises(Unavailable):
            module.handler(event, None)
    module.connect.cache_clear()
