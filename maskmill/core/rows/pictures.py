"""The rows of pictures, which images of several datasets of a tenant may show.

    T#t#X#pixels       REF#d#i#             an image that shows these pixels: while there is one, their objects stay
    T#t#X#pixels       LOCK                 somebody removes the objects of these pixels
    T#t#X#pixels       MASK#m               a segmenter's answer
    T#t#X#pixels       LABEL#o              a refined mask and its measures
    T#t#X#pixels       RECORD#r             how a variant was made

What is known of a picture lies compressed in its row (`data`), or in an object that the row names (`key`).

Whoever writes a picture's objects first writes its reference and then looks for a lock; whoever removes them takes the
lock first and then looks for references. One of the two sees the other.
"""

from __future__ import annotations

from maskmill.core.fact import Fact, FactKind
from maskmill.core.table import Condition, Delete, Key, Op, Put, Update

REFERENCE_PREFIX = "REF#"
FACT_PREFIXES = {kind: f"{kind.value.upper()}#" for kind in FactKind}
LOCK_KEPT_S = 24 * 60 * 60  # after it has ended, should nobody take it over


def picture_pk(tenant: str, pixels_sha256: str) -> str:
    return f"T#{tenant}#X#{pixels_sha256}"


def references_of(dataset_id: str, image_id: str | None = None) -> str:
    """The beginning of the sort keys of all references of a dataset, or the sort key of that of one image."""
    return f"{REFERENCE_PREFIX}{dataset_id}#" + ("" if image_id is None else f"{image_id}#")


def put_reference(tenant: str, pixels_sha256: str, dataset_id: str, image_id: str) -> Put:
    """An image that is about to show these pixels; written before their objects."""
    return Put(Key(picture_pk(tenant, pixels_sha256), references_of(dataset_id, image_id)), {"image_id": image_id})


def drop_reference(tenant: str, pixels_sha256: str, dataset_id: str, image_id: str) -> Delete:
    return Delete(Key(picture_pk(tenant, pixels_sha256), references_of(dataset_id, image_id)))


def fact_key(tenant: str, fact: Fact) -> Key:
    return Key(picture_pk(tenant, fact.pixels_sha256), f"{FACT_PREFIXES[fact.kind]}{fact.fact_id}")


def put_fact(tenant: str, fact: Fact, *, data: bytes) -> Put:
    """What is known of a picture, compressed."""
    return Put(fact_key(tenant, fact), {"data": data})


def put_fact_address(tenant: str, fact: Fact, *, key: str) -> Put:
    """What is known of a picture lies in an object, which was written before."""
    return Put(fact_key(tenant, fact), {"key": key})


def lock_key(tenant: str, pixels_sha256: str) -> Key:
    return Key(picture_pk(tenant, pixels_sha256), "LOCK")


def lock_picture(tenant: str, pixels_sha256: str, *, run: str, until_s: int) -> Put:
    """Nobody may write the objects of these pixels, for this run may be about to remove them."""
    row = {"run": run, "until_s": until_s, "expires_at": until_s + LOCK_KEPT_S}
    return Put(lock_key(tenant, pixels_sha256), row)


def take_over_lock(tenant: str, pixels_sha256: str, *, run: str, now_s: int, until_s: int) -> Update:
    """Takes the lock of a run that must have died; refused while it may be alive."""
    return Update(
        lock_key(tenant, pixels_sha256),
        set={("run",): run, ("until_s",): until_s, ("expires_at",): until_s + LOCK_KEPT_S},
        require=(Condition(("until_s",), Op.AT_MOST, now_s),),
    )


def unlock_picture(tenant: str, pixels_sha256: str, *, run: str) -> Delete:
    return Delete(lock_key(tenant, pixels_sha256), require=(Condition(("run",), Op.EQUALS, run),))
