"""The page's origin over plain HTTP: what browsers are told, what lies behind it, and how people come in."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from local.cloud import Laptop
from local.emulator.patches.one_click import DEMO_USER
from tests.e2e.conftest import User
from tests.e2e.visitor import Visitor, challenge_of
from tests.page.browser import find_chromium, lacking
from tests.unit.lambdas.media_key import values_of

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]


@pytest.fixture(scope="module")
def visitor(cloud: Laptop) -> Iterator[Visitor]:
    found = Visitor.of(cloud)
    with found.client:
        yield found


@pytest.fixture(scope="module")
def picture(ann: User, photos: Path) -> str:
    """The path of one of Ann's pictures at the page's origin."""
    ann.maskmill("upload", str(photos), "--dataset", "page")
    image = ann.get(f"/datasets/{dataset_of(ann)}/images")[1]["items"][0]
    return through_page(image["thumbnail_url"])


def through_page(address: str) -> str:
    """What the page makes of an address that the API gives away: where it lies at its own origin, whatever else."""
    path = urlsplit(address).path
    return f"/media{path[path.index('/t/') :]}"


def session_of(visitor: Visitor, name: str) -> dict[str, str]:
    """The cookies that somebody's browser keeps, as a header."""
    token = visitor.sign_in(login_hint=f"{name}@example.com")["access_token"]
    answer = visitor.client.post("/api/v1/media-session", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 201, answer.text
    values = values_of(answer.headers.get_list("set-cookie"))
    visitor.client.cookies.clear()  # each request says itself what it shows
    return {"Cookie": "; ".join(f"{cookie}={value}" for cookie, value in values.items())}


@pytest.fixture(scope="module")
def shown(visitor: Visitor, ann: User) -> dict[str, str]:
    return session_of(visitor, "ann")


def assets(visitor: Visitor) -> list[str]:
    return re.findall(r'(?:src|href)="(/assets/[^"]+)"', visitor.get("/").text)


# What browsers are told ------------------------------------------------------------------------------------------------


def test_every_file_of_the_page_isolates_it_and_says_what_it_may_call(visitor: Visitor, cloud: Laptop) -> None:
    live = f"ws://127.0.0.1:{urlsplit(cloud.emulator_url).port}/_aws/execute-api/"
    told = {
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Embedder-Policy": "require-corp",
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    }
    for path in ("/", "/config.json", *assets(visitor), "/nothing"):
        answer = visitor.get(path)
        assert {name: answer.headers.get(name) for name in told} == told, path
        policy = answer.headers["Content-Security-Policy"]
        assert re.fullmatch(
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; "
            f"connect-src 'self' {re.escape(cloud.emulator_url)} {re.escape(live)}[0-9a-z]+/live; worker-src 'self'; "
            "manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
            policy,
        )


def test_the_first_file_is_asked_for_anew_and_those_it_names_never_again(visitor: Visitor) -> None:
    first = visitor.get("/")
    assert (first.status_code, first.headers["Cache-Control"]) == (200, "no-cache")
    assert first.headers["Content-Type"] == "text/html; charset=utf-8"
    assert visitor.get("/config.json").headers["Cache-Control"] == "no-cache"
    named = assets(visitor)
    assert named
    for path in named:
        answer = visitor.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_what_the_build_compressed_arrives_compressed(visitor: Visitor) -> None:
    scripts = [path for path in assets(visitor) if path.endswith(".js")]
    assert scripts
    for script in scripts:
        headers = visitor.client.head(script).headers
        assert (headers["Content-Encoding"], headers["Content-Type"]) == ("br", "text/javascript; charset=utf-8")


def test_what_is_unchanged_is_not_sent_again_and_parts_are(visitor: Visitor) -> None:
    first = visitor.get("/")
    assert visitor.get("/", **{"If-None-Match": first.headers["ETag"]}).status_code == 304
    part = visitor.get("/", Range="bytes=0-8")
    assert (part.status_code, part.text) == (206, first.text[:9])


def test_what_is_not_there_is_missing_and_nothing_can_be_put_there(visitor: Visitor) -> None:
    assert visitor.get("/nothing").status_code == 404
    assert visitor.client.post("/", content=b"x").status_code == 403
    assert visitor.client.put("/index.html", content=b"x").status_code == 403
    assert visitor.client.delete("/index.html").status_code == 403


def test_the_bucket_behind_the_page_is_closed(cloud: Laptop) -> None:
    address = f"{cloud.emulator_url}/{cloud.outputs['SiteBucket']}/index.html"
    assert httpx.get(address, trust_env=False).status_code == 403


# What lies behind the same origin --------------------------------------------------------------------------------------


def test_the_api_answers_at_the_pages_origin(visitor: Visitor) -> None:
    health = visitor.get("/api/v1/health")
    assert (health.status_code, health.json()["status"]) == (200, "ok")
    assert visitor.get("/api/v1/datasets").status_code == 401
    assert visitor.get("/api/v1/docs").headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_picture_opens_for_its_owner_and_is_kept(
    visitor: Visitor, cloud: Laptop, picture: str, shown: dict[str, str]
) -> None:
    answer = visitor.get(picture, **shown)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/webp")
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    part = visitor.get(picture, Range="bytes=4-7", **shown)
    assert (part.status_code, part.content) == (206, answer.content[4:8])
    assert visitor.get(picture, **{"If-None-Match": answer.headers["ETag"]}, **shown).status_code == 304
    direct = f"{cloud.emulator_url}/{cloud.outputs['MediaBucket']}{picture.removeprefix('/media')}"
    assert httpx.get(direct, trust_env=False).status_code == 403


def test_a_picture_opens_for_nobody_else_and_no_refusal_is_kept(
    visitor: Visitor, bob: User, picture: str, shown: dict[str, str]
) -> None:
    bobs, token = session_of(visitor, "bob"), "Bearer " + visitor.sign_in(login_hint="ann@example.com")["access_token"]
    forged = {"Cookie": shown["Cookie"].replace("CloudFront-Policy=e", "CloudFront-Policy=f")}
    elsewhere = re.sub("/t/[^/]+/", "/t/somebody-else/", picture)
    refused = [
        visitor.get(picture),
        visitor.get(picture, Authorization=token),  # which is for the API alone
        visitor.get(picture, **bobs),
        visitor.get(picture, **forged),
        visitor.get(elsewhere, **shown),
        visitor.client.put(picture, content=b"x", headers=shown),
    ]
    assert [answer.status_code for answer in refused] == [403] * len(refused)
    assert not any("immutable" in answer.headers.get("Cache-Control", "") for answer in refused)


def test_a_session_ends_when_somebody_signs_out(visitor: Visitor, picture: str) -> None:
    """A browser keeps the cookies as they are set, and forgets them when it is told to."""
    token = {"Authorization": "Bearer " + visitor.sign_in(login_hint="ann@example.com")["access_token"]}
    opened = visitor.client.post("/api/v1/media-session", headers=token)
    closed = visitor.client.request("DELETE", "/api/v1/media-session", headers=token)
    visitor.client.cookies.clear()
    assert (opened.status_code, closed.status_code) == (201, 204)
    kept = values_of([*opened.headers.get_list("set-cookie"), *closed.headers.get_list("set-cookie")])
    assert len(kept) == 4 and set(kept.values()) == {""}
    assert {line.partition("; ")[2] for line in closed.headers.get_list("set-cookie")} == {
        f"Path={'/'.join(picture.split('/')[:4])}/; Max-Age=0; HttpOnly; Secure; SameSite=Strict"
    }


def dataset_of(user: User) -> str:
    (dataset,) = [one for one in user.get("/datasets")[1]["items"] if one["name"] == "page"]
    return str(dataset["dataset_id"])


# Uploads ---------------------------------------------------------------------------------------------------------------


def preflight(cloud: Laptop, origin: str) -> httpx.Response:
    address = f"{cloud.emulator_url}/{cloud.outputs['UploadsBucket']}"
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    return httpx.options(address, headers=asked, trust_env=False)


def test_files_may_be_posted_from_the_page_and_from_no_other_origin(cloud: Laptop, visitor: Visitor) -> None:
    ours = preflight(cloud, visitor.origin)
    assert ours.status_code == 200
    assert ours.headers["Access-Control-Allow-Origin"] == visitor.origin
    theirs = preflight(cloud, "https://elsewhere.example")
    assert theirs.status_code == 403
    assert "Access-Control-Allow-Origin" not in theirs.headers


# Signing in ------------------------------------------------------------------------------------------------------------


def test_one_click_signs_the_demos_user_in(visitor: Visitor, cloud: Laptop, tmp_path: Path) -> None:
    cloud.sign_in(DEMO_USER, tmp_path / "profile.json")
    User(tmp_path / "profile.json").maskmill("datasets", "create", "of-the-command")
    token = visitor.sign_in()["access_token"]
    answer = visitor.get("/api/v1/datasets", Authorization=f"Bearer {token}")
    assert "of-the-command" in [one["name"] for one in answer.json()["items"]]


def test_somebody_else_signs_in_by_name(visitor: Visitor, ann: User, picture: str) -> None:
    token = visitor.sign_in(login_hint="ann@example.com")["access_token"]
    answer = visitor.get("/api/v1/datasets", Authorization=f"Bearer {token}")
    assert "page" in [one["name"] for one in answer.json()["items"]]


def test_a_session_is_renewed_without_signing_in_again(visitor: Visitor) -> None:
    tokens = visitor.sign_in()
    answer = visitor.trade(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert answer.status_code == 200, answer.text
    renewed = answer.json()["access_token"]
    assert visitor.get("/api/v1/datasets", Authorization=f"Bearer {renewed}").status_code == 200


def test_a_code_is_worth_nothing_without_its_verifier_and_only_once(visitor: Visitor) -> None:
    verifier = secrets.token_urlsafe(48)

    def code() -> str:
        back = visitor.ask_for_code(challenge_of(verifier))
        return parse_qs(urlsplit(back.headers["Location"]).query)["code"][0]

    assert visitor.trade(code=code()).status_code == 400
    assert visitor.trade(code=code(), code_verifier="x" * 43).status_code == 400
    good = code()
    assert visitor.trade(code=good, code_verifier=verifier).status_code == 200
    assert visitor.trade(code=good, code_verifier=verifier).status_code == 400


@pytest.mark.parametrize(
    "changed",
    [
        {"redirect_uri": "https://elsewhere.example/"},
        {"client_id": "nobody"},
        {"response_type": "token"},
        {"login_hint": "nobody@example.com"},
    ],
)
def test_what_the_hosted_pages_refuse_is_refused(visitor: Visitor, changed: dict[str, str]) -> None:
    answer = visitor.ask_for_code(challenge_of("x" * 43), **changed)
    assert answer.status_code in (400, 404), answer.text
    assert "Location" not in answer.headers


def test_signing_out_leads_back_to_the_page(visitor: Visitor) -> None:
    sign_in = visitor.config()
    path = visitor.path_of(sign_in["logout_url"])
    out = {"client_id": sign_in["client_id"], "logout_uri": f"{visitor.origin}/"}
    answer = visitor.client.get(path, params=out)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{visitor.origin}/")
    elsewhere = visitor.client.get(path, params={**out, "logout_uri": "https://elsewhere.example/"})
    assert elsewhere.status_code == 400


# In a browser ----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(lacking("playwright") is not None, reason=str(lacking("playwright")))
def test_a_browser_isolates_the_page_and_signs_in_by_one_click_and_out_again(cloud: Laptop) -> None:
    from playwright.sync_api import expect, sync_playwright

    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(cloud.page_url)
        assert page.evaluate("[crossOriginIsolated, isSecureContext]") == [True, True]
        with page.expect_response("**/oauth2/token") as traded:
            page.get_by_role("button", name="Sign in").first.click()
        assert traded.value.ok
        page.get_by_role("link", name="Account and usage").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("button", name="Sign in").first).to_be_visible()
        assert page.url.startswith(cloud.page_url)
        browser.close()
    assert complaints == []
