"""What wheels shed: no licence, no module that is imported, and nothing of the SDK that a call needs."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from infra.slimming import slim

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
