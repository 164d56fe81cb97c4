"""Everything of a job as a ZIP file, in a real Chromium: packed at a click, and saved for who clicked, once."""

from __future__ import annotations

import os
import re
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local.node import find_node
from local.page import build_page
from maskmill.core.export import ExportStatus
from tests.page.browser import find_chromium, lacking
from tests.page.job_service import JOB, REFUSAL, Archive, serving_job
from tests.page.page_service import SIGNED_IN

if (lack := lacking("playwright")) is not None:
    if os.environ.get("CI"):
        pytest.fail(lack, pytrace=False)
    pytest.skip(lack, allow_module_level=True)

PATIENCE_S, MOMENT_MS = 20, 1500
IDLE, PACKING = "Everything as a ZIP file (1.2 MB)", "Packing the ZIP file …"


@dataclass
class Desk:
    """A reader at the job's screen: the page, the service's archive, and what was saved."""

    page: Any
    archive: Archive
    address: str
    saved: list[Any] = field(default_factory=list)

    def button(self, name: str | re.Pattern[str] = IDLE) -> Any:
        return self.page.get_by_role("button", name=name, exact=True)

    def names_saved(self, files: int) -> list[str]:
        """The names of all saved files, once there are so many and a moment has brought no other."""
        end = time.monotonic() + PATIENCE_S
        while len(self.saved) < files and time.monotonic() < end:
            self.page.wait_for_timeout(50)
        self.page.wait_for_timeout(MOMENT_MS)
        return [one.suggested_filename for one in self.saved]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium())
        yield browser
        browser.close()


@pytest.fixture
def desk(browser: Any) -> Iterator[Desk]:
    archive = Archive()
    with serving_job(build_page(find_node()), archive) as address, browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(1000 * PATIENCE_S)
        desk = Desk(page, archive, address)
        page.on("download", lambda one: desk.saved.append(one))
        page.add_init_script(SIGNED_IN)
        page.goto(f"{address}/#/jobs/{JOB}")
        desk.button().wait_for()
        yield desk


def test_a_click_packs_and_every_part_is_saved_once(desk: Desk, tmp_path: Path) -> None:
    before = desk.button().bounding_box()
    desk.button().click()
    desk.button(PACKING).click()  # a click while it is packed asks for nothing more
    assert desk.button(PACKING).get_attribute("aria-busy") == "true"
    assert desk.button(PACKING).bounding_box() == before
    assert desk.page.get_by_text("Dataset formats").is_visible()
    assert not desk.page.get_by_role("listitem").filter(has_text="COCO").is_visible()  # nothing unfolds at this click
    desk.page.get_by_text("It is saved by itself when it is ready").wait_for()
    desk.archive.made = 1
    desk.button("Packing, 1 part made …").wait_for()
    assert desk.button("Packing, 1 part made …").bounding_box() == before
    desk.archive.finish(parts=3)
    desk.button().wait_for()
    names = [f"archive-00{part}-of-003.zip" for part in (1, 2, 3)]
    assert sorted(desk.names_saved(3)) == names
    for one in desk.saved:
        one.save_as(tmp_path / one.suggested_filename)
        with zipfile.ZipFile(tmp_path / one.suggested_filename) as file:
            assert file.read("manifest.jsonl").decode() == one.suggested_filename
    assert desk.archive.asked == 1


def test_one_that_is_ready_is_saved_at_once_and_the_list_says_so(desk: Desk) -> None:
    desk.archive.finish()
    desk.page.reload()
    desk.page.get_by_text("Dataset formats").click()
    row = desk.page.get_by_role("listitem").filter(has_text="Everything")
    row.get_by_role("button", name=re.compile(r"^Download \(")).wait_for()
    desk.button().click()
    assert desk.names_saved(1) == ["archive.zip"]
    row.get_by_role("button", name=re.compile(r"^Download \(")).click()
    assert desk.names_saved(2) == ["archive.zip"] * 2
    assert desk.archive.asked == 0


def test_a_failure_says_its_reason_and_the_next_click_tries_again(desk: Desk) -> None:
    desk.button().click()
    desk.button(PACKING).wait_for()
    desk.archive.status = ExportStatus.FAILED
    desk.page.get_by_role("status").get_by_text(REFUSAL.message).wait_for()
    desk.button().click()
    desk.button(PACKING).wait_for()
    desk.archive.finish()
    assert desk.names_saved(1) == ["archive.zip"]
    assert desk.archive.asked == 2


def test_who_leaves_is_sent_nothing_and_finds_it_ready(desk: Desk) -> None:
    complaints: list[str] = []
    desk.page.on("pageerror", lambda error: complaints.append(str(error)))
    desk.button().click()
    desk.button(PACKING).wait_for()
    desk.page.goto(f"{desk.address}/#/jobs")
    desk.page.get_by_role("heading", name="Jobs", exact=True).wait_for()
    desk.archive.finish()
    assert desk.names_saved(0) == []
    desk.page.goto(f"{desk.address}/#/jobs/{JOB}")
    desk.button().click()
    assert desk.names_saved(1) == ["archive.zip"]
    assert (desk.archive.asked, complaints) == (1, [])
