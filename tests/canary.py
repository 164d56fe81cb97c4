"""Runs jobs on a deployed stage and checks what docs/reliability.md promises: `python -m tests.canary --jobs 200`.

In an account this costs money: the estimate is printed first, and no job runs before somebody agrees. It signs in as
`maskmill login` did, works in a dataset of its own, and removes that in the end. It knows nothing but the API.
"""

from __future__ import annotations

import argparse
import json
import secrets
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from maskmill.client import Client
from maskmill.client.grammar import build_recipe, parse_edit, parse_template
from maskmill.core.api import DatasetView, JobView
from maskmill.core.errors import NotFound, QuotaExceeded
from maskmill.core.item import TERMINAL, ItemStatus
from maskmill.core.recipe import Recipe
from tests.drawn import draw

TEMPLATES = ("ball=photo-0.png:0.30,0.50", "box=photo-0.png:0.72,0.45")
AGAIN, TWICE, STOPPED, FETCHED = 10, 7, 9, 20  # every n-th job repeats the first, is sent twice, stopped, fetched


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--images", type=int, default=6, choices=range(1, 25), metavar="1…24")
    parser.add_argument("--yes", action="store_true", help="run without asking")
    parser.add_argument("--profile", help="a sign-in other than the one that holds here")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    asked = parser.parse_args()
    with Client.from_login(asked.profile) as client:
        dataset = client.create_dataset(f"canary {secrets.token_hex(4)}")
        try:
            canary = Canary(client, dataset, jobs=asked.jobs, images=asked.images)
            canary.prepare()
            print(canary.price)
            if not asked.yes and input("Run? [y/N] ").strip().lower() != "y":
                return 0
            canary.run()
        finally:
            client.delete_dataset(dataset.dataset_id)
        canary.check_removed()
    print(json.dumps(canary.figures, indent=2))
    print(*(f"VIOLATED: {fault}" for fault in canary.faults), sep="\n")
    if asked.json:
        asked.json.write_text(json.dumps({**canary.figures, "violations": canary.faults}, indent=2) + "\n")
    return int(bool(canary.faults))


