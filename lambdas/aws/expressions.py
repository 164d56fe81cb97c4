"""Writes of the table as DynamoDB's expressions; it knows the grammar and makes no call.

Names and values are numbered and used again where they recur, which keeps the writes of a full chunk inside the 4 KB
that an expression may have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lambdas.aws.wire import wire
from maskmill.core.table import Condition, Delete, Op, Path, Update


class Expressions:
    """The expressions of one request, with the names and values that they share."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, tuple[str, dict[str, Any]]] = {}

    def path(self, path: Path) -> str:
        return ".".join(self._names.setdefault(part, f"#{len(self._names)}") for part in path)

    def value(self, value: Any) -> str:
        typed = wire(value)
        placeholder, _ = self._values.setdefault(repr(typed), (f":{len(self._values)}", typed))
        return placeholder

    def condition(self, condition: Condition) -> str:
        path = self.path(condition.path)
        match condition.op:
            case Op.ABSENT:
                return f"attribute_not_exists({path})"
            case Op.PRESENT:
                return f"attribute_exists({path})"
            case Op.EQUALS:
                return f"{path} = {self.value(condition.value)}"
            case Op.DIFFERS:
                return f"(attribute_not_exists({path}) OR {path} <> {self.value(condition.value)})"
            case Op.AT_MOST:
                return f"(attribute_not_exists({path}) OR {path} <= {self.value(condition.value)})"
            case Op.IN:
                return f"{path} IN ({', '.join(self.value(choice) for choice in condition.value)})"

    def update(self, update: Update) -> str:
        """The update expression; empty when there is nothing to change."""
        sets = [f"{self.path(path)}={self.value(value)}" for path, value in update.set.items()]
        adds = [f"{self.path(path)} {self.value(amount)}" for path, amount in update.add.items()]
        removes = [self.path(path) for path in update.remove]
        clauses = (("SET", sets), ("ADD", adds), ("REMOVE", removes))
        return " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses if parts)

    def requirements(self, update: Update | Delete) -> str:
        """The row exists and every condition holds."""
        return " AND ".join([f"attribute_exists({self.path(('pk',))})", *map(self.condition, update.require)])

    def absence_or(self, conditions: Iterable[Condition]) -> str:
        """There is no row, or every condition holds."""
        held = " AND ".join(map(self.condition, conditions))
        return f"attribute_not_exists({self.path(('pk',))}) OR ({held})"

    def arguments(self) -> dict[str, Mapping[str, Any]]:
        """The names and values as request arguments; DynamoDB refuses empty ones."""
        found: dict[str, Mapping[str, Any]] = {}
        if self._names:
            found["ExpressionAttributeNames"] = {placeholder: name for name, placeholder in self._names.items()}
        if self._values:
            found["ExpressionAttributeValues"] = dict(self._values.values())
        return found
