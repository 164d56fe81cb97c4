"""A distribution on the emulator, as the stacks make it: one test per correction that it needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import aws_cdk as cdk
import httpx
import pytest
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins

from infra.constructs.bucket import private_bucket
from infra.constructs.distribution import Distribution
from infra.constructs.http_api import Door
from infra.constructs.log import log_group
from infra.plans import PagePlan
from local.aws import client
from local.emulator.environment import EmulatorSettings

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

NAME, STRICT = "page-test.localhost", "strict-test.localhost"


def template(folder: Path) -> str:
    """The distribution of the stacks under a name of its own, and one that may not list its bucket."""
    app = cdk.App(outdir=str(folder), analytics_reporting=False)
    stack = cdk.Stack(app, "edge", synthesizer=cdk.DefaultStackSynthesizer(generate_bootstrap_version_rule=False))
    site = private_bucket(stack, "Site", is_disposable=True)
    media = private_bucket(stack, "Media", is_disposable=True)
    door = Door(stack, "Door", name="edge", log=log_group(stack, "Log", "/edge", days=1), rate=10, burst=10)
    Distribution(
        stack,
        "Web",
        comment="edge",
        page=PagePlan(domain=NAME),
        site=site,
        media=media,
        api_host=door.host,
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
    app.synth()
    return (folder / "edge.template.json").read_text()


@pytest.fixture(scope="module")
def buckets(emulator: EmulatorSettings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    cloudformation = client("cloudformation", emulator.url)
    cloudformation.create_stack(StackName="edge", TemplateBody=template(tmp_path_factory.mktemp("synth")))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="edge", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    (stack,) = cloudformation.describe_stacks(StackName="edge")["Stacks"]
    found = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    s3 = client("s3", emulator.url)
    s3.put_object(Bucket=found["SiteName"], Key="index.html", Body=b"<p>page", ContentType="text/html")
    s3.put_object(Bucket=found["MediaName"], Key="t/a b.txt", Body=b"0123456789", ContentType="text/plain")
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


def signed(emulator: EmulatorSettings, bucket: str, key: str) -> str:
    address: str = client("s3", emulator.url).generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=60
    )
    return "/media" + address.removeprefix(f"{emulator.url}/{bucket}")


def test_a_bucket_without_access_control_checks_the_signature_that_comes_with_the_address(
    browser: httpx.Client, emulator: EmulatorSettings, buckets: dict[str, str]
) -> None:
    path = signed(emulator, buckets["MediaName"], "t/a b.txt")
    assert (browser.get(path).status_code, browser.get(path).text) == (200, "0123456789")
    part = browser.get(path, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.text, part.headers["Content-Range"]) == (206, "234", "bytes 2-4/10")
    assert browser.get(path, headers={"If-None-Match": part.headers["ETag"]}).status_code == 304
    assert browser.get(path.partition("?")[0]).status_code == 403
    assert browser.get(path.replace("X-Amz-Expires=60", "X-Amz-Expires=600")).status_code == 403


def test_no_header_of_the_visitor_reaches_the_bucket_and_spoils_the_signature(
    browser: httpx.Client, emulator: EmulatorSettings, buckets: dict[str, str]
) -> None:
    path = signed(emulator, buckets["MediaName"], "t/a b.txt")
    answer = browser.get(path, headers={"Authorization": "Bearer token", "Cookie": "a=b"})
    assert answer.status_code == 200


def test_the_sign_in_pages_are_found_below_an_alternate_name(browser: httpx.Client) -> None:
    assert browser.post("/oauth2/token", data={"grant_type": "none"}).json()["error"] == "unsupported_grant_type"
    assert browser.get("/logout").json()["error"] == "invalid_request"
