"""The steps of the page that several tests take; it knows what readers see, and no address."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.e2e.reader import Reader

SLOW_MS = 240_000  # the endpoint sleeps at first, and a busy machine takes its time


def make_dataset(someone: Reader, name: str) -> None:
    page = someone.page
    expect(page.get_by_role("heading", name="Datasets", level=1)).to_be_visible()
    page.get_by_role("button", name="New dataset").first.click()
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_role("button", name="Create dataset").click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def send(someone: Reader, files: list[Path]) -> None:
    """Through the file picker, until ingest has said what it did to each."""
    page = someone.page
    page.locator("input[type=file]:not([webkitdirectory])").set_input_files(files)
    expect(page.get_by_text(f"{len(files)} added")).to_be_visible(timeout=SLOW_MS)
    page.get_by_role("button", name="Put this list away").click()
    page.get_by_role("button", name="Ready", exact=True).click()
    expect(page.get_by_role("gridcell")).to_have_count(len(files), timeout=SLOW_MS)
    page.get_by_role("button", name="All", exact=True).click()


def make_template(someone: Reader, image: str, name: str, *, at: tuple[float, float], look: bool = False) -> None:
    """Click an object on the editor's stage and name it; not saved yet."""
    page = someone.page
    page.get_by_role("gridcell", name=image).click()
    if look:
        someone.look("image")
    page.get_by_role("link", name="Make a template from it").click()
    stage = page.get_by_role("application")
    expect(stage).to_be_visible()
    click_at(page, *at)
    expect(page.get_by_text(re.compile(r"^Selected \d")).first).to_be_visible(timeout=SLOW_MS)
    page.get_by_role("textbox", name="Name", exact=True).fill(name)
    if look:
        someone.look("editor")


def click_at(page: Page, x: float, y: float, *, stage: Locator | None = None) -> None:
    """Click at shares of the picture on the stage."""
    picture = (stage or page.get_by_role("application")).locator("img").first
    box = picture.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
