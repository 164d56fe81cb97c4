"""The whole road in a real browser: from signing in to the ZIP, every screen looked at in every look on the way."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.reader import NEEDS_BROWSER, Reader
from tests.e2e.road import SLOW_MS, click_at, make_dataset, make_template, send

pytestmark = NEEDS_BROWSER


def test_from_signing_in_to_the_zip(someone: Reader, twelve: list[Path], tmp_path: Path) -> None:
    page = someone.page
    someone.expected.append("409")  # the classic segmenter has no embeddings, so the service answers clicks itself
    someone.open()
    expect(page.get_by_role("heading", level=1)).to_have_text("Click an object once. Get it in every photo.")
    someone.look("sign-in")
    someone.sign_in()
    make_dataset(someone, "cups on a table")
    someone.look("images-empty")
    send(someone, twelve)
    someone.look("images")
    make_template(someone, "coffee-3.jpg", "saucer", at=(0.25, 0.52), look=True)
    page.get_by_role("button", name="Save and test on a few").click()
    try_on_eight(someone)
    edit(someone)
    job = run(someone)
    check_results(someone)
    check_archive(download(page, tmp_path), images=len(twelve))
    come_back(someone, job)
    someone.look("jobs")
    someone.go("#/datasets")
    expect(page.get_by_text("cups on a table").first).to_be_visible()
    someone.look("datasets")


def try_on_eight(someone: Reader) -> None:
    page = someone.page
    sheet = page.get_by_role("dialog", name="Test saucer on a few")
    expect(sheet.get_by_text("confidence").or_(sheet.get_by_text("%")).first).to_be_visible(timeout=SLOW_MS)
    expect(sheet.get_by_role("progressbar")).to_be_hidden(timeout=SLOW_MS)
    expect(sheet.get_by_role("listitem")).to_have_count(8)
    someone.look("test-on-a-few")
    sheet.get_by_role("button", name="Wrong: fix by points").first.click()
    fix = page.get_by_role("dialog", name="Fix ")
    expect(fix.get_by_role("application").locator("img").first).to_be_visible()
    click_at(page, 0.6, 0.75, stage=fix.get_by_role("application"))
    expect(fix.get_by_text(re.compile(r"^Selected \d")).first).to_be_visible(timeout=SLOW_MS)
    someone.look("fix-one-image")
    fix.get_by_role("button", name="Keep for this image").click()
    expect(sheet.get_by_text("fixed by hand")).to_be_visible()
    sheet.get_by_role("button", name="Close").click()
    someone.go(page.evaluate("location.hash").split("/templates/")[0] + "/templates")
    expect(page.get_by_role("main").get_by_text("saucer").first).to_be_visible()
    page.wait_for_timeout(3000)
    someone.look("templates")
    someone.go(page.evaluate("location.hash").removesuffix("/templates") + "/recipe")


def edit(someone: Reader) -> None:
    page = someone.page
    hue = page.get_by_label("Hue, as a number")
    hue.fill("-155")
    hue.press("Enter")
    page.get_by_label("Format", exact=True).select_option("png")
    expect(page.get_by_text("12 images = 12 variants")).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_text("plus $").first).to_be_visible(timeout=SLOW_MS)
    page.wait_for_timeout(1000)
    someone.look("edits-and-run")


def run(someone: Reader) -> str:
    page = someone.page
    page.get_by_role("button", name="Run the job").click()
    expect(page.get_by_role("heading", name="Job", exact=True)).to_be_visible()
    someone.look("job-running")
    expect(page.get_by_text("Every image is through.")).to_be_visible(timeout=SLOW_MS)
    return str(page.evaluate("location.hash"))


def check_results(someone: Reader) -> None:
    page = someone.page
    cards = page.get_by_role("grid").get_by_role("gridcell")
    expect(cards).to_have_count(12, timeout=SLOW_MS)
    someone.look("job-done")
    show = page.get_by_label("Show", exact=True)
    expect(show.get_by_role("option", name="All results (12)")).to_be_attached()
    done = page.get_by_role("button", name="Done 12")
    done.click()
    expect(show.get_by_role("option", name="Done (12)", selected=True)).to_be_attached()
    expect(cards).to_have_count(12)
    done.click()
    expect(show.get_by_role("option", name="All results (12)", selected=True)).to_be_attached()
    cards.first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    someone.look("compare")
    page.keyboard.press("Escape")


def download(page: Page, folder: Path) -> Path:
    """One click has everything packed, and the page saves it when that is done."""
    button = page.get_by_role("button", name="Everything as a ZIP file")
    with page.expect_download(timeout=SLOW_MS) as started:
        button.click()
    path = folder / started.value.suggested_filename
    assert path.name == "archive.zip"
    started.value.save_as(path)
    expect(button).to_be_enabled()
    return path


def check_archive(path: Path, *, images: int) -> None:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        found = {
            folder: sum(name.startswith(f"{folder}/") for name in names) for folder in ("sources", "variants", "masks")
        }
        assert found == {"sources": images, "variants": images, "masks": images}
        coco = json.loads(archive.read("annotations/instances.json"))
        assert [category["name"] for category in coco["categories"]] == ["saucer"]
        assert len(coco["images"]) == len(coco["annotations"]) == 2 * images
        lines = [json.loads(line) for line in archive.read("manifest.jsonl").splitlines()]
        assert sum(line.get("kind", "") == "variant" or "variant_id" in line for line in lines) == images


def come_back(someone: Reader, job: str) -> None:
    """From another screen and after a reload, everything is as it was."""
    page = someone.page
    someone.go("#/jobs")
    page.get_by_role("main").get_by_role("link", name="Done").first.click()
    assert page.evaluate("location.hash") == job
    page.reload()
    expect(page.get_by_role("grid").get_by_role("gridcell")).to_have_count(12, timeout=SLOW_MS)
    someone.go("#/jobs")
    expect(page.get_by_role("main").get_by_role("link", name="Done").first).to_be_visible()
