"""Jobs as a client of the API makes them, without the command line: pictures in, a body of a job, its end."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.e2e.conftest import User
from tests.e2e.wire import post_form

PATIENCE_S = 240.0
TERMINAL = {"succeeded", "partial", "failed", "cancelled"}


def asked(user: User, path: str, *, method: str = "GET", body: dict[str, Any] | None = None) -> dict[str, Any]:
    status, values = user.get(path, method=method, body=body)
    assert status < 300, values
    return values


def until(is_reached: Callable[[], bool], *, every_s: float = 0.5, patience_s: float = PATIENCE_S) -> None:
    end = time.monotonic() + patience_s
    while not is_reached():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(every_s)


def uploaded(user: User, name: str, files: Mapping[str, bytes]) -> str:
    """A new dataset whose files have been sent; they are ingested in their own time."""
    dataset = str(asked(user, "/datasets", method="POST", body={"name": name})["dataset_id"])
    announced = [
        {"name": file, "size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for file, data in files.items()
    ]
    tickets = asked(user, f"/datasets/{dataset}/uploads", method="POST", body={"files": announced})["items"]
    with ThreadPoolExecutor(4) as pool:
        sent = pool.map(
            lambda pair: post_form(pair[0]["url"], pair[0]["fields"], pair[1]).status,
            zip(tickets, files.values(), strict=True),
        )
        assert set(sent) == {204}
    return dataset


def is_ingested(user: User, dataset: str, count: int) -> bool:
    return len(asked(user, f"/datasets/{dataset}/images?status=ready")["items"]) == count


def job_body(user: User, dataset: str, point: tuple[float, float] = (0.5, 0.5), **output: Any) -> dict[str, Any]:
    """The body of a job that turns the colour of what is at a point."""
    prompt = {"points": [{"x": point[0], "y": point[1]}]}
    body = {"name": "square", "prompt": prompt}
    template = asked(user, f"/datasets/{dataset}/templates", method="POST", body=body)["template_id"]
    recipe: dict[str, Any] = {"templates": [template], "layers": [{"region": template, "edits": {"hue": 60}}]}
    return {"recipe": {**recipe, **output}}


def filled(user: User, files: Mapping[str, bytes]) -> tuple[str, dict[str, Any]]:
    """A dataset of pictures that have arrived, and the body of a job over them."""
    dataset = uploaded(user, "fair", files)
    until(lambda: is_ingested(user, dataset, len(files)))
    return dataset, job_body(user, dataset)


def submitted(user: User, dataset: str, body: dict[str, Any]) -> str:
    return str(asked(user, f"/datasets/{dataset}/jobs", method="POST", body=body)["job_id"])
