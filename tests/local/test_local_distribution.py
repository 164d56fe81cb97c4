"""A distribution on the emulator, as the stacks make it: one test per correction that it needs."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aws_cdk as cdk
import httpx
import pytest
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins

from infra.constructs.bucket import admit_distributions, private_bucket
from infra.constructs.distribution import Distribution
from infra.constructs.http_api import Door
from infra.constructs.log import log_group
from infra.plans import PagePlan
from lambdas.serve_api.media import signed
from local.aws import client
from local.emulator.environment import EmulatorSettings
from maskmill.core.rsa import PrivateKey, draw_key, public_pem

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

NAME, STRICT = "page-test.localhost", "strict-test.localhost"
PICTURE, BOBS = f"t/ann/px/{'0' * 64}/normal.png", f"t/bob/px/{'0' * 64}/normal.png"
ARCHIVE, PLAN = "t/ann/jobs/j1/dataset/dataset.zip", "t/ann/jobs/j1/plan.json"


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    return draw_key(secrets.randbelow)


def template(folder: Path, key: PrivateKey) -> str:
    """The distribution of the stacks under a name of its own, and one that may not list its bucket."""
    app = cdk.App(outdir=str(folder), analytics_reporting=False)
    stack = cdk.Stack(app, "edge", synthesizer=cdk.DefaultStackSynthesizer(generate_bootstrap_version_rule=False))
    site = private_bucket(stack, "Site", is_disposable=True)
    media = private_bucket(stack, "Media", is_disposable=True)
    admit_distributions(media, keys=("t/*/px/*", "t/*/jobs/*/dataset/*"))
    trusted = cloudfront.PublicKey(stack, "Key", encoded_key=public_pem(key))
    door = Door(stack, "Door", name="edge", log=log_group(stack, "Log", "/edge", days=1), rate=10, burst=10)
    Distribution(
        stack,
        "Web",
        comment="edge",
        page=PagePlan(domain=NAME),
        site=site,
        media=media,
        media_keys=cloudfront.KeyGroup(stack, "Group", items=[trusted]),
        api_host=door.host,
        word="a word",
        firewall=None,
        connect=["https://elsewhere.example"],
    )
    cloudfront.Distribution(
        stack,
        "Strict",
        default_behavior=cloudfront.BehaviorOptions(origin=origins.S3BucketOrigin.with_origin_access_control(site)),
        domain_names=[STRICT],
    )
    cdk.CfnOutput(stack, "SiteName", value=site.bucket_name)
    cdk.CfnOutput(stack, "MediaName", value=media.bucket_name)
    cdk.CfnOutput(stack, "KeyId", value=trusted.public_key_id)
    app.synth()
    return (folder / "edge.template.json").read_text()


@pytest.fixture(scope="module")
def buckets(emulator: EmulatorSettings, key: PrivateKey, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    cloudformation = client("cloudformation", emulator.url)
    cloudformation.create_stack(StackName="edge", TemplateBody=template(tmp_path_factory.mktemp("synth"), key))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="edge", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    (stack,) = cloudformation.describe_stacks(StackName="edge")["Stacks"]
    found = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    s3 = client("s3", emulator.url)
    s3.put_object(Bucket=found["SiteName"], Key="index.html", Body=b"<p>page", ContentType="text/html")
    for name in (PICTURE, BOBS, ARCHIVE, PLAN):
        s3.put_object(Bucket=found["MediaName"], Key=name, Body=b"0123456789", ContentType="image/png")
    return found


@pytest.fixture(scope="module")
def browser(emulator: EmulatorSettings, buckets: dict[str, str]) -> Iterator[httpx.Client]:
    """Asks by the alternate name, port and all, as a browser does."""
    with httpx.Client(base_url=emulator.url, headers={"Host": f"{NAME}:{emulator.port}"}, trust_env=False) as found:
        yield found


def test_an_alternate_name_reaches_its_distribution_and_the_machines_own_does_not(
    browser: httpx.Client, emulator: EmulatorSettings
) -> None:
    assert (browser.get("/").status_code, browser.get("/").text) == (200, "<p>page")
    direct = httpx.get(f"{emulator.url}/index.html", trust_env=False)
    assert direct.text != "<p>page"
    assert direct.status_code != 200


def test_only_a_distribution_that_may_list_says_that_a_file_is_missing(
    browser: httpx.Client, emulator: EmulatorSettings
) -> None:
    assert browser.get("/missing").status_code == 404
    strict = httpx.get(f"{emulator.url}/missing", headers={"Host": STRICT}, trust_env=False)
    assert strict.status_code == 403


def test_a_behavior_without_methods_takes_reading_alone(browser: httpx.Client) -> None:
    assert [browser.request(method, "/").status_code for method in ("GET", "HEAD")] == [200, 200]
    refused = [browser.request(method, "/").status_code for method in ("POST", "PUT", "PATCH", "DELETE")]
    assert refused == [403] * 4


def test_an_api_is_an_origin(browser: httpx.Client) -> None:
    """Without a route the gateway itself answers; an origin that cannot be reached would be a 502."""
    answer = browser.get("/api/v1/anything")
    assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})


# Media ----------------------------------------------------------------------------------------------------------------


Session = Mapping[str, str]


@pytest.fixture(scope="module")
def folder(emulator: EmulatorSettings) -> str:
    return f"http://{NAME}:{emulator.port}/media/t/ann/"


@pytest.fixture(scope="module")
def session(key: PrivateKey, buckets: dict[str, str], folder: str) -> Session:
    return signed(key, buckets["KeyId"], resource=f"{folder}*", until=soon())


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


def asked(browser: httpx.Client, path: str, session: Session | None, **headers: str) -> httpx.Response:
    shown = "; ".join(f"CloudFront-{name}={value}" for name, value in (session or {}).items())
    return browser.get(f"/media/{path}", headers={**headers, **({"Cookie": shown} if shown else {})})


def status(browser: httpx.Client, path: str, session: Session | None) -> int:
    return asked(browser, path, session).status_code


def test_a_session_opens_its_own_folder_and_no_other(browser: httpx.Client, session: Session) -> None:
    assert asked(browser, PICTURE, session).text == "0123456789"
    assert asked(browser, ARCHIVE, session).text == "0123456789"
    assert "MissingKey" in asked(browser, PICTURE, None).text
    assert [status(browser, PICTURE, None), status(browser, BOBS, session)] == [403, 403]


def test_no_dots_lead_out_of_the_folder(browser: httpx.Client, session: Session) -> None:
    """The cookies cover such an address, by how it begins; what they cover there is not what lies there."""
    beyond = BOBS.removeprefix("t/")
    for dots in (f"t/ann/../{beyond}", f"t/ann/%2e%2e/{beyond}", f"t/ann/..%2f{beyond}", f"t/ann//../{beyond}"):
        address = browser.base_url.copy_with(raw_path=f"/media/{dots}".encode())
        shown = "; ".join(f"CloudFront-{name}={value}" for name, value in session.items())
        assert browser.get(address, headers={"Cookie": shown}).status_code == 403, dots


def test_what_was_signed_cannot_be_changed(
    browser: httpx.Client, session: Session, key: PrivateKey, folder: str
) -> None:
    for name in ("Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"):
        without = {other: value for other, value in session.items() if other != name}
        flipped = session[name][:-4] + ("A" if session[name][-4] != "A" else "B") + session[name][-3:]
        assert status(browser, PICTURE, without) == 403, name
        assert status(browser, PICTURE, {**session, name: flipped}) == 403, name
    longer = signed(key, session["Key-Pair-Id"], resource=f"{folder}*", until=soon() + timedelta(days=1))
    assert status(browser, PICTURE, {**session, "Policy": longer["Policy"]}) == 403


def test_a_session_ends_and_another_key_opens_nothing(
    browser: httpx.Client, session: Session, key: PrivateKey, folder: str
) -> None:
    ended = datetime.now(UTC) - timedelta(seconds=1)
    assert status(browser, PICTURE, signed(key, session["Key-Pair-Id"], resource=f"{folder}*", until=ended)) == 403
    forged = draw_key(secrets.randbelow)
    for resource in (f"{folder}*", "*", "http*://*"):
        assert status(browser, PICTURE, signed(forged, session["Key-Pair-Id"], resource=resource, until=soon())) == 403


def test_the_store_itself_gives_nothing_and_what_nobody_is_shown_stays_closed(
    browser: httpx.Client, emulator: EmulatorSettings, buckets: dict[str, str], session: Session
) -> None:
    direct = httpx.get(f"{emulator.url}/{buckets['MediaName']}/{PICTURE}", trust_env=False)
    assert direct.status_code == 403
    assert status(browser, PLAN, session) == 403  # it is there, and not to be shown
    signed_address = client("s3", emulator.url).generate_presigned_url(
        "get_object", Params={"Bucket": buckets["MediaName"], "Key": PICTURE}, ExpiresIn=60
    )
    assert httpx.get(signed_address, trust_env=False).status_code == 200  # for other programs
    assert status(browser, f"{PICTURE}?{signed_address.partition('?')[2]}", None) == 403


def test_pictures_are_kept_and_refusals_and_files_are_not(browser: httpx.Client, session: Session) -> None:
    picture, archive = asked(browser, PICTURE, session), asked(browser, ARCHIVE, session)
    assert picture.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert picture.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert picture.headers["X-Content-Type-Options"] == "nosniff"
    assert picture.headers["Content-Type"] == "image/png"
    assert "Content-Disposition" not in picture.headers
    assert archive.headers["Content-Disposition"] == "attachment"
    assert archive.headers["Cache-Control"] == "private, no-cache"
    refused, missing = asked(browser, PICTURE, None), asked(browser, PICTURE.replace("normal", "other"), session)
    assert [refused.status_code, missing.status_code] == [403, 404]
    assert not {"Cache-Control"} & {*refused.headers, *missing.headers}


def test_nobody_sees_the_list(browser: httpx.Client, key: PrivateKey, buckets: dict[str, str], folder: str) -> None:
    """Not even under a session that covers everything, which nobody is given."""
    wide = signed(key, buckets["KeyId"], resource=f"{folder.partition('t/')[0]}*", until=soon())
    assert status(browser, PICTURE, wide) == 200
    for path in ("", "?list-type=2", "t", "t/", "t/ann", "t/ann/", "t/ann/px", "t/ann/px/", "t/ann/d/x/y"):
        assert status(browser, path, wide) in (403, 404), path


def test_a_download_goes_on_where_it_broke(browser: httpx.Client, session: Session) -> None:
    part = asked(browser, ARCHIVE, session, Range="bytes=2-4")
    assert (part.status_code, part.text, part.headers["Content-Range"]) == (206, "234", "bytes 2-4/10")
    known = {"If-None-Match": part.headers["ETag"]}
    assert asked(browser, PICTURE, session, **known).status_code == 304


def test_the_sign_in_pages_are_found_below_an_alternate_name(browser: httpx.Client) -> None:
    assert browser.post("/oauth2/token", data={"grant_type": "none"}).json()["error"] == "unsupported_grant_type"
    assert browser.get("/logout").json()["error"] == "invalid_request"
