"""Requests drawn from the served description, against the deployed stacks: no fault of ours, nothing undescribed.

`make fuzz WHAT=deployed CASES=3000` asks as often as that. A segmenter that is loading or too slow may be answered with 503
`model_unavailable` or 504 `model_timeout`; every other 5xx is a failure.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from local.cloud import Laptop
from tests.contract.api.fuzz import fuzz
from tests.e2e.conftest import BALL, EDITS, User

pytestmark = pytest.mark.integration

CASES = int(os.environ.get("CASES", "200"))
START = int(os.environ.get("START", "1"))
PROMPT = {"points": [{"x": 0.3, "y": 0.5}]}


@dataclass
class Household:
    """What one user of the deployed stacks has, and how what is to be removed is made."""

    user: User
    real: dict[str, str]

    def things(self, name: str) -> dict[str, str]:
        if name in {"webhooks_create", "webhooks_remove"}:  # a tenant has a few only
            self._clear("/webhooks", "webhook_id", self.real["webhook"])
        if name in {"templates_create", "templates_remove"}:
            self._clear(f"/datasets/{self.real['dataset']}/templates", "template_id", self.real["template"])
        return {**self.real, **self._disposable(name)}

    def _disposable(self, name: str) -> dict[str, str]:
        if name in {"datasets_remove", "datasets_change"}:  # which may end it within minutes
            return {"dataset": self.post("/datasets", {"name": "to go"})["dataset_id"]}
        if name == "templates_remove":
            body = {"name": "to-go", "prompt": PROMPT}
            return {"template": self.post(f"/datasets/{self.real['dataset']}/templates", body)["template_id"]}
        if name == "images_remove":
            files = {"files": [{"name": "to-go.jpg", "size_bytes": 1, "sha256": "0" * 64}]}
            (ticket,) = self.post(f"/datasets/{self.real['dataset']}/uploads", files)["items"]
            return {"image": ticket["image_id"]}
        if name == "webhooks_remove":
            return {"webhook": self.post("/webhooks", {"url": "https://hooks.example.com/to-go"})["webhook_id"]}
        return {}

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        status, found = self.user.get(path, method="POST", body=body)
        assert status in {200, 201, 202}, found
        return found

    def _clear(self, path: str, name: str, keep: str) -> None:
        for one in self.user.get(f"{path}?limit=100")[1]["items"]:
            if one[name] != keep:
                self.user.remove(f"{path}/{one[name]}")


@pytest.fixture(scope="module")
def household(cloud: Laptop, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Household:
    """Somebody with photos, a finished job and a webhook."""
    folder = tmp_path_factory.mktemp("fay")
    cloud.sign_in("fay@example.com", folder / "profile.json")
    user = User(folder / "profile.json")
    out = folder / "out"
    user.maskmill("run", str(photos), "--dataset", "fuzz", "--template", BALL, *EDITS[:2], "--out", str(out))
    (job,) = user.get("/jobs")[1]["items"]
    dataset = job["dataset_id"]
    found = Household(
        user,
        {
            "dataset": dataset,
            "image": user.get(f"/datasets/{dataset}/images")[1]["items"][0]["image_id"],
            "template": user.get(f"/datasets/{dataset}/templates")[1]["items"][0]["template_id"],
            "job": job["job_id"],
            "format": "coco",
        },
    )
    found.real["webhook"] = found.post("/webhooks", {"url": "https://hooks.example.com/"})["webhook_id"]
    found.real["delivery"] = found.post(f"/webhooks/{found.real['webhook']}/test", {})["delivery_id"]
    return found


def test_no_request_is_a_fault_of_ours_and_every_answer_is_described(cloud: Laptop, household: Household) -> None:
    token = json.loads(household.user.profile.read_text())["token"]["access_token"]
    session = requests.Session()
    session.trust_env = False
    described = session.get(f"{cloud.api_url}/api/v1/openapi.json", timeout=60).json()
    report = fuzz(
        described,
        base_url=f"{cloud.api_url}/api/v1",
        session=session,
        things=household.things,
        cases=CASES,
        start=START,
        headers={"Authorization": f"Bearer {token}"},
    )
    print("\n".join(report.lines()))
    assert report.faults == {}
    assert report.cases == CASES


def test_the_manual_and_its_parts_are_served_by_the_deployed_function(cloud: Laptop) -> None:
    session = requests.Session()
    session.trust_env = False
    for name, words in (
        ("docs", "Maskmill API"),
        ("docs/swagger-ui.js", "SwaggerUIBundle"),
        ("docs/start.js", "openapi"),
    ):
        answer = session.get(f"{cloud.api_url}/api/v1/{name}", timeout=60)
        assert answer.status_code == 200
        assert words in answer.text
