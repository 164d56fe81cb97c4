"""Answer a stack operation when the stack is done, not before. It knows no resource.

Reason: the emulator makes a stack in a fraction of a second, in a task behind the answer. The CDK command line looks
once, sees the stack in progress and then sleeps five seconds, for each stack. An operation that takes longer than
the bound is answered in progress, as on AWS.
"""

import asyncio
from contextvars import ContextVar
from typing import Any

from local.emulator.internals import internal

WAIT_S_MAX = 30.0
_STARTED: ContextVar[list[asyncio.Task[None]] | None] = ContextVar("started", default=None)


def apply() -> None:
    service = internal("services.cloudformation")
    stacks = internal("services.cloudformation.stacks")
    answer = service.handle_request

    def create_task(coroutine: Any, stack: dict[str, Any] | None, stack_id: str | None = None) -> None:
        with stacks._stack_region_context(stack, stack_id):
            task = asyncio.get_running_loop().create_task(coroutine)
        started = _STARTED.get()
        if started is not None:
            started.append(task)

    async def handle_request(*arguments: Any) -> Any:
        started: list[asyncio.Task[None]] = []
        token = _STARTED.set(started)
        try:
            answered = await answer(*arguments)
        finally:
            _STARTED.reset(token)
        if started:
            await asyncio.wait(started, timeout=WAIT_S_MAX)
        return answered

    for module in ("stacks", "handlers", "changesets"):
        internal(f"services.cloudformation.{module}")._create_stack_task_in_region = create_task
    service.handle_request = handle_request