@dataclass(slots=True)
class Canary:
    """One dataset of drawn pictures and the jobs over it; `faults` are the promises that were not kept."""

    client: Client
    dataset: DatasetView
    jobs: int
    images: int
    faults: list[str] = field(default_factory=list)
    ended: list[JobView] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)
    price: str = ""
    seconds: float = 0.0
    _first: dict[int, list[str]] = field(default_factory=dict)

    def prepare(self) -> None:
        """Pictures, one broken file, templates, and what all the jobs cost at most."""
        with tempfile.TemporaryDirectory() as made:
            for number in range(self.images):
                draw(Path(made) / f"photo-{number}.png", seed=number + 1)
            (Path(made) / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nthis is no picture")
            report = self.client.upload_folder(self.dataset, made)
        self._claim(report.ready == self.images, f"{report.ready} of {self.images} pictures were accepted")
        self._claim(len(report.refused) == 1, "the broken file was not refused")
        for text in TEMPLATES:
            draft = parse_template(text)
            reference = None if draft.image is None else self.client.find_image(self.dataset, draft.image).image_id
            self.client.create_template(self.dataset.dataset_id, draft.template(image_id=reference))
        thought = self.client.estimate(self.dataset, recipe_of(0))
        dollars = self.jobs * thought.cost.dollars + thought.waking_dollars
        self.price = (
            f"{self.jobs} jobs of {self.images} pictures cost at most {dollars:.2f} dollars by the prices of "
            f"{thought.cost.as_of} ({thought.waking_dollars:.2f} of them for waking the segmenter once)."
        )

    def run(self) -> None:
        """All jobs: the first alone, since it asks for the masks that the others know; then as many as may be open."""
        began = time.monotonic()
        first = self.client.wait(self._submit(0))
        self._check(0, first)
        waiting: list[tuple[int, JobView]] = []
        for number in range(1, self.jobs):
            while (job := self._submit_if_allowed(number)) is None:
                self._end(*waiting.pop(0))
            waiting.append((number, job))
        for number, job in waiting:
            self._end(number, job)
        self.seconds = time.monotonic() - began
        self._check_doors()

    def _submit_if_allowed(self, number: int) -> JobView | None:
        try:
            return self._submit(number)
        except QuotaExceeded:
            return None

    def _submit(self, number: int) -> JobView:
        recipe = recipe_of(0 if number % AGAIN == 0 else number)
        key = f"canary-{self.dataset.dataset_id}-{number}"
        job = self.client.submit(self.dataset, recipe, key=key)
        if number and number % TWICE == 0:
            again = self.client.submit(self.dataset, recipe, key=key)
            self._claim(again.job_id == job.job_id, f"the key of job {number} made two jobs")
        if number and number % STOPPED == 0:
            self.client.cancel_job(job.job_id)
            self.stopped.add(job.job_id)
        return job

    def _end(self, number: int, job: JobView) -> None:
        self._check(number, self.client.wait(job))

    # Promises

    def _check(self, number: int, job: JobView) -> None:
        self.ended.append(job)
        name = f"job {number} ({job.job_id})"
        items = list(self.client.items(job.job_id))
        found = Counter(item.status.value for item in items)
        told = {status: count for status, count in job.items.model_dump().items() if count}
        self._claim(job.status.is_terminal, f"{name} is {job.status}")
        self._claim(all(item.status in TERMINAL for item in items), f"{name} has open items: {dict(found)}")
        self._claim(len(items) == job.items_total, f"{name} has {len(items)} items and speaks of {job.items_total}")
        self._claim(dict(found) == told, f"{name} counts {told}, its items are {dict(found)}")
        done = {item.index for item in items if item.status is ItemStatus.DONE}
        given = {item.index: item for item in self.client.variants(job.job_id)}
        self._claim(
            set(given) == done, f"{name} has variants of {sorted(given)}, its finished items are {sorted(done)}"
        )
        digests = {index: [variant.sha256 for variant in item.variants] for index, item in given.items()}
        if job.job_id in self.stopped:
            return
        self._claim(len(done) == self.images, f"{name} finished {len(done)} of {self.images} pictures")
        actual = job.cost.actual
        if number == 0:
            self._first = digests
        elif number % AGAIN == 0:
            self._claim(digests == self._first, f"{name} has other bytes than the first job of the same recipe")
            self._claim(actual is not None and actual.variants_made == 0, f"{name} made variants that were known")
        if number:
            self._claim(actual is not None and actual.masks_computed == 0, f"{name} asked again for known masks")
        if number % FETCHED == 0:
            self._fetch(name, given)

    def _fetch(self, name: str, given: dict[int, Any]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for item in given.values():
                for variant in item.variants:
                    try:
                        self.client.download(variant, Path(folder) / f"{item.index}-{variant.variant_id}")
                    except Exception as error:  # noqa: BLE001 - any failure is a promise that was not kept
                        self.faults.append(f"{name}: {variant.file_name} could not be fetched whole: {error}")

    def _check_doors(self) -> None:
        api = f"{self.client.api_url}/api/v1"
        for name, headers in (("no token", {}), ("a made-up token", {"Authorization": "Bearer e30.e30.e30"})):
            status = httpx.get(f"{api}/datasets", headers=headers, timeout=30).status_code
            self._claim(status == 401, f"{name} was answered with {status}")
        for name, call in self._strange_calls():
            try:
                call()
                self.faults.append(f"{name} was answered")
            except NotFound:
                pass

    def _strange_calls(self) -> Iterator[tuple[str, Callable[[], object]]]:
        nobody = self.dataset.dataset_id[:-1] + ("0" if self.dataset.dataset_id[-1] != "0" else "1")
        yield "a dataset of nobody", lambda: self.client.dataset(nobody)
        yield "a job of nobody", lambda: self.client.job("0" * len(self.ended[0].job_id))

    def check_removed(self) -> None:
        """What was removed is not there any more, from the first moment on."""
        try:
            self.client.dataset(self.dataset.dataset_id)
            self.faults.append("the dataset is still there after its removal")
        except NotFound:
            pass

    def _claim(self, holds: bool, fault: str) -> None:
        if not holds:
            self.faults.append(fault)

    @property
    def figures(self) -> dict[str, Any]:
        """What was seen, for the record."""
        took = [job.cost.actual.took_s for job in self.ended if job.cost.actual is not None]
        cuts = statistics.quantiles(took, n=20) if len(took) > 1 else [0.0] * 19
        return {
            "jobs": len(self.ended),
            "items": sum(job.items_total for job in self.ended),
            "states": dict(Counter(job.status.value for job in self.ended)),
            "seconds": round(self.seconds, 1),
            "job_seconds_median": round(cuts[9], 1),
            "job_seconds_p95": round(cuts[18], 1),
            "masks_computed": sum(job.cost.actual.masks_computed for job in self.ended if job.cost.actual),
            "dollars": round(sum(job.cost.actual.cost.dollars for job in self.ended if job.cost.actual), 4),
            "violations": len(self.faults),
        }


def recipe_of(number: int) -> Recipe:
    """Edits that no other number has."""
    edits = (f"ball:hue={number * 37 % 359 - 179}", f"box:brightness={number % 83 / 100:.2f},noise=0.05")
    return build_recipe([parse_template(text) for text in TEMPLATES], [parse_edit(text) for text in edits])


if __name__ == "__main__":
    sys.exit(main())
