"""The one door to the pinned emulator's internals. It knows which version was read, not what is changed in it."""

import importlib
from importlib.metadata import version
from typing import Any

PINNED_VERSION = "1.5.33"


class WrongEmulatorVersion(RuntimeError):
    """The installed emulator is not the one whose internals the patches were written against."""


def require_pinned_version() -> None:
    """Refuse to patch another version: its internals may carry the same names and mean something else."""
    installed = version("ministack")
    if installed != PINNED_VERSION:
        raise WrongEmulatorVersion(f"ministack {PINNED_VERSION} is required, {installed} is installed")


def internal(module: str) -> Any:
    """A module of the emulator, for example `internal("services.dynamodb")`."""
    return importlib.import_module(f"ministack.{module}")


def resource_handlers() -> dict[str, dict[str, Any]]:
    """CloudFormation type → its `create`, `update` and `delete` functions."""
    handlers: dict[str, dict[str, Any]] = internal("services.cloudformation.provisioners")._RESOURCE_HANDLERS
    return handlers


def account_and_region() -> tuple[str, str]:
    """Account and region of the request being served."""
    responses = internal("core.responses")
    return responses.get_account_id(), responses.get_region()
