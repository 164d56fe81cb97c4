"""Let a behavior that trusts key groups answer those alone who show signed cookies. It knows no visitor.

Reason: the emulator keeps key groups and never asks for a cookie: what fails on AWS would be seen by everybody here.
An address that is signed itself, which CloudFront takes as well, is refused: nothing of ours makes one.
"""

import time
from typing import Any

from local.emulator.cookies import Refused, check, public_keys
from local.emulator.internals import internal
from local.emulator.patches.alternate_names import VIEWER_HOST

ERROR = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>Access denied</Message></Error>'
SIGNED_IN_QUERY = ("Policy", "Signature", "Key-Pair-Id", "Expires")


def apply() -> None:
    cloudfront = internal("services.cloudfront")
    read, served = cloudfront._dataplane_behavior, cloudfront.handle_viewer_request

    def behavior(element: Any, *rest: Any) -> dict[str, Any]:
        return {**read(element, *rest), "key_groups": _key_groups(cloudfront, element)}

    async def handle(dist: dict[str, Any], method: str, path: str, uri: str, query: str, *rest: Any) -> Any:
        headers, trusted = rest[0], _trusted(cloudfront, dist, path)
        viewer = headers.pop(VIEWER_HOST, headers.get("host", ""))
        if trusted:
            address = f"http://{viewer}{uri}" + (f"?{query}" if query else "")
            try:
                _check(cloudfront, address, query, headers, trusted)
            except Refused as refused:
                return 403, {"Content-Type": "text/xml"}, ERROR.format(code=refused).encode()
        return await served(dist, method, path, uri, query, *rest)

    cloudfront._dataplane_behavior = behavior
    cloudfront.handle_viewer_request = handle


def _check(cloudfront: Any, address: str, query: str, headers: dict[str, str], trusted: list[str]) -> None:
    names = {part.partition("=")[0] for part in query.split("&")}
    if names & set(SIGNED_IN_QUERY):
        raise Refused("AccessDenied")
    found = cloudfront._event_cookies_from_header(headers.get("cookie", ""))
    cookies = {name: field["value"] for name, field in found.items()}
    keys = public_keys(cloudfront._key_groups, cloudfront._public_keys, trusted)
    check(address, cookies, keys, now_s=time.time())


def _trusted(cloudfront: Any, dist: dict[str, Any], path: str) -> list[str]:
    found = cloudfront._match_behavior(cloudfront.parse_distribution_dataplane_config(dist), path)
    return [] if found is None else list(found["key_groups"])


def _key_groups(cloudfront: Any, element: Any) -> list[str]:
    groups = cloudfront._find(element, "TrustedKeyGroups")
    return (
        [] if groups is None else [one.text for one in groups.iter() if cloudfront._local_tag_name(one) == "KeyGroup"]
    )
