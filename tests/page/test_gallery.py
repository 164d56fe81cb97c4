"""The gallery with 5,000 images in a real Chromium: few nodes, short tasks, keys that lead everywhere."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.node import find_node
from local.page import build_page
from tests.page.browser import find_chromium, lacking
from tests.page.gallery_service import DATASET, IMAGES, PAGE_ITEMS, serving_gallery
from tests.page.page_service import SIGNED_IN

if (lack := lacking("playwright")) is not None:
    if os.environ.get("CI"):
        pytest.fail(lack, pytrace=False)
    pytest.skip(lack, allow_module_level=True)

NODES_MAX = 400
TASK_MS_MAX = 100.0
SIGHT = {"width": 1366, "height": 768}
_TRACED = ["-*", "toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"]
_SCROLL = """async () => {
  let most = 0;
  for (let step = 0; step < 240; step++) {
    scrollBy(0, step < 200 ? 180 : 6000);
    await new Promise((resolve) => requestAnimationFrame(resolve));
    most = Math.max(most, document.querySelectorAll("*").length);
  }
  return most;
}"""


@pytest.fixture(scope="module")
def asked() -> list[str]:
    """The pictures that the service was asked for, one by one."""
    return []


@pytest.fixture(scope="module")
def page(asked: list[str]) -> Iterator[Any]:
    """The images screen, with its first pictures drawn."""
    from playwright.sync_api import sync_playwright

    with serving_gallery(build_page(find_node()), asked) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium())
        page = browser.new_page(viewport=SIGHT)
        page.add_init_script(SIGNED_IN)
        page.goto(f"{address}/#/datasets/{DATASET}/images")
        page.get_by_text("photo-0000.jpg").wait_for()
        yield page
        browser.close()


_DRAWN = """() => {
  const pictures = [...document.querySelectorAll('img[src^="/media/"]')];
  return pictures.length > 0 && pictures.every((picture) => picture.complete && picture.naturalWidth > 0);
}"""


def test_a_picture_that_was_seen_is_not_fetched_again(page: Any, asked: list[str]) -> None:
    """Its address is the same at every listing, although what signs it never is."""
    page.wait_for_load_state("networkidle")
    page.wait_for_function(_DRAWN)
    first = list(asked)
    assert first and len(set(first)) == len(first)
    assert not any("?" in path for path in first)
    page.reload()
    page.get_by_text("photo-0000.jpg").wait_for()
    page.wait_for_load_state("networkidle")
    page.wait_for_function(_DRAWN)
    print(f"\n{len(first)} pictures at the first visit, {len(asked) - len(first)} at the second")
    assert asked == first


def test_pictures_heal_after_a_session_ended_unseen(page: Any, asked: list[str]) -> None:
    """As on a machine that slept: the cookies are gone, and the page believes that they last."""
    page.wait_for_timeout(10_500)  # the page does not ask for a session over and over
    page.context.clear_cookies()
    before = len(asked)
    page.get_by_role("gridcell").first.focus()
    page.keyboard.press("End")
    page.get_by_role("gridcell", name=f"photo-{IMAGES - 1:04d}.jpg").wait_for(timeout=30_000)
    page.wait_for_function(_DRAWN, timeout=30_000)
    assert len(asked) > before
    page.keyboard.press("Home")
    page.get_by_role("gridcell", name="photo-0000.jpg").wait_for()


def test_scrolling_through_5000_images_leaves_the_page_free(page: Any, tmp_path: Path) -> None:
    trace = tmp_path / "trace.json"
    page.wait_for_load_state("networkidle")
    page.context.browser.start_tracing(page=page, path=trace, categories=_TRACED)
    nodes = page.evaluate(_SCROLL)
    page.context.browser.stop_tracing()
    tasks = _main_thread_tasks(json.loads(trace.read_text())["traceEvents"])
    worked, lasted = (max(column) for column in zip(*tasks, strict=True))
    print(f"\n{len(tasks)} tasks, the longest {worked:.0f} ms ({lasted:.0f} ms by the clock); at most {nodes} nodes")
    assert len(tasks) > 200
    assert worked <= TASK_MS_MAX
    assert nodes <= NODES_MAX


def test_the_end_is_one_key_away_and_so_is_the_beginning(page: Any) -> None:
    page.evaluate("scrollTo(0, 0)")
    page.get_by_role("gridcell").first.focus()
    page.keyboard.press("End")
    last = page.get_by_role("gridcell", name=f"photo-{IMAGES - 1:04d}.jpg")
    last.wait_for(timeout=30_000)
    assert last.evaluate("cell => cell === document.activeElement")
    assert page.get_by_role("grid").get_attribute("aria-rowcount") == str(-(-IMAGES // 7))
    page.keyboard.press("Home")
    assert page.get_by_role("gridcell", name="photo-0000.jpg").evaluate("cell => cell === document.activeElement")
    assert page.evaluate('document.querySelectorAll("*").length') <= NODES_MAX


def test_images_are_chosen_by_keys_alone(page: Any) -> None:
    page.evaluate("scrollTo(0, 0)")
    page.get_by_role("gridcell", name="photo-0000.jpg").focus()
    for key in ("ArrowRight", "Space", "Shift+ArrowRight", "Shift+ArrowDown"):
        page.keyboard.press(key)
    page.get_by_text("9 chosen").first.wait_for()
    page.keyboard.press("Escape")
    page.get_by_text("9 chosen").first.wait_for(state="hidden")
    page.keyboard.press("Control+a")
    chosen = page.get_by_role("region", name="chosen")
    assert int(chosen.get_by_role("status").inner_text().split()[0].replace(",", "")) >= PAGE_ITEMS
    page.keyboard.press("Escape")


def test_a_click_opens_and_the_arrows_lead_on(page: Any) -> None:
    page.evaluate("scrollTo(0, 0)")
    page.get_by_role("gridcell", name="photo-0001.jpg").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("heading", name="photo-0001.jpg").wait_for()
    page.keyboard.press("ArrowRight")
    dialog.get_by_role("heading", name="photo-0002.jpg").wait_for()
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    cell = page.get_by_role("gridcell", name="photo-0002.jpg")
    assert cell.evaluate("cell => cell === document.activeElement")


def _main_thread_tasks(events: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """Each task of the page's main thread: how long it worked and how long it lasted, in milliseconds.

    What the thread worked says the same on a busy machine.
    """
    named = [event for event in events if event["name"] == "thread_name"]
    mains = {(one["pid"], one["tid"]) for one in named if one["args"]["name"] == "CrRendererMain"}
    ours = (event for event in events if (event["pid"], event["tid"]) in mains and event.get("ph") == "X")
    tasks = (event for event in ours if event["name"].endswith("RunTask"))
    return [(task.get("tdur", task["dur"]) / 1000, task["dur"] / 1000) for task in tasks]
