"""Apply `ReservedConcurrentExecutions` of a Lambda function's template. It knows nothing of how calls are throttled.

Reason: the provisioner drops the property, so a function that is capped on AWS would run unbounded here.
"""

from local.emulator.internals import internal
from local.emulator.patches.wrapping import Properties, after_provisioning


def apply() -> None:
    functions = internal("services.lambda_svc")._functions

    def step(name: str, properties: Properties) -> None:
        reserved = properties.get("ReservedConcurrentExecutions")
        functions[name]["concurrency"] = None if reserved is None else int(reserved)

    after_provisioning("AWS::Lambda::Function", step)
