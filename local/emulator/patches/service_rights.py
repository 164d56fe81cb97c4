"""Let what Lambda does for a function ask for the rights of the function's role. It grants nothing.

Reason: on AWS the service reads a function's queue or stream, writes its log and puts aside what the function gave up
with the function's own role; the emulator does so within its process and asks nobody. A role that lacks one of these
rights would work here and not on AWS.
"""

import time
from collections.abc import Iterable, Iterator
from typing import Any

from local.emulator.internals import internal
from local.emulator.patches.decisions import Decisions

READS = {
    "sqs": ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    "dynamodb": ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"),
}
LOG = ("logs:CreateLogStream", "logs:PutLogEvents")
KNOWN_FOR_S = 1.0  # an answer about a role and a source holds for so long: sources are looked at all the time


def apply(decisions: Decisions) -> None:
    """Ask from now on, and add to `decisions` what was asked."""
    service = internal("services.lambda_svc")
    sources, emit = service._iter_all_esms, service._emit_lambda_logs
    put_aside = service._send_ddb_stream_failure_record
    known: dict[tuple[str, str], tuple[float, bool]] = {}

    def may(role: str, actions: Iterable[str], resource: str) -> bool:
        return all(_may(decisions, role, action, resource) for action in actions)

    def readable(role: str, source: str) -> bool:
        until, answer = known.get((role, source), (0.0, False))
        if until < time.monotonic():
            answer = may(role, READS.get(source.split(":")[2], ()), source)
            known[role, source] = (time.monotonic() + KNOWN_FOR_S, answer)
        return answer

    def iterate() -> Iterator[tuple[str, str, dict[str, Any]]]:
        for account, region, mapping in sources():
            function = service._functions._data.get((account, region, mapping["FunctionName"]))
            if function is None or readable(function["config"]["Role"], mapping["EventSourceArn"]):
                yield account, region, mapping

    def log(function: dict[str, Any], *rest: Any, **named: Any) -> None:
        config = function["config"]
        _, _, _, region, account, *_ = config["FunctionArn"].split(":")
        group = config.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
        if may(config["Role"], LOG, f"arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:any"):
            emit(function, *rest, **named)

    def give_up(mapping: dict[str, Any], function: dict[str, Any], *rest: Any) -> None:
        target = mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", "")
        if may(function["config"]["Role"], ("sqs:SendMessage",), target):
            put_aside(mapping, function, *rest)

    service._iter_all_esms, service._emit_lambda_logs = iterate, log
    service._send_ddb_stream_failure_record = give_up


def _may(decisions: Decisions, role: str, action: str, resource: str) -> bool:
    """Whether a role's own policies allow a call, as the service that runs the function would make it."""
    evaluator = internal("core.iam_evaluator")
    account, name = role.split(":")[4], role.rsplit("/", 1)[-1]
    context = evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{name}/service",
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region="",
    )
    policies = evaluator._gather_role_policies(name, account)
    passed = evaluator.evaluate(context, policies).decision == "Allow"
    decisions.note(context, policies, passed=passed)
    return bool(passed)
