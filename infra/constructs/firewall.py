"""The firewall before the distribution: who asks too often, and what is known to be an attack; it knows no route.

It lies where CloudFront looks for it, in us-east-1. Two rules of the managed set only count: they would refuse what the
API takes (bodies above 8 KB, and addresses of webhooks inside them), and the API bounds both itself.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

WINDOW_S = 60
LOG_PREFIX = "aws-waf-logs-"  # which the service asks of the name of its log
COUNTED = ("SizeRestrictions_BODY", "GenericRFI_BODY")
_ACL, _LOG = waf.CfnWebACL, waf.CfnLoggingConfiguration


class Firewall(Construct):
    """`calls_per_minute` of one address to the API, and AWS's rules against common attacks and known bad inputs."""

    def __init__(
        self, scope: Construct, construct_id: str, *, name: str, calls_per_minute: int, log: logs.ILogGroup
    ) -> None:
        super().__init__(scope, construct_id)
        acl = _ACL(
            self,
            "Acl",
            name=name,
            scope="CLOUDFRONT",
            default_action=_ACL.DefaultActionProperty(allow={}),
            visibility_config=_measured(name),
            rules=[
                _too_often(calls_per_minute),
                _managed("AWSManagedRulesKnownBadInputsRuleSet", priority=1),
                _managed("AWSManagedRulesCommonRuleSet", priority=2, counted=COUNTED),
            ],
        )
        self.arn = acl.attr_arn
        _blocked_in(self, acl, log)


def _too_often(calls_per_minute: int) -> waf.CfnWebACL.RuleProperty:
    """A page full of pictures is no attack: calls of the API alone count."""
    below_api = _ACL.StatementProperty(
        byte_match_statement=_ACL.ByteMatchStatementProperty(
            field_to_match=_ACL.FieldToMatchProperty(uri_path={}),
            positional_constraint="STARTS_WITH",
            search_string="/api/",
            text_transformations=[_ACL.TextTransformationProperty(priority=0, type="NONE")],
        )
    )
    return _ACL.RuleProperty(
        name="TooOften",
        priority=0,
        action=_ACL.RuleActionProperty(block={"customResponse": {"responseCode": 429}}),
        statement=_ACL.StatementProperty(
            rate_based_statement=_ACL.RateBasedStatementProperty(
                aggregate_key_type="IP",
                evaluation_window_sec=WINDOW_S,
                limit=calls_per_minute,
                scope_down_statement=below_api,
            )
        ),
        visibility_config=_measured("TooOften"),
    )


def _managed(name: str, *, priority: int, counted: tuple[str, ...] = ()) -> waf.CfnWebACL.RuleProperty:
    overrides = [
        _ACL.RuleActionOverrideProperty(name=rule, action_to_use=_ACL.RuleActionProperty(count={})) for rule in counted
    ]
    return _ACL.RuleProperty(
        name=name,
        priority=priority,
        override_action=_ACL.OverrideActionProperty(none={}),
        statement=_ACL.StatementProperty(
            managed_rule_group_statement=_ACL.ManagedRuleGroupStatementProperty(
                vendor_name="AWS", name=name, rule_action_overrides=overrides or None
            )
        ),
        visibility_config=_measured(name),
    )


def _measured(name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    """Counted and never sampled: a sample would show the tokens of whoever was sampled."""
    return _ACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )


def _blocked_in(scope: Construct, acl: waf.CfnWebACL, log: logs.ILogGroup) -> None:
    """What was blocked is written down, without tokens and cookies."""
    stack = cdk.Stack.of(scope)
    _LOG(
        scope,
        "Blocked",
        resource_arn=acl.attr_arn,
        log_destination_configs=[
            stack.format_arn(
                service="logs",
                resource="log-group",
                resource_name=log.log_group_name,
                arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
            )
        ],
        redacted_fields=[
            _LOG.FieldToMatchProperty(single_header={"Name": name}) for name in ("authorization", "cookie")
        ],
        logging_filter={
            "DefaultBehavior": "DROP",
            "Filters": [
                {
                    "Behavior": "KEEP",
                    "Requirement": "MEETS_ANY",
                    "Conditions": [{"ActionCondition": {"Action": "BLOCK"}}],
                }
            ],
        },
    )
