"""What the documents say of the API is what it does: the copy of its description, its tables, and every call shown."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from lambdas.serve_api import bodies
from lambdas.serve_api.routes import RESOURCES
from lambdas.serve_api.routes.call import PREFIX, Route
from local.describe import DOCUMENT, PAGE, ROOT, document_text, page_text
from maskmill.core import limits
from maskmill.core.api import Problem

TEXT = PAGE.read_text(encoding="utf-8")
PAGES = sorted((ROOT / "docs").glob("*.md"))
AGAIN = "run `make openapi`"


def test_the_copy_of_the_description_is_that_of_the_routes() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document_text(), AGAIN


def test_the_tables_are_those_of_the_code() -> None:
    assert page_text(TEXT) == TEXT, AGAIN
    assert TEXT.count("| route | what it does |") == TEXT.count("| code | status | what it means |") == 1


def route_of(method: str, path: str) -> Route:
    """The route that takes a path in which ids are `{id}` or `$ID`."""
    bare = path.partition("?")[0].removeprefix(PREFIX)
    for route in RESOURCES:
        pattern = re.sub(r"<\w+>", r"[^/]+", route.path)
        if route.method == method and re.fullmatch(pattern, bare):
            return route
    raise AssertionError(f"there is no {method} {bare}")


def calls() -> list[tuple[str, str, str | None]]:
    """Method, path and body of each call that a page shows as a curl command."""
    found = []
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            for command in block.replace("\\\n", " ").splitlines():
                if not (command.startswith("curl") and '"$API' in command):
                    continue
                words = shlex.split(command)
                method = words[words.index("-X") + 1] if "-X" in words else "GET"
                body = words[words.index("-d") + 1] if "-d" in words else None
                (path,) = (word.removeprefix("$API") for word in words if word.startswith("$API"))
                found.append((method, path, body))
    return found


@pytest.mark.parametrize(("method", "path", "body"), calls())
def test_a_call_that_is_shown_is_one_that_is_taken(method: str, path: str, body: str | None) -> None:
    route = route_of(method, path)
    assert (body is None) == (route.body is None)
    if route.body is not None and body is not None:
        bodies.read(re.sub(r"\$[A-Z]+", "x1", body).encode(), route.body)
    for name in re.findall(r"[?&](\w+)=", path):
        assert name in {param.name for param in route.query}


@pytest.mark.parametrize(
    ("page", "method", "path"),
    [
        (page.name, *found)
        for page in PAGES
        if page.name != "model-server.md"  # which has routes of its own
        for found in re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`\s]*)`", page.read_text(encoding="utf-8"))
    ],
)
def test_a_route_that_is_named_is_there(page: str, method: str, path: str) -> None:
    route_of(method, path)


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    hours = limits.IDEMPOTENCY_LIFE_S // 3600
    for words in (
        f"1 to {limits.IDEMPOTENCY_KEY_CHARS_MAX} visible",
        f"more than {hours} hours ago",
        f"lives for {limits.UPLOAD_URL_LIFE_S // 60} minutes",
        f"w={limits.RATE_WINDOW_S}",
    ):
        assert words in TEXT


def test_the_problem_that_is_shown_has_the_shape_of_one() -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    assert Problem.model_validate(json.loads(shown)).code == "invalid_request"
