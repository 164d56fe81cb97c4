"""The API on moto, as its own tests have it."""

from __future__ import annotations

from tests.unit.lambdas.conftest import account, api, lane, new_table, other, whole_account

__all__ = ["account", "api", "lane", "new_table", "other", "whole_account"]
