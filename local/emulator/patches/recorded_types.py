"""CloudFormation types that the emulator refuses and Maskmill only needs recorded. It gives them no behaviour.

Reason: the emulator rejects a whole template for one unknown type. Each type here is named on purpose: a type that
is not on the list still fails the deployment, so that nobody takes a resource for tried that is not even there.
"""

from dataclasses import dataclass
from typing import Any

from local.emulator.internals import account_and_region, internal, resource_handlers
from local.emulator.patches.wrapping import Properties


@dataclass(frozen=True, slots=True)
class Recorded:
    """How a recorded type is named: its name property, its ARN, and what `Ref` gives."""

    name_property: str | None = None
    arn: str = "{name}"
    ref_is_arn: bool = False


RECORDED_TYPES: dict[str, Recorded] = {
    "AWS::ApplicationAutoScaling::ScalingPolicy": Recorded(
        "PolicyName", "arn:aws:autoscaling:{region}:{account}:scalingPolicy:{name}", ref_is_arn=True
    ),
    "AWS::Budgets::Budget": Recorded(),
    "AWS::CE::AnomalyMonitor": Recorded(arn="arn:aws:ce::{account}:anomalymonitor/{name}", ref_is_arn=True),
    "AWS::CE::AnomalySubscription": Recorded(arn="arn:aws:ce::{account}:anomalysubscription/{name}", ref_is_arn=True),
    "AWS::CloudFront::MonitoringSubscription": Recorded(),
    "AWS::CloudTrail::Trail": Recorded("TrailName", "arn:aws:cloudtrail:{region}:{account}:trail/{name}"),
    "AWS::CloudWatch::AnomalyDetector": Recorded(),
    "AWS::CloudWatch::CompositeAlarm": Recorded("AlarmName", "arn:aws:cloudwatch:{region}:{account}:alarm:{name}"),
    "AWS::Cognito::ManagedLoginBranding": Recorded(),
    "AWS::Cognito::UserPoolUser": Recorded("Username"),
    "AWS::Events::Archive": Recorded("ArchiveName", "arn:aws:events:{region}:{account}:archive/{name}"),
    "AWS::GuardDuty::Detector": Recorded(),
    "AWS::IAM::OIDCProvider": Recorded(arn="arn:aws:iam::{account}:oidc-provider/{name}", ref_is_arn=True),
    "AWS::Logs::QueryDefinition": Recorded(),
    "AWS::ResourceGroups::Group": Recorded("Name", "arn:aws:resource-groups:{region}:{account}:group/{name}"),
    "AWS::ServiceCatalogAppRegistry::Application": Recorded(
        "Name", "arn:aws:servicecatalog:{region}:{account}:/applications/{name}"
    ),
    "AWS::Synthetics::Canary": Recorded("Name"),
    "AWS::WAFv2::IPSet": Recorded("Name", "arn:aws:wafv2:{region}:{account}:regional/ipset/{name}"),
    "AWS::WAFv2::LoggingConfiguration": Recorded(),
    "AWS::WAFv2::WebACLAssociation": Recorded(),
    "AWS::XRay::Group": Recorded("GroupName", "arn:aws:xray:{region}:{account}:group/{name}", ref_is_arn=True),
    "AWS::XRay::SamplingRule": Recorded(arn="arn:aws:xray:{region}:{account}:sampling-rule/{name}", ref_is_arn=True),
}


def apply() -> None:
    for resource_type, recorded in RECORDED_TYPES.items():
        resource_handlers().setdefault(resource_type, _handlers(recorded))


def _handlers(recorded: Recorded) -> dict[str, Any]:
    def create(logical_id: str, properties: Properties, stack: str) -> Any:
        name = physical_name(recorded.name_property, logical_id, properties, stack)
        account, region = account_and_region()
        arn = recorded.arn.format(account=account, region=region, name=name)
        return (arn if recorded.ref_is_arn else name), {"Arn": arn, "Id": name}

    def delete(physical_id: str, properties: Properties) -> None:
        del physical_id, properties  # nothing was made

    return {"create": create, "delete": delete}


def physical_name(name_property: str | None, logical_id: str, properties: Properties, stack: str) -> str:
    """The name the template gives, or the stable one that the emulator derives from stack and logical id."""
    if name_property and properties.get(name_property):
        return str(properties[name_property])
    return str(internal("services.cloudformation.provisioners")._physical_name(stack, logical_id, max_len=63))
