"""Record alarms that use metric math. It evaluates nothing.

Reason: the emulator's alarm handler refuses an alarm whose `Metrics` is a list of expressions, which would fail
the whole deployment. Alarms on one metric keep the emulator's own handler.
"""

from typing import Any

from local.emulator.internals import account_and_region, internal, resource_handlers
from local.emulator.patches.wrapping import Properties

ALARM = "AWS::CloudWatch::Alarm"


def apply() -> None:
    original = resource_handlers()[ALARM]
    physical_name = internal("services.cloudformation.provisioners")._physical_name

    def recorded(logical_id: str, properties: Properties, stack: str) -> Any:
        name = properties.get("AlarmName") or physical_name(stack, logical_id, max_len=200)
        account, region = account_and_region()
        return name, {"Arn": f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}"}

    def create(logical_id: str, properties: Properties, stack: str) -> Any:
        handler = recorded if "Metrics" in properties else original["create"]
        return handler(logical_id, properties, stack)

    def update(physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str | None = None) -> Any:
        if "Metrics" in new or "Metrics" in old:
            return create(logical_id or physical_id, new, stack)
        return original["update"](physical_id, old, new, stack, logical_id)

    resource_handlers()[ALARM] = {**original, "create": create, "update": update, "update_with_logical_id": True}
