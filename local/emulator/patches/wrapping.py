"""Run a step of ours after the emulator's own handler of a CloudFormation type. It knows no type.

Reason: the emulator accepts template properties that it then never reads. A step applies such a property through
the emulator's own service, on creation and on update.
"""

from collections.abc import Callable
from typing import Any

from local.emulator.internals import resource_handlers

Properties = dict[str, Any]


def after_provisioning(resource_type: str, step: Callable[[str, Properties], None]) -> None:
    """Call `step(physical_id, properties)` whenever a resource of the type was created or updated."""
    handlers = resource_handlers()
    original = handlers[resource_type]
    wrapped = dict(original)

    def create(logical_id: str, properties: Properties, stack: str) -> Any:
        result = original["create"](logical_id, properties, stack)
        step(result[0], properties)
        return result

    def update(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Any:
        result = original["update"](physical_id, old, new, *rest)
        step(result[0], new)
        return result

    wrapped["create"] = create
    if "update" in original:
        wrapped["update"] = update
    handlers[resource_type] = wrapped


def is_true(value: object) -> bool:
    """CloudFormation passes booleans as booleans or as words."""
    return str(value).lower() == "true"
