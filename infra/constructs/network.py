"""A network from which nothing leads but to some buckets, for a machine that runs a model; it knows no model.

Private subnets without a gateway to the internet, and an endpoint of S3 that passes requests for these buckets alone:
it costs nothing. What the firewall of the network refuses is logged.
"""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

ZONES = 2  # the service takes a machine in either
HTTPS = 443
SUBNET_BITS = 26
OBJECTS = ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload")
_FACES = ("NetworkInterface", "NetworkInterfacePermission")
_LOOKS = ("NetworkInterfaces", "Vpcs", "DhcpOptions", "Subnets", "SecurityGroups")


class PrivateNetwork(Construct):
    """`buckets` are the ARNs of those that can be reached."""

    def __init__(self, scope: Construct, construct_id: str, *, buckets: Sequence[str], log: logs.ILogGroup) -> None:
        super().__init__(scope, construct_id)
        self._vpc = ec2.Vpc(
            self,
            "Vpc",
            max_azs=ZONES,
            nat_gateways=0,
            restrict_default_security_group=False,  # nothing is in it, and the library would add a function
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="Private", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=SUBNET_BITS
                )
            ],
        )
        self._group = ec2.SecurityGroup(
            self, "Group", vpc=self._vpc, description="Out to S3 and nowhere in", allow_all_outbound=False
        )
        self._group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(HTTPS), "The only route is that to S3")
        store = self._vpc.add_gateway_endpoint("Store", service=ec2.GatewayVpcEndpointAwsService.S3)
        for actions, resources in (
            (OBJECTS, [f"{arn}/*" for arn in buckets]),
            (("s3:ListBucket",), list(buckets)),
        ):
            store.add_to_policy(
                iam.PolicyStatement(principals=[iam.AnyPrincipal()], actions=list(actions), resources=resources)
            )
        self._vpc.add_flow_log(
            "Refused",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(log),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )

    @property
    def config(self) -> sagemaker.CfnModel.VpcConfigProperty:
        """Where a model's machines are put."""
        return sagemaker.CfnModel.VpcConfigProperty(
            subnets=[subnet.subnet_id for subnet in self._vpc.isolated_subnets],
            security_group_ids=[self._group.security_group_id],
        )

    @property
    def rights(self) -> list[iam.PolicyStatement]:
        """What the service asks of the model's role to put machines there; who looks around knows no resource."""
        stack = cdk.Stack.of(self)
        plugged = (("subnet", self.config.subnets), ("security-group", self.config.security_group_ids))
        places = [(kind, name) for kind, names in plugged for name in names]
        resources = [
            stack.format_arn(service="ec2", resource=kind, resource_name=name)
            for kind, name in (("network-interface", "*"), *places)
        ]
        made = [f"ec2:{verb}{what}" for verb in ("Create", "Delete") for what in _FACES]
        return [
            iam.PolicyStatement(actions=made, resources=resources),
            iam.PolicyStatement(actions=[f"ec2:Describe{what}" for what in _LOOKS], resources=["*"]),
        ]
