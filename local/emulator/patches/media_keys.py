"""Create a distribution's public keys and key groups out of a template. It knows no signature.

Reason: the emulator keeps both when its API is asked for them, and refuses the two types in a template.
"""

from collections.abc import Callable
from typing import Any

from local.emulator.internals import internal, resource_handlers
from local.emulator.patches.wrapping import Properties

Created = tuple[str, dict[str, Any]]


def apply() -> None:
    cloudfront = internal("services.cloudfront")
    resource_handlers()["AWS::CloudFront::PublicKey"] = _handlers(
        cloudfront._public_keys, cloudfront._pk_id, _public_key
    )
    resource_handlers()["AWS::CloudFront::KeyGroup"] = _handlers(cloudfront._key_groups, cloudfront._kg_id, _key_group)


def _handlers(
    records: Any, new_id: Callable[[], str], config: Callable[[Properties], dict[str, Any]]
) -> dict[str, Any]:
    def create(logical_id: str, properties: Properties, stack: str) -> Created:
        del logical_id, stack
        made = new_id()
        records[made] = {
            "Id": made,
            "ETag": made,
            "CreatedTime": "",
            "LastModifiedTime": "",
            "Config": config(properties),
        }
        return made, {"Id": made}

    def update(physical_id: str, old: Properties, new: Properties, *_rest: Any) -> Created:
        del old
        changed = config(new)
        if changed.get("EncodedKey") != records[physical_id]["Config"].get("EncodedKey"):
            raise ValueError("CannotChangeImmutablePublicKeyFields: only the comment can be changed")
        records[physical_id]["Config"] = changed
        return physical_id, {"Id": physical_id}

    def delete(physical_id: str, properties: Properties) -> None:
        del properties
        records.pop(physical_id, None)

    return {"create": create, "update": update, "delete": delete}


def _public_key(properties: Properties) -> dict[str, Any]:
    config: dict[str, Any] = properties["PublicKeyConfig"]
    if not str(config["EncodedKey"]).startswith("-----BEGIN PUBLIC KEY-----"):
        raise ValueError("InvalidArgument: no public key")
    return config


def _key_group(properties: Properties) -> dict[str, Any]:
    config: dict[str, Any] = properties["KeyGroupConfig"]
    known = internal("services.cloudfront")._public_keys
    unknown = [key for key in config["Items"] if key not in known]
    if unknown:
        raise ValueError(f"InvalidArgument: no such public keys: {unknown}")
    return config
