"""The tenant is the subject of the token: nothing that a person may write of itself says whose data it sees."""

from __future__ import annotations

import pytest

from maskmill.core.identity import API_SCOPE, groups_in, tenant_in

TOKEN = {"sub": "a", "token_use": "access", "client_id": "app", "scope": API_SCOPE}


@pytest.mark.parametrize(
    "claim",
    [
        "custom:tenant", "custom:tenant_id", "tenant", "tenant_id", "username", "cognito:username", "cognito:groups",
        "email", "preferred_username", "nickname", "profile", "website", "identities", "origin_jti", "device_key",
    ],
)  # fmt: skip
def test_no_other_claim_names_a_tenant(claim: str) -> None:
    assert tenant_in({**TOKEN, claim: "b"}) == "a"
    with pytest.raises(ValueError, match="subject"):
        tenant_in({**TOKEN, "sub": None, claim: "b"})


@pytest.mark.parametrize(
    ("claim", "groups"),
    [
        ("[admin member]", {"admin", "member"}),  # as the gateway hands a list on
        ("[member]", {"member"}),
        (["admin", "member"], {"admin", "member"}),
        ("member", {"member"}),
        ("[]", set()),
        ("", set()),
        ("[not-admin]", {"not-admin"}),
        ("[admin]]", {"admin]"}),
        ("[[admin]]", {"[admin]"}),
    ],
)
def test_groups_are_whole_names(claim: object, groups: set[str]) -> None:
    assert groups_in({**TOKEN, "cognito:groups": claim}) == groups


def test_a_token_without_groups_is_in_none() -> None:
    assert groups_in(TOKEN) == frozenset()
