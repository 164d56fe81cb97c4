"""Note which right of a role let each of its calls pass, and which calls had none. It decides nothing.

Reason: that a role needs each of its rights is shown by a call that no other right would have let pass, and nobody else
sees all calls. `POST /_local/decisions` gives what was noted since the start, or since the last question that said
`{"reset": true}`:

    {"passed": [["maskmill-local-…", "dynamodb:GetItem", ["arn:aws:dynamodb:…:table/…"], 12]],
     "denied": [["maskmill-local-…", "s3:DeleteObject", "arn:aws:s3:::…", 1]]}

The third part of an entry of `passed` holds the resources of all statements that allowed the call: where there is only
one, it was that right alone. Sessions that a test asked for under the name of a probe are left out.
"""

import threading
from collections import Counter
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

from local.emulator.internals import internal
from local.emulator.patches import routes
from local.emulator.patches.role_sessions import PROBE

PATH = f"{routes.PREFIX}decisions"
Call = tuple[Any, Any]  # what is asked, and the statements that it is weighed against
DENIED_MAX = 2000  # different ones that are kept


@dataclass(slots=True)
class Decisions:
    """What was decided, counted; several threads write."""

    passed: Counter[tuple[str, str, tuple[str, ...]]] = field(default_factory=Counter)
    denied: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, context: Any, policies: Any, *, passed: bool) -> None:
        """Note a call of a role, with the statements of its policies."""
        role = role_of(context.principal_arn)
        if role is None:
            return
        allowing = allowed_by(context, policies) if passed else ()
        with self.lock:
            if passed:
                self.passed[role, context.action, allowing] += 1
            elif len(self.denied) < DENIED_MAX:
                self.denied[role, context.action, context.resource_arn] += 1

    def taken(self, *, reset: bool) -> dict[str, Any]:
        with self.lock:
            found = {
                "passed": [[*key, count] for key, count in sorted(self.passed.items())],
                "denied": [[*key, count] for key, count in sorted(self.denied.items())],
            }
            if reset:
                self.passed.clear()
                self.denied.clear()
        return found


def apply() -> Decisions:
    """Note what is decided about requests from now on; gives what was noted, for others to add to."""
    evaluator, decisions = internal("core.iam_evaluator"), Decisions()
    decide, enforce = evaluator.evaluate, evaluator.enforce
    weighed: ContextVar[list[Call]] = ContextVar("weighed")

    def evaluate(context: Any, policies: Any, *limits: Any) -> Any:
        weighed.get([]).append((context, policies))
        return decide(context, policies, *limits)

    def noting(*arguments: Any, **named: Any) -> Any:
        calls: list[Call] = []
        token = weighed.set(calls)
        try:
            refusal = enforce(*arguments, **named)
        finally:
            weighed.reset(token)
        if calls:
            decisions.note(*calls[0], passed=refusal is None)
        return refusal

    evaluator.evaluate, evaluator.enforce = evaluate, noting
    routes.serve(PATH, lambda question: (200, decisions.taken(reset=bool(question.get("reset")))))
    return decisions


def role_of(principal: str) -> str | None:
    """The name of the role of a session, unless the session is a probe's."""
    kind, _, rest = principal.rpartition(":")[2].partition("/")
    name, _, session = rest.partition("/")
    return name if kind == "assumed-role" and session != PROBE else None


def allowed_by(context: Any, policies: Iterable[Iterable[Any]]) -> tuple[str, ...]:
    """The resources of statements, each by itself, that allow a call."""
    evaluator = internal("core.iam_evaluator")
    single = (
        (resource, replace(statement, resources=[resource]))
        for statements in policies
        for statement in statements
        for resource in statement.resources
    )
    allowing = {resource for resource, one in single if evaluator._first_match(context, [one], "Allow") is not None}
    return tuple(sorted(allowing))
