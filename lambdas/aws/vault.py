"""Secrets of the deployment as parameters that the account's own key encrypts; it knows no secret's meaning.

A standard parameter costs nothing while it lies there. Whoever may read the parameter needs no right of its key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from lambdas.aws.faults import code_of, translated


class ParameterVault:
    """Parameters by their names: secret ones, and plain ones that lie beside them."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def secret(self, name: str) -> str:
        with translated("GetParameter"):
            return str(self._client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])

    def lock(self, name: str, text: str, *, again: bool) -> bool:
        """Keep a secret; False when there is one of the name already, unless it is to be replaced (`again`)."""
        with translated("PutParameter"):
            try:
                self._client.put_parameter(Name=name, Value=text, Type="SecureString", Overwrite=again)
            except ClientError as error:
                if code_of(error) == "ParameterAlreadyExists":
                    return False
                raise
        return True

    def show(self, name: str, text: str) -> None:
        """Lay down a plain text."""
        with translated("PutParameter"):
            self._client.put_parameter(Name=name, Value=text, Type="String", Overwrite=True)

    def shown(self, name: str) -> str | None:
        with translated("GetParameter"):
            try:
                return str(self._client.get_parameter(Name=name)["Parameter"]["Value"])
            except ClientError as error:
                if code_of(error) == "ParameterNotFound":
                    return None
                raise

    def forget(self, names: Sequence[str]) -> None:
        for name in names:
            with translated("DeleteParameter"):
                try:
                    self._client.delete_parameter(Name=name)
                except ClientError as error:
                    if code_of(error) != "ParameterNotFound":
                        raise
