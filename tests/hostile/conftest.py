"""The API on moto, and one shop for all cases of a module: a refused request leaves nothing behind."""

from __future__ import annotations

import pytest

from tests.hostile.corpus import Shop, opened
from tests.unit.lambdas.conftest import Account, account, api, lane, other, whole_account
from tests.unit.lambdas.gateway import Api

__all__ = ["account", "api", "lane", "other", "whole_account"]


@pytest.fixture(scope="module")
def shop(whole_account: Account) -> Shop:
    return opened(Api(), Api())
