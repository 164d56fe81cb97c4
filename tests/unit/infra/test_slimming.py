"""What wheels shed: no licence, no module that is imported, and nothing of the SDK that a call needs."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore.loaders import Loader
from botocore.session import Session

from infra.slimming import SERVICES, slim

CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "apigatewaymanagementapi": ("post_to_connection", {"ConnectionId": "c", "Data": b"."}),
    "dynamodb": ("get_item", {"TableName": "table", "Key": {"pk": {"S": "a"}}}),
    "lambda": ("invoke", {"FunctionName": "lane"}),
    "s3": ("get_object", {"Bucket": "bucket", "Key": "key"}),
    "sagemaker-runtime": ("invoke_endpoint", {"EndpointName": "endpoint", "Body": b"."}),
    "sqs": ("send_message", {"QueueUrl": "https://queue.example", "MessageBody": "."}),
    "ssm": ("get_parameter", {"Name": "name"}),
    "sts": ("get_caller_identity", {}),
}


class Ready(Exception):
    """A request is complete, and would be sent now."""


def _ready(**_about: object) -> None:
    raise Ready


MODEL = {
    "metadata": {"endpointPrefix": "queues"},
    "documentation": "<p>All about queues</p>",
    "shapes": {
        "Named": {
            "type": "structure",
            "members": {"documentation": {"shape": "Text", "documentation": "<p>Some words</p>"}},
        }
    },
}
ENDPOINTS = {
    "partitions": [{"partition": "aws", "regions": {"us-east-1": {}}, "services": {"queues": {"a": 1}, "else": {}}}]
}


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    data = tmp_path / "botocore" / "data"
    files: dict[str, Any] = {
        "botocore/data/endpoints.json": ENDPOINTS,
        "botocore/data/sqs/2012-11-05/examples-1.json": {},
        "thing/module.py": "",
        "thing/module.pyi": "",
        "thing/tests/test_it.py": "",
        "thing-1.dist-info/licenses/LICENSE": "free",
        "thing-1.dist-info/METADATA": "Version: 1",
        "thing-1.dist-info/RECORD": "",
    }
    for name, value in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value if isinstance(value, str) else json.dumps(value))
    for service in ("sqs", "unused"):
        path = data / service / "2012-11-05" / "service-2.json.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(json.dumps(MODEL).encode()))
    slim(tmp_path)
    return tmp_path


def test_modules_licences_and_versions_stay(installed: Path) -> None:
    left = {path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file()}
    assert left == {
        "botocore/data/endpoints.json",
        "botocore/data/sqs/2012-11-05/service-2.json",
        "thing/module.py",
        "thing-1.dist-info/licenses/LICENSE",
        "thing-1.dist-info/METADATA",
    }


def test_a_model_loses_its_words_and_nothing_else(installed: Path) -> None:
    model = json.loads((installed / "botocore/data/sqs/2012-11-05/service-2.json").read_text())
    assert model["metadata"] == MODEL["metadata"]
    assert model["shapes"] == {"Named": {"type": "structure", "members": {"documentation": {"shape": "Text"}}}}
    assert "documentation" not in model


def test_endpoints_keep_their_regions_and_the_called_services(installed: Path) -> None:
    (partition,) = json.loads((installed / "botocore/data/endpoints.json").read_text())["partitions"]
    assert (partition["regions"], partition["services"]) == ({"us-east-1": {}}, {"queues": {"a": 1}})


def test_every_client_can_be_made_and_called_of_what_is_left(tmp_path: Path) -> None:
    data = tmp_path / "botocore" / "data"
    shutil.copytree(
        Path(botocore.__file__).parent / "data",
        data,
        ignore=lambda folder, names: [
            name for name in names if Path(folder).name == "data" and "." not in name and name not in SERVICES
        ],
    )
    slim(tmp_path)
    session = Session()
    session.register_component("data_loader", Loader([str(data)], include_default_search_paths=False))
    for service in sorted(SERVICES):
        client = session.create_client(service, "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        client.meta.events.register_first("before-send", _ready)
        with pytest.raises(Ready):
            getattr(client, CALLS[service][0])(**CALLS[service][1])


def test_what_an_installed_file_is_linked_to_stays_as_it_is(tmp_path: Path) -> None:
    """An installer may link its files to those of a cache, which every other environment is linked to as well."""
    cached, wheels = tmp_path / "cached.json", tmp_path / "wheels"
    cached.write_text(json.dumps(ENDPOINTS))
    data = wheels / "botocore" / "data"
    data.mkdir(parents=True)
    (data / "endpoints.json").hardlink_to(cached)
    slim(wheels)
    assert json.loads(cached.read_text()) == ENDPOINTS
    assert json.loads((data / "endpoints.json").read_text()) != ENDPOINTS
