"""What stands before the service: the firewall, and the word by which the API knows the distribution."""

from __future__ import annotations

from typing import Any

import pytest

from infra.config import STAGES
from infra.context import BadConfiguration, check_region, chosen
from tests.unit.infra.cloud import Cloud
from tests.unit.infra.test_web import distribution, origin

ACL = "arn:aws:wafv2:us-east-1:000000000000:global/webacl/shared/0000-ab"
WORD = "<DoorWords/Made1/Default.Word>"
DIGEST = "<DoorWords/Made1/Default.Digest>"


def rules(prod: Cloud) -> dict[str, dict[str, Any]]:
    acl = prod.only("WAFv2::WebACL").properties
    return {rule["Name"]: rule for rule in acl["Rules"]}


def test_production_has_a_firewall_that_lets_through_what_no_rule_names(prod: Cloud) -> None:
    acl = prod.only("WAFv2::WebACL")
    assert (acl.properties["Scope"], acl.properties["DefaultAction"]) == ("CLOUDFRONT", {"Allow": {}})
    assert prod.text(acl.stack, distribution(prod)["WebACLId"]) == "<Firewall/Acl.Arn>"
    assert list(rules(prod)) == ["TooOften", "AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesCommonRuleSet"]


def test_other_stages_pay_for_none(local: Cloud) -> None:
    assert not local.resources("WAFv2::WebACL")
    assert "WebACLId" not in distribution(local)
    assert STAGES["dev"].firewall is None


def test_one_address_may_call_the_api_as_often_as_two_busy_tenants(prod: Cloud) -> None:
    rule = rules(prod)["TooOften"]
    assert rule["Action"]["Block"]["CustomResponse"]["ResponseCode"] == 429
    rate = rule["Statement"]["RateBasedStatement"]
    assert (rate["AggregateKeyType"], rate["EvaluationWindowSec"]) == ("IP", 60)
    assert rate["Limit"] == 2 * STAGES["prod"].requests_per_minute
    counted = rate["ScopeDownStatement"]["ByteMatchStatement"]
    assert (counted["PositionalConstraint"], counted["SearchString"]) == ("STARTS_WITH", "/api/")


def test_what_the_api_takes_is_counted_and_not_refused(prod: Cloud) -> None:
    """Recipes and masks are longer than 8 KB, and a webhook is an address inside a body."""
    group = rules(prod)["AWSManagedRulesCommonRuleSet"]["Statement"]["ManagedRuleGroupStatement"]
    assert group["RuleActionOverrides"] == [
        {"Name": name, "ActionToUse": {"Count": {}}} for name in ("SizeRestrictions_BODY", "GenericRFI_BODY")
    ]
    assert {rule["OverrideAction"]["None"] is not None for rule in rules(prod).values() if "OverrideAction" in rule}


def test_no_token_is_ever_sampled_or_logged(prod: Cloud) -> None:
    acl = prod.only("WAFv2::WebACL").properties
    for seen in (acl, *acl["Rules"]):
        assert seen["VisibilityConfig"]["SampledRequestsEnabled"] is False
    log = prod.only("WAFv2::LoggingConfiguration").properties
    assert [one["SingleHeader"]["Name"] for one in log["RedactedFields"]] == ["authorization", "cookie"]
    (kept,) = log["LoggingFilter"]["Filters"]
    assert (kept["Behavior"], log["LoggingFilter"]["DefaultBehavior"]) == ("KEEP", "DROP")
    assert kept["Conditions"] == [{"ActionCondition": {"Action": "BLOCK"}}]
    assert prod.named("Blocked", "Logs::LogGroup").properties["LogGroupName"] == "aws-waf-logs-maskmill-prod"


def test_a_firewall_is_made_where_cloudfront_looks_for_it_or_is_named() -> None:
    prod = chosen({"stage": "prod"})
    check_region(prod, "us-east-1")
    check_region(prod, None)
    with pytest.raises(BadConfiguration, match="eu-west-1"):
        check_region(prod, "eu-west-1")
    for text in ("off", ACL):
        check_region(chosen({"stage": "prod", "firewall": text}), "eu-west-1")
    for wrong in ("yes", ACL.replace("us-east-1", "eu-west-1"), ACL.replace("global", "regional")):
        with pytest.raises(BadConfiguration, match="firewall"):
            chosen({"firewall": wrong})


def test_the_distribution_says_a_word_of_which_the_api_knows_the_hash_alone(prod: Cloud) -> None:
    web = prod.only("CloudFront::Distribution")
    (header,) = origin(prod, "/api/*")["OriginCustomHeaders"]
    assert (header["HeaderName"], prod.text(web.stack, header["HeaderValue"])) == ("X-Origin-Verify", WORD)
    api = prod.named("ServeApi/Function", "Lambda::Function")
    told = {name: prod.text(api.stack, value) for name, value in api.properties["Environment"]["Variables"].items()}
    assert told["DOOR_DIGESTS"] == DIGEST
    assert WORD not in [*told.values(), *prod.outputs().values()]


def test_the_words_change_places_one_after_the_other() -> None:
    assert chosen({"door_words": "2,1"}).door_words == ("2", "1")
    with pytest.raises(BadConfiguration, match="words of the door"):
        chosen({"door_words": "1,1"})


def test_programs_of_the_laptop_call_the_gateway_and_need_no_word(local: Cloud) -> None:
    assert "OriginCustomHeaders" not in origin(local, "/api/*")
    assert local.named("ServeApi/Function").properties["Environment"]["Variables"]["DOOR_DIGESTS"] == ""
