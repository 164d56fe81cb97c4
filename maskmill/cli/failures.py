"""Errors as one clear line, a code and an exit status, and the options that may stand anywhere; it knows no command.

0 everything done      1 something failed      2 wrong usage
3 not signed in        4 the service is not available      130 interrupted
"""

from __future__ import annotations

import errno
import os
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from maskmill.cli.output import Output
from maskmill.core.errors import Code, MaskmillError, Unavailable

FAILED, USAGE, SIGNED_OUT, UNAVAILABLE, INTERRUPTED = 1, 2, 3, 4, 130
_FLAGS = frozenset({"--json"})
_VALUED = frozenset({"--api", "--token", "--profile"})


class Commands(TyperGroup):
    """The root command: shared options may also stand after the command's name, and errors end in words."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, shared_first(args))

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _output(ctx).say("Interrupted.")
            raise typer.Exit(INTERRUPTED) from None
        except MaskmillError as error:
            _refuse_debug(error)
            _show(_output(ctx), error)
            raise typer.Exit(status_of(error)) from None
        except Exception as exc:
            if hasattr(exc, "exit_code") or isinstance(exc, typer.Abort) or _is_closed_pipe(exc):
                raise
            _refuse_debug(exc)
            _show_unexpected(_output(ctx), exc)
            raise typer.Exit(FAILED) from None


def status_of(error: MaskmillError) -> int:
    """The exit status that an error stands for."""
    if error.code is Code.UNAUTHENTICATED:
        return SIGNED_OUT
    return UNAVAILABLE if isinstance(error, Unavailable) else FAILED


def shared_first(args: list[str]) -> list[str]:
    """The arguments with the shared options moved to the front; nothing is moved from behind `--`."""
    shared: list[str] = []
    others: list[str] = []
    position = 0
    while position < len(args) and args[position] != "--":
        argument = args[position]
        width = 2 if argument in _VALUED and position + 1 < len(args) else 1
        is_shared = argument in _FLAGS or argument.split("=", 1)[0] in _VALUED
        (shared if is_shared else others).extend(args[position : position + width])
        position += width
    return [*shared, *others, *args[position:]]


def usage(message: object, option: str) -> NoReturn:
    """End with status 2 because an option's value is not right."""
    raise typer.BadParameter(str(message), param_hint=option)


def _output(ctx: Any) -> Output:
    return getattr(ctx.obj, "output", None) or Output(as_json=bool(ctx.params.get("as_json")))


def _show(output: Output, error: MaskmillError) -> None:
    from maskmill.client.problems import code_of, request_id_of

    code, request_id = code_of(error), request_id_of(error)
    output.say(f"Error: {error.message} ({code}{f', request {request_id}' if request_id else ''})")
    for fault in error.faults:
        output.say(f"  {fault.pointer}: {fault.detail}")
    faults = [{"pointer": fault.pointer, "detail": fault.detail} for fault in error.faults]
    body = {"code": code, "message": error.message, "request_id": request_id, "errors": faults}
    output.document({"error": body})


def _show_unexpected(output: Output, exc: Exception) -> None:
    words = str(exc) or type(exc).__name__
    if not isinstance(exc, OSError):
        words = f"something unexpected happened ({type(exc).__name__}: {words}). MASKMILL_DEBUG=1 shows where"
    output.say(f"Error: {words}")
    output.document({"error": {"code": Code.INTERNAL.value, "message": words, "request_id": None, "errors": []}})


def _is_closed_pipe(exc: Exception) -> bool:
    return isinstance(exc, OSError) and exc.errno == errno.EPIPE


def _refuse_debug(exc: Exception) -> None:
    if os.environ.get("MASKMILL_DEBUG") == "1":
        raise exc
