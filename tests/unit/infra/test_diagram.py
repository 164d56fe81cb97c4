"""The diagram of ARCHITECTURE.md shows the stacks as they are."""

from __future__ import annotations

import re

from infra.config import STAGES
from local.diagram import BEGIN, END, PAGE, STAGE, drawn, written
from tests.unit.infra.cloud import Cloud
from tests.unit.infra.test_functions import bundled, verb_of


def test_the_diagram_is_current(prod: Cloud) -> None:
    """`make diagram` draws it anew."""
    page = PAGE.read_text()
    assert written(page, drawn(prod.folder, STAGES[STAGE].prefix)) == page


def test_every_function_queue_bucket_and_topic_is_in_it(prod: Cloud) -> None:
    diagram = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    labels = set(re.findall(r'"([^"]+)"', diagram))
    assert {verb_of(function) for function in bundled(prod)} | {"lane", "table", "web"} <= labels
    assert {bucket.name.lower() for bucket in prod.resources("S3::Bucket")} <= labels
    queues = [queue for queue in prod.resources("SQS::Queue") if not queue.name.endswith("Letters")]
    assert {re.sub("Queue/Queue$", " queue", queue.name).lower() for queue in queues} <= labels
    assert diagram.count('>"') == len(prod.resources("SNS::Topic"))


def test_it_follows_the_road_of_a_job(prod: Cloud) -> None:
    arrows = set(re.findall(r"^  (\w+) (-->|-\.->) (\w+)$", drawn(prod.folder, STAGES[STAGE].prefix), re.M))
    road = [
        ("api_ServeApi", "-->", "pipeline_PlanQueue_Queue"),
        ("pipeline_PlanQueue_Queue", "-->", "pipeline_PlanJob"),
        ("pipeline_PlanJob", "-->", "pipeline_DispatchQueue_Queue"),
        ("pipeline_DispatchShard", "-->", "inference_Segmenter_Endpoint"),
        ("inference_Segmenter_Endpoint", "-->", "pipeline_Answers_Success"),
        ("pipeline_Answers_Success", "-->", "pipeline_CollectQueue_Queue"),
        ("pipeline_CollectMasks", "-->", "pipeline_RenderQueue_Queue"),
        ("pipeline_RenderItem", "-->", "pipeline_FinishQueue_Queue"),
        ("pipeline_EveryMinute", "-->", "pipeline_Sweep"),
        ("pipeline_Sweep", "-.->", "pipeline_RenderQueue_Queue"),
    ]
    assert set(road) <= arrows
