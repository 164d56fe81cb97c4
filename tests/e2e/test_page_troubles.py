"""What goes wrong on the way, in a real browser: each leaves the reader where they were, with what they had."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.reader import NEEDS_BROWSER, Reader
from tests.e2e.road import SLOW_MS, make_dataset, make_template, send

pytestmark = NEEDS_BROWSER


@pytest.fixture(scope="module")
def three(twelve: list[Path]) -> list[Path]:
    return twelve[:3]


def test_files_that_are_no_photos_say_why_and_hold_up_no_other(
    someone: Reader, three: list[Path], tmp_path: Path
) -> None:
    torn = tmp_path / "torn.jpg"
    torn.write_bytes(three[0].read_bytes()[:900])
    note = tmp_path / "note.png"
    note.write_text("This is no picture.")
    odd = tmp_path / "<img src=x onerror=alert(1)> ü 日本.jpg"
    odd.write_bytes(three[2].read_bytes())
    page = someone.page
    someone.sign_in()
    make_dataset(someone, "with torn files")
    page.locator("input[type=file]:not([webkitdirectory])").set_input_files([three[0], torn, note, three[1], odd])
    expect(page.get_by_text(re.compile("3 added"))).to_be_visible(timeout=SLOW_MS)
    page.get_by_text("Each file").click()
    refused = page.get_by_role("listitem").filter(has_text="Not taken")
    expect(refused).to_have_count(2)
    someone.look("refused-files")
    page.get_by_role("button", name="Put this list away").click()
    page.get_by_role("button", name="Refused", exact=True).click()
    cells = page.get_by_role("gridcell")
    expect(cells).to_have_count(2)
    expect(cells.filter(has_text="torn.jpg")).to_be_visible()
    page.get_by_role("button", name="All", exact=True).click()
    expect(page.get_by_text(odd.name)).to_be_visible()  # as text, and nothing of it ran


def test_a_connection_that_is_lost_while_files_are_sent_costs_nothing_but_time(
    someone: Reader, three: list[Path]
) -> None:
    page = someone.page
    someone.expected += ["ERR_INTERNET_DISCONNECTED", "Failed to load resource", "WebSocket"]
    someone.sign_in()
    make_dataset(someone, "over a bad line")
    someone.context.set_offline(True)
    expect(page.get_by_text("There is no connection.")).to_be_visible()
    page.locator("input[type=file]:not([webkitdirectory])").set_input_files(three)
    expect(page.get_by_text("Waiting for the connection; it goes on by itself.").first).to_be_visible()
    someone.look("offline")
    someone.context.set_offline(False)
    expect(page.get_by_text("3 added")).to_be_visible(timeout=SLOW_MS)


def test_the_same_folder_again_sends_nothing_twice(someone: Reader, three: list[Path]) -> None:
    page = someone.page
    someone.sign_in()
    make_dataset(someone, "twice")
    send(someone, three[:2])
    page.locator("input[type=file]:not([webkitdirectory])").set_input_files(three)
    page.get_by_text("Each file").click()
    expect(page.get_by_text("Is there already")).to_have_count(2, timeout=SLOW_MS)
    page.get_by_role("button", name="Put this list away").click(timeout=SLOW_MS)
    expect(page.get_by_role("gridcell")).to_have_count(3, timeout=SLOW_MS)


def test_an_expired_session_keeps_what_was_not_saved(someone: Reader, three: list[Path]) -> None:
    page = someone.page
    someone.expected += ["409", "401", "400"]
    someone.sign_in()
    make_dataset(someone, "long evening")
    send(someone, three)
    make_template(someone, "coffee-11.jpg", "saucer", at=(0.25, 0.52))
    place = page.evaluate("location.hash")
    end_session(page)
    page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("session")
    someone.look("session-ended")
    dialog.get_by_role("button", name=re.compile("Sign in")).click()
    expect(page.get_by_role("application")).to_be_visible()
    assert page.evaluate("location.hash") == place
    expect(page.get_by_role("textbox", name="Name", exact=True)).to_have_value("saucer")
    expect(page.get_by_text("1. in the object")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="Edit saucer")).to_be_visible()


def end_session(page: Page) -> None:
    """The token is no longer taken, and neither is what would renew it."""
    page.route("**/oauth2/token*", lambda route: refuse_once(route))
    page.route(
        "**/api/v1/**",
        lambda route: route.fulfill(status=401, json={"message": "Unauthorized"}),
        times=1,
    )


def refuse_once(route: Route) -> None:
    posted = route.request.post_data or ""
    if "refresh_token" in posted:
        route.fulfill(status=400, json={"error": "invalid_grant"})
    else:
        route.continue_()


def test_a_reload_in_the_middle_of_editing_and_of_a_job_loses_nothing(someone: Reader, three: list[Path]) -> None:
    page = someone.page
    someone.expected += ["409", "WebSocket"]
    someone.sign_in()
    make_dataset(someone, "reloaded")
    send(someone, three)
    make_template(someone, "coffee-1.jpg", "saucer", at=(0.25, 0.52))
    page.reload()
    expect(page.get_by_text("1. in the object")).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_role("textbox", name="Name", exact=True)).to_have_value("saucer")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("button", name="Saved", exact=True)).to_be_visible()
    someone.go(page.evaluate("location.hash").split("/templates/")[0] + "/recipe")
    page.get_by_label("Brightness, as a number").fill("0.3")
    page.get_by_label("Brightness, as a number").press("Enter")
    page.wait_for_timeout(800)
    page.reload()
    expect(page.get_by_label("Brightness, as a number")).to_have_value("0.3")
    page.get_by_role("button", name="Run the job").click()
    expect(page.get_by_role("heading", name="Job", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_text("Every image is through.")).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_role("grid").get_by_role("gridcell")).to_have_count(3, timeout=SLOW_MS)


def test_a_job_that_is_stopped_says_so_and_keeps_what_is_done(someone: Reader, twelve: list[Path]) -> None:
    page = someone.page
    someone.expected += ["409", "WebSocket"]
    someone.sign_in()
    make_dataset(someone, "changed my mind")
    send(someone, twelve)
    make_template(someone, "coffee-1.jpg", "cup", at=(0.49, 0.36))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("button", name="Saved", exact=True)).to_be_visible()
    someone.go(page.evaluate("location.hash").split("/templates/")[0] + "/recipe")
    page.get_by_role("button", name="Run the job").click()
    page.get_by_role("button", name="Stop the job").click()
    dialog = page.get_by_role("dialog")
    someone.look("stop-the-job")
    dialog.get_by_role("button", name="Stop the job").click()
    ended = page.get_by_text("The job was stopped.").or_(page.get_by_text("Every image is through."))
    expect(ended.first).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_text("Cancelled").first).to_be_visible()


def test_the_editor_by_keyboard_alone(someone: Reader, three: list[Path]) -> None:
    page = someone.page
    someone.expected.append("409")
    someone.sign_in()
    make_dataset(someone, "no mouse")
    send(someone, three)
    page.get_by_role("gridcell", name="coffee-1.jpg").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Make a template from it").focus()
    page.keyboard.press("Enter")
    stage = page.get_by_role("application")
    expect(stage.locator("img").first).to_be_visible()
    expect(stage).to_be_focused()
    for _ in range(6):
        page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile(r"^Selected \d")).first).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_text("1. in the object")).to_be_visible()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("s")
    expect(page.get_by_text("2. not in the object")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(page.get_by_text("2. not in the object")).to_be_hidden()
    page.keyboard.press("Control+Shift+z")
    expect(page.get_by_text("2. not in the object")).to_be_visible()
    page.keyboard.press("u")
    page.keyboard.press("+")
    page.keyboard.press("0")
    page.keyboard.press("m")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    someone.look("keys")
    page.keyboard.press("Escape")
    stage.focus()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("button", name="Saved", exact=True)).to_be_visible()


def test_a_service_that_fails_for_a_moment_is_asked_again(someone: Reader) -> None:
    page = someone.page
    someone.expected.append("503")
    someone.sign_in()
    body = json.dumps({"code": "unavailable", "detail": "The service is busy.", "status": 503})
    page.route(
        "**/api/v1/usage",
        lambda route: route.fulfill(status=503, body=body, content_type="application/problem+json"),
        times=2,
    )
    someone.go("#/account")
    expect(page.get_by_text("Datasets", exact=True).last).to_be_visible()
    expect(page.get_by_text(re.compile(r"^\d+ of [\d,]+$")).first).to_be_visible()
    someone.look("account")


def test_what_is_not_there_says_so(someone: Reader) -> None:
    someone.expected.append("404")
    someone.sign_in()
    someone.go("#/elsewhere")
    expect(someone.page.get_by_role("heading", name="There is nothing at this address")).to_be_visible()
    someone.go("#/datasets/d0000000000000000000000000/images")
    expect(someone.page.get_by_role("alert").first).to_be_visible()
