"""The distribution: who may read what, and what browsers are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from infra.config import STAGES
from infra.context import BadConfiguration, chosen
from infra.stacks.page import built_page
from lambdas.aws import clients
from lambdas.aws.doors import S3Doors
from maskmill.core.identity import API_SCOPE
from tests.contract import aws
from tests.unit.infra.cloud import Cloud, Resource, grants

DISABLED, OPTIMIZED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad", "658327ea-f89d-4fab-a63d-7e88639e58f6"  # caching
ALL_BUT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
PICTURES, FILES = "/media/*", "/media/t/*/jobs/*"
HOSTED = "https://maskmill-{stage}-<AWS::AccountId>.auth.<AWS::Region>.amazoncognito.com"


def distribution(cloud: Cloud) -> dict[str, Any]:
    config: dict[str, Any] = cloud.only("CloudFront::Distribution").properties["DistributionConfig"]
    return config


def behaviors(cloud: Cloud) -> dict[str, dict[str, Any]]:
    config = distribution(cloud)
    others = {behavior["PathPattern"]: behavior for behavior in config["CacheBehaviors"]}
    return {"/": config["DefaultCacheBehavior"], **others}


def origin(cloud: Cloud, path: str) -> dict[str, Any]:
    web = cloud.only("CloudFront::Distribution")
    target = behaviors(cloud)[path]["TargetOriginId"]
    (found,) = [one for one in distribution(cloud)["Origins"] if one["Id"] == target]
    return {**found, "DomainName": cloud.text(web.stack, found["DomainName"])}


def headers(cloud: Cloud, path: str) -> dict[str, str]:
    """What every answer below a path carries."""
    web = cloud.only("CloudFront::Distribution")
    name = cloud.text(web.stack, behaviors(cloud)[path]["ResponseHeadersPolicyId"]).strip("<>")
    policy = cloud.named(name, "CloudFront::ResponseHeadersPolicy")
    config = policy.properties["ResponseHeadersPolicyConfig"]
    security = config["SecurityHeadersConfig"]
    found = {item["Header"]: item["Value"] for item in config["CustomHeadersConfig"]["Items"]}
    age = security["StrictTransportSecurity"]["AccessControlMaxAgeSec"]
    found["Strict-Transport-Security"] = f"max-age={age}"
    found["Referrer-Policy"] = security["ReferrerPolicy"]["ReferrerPolicy"]
    assert security["ContentTypeOptions"] == {"Override": True}
    found["X-Content-Type-Options"] = "nosniff"
    if "ContentSecurityPolicy" in security:
        text = security["ContentSecurityPolicy"]["ContentSecurityPolicy"]
        found["Content-Security-Policy"] = cloud.text(policy.stack, text)
    return found


COMMON = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
OPEN = {"Site/Policy", "Media/Policy"}
ISOLATED = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}


def test_the_page_may_run_its_own_files_and_call_the_service_alone(cloud: Cloud) -> None:
    live = cloud.outputs()["LiveUrl"]
    policy = (
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; "
        f"connect-src 'self' https://<Uploads.RegionalDomainName> {live} {HOSTED.format(stage=cloud.stage)}; "
        "worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    assert headers(cloud, "/") == COMMON | ISOLATED | {"Content-Security-Policy": policy}


def test_media_can_run_nothing_and_the_api_speaks_for_itself(cloud: Cloud) -> None:
    media = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox"}
    assert headers(cloud, PICTURES) == COMMON | media
    as_files = {"Content-Disposition": "attachment", "Cache-Control": "private, no-cache"}
    assert headers(cloud, FILES) == COMMON | media | as_files
    assert headers(cloud, "/api/*") == COMMON


def test_viewers_come_over_tls(cloud: Cloud) -> None:
    assert {one["ViewerProtocolPolicy"] for one in behaviors(cloud).values()} == {"redirect-to-https"}
    assert distribution(cloud)["HttpVersion"] == "http2and3"


def test_the_site_is_read_by_its_distribution_alone(cloud: Cloud) -> None:
    site = origin(cloud, "/")
    assert site["DomainName"] == "<Site.RegionalDomainName>"
    assert site["OriginAccessControlId"]
    policy = cloud.named("Site/Policy", "S3::BucketPolicy")
    allowed = [one for one in policy.properties["PolicyDocument"]["Statement"] if one["Effect"] == "Allow"]
    (statement,) = allowed
    assert statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert statement["Action"] == ["s3:GetObject", "s3:ListBucket"]  # to list is to be told that a file is missing
    (source,) = statement["Condition"]["StringEquals"].values()
    assert cloud.text(policy.stack, source).endswith(":distribution/<Web/Distribution>")
    assert distribution(cloud)["DefaultRootObject"] == "index.html"  # so that nobody sees the list


def test_no_bucket_but_the_sites_and_the_media_admits_a_service(cloud: Cloud) -> None:
    for policy in cloud.resources("S3::BucketPolicy"):
        effects = {one["Effect"] for one in policy.properties["PolicyDocument"]["Statement"]}
        assert effects == ({"Deny", "Allow"} if policy.name in OPEN else {"Deny"}), policy.name


def test_media_are_read_by_distributions_of_the_account_and_only_what_people_are_shown(cloud: Cloud) -> None:
    policy = cloud.named("Media/Policy", "S3::BucketPolicy")
    found = [one for one in policy.properties["PolicyDocument"]["Statement"] if one["Effect"] == "Allow"]
    for one in found:
        assert one["Principal"] == {"Service": "cloudfront.amazonaws.com"}
        (source,) = one["Condition"]["ArnLike"].values()
        assert cloud.text(policy.stack, source) == "arn:<AWS::Partition>:cloudfront::<AWS::AccountId>:distribution/*"
    statement, listing = found
    assert (statement["Action"], listing["Action"]) == ("s3:GetObject", "s3:ListBucket")
    assert cloud.texts(policy.stack, listing["Resource"]) == ["<Media.Arn>"]  # to be told what is missing
    shown = {name.removeprefix("<Media.Arn>/") for name in cloud.texts(policy.stack, statement["Resource"])}
    assert shown == {
        "t/*/px/*/normal.png",
        "t/*/px/*/thumbnail.webp",
        "t/*/px/*/labels/*.png",
        "t/*/px/*/variants/*",
        "t/*/px/*/embeddings/*.bin",
        "t/*/jobs/*/dataset/*",
        "t/*/jobs/*/exports/*/*",
    }


def test_files_of_the_page_and_pictures_are_kept_and_what_may_change_is_not(cloud: Cloud) -> None:
    found = {
        path: cloud.text("", behavior["CachePolicyId"])
        for path, behavior in behaviors(cloud).items()
        if path != PICTURES
    }
    assert found == {"/": OPTIMIZED, "/api/*": DISABLED, FILES: DISABLED}
    kept = cloud.only("CloudFront::CachePolicy").properties["CachePolicyConfig"]
    assert behaviors(cloud)[PICTURES]["CachePolicyId"]["Ref"]
    assert (kept["MinTTL"], kept["DefaultTTL"], kept["MaxTTL"]) == (0, 3600, 3600)
    cause = kept["ParametersInCacheKeyAndForwardedToOrigin"]
    assert cause["CookiesConfig"] == {"CookieBehavior": "none"}
    assert cause["QueryStringsConfig"] == {"QueryStringBehavior": "none"}
    assert cause["HeadersConfig"] == {"HeaderBehavior": "none"}


def test_a_refusal_is_never_kept(cloud: Cloud) -> None:
    """What is missing now may be there a moment later, and a session may be renewed."""
    kept = {one["ErrorCode"]: one for one in distribution(cloud)["CustomErrorResponses"]}
    assert {code: one["ErrorCachingMinTTL"] for code, one in kept.items()} == {403: 0, 404: 0}
    assert not any("ResponsePagePath" in one for one in kept.values())
    (keep,) = [
        one for one in behaviors(cloud)[PICTURES]["FunctionAssociations"] if one["EventType"] == "viewer-response"
    ]
    assert "immutable" in code_of(cloud, keep)  # such functions run on good answers alone
    policy = cloud.named("Web/MediaHeaders", "CloudFront::ResponseHeadersPolicy").properties
    assert "Cache-Control" not in json.dumps(policy)  # which would be on every answer


def test_the_api_gets_whole_requests_under_its_own_name(cloud: Cloud) -> None:
    api = behaviors(cloud)["/api/*"]
    assert set(api["AllowedMethods"]) == {"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"}
    assert api["OriginRequestPolicyId"] == ALL_BUT_HOST
    assert origin(cloud, "/api/*")["DomainName"] == "<Door/Api>.execute-api.<AWS::Region>.<AWS::URLSuffix>"
    assert origin(cloud, "/api/*")["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"


def test_the_site_takes_no_request_that_changes_anything(cloud: Cloud) -> None:
    assert "AllowedMethods" not in behaviors(cloud)["/"]  # GET and HEAD
    assert "AllowedMethods" not in behaviors(cloud)[PICTURES] and "AllowedMethods" not in behaviors(cloud)[FILES]


def code_of(cloud: Cloud, association: dict[str, Any]) -> str:
    """The code of a function that a behavior names."""
    name = cloud.text(cloud.only("CloudFront::Distribution").stack, association["FunctionARN"])
    function = cloud.named(name.strip("<>").removesuffix(".FunctionARN"), "CloudFront::Function")
    return str(function.properties["FunctionCode"])


@pytest.mark.parametrize("path", [PICTURES, FILES])
def test_media_are_for_those_who_show_a_session_that_our_own_keys_signed(cloud: Cloud, path: str) -> None:
    web = cloud.only("CloudFront::Distribution")
    assert cloud.texts(web.stack, behaviors(cloud)[path]["TrustedKeyGroups"]) == ["<MediaKeys/Group>"]
    group = cloud.only("CloudFront::KeyGroup").properties["KeyGroupConfig"]
    assert cloud.texts(web.stack, group["Items"]) == ["<MediaKeys/Key1>"]
    key = cloud.only("CloudFront::PublicKey").properties["PublicKeyConfig"]
    assert cloud.text(web.stack, key["EncodedKey"]) == "<MediaKeys/Made1/Default.PublicKey>"
    media = origin(cloud, path)
    assert media["DomainName"] == "<Media.RegionalDomainName>"
    assert media["OriginAccessControlId"]
    (first,) = [one for one in behaviors(cloud)[path]["FunctionAssociations"] if one["EventType"] == "viewer-request"]
    assert "statusCode: 403" in code_of(cloud, first)


def test_nothing_but_media_asks_for_a_session_and_the_api_is_told_where_they_lie(cloud: Cloud) -> None:
    asking = {path for path, behavior in behaviors(cloud).items() if "TrustedKeyGroups" in behavior}
    assert asking == {PICTURES, FILES}
    api = cloud.named("ServeApi/Function", "Lambda::Function")
    told = {name: cloud.text(api.stack, value) for name, value in api.properties["Environment"]["Variables"].items()}
    assert told["MEDIA_URL"] == f"{cloud.outputs()['PageUrl']}media/"
    assert told["MEDIA_KEY_PAIR_ID"] == "<MediaKeys/Key1>"
    assert told["MEDIA_KEY_NAME"] == f"/maskmill-{cloud.stage}/media-key/1/private"


def test_a_new_key_signs_while_the_old_one_is_still_trusted(tmp_path: Path, page: Path) -> None:
    cloud = dev(tmp_path, page, media_keys="2,1")
    group = cloud.only("CloudFront::KeyGroup")
    trusted = cloud.texts(group.stack, group.properties["KeyGroupConfig"]["Items"])
    assert trusted == ["<MediaKeys/Key2>", "<MediaKeys/Key1>"]
    api = cloud.named("ServeApi/Function", "Lambda::Function")
    told = {name: cloud.text(api.stack, value) for name, value in api.properties["Environment"]["Variables"].items()}
    assert told["MEDIA_KEY_PAIR_ID"] == "<MediaKeys/Key2>"
    assert told["MEDIA_KEY_NAME"].endswith("/2/private")
    assert {pair for pair in grants(cloud, "ServeApi/Role") if pair[0].startswith("ssm:")} == {
        (
            "ssm:GetParameter",
            "arn:<AWS::Partition>:ssm:<AWS::Region>:<AWS::AccountId>:parameter/maskmill-dev/media-key/2/private",
        )
    }
    exported = json.loads((cloud.folder / "maskmill-dev-web.template.json").read_text())["Outputs"].values()
    named = {cloud.text("maskmill-dev-web", one["Value"]) for one in exported}
    assert {"<MediaKeys/Key1>", "<MediaKeys/Key2>"} <= named  # the API lets go of the old one after the new is there


@pytest.mark.parametrize("names", ["1,1", "A", "1,2,3,4,5,6", "a/b", "1,"])
def test_keys_of_media_have_up_to_five_plain_names(names: str) -> None:
    with pytest.raises(BadConfiguration, match="keys of media"):
        chosen({"media_keys": names})


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_addresses_are_signed_for_the_hosts_that_the_distribution_and_the_policy_name(
    region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with aws.cloud():
        monkeypatch.setenv("AWS_REGION", region)
        monkeypatch.setenv("AWS_DEFAULT_REGION", region)
        clients.forget()
        doors = S3Doors(clients.s3(), uploads_bucket="uploads-1", media_bucket="media-1")
        assert doors.download("t/a").startswith(f"https://media-1.s3.{region}.amazonaws.com/t/a?")
        ticket = doors.upload("t/a", size_bytes=1, sha256="00" * 32)
        assert ticket.url == f"https://uploads-1.s3.{region}.amazonaws.com/"


# The page -------------------------------------------------------------------------------------------------------------


def published(cloud: Cloud) -> Resource:
    (found,) = [one for one in cloud.resources() if one.type == "Custom::MaskmillPage"]
    return found


def config(cloud: Cloud) -> dict[str, Any]:
    order = published(cloud)
    found: dict[str, Any] = json.loads(cloud.text(order.stack, order.properties["Config"]))
    return found


def test_the_page_is_told_where_people_sign_in(prod: Cloud) -> None:
    base = HOSTED.format(stage="prod")
    assert config(prod)["sign_in"] == {
        "authorize_url": f"{base}/oauth2/authorize",
        "token_url": f"{base}/oauth2/token",
        "logout_url": f"{base}/logout",
        "client_id": "<People/Pool/Client>",
        "scope": f"openid {API_SCOPE}",
    }
    assert prod.outputs()["PageUrl"] == "https://<Web/Distribution.DomainName>/"


def test_the_version_names_the_release_and_a_new_page_is_a_new_order(cloud: Cloud) -> None:
    order = published(cloud).properties
    assert config(cloud)["version"].endswith(f"+{order['Release'][:8]}")
    assert order["Archive"]["Key"] == f"{order['Release']}.zip"


def test_the_deployment_waits_a_little_longer_than_the_function_runs(cloud: Cloud) -> None:
    timeout = cloud.named("PublishPage/Function").properties["Timeout"]
    assert timeout < int(published(cloud).properties["ServiceTimeout"]) < 2 * timeout


def test_without_a_built_page_there_is_no_deployment_but_a_word_on_how_to_build_it(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="make page"):
        built_page(tmp_path)


def test_what_is_there_compressed_is_not_sent_twice(tmp_path: Path) -> None:
    from infra.stacks.page import spared

    (tmp_path / "assets").mkdir()
    for name in ("index.html", "assets/a.wasm", "assets/a.wasm.br", "assets/b.wasm.br"):
        (tmp_path / name).write_text(name)
    assert spared(tmp_path) == ["assets/a.wasm"]


# Domains --------------------------------------------------------------------------------------------------------------


def dev(folder: Path, page: Path, **context: str) -> Cloud:
    """The default stage with more of a context."""
    from infra.app import build

    given = {"aws:cdk:bundling-stacks": [], "aws:cdk:enable-path-metadata": True}
    app = cdk.App(analytics_reporting=False, outdir=str(folder), context=given)
    build(app, chosen({"page": str(page), **context}))
    app.synth()
    return Cloud("dev", folder)


def test_the_page_gets_the_decoder_of_the_interactive_segmenter(tmp_path: Path, page: Path, prod: Cloud) -> None:
    assert "Decoder" not in published(prod).properties  # the classic one has none
    cloud = dev(tmp_path, page, fast="sam-vit-b", fast_weights="s3://models/sam/")
    assert published(cloud).properties["Decoder"] == {
        "Bucket": "models",
        "Prefix": "sam/",
        "Version": "sam-vit-b-ec2df6273261",
    }
    bucket = "arn:<AWS::Partition>:s3:::models"
    mine = {pair for pair in grants(cloud, "PublishPage/Role") if pair[1].startswith(bucket)}
    assert mine == {
        ("s3:GetObject", f"{bucket}/sam/manifest.json"),
        ("s3:GetObject", f"{bucket}/sam/decoder.onnx"),
        ("s3:ListBucket", bucket),
    }


def test_a_domain_of_ones_own_comes_with_its_certificate(tmp_path: Path, page: Path) -> None:
    arn = "arn:aws:acm:us-east-1:000000000000:certificate/c"
    cloud = dev(tmp_path, page, page_domain="masks.example", page_certificate=arn)
    assert distribution(cloud)["Aliases"] == ["masks.example"]
    assert distribution(cloud)["ViewerCertificate"]["AcmCertificateArn"] == arn
    assert distribution(cloud)["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"
    assert cloud.outputs()["PageUrl"] == "https://masks.example/"
    (rule,) = cloud.named("Uploads", "S3::Bucket").properties["CorsConfiguration"]["CorsRules"]
    assert rule["AllowedOrigins"] == ["https://masks.example"]
    client = cloud.named("People/Pool/Client").properties
    assert "https://masks.example/" in client["CallbackURLs"]


def test_a_domain_without_a_certificate_is_refused() -> None:
    with pytest.raises(BadConfiguration, match="certificate"):
        chosen({"page_domain": "masks.example"})


def test_on_an_emulator_everything_is_below_its_address() -> None:
    stage = chosen({"stage": "local", "emulator": "http://127.0.0.1:4566", "sign_in_path": "/sign-in"})
    assert stage.page_origins == ("http://maskmill.localhost:4566",)
    assert stage.emulator is not None
    assert stage.emulator.sign_in_path == "/sign-in"
    assert [one.name for one in STAGES.values() if one.emulator is not None] == []
