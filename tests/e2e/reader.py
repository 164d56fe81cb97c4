"""Somebody in front of a real browser: signs in, goes where they like, and hears whatever the browser complains of.

It knows the way in and how to look at a screen, and no screen.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from local.emulator.environment import REPOSITORY
from tests.page.browser import find_chromium, lacking

_LACKING = lacking("playwright")
NEEDS_BROWSER = [
    pytest.mark.integration,
    pytest.mark.enable_socket,
    pytest.mark.skipif(_LACKING is not None and "CI" not in os.environ, reason=_LACKING or ""),
]
AXE = REPOSITORY / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
SCREENS = REPOSITORY / "build" / "screens"
LOOKS = (("light", 1440), ("dark", 1440), ("light", 360), ("dark", 360))
HEIGHTS = {1440: 900, 360: 740}
WAIT_MS = 20_000
_SERIOUS = {"serious", "critical"}


@dataclass
class Reader:
    """A signed-in or not yet signed-in person with one tab."""

    origin: str
    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)
    strangers: set[str] = field(default_factory=set)
    expected: list[str] = field(default_factory=list)  # parts of complaints that a test provokes

    def listen(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("request", self._see)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _see(self, request: Request) -> None:
        host = urlsplit(request.url).hostname
        if request.url.startswith("http"):
            self.strangers.add(host or "")

    @property
    def unexpected(self) -> list[str]:
        """What the console complained of, but for what the test itself provoked."""
        return [text for text in self.complaints if not any(part in text for part in self.expected)]

    def open(self, place: str = "#/") -> None:
        self.page.goto(f"{self.origin}/{place}")

    def sign_in(self) -> None:
        """The one click of the laptop."""
        self.open()
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("navigation", name="Main")).to_be_visible()

    def go(self, place: str) -> None:
        """To another screen without loading the page again."""
        self.page.evaluate("place => { location.hash = place; }", place)

    def look(self, name: str) -> None:
        """A picture of the screen in each look, and no serious finding of axe in any of them."""
        SCREENS.mkdir(parents=True, exist_ok=True)
        for theme, width in LOOKS:
            self.page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
            self.page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
            self.page.wait_for_timeout(400)
            self.page.screenshot(path=SCREENS / f"{name}-{theme}-{width}.png")
            overhang = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert overhang <= 0, f"{name} is {overhang} px wider than a window of {width} px"
            findings = self.findings()
            assert not findings, f"{name} ({theme}, {width} px): {findings}"
        self.page.set_viewport_size({"width": 1440, "height": HEIGHTS[1440]})
        self.page.emulate_media(color_scheme="light", reduced_motion="no-preference")

    def findings(self) -> list[str]:
        """What axe finds serious on the screen as it is, with the first element of each."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text())
        found: list[dict[str, Any]] = self.page.evaluate("axe.run(document).then(result => result.violations)")
        return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found if one["impact"] in _SERIOUS]


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        try:
            yield started
        finally:
            started.close()


@contextmanager
def reader(started: Browser, origin: str) -> Iterator[Reader]:
    """Somebody with a fresh profile; at the end, the browser has complained of nothing and spoken to nobody else."""
    context = started.new_context(viewport={"width": 1440, "height": HEIGHTS[1440]}, accept_downloads=True)
    context.set_default_timeout(WAIT_MS)
    expect.set_options(timeout=WAIT_MS)
    page = context.new_page()
    one = Reader(origin.rstrip("/"), context, page)
    one.listen()
    try:
        yield one
        assert not one.unexpected, one.unexpected
        own = {urlsplit(origin).hostname, "127.0.0.1", ""}
        assert one.strangers <= own, f"asked strangers: {one.strangers - own}"
    finally:
        if os.environ.get("KEEP_TRACE"):
            page.screenshot(path=SCREENS / "at-the-end.png")
        context.close()
