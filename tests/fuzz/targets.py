"""Our own parsers, each with what must hold for any bytes at all: the refusal that it promises, or a value that is one.

A target raises for a finding. It is a function of its bytes alone, so that a case which was found is found again.
"""

from __future__ import annotations

import json
import math
import re
import socket
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote

import numpy as np
from pycocotools import mask as coco_mask
from pydantic import BaseModel

from inference_container.masks import decode_rle
from lambdas.aws import events
from lambdas.aws.doors import attachment
from lambdas.hold_connection import logic as sockets
from lambdas.serve_api import bodies, names, once, tags
from lambdas.serve_api.cursors import Listing, limit_of
from lambdas.serve_api.signing import Keyring
from maskmill import webhooks
from maskmill.client import grammar
from maskmill.core import keys, rows, runs
from maskmill.core.addresses import destination_of, is_public
from maskmill.core.api import (
    CreateDataset,
    CreateWebhook,
    FindEverything,
    PatchDataset,
    PatchTemplate,
    RequestUploads,
    SegmentImage,
    SubmitJob,
)
from maskmill.core.errors import InvalidInput, MaskmillError, ModelFailure
from maskmill.core.geometry import Size
from maskmill.core.mask import Rle
from maskmill.core.package import Manifest
from maskmill.core.parts import parts_of
from maskmill.core.prompt import Template
from maskmill.core.redaction import without_secrets
from maskmill.core.result import file_stem
from maskmill.core.shard import ShardAnswer, ShardRequest
from maskmill.core.webhook import secret_text
from maskmill.exports.archive import is_safe_name
from maskmill.imaging.masks import mask_of, rle_of
from tests.simulation.cloud import FixedClock, MemorySockets, MemoryTable

MODELS: tuple[type[BaseModel], ...] = (
    CreateDataset, PatchDataset, RequestUploads, Template, PatchTemplate, SegmentImage, FindEverything, SubmitJob,
    CreateWebhook,
)  # fmt: skip
STORED: tuple[type[BaseModel], ...] = (ShardRequest, ShardAnswer, Manifest)
READERS = (events.message_in, events.uploads_in, events.callbacks_in, events.letters_in, events.removals_in)
TURNING = {"RLO", "LRO", "RLE", "LRE", "PDF", "LRI", "RLI", "FSI", "PDI"}
_TICKET, _EPOCH = "t" * 43, datetime(1970, 1, 1, tzinfo=UTC)
SECRET = secret_text(b"k" * 32)
NOW_S = 1_800_000_000


@dataclass(frozen=True, slots=True)
class Target:
    """A parser under test, and inputs near to good ones to begin with."""

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


def text_of(data: bytes) -> str:
    """Any text, halves of characters included."""
    return data.decode("utf-8", "surrogateescape")


def chosen(data: bytes, among: int) -> tuple[int, bytes]:
    """A choice by the first byte, and the rest."""
    return (data[0] % among, data[1:]) if data else (0, data)


# The API -------------------------------------------------------------------------------------------------------------


def body(data: bytes) -> None:
    """A body is refused with bounded words, or is a value that its own JSON names again."""
    choice, data = chosen(data, len(MODELS))
    model = MODELS[choice]
    try:
        value = bodies.read(data, model)
    except InvalidInput as refusal:
        for fault in refusal.faults:
            assert len(fault.pointer) < 2_000 and len(fault.detail) <= bodies.WORDS_CHARS_MAX
            fault.pointer.encode(), fault.detail.encode()
        is_bounded = len(refusal.faults) <= bodies.FAULTS_MAX
        if not is_bounded:
            raise AssertionError("faults without end") from refusal
        return
    plain = json.loads(data)
    assert isinstance(plain, dict) and all(not isinstance(one, float) or math.isfinite(one) for one in plain.values())
    again = bodies.read(value.model_dump_json(exclude_unset=True).encode(), model)
    assert again == value
    bodies.meaning_of(data)


def meaning(data: bytes) -> None:
    """What a body says is the same however it is spaced, and nothing of it raises."""
    said = bodies.meaning_of(data)
    if isinstance(said, dict):
        spaced = json.dumps(said, indent=1, ensure_ascii=False).encode()
        assert bodies.meaning_of(spaced) == said
    once.fingerprint("POST", "/x", said)


_LISTING = Listing(Keyring(MemoryTable(), draw=lambda: b"s" * 32), ("tenant", "list"))
_OTHER = Listing(_LISTING.keyring, ("other", "list"))


def cursor(data: bytes) -> None:
    """Nobody makes a cursor but the service, and each leads where it was made for."""
    text = text_of(data)
    for given in (text, text.encode("utf-8", "replace").hex()):
        try:
            _LISTING.after(given)
        except InvalidInput:
            continue
        raise AssertionError("a cursor that nobody made")
    position = text.encode("utf-8", "replace").decode()[:100]
    made = _LISTING.cursor(position)
    assert _LISTING.after(made) == position
    try:
        _OTHER.after(made)
    except InvalidInput:
        return
    raise AssertionError("a cursor of another tenant")


def query(data: bytes) -> None:
    """A limit is a number within its bounds, written in plain digits."""
    text = text_of(data)
    try:
        found = limit_of(text, most=100)
    except InvalidInput:
        return
    assert 1 <= found <= 100 and re.fullmatch("[0-9]+", text)


def idempotency_key(data: bytes) -> None:
    """What is a key is visible ASCII of bounded length, and lies in the table as a hash."""
    text = text_of(data)
    try:
        key = once.key_of({"idempotency-key": text})
    except InvalidInput:
        return
    assert key is not None and 1 <= len(key) <= 128 and key.isascii()
    assert len(key) < 6 or key not in rows.kept_call_key("tenant", key).sk


def tag(data: bytes) -> None:
    """A header names a tag only where it says the tag, or a star."""
    text = text_of(data)
    assert not tags.names(text, '"0123"') or "0123" in text or "*" in text


def ticket(data: bytes) -> None:
    """Nothing opens a socket but the one ticket that was issued, and that only once."""
    table = MemoryTable()
    table.write(rows.put_ticket("tenant", _TICKET, now_s=0))
    text = text_of(data)
    try:
        sockets.admit(sockets.Ports(table, MemorySockets(), FixedClock(_EPOCH)), "c1", text)
    except sockets.NoEntry:
        assert text != _TICKET and len(table.rows) == 1
        return
    assert text == _TICKET


def name(data: bytes) -> None:
    """Whatever a file is called, what is made of its name stays in its folder and in its line."""
    text = text_of(data)
    stem = file_stem(7, text)
    assert re.fullmatch(r"0008_[a-z0-9-]{1,60}", stem) and is_safe_name(stem)
    header = attachment(text)
    assert header.isascii() and header.isprintable() and header.count('"') == 2 and len(header.split("; ")) == 3
    assert unquote(header.partition("UTF-8''")[2]) == text.encode("utf-8", "replace").decode()
    if names.is_plain(text):
        assert len(text.splitlines()) <= 1 and TURNING.isdisjoint(map(unicodedata.bidirectional, text))
    assert not names.is_id(text) or re.fullmatch("[a-z0-9]{1,40}", text)


def address(data: bytes) -> None:
    """Where a webhook may lead, no reading of its host leads to a private number."""
    text = text_of(data)
    for url in (text, f"https://{text}", f"https://{text}/x"):
        try:
            found = destination_of(url)
        except InvalidInput:
            continue
        assert found.host.isascii() and found.target.isascii() and not re.search(r"[\s\\]", found.target + found.host)
        assert found.port in (443, 8443)
        try:
            number = socket.inet_ntoa(socket.inet_aton(found.host))
        except OSError:
            continue  # no notation of an IPv4 address that the system knows
        assert number == found.host and is_public(number), url


def webhook_answer(data: bytes) -> None:
    """A receiver takes nothing that the service did not sign."""
    parts = (text_of(data).split("\n") + [""] * 3)[:3]
    headers = dict(zip(("webhook-id", "webhook-timestamp", "webhook-signature"), parts, strict=True))
    try:
        webhooks.verify([SECRET], headers, data, now_s=NOW_S)
    except webhooks.NotGenuine:
        return
    raise AssertionError("a webhook that nobody signed")


# Masks ---------------------------------------------------------------------------------------------------------------


def mask(data: bytes) -> None:
    """All readers of run lengths refuse the same texts, and read the same mask from the others."""
    size = (
        Size(height_px=1 + data[0] % 24, width_px=1 + data[1] % 24) if len(data) > 1 else Size(height_px=1, width_px=1)
    )
    rle = Rle(size=size, counts=text_of(data[2:]).encode("utf-8", "replace").decode())
    read = [_refused(lambda: mask_of(rle)), _refused(lambda: decode_rle(rle, size)), _refused(lambda: _drawn(rle))]
    known = [one for one in read if one is not None]
    assert len(known) in (0, 3), "one reader refuses what another one reads"
    if not known:
        return
    first = known[0]
    assert all(np.array_equal(first, one) for one in known)
    assert np.array_equal(first, coco_mask.decode({"size": [size.height_px, size.width_px], "counts": rle.counts}) == 1)
    assert np.array_equal(mask_of(rle_of(first)), first)
    assert mask_of(runs.rle_of_runs(runs.runs_of(rle), size)).sum() == first.sum()
    parts = parts_of(rle, most=3)
    assert sum(one.area_px for one in parts) <= first.sum()


def _refused(read: Callable[[], np.ndarray]) -> np.ndarray | None:
    try:
        return read()
    except ModelFailure:
        return None


def _drawn(rle: Rle) -> np.ndarray:
    found = list(runs.runs_of(rle))
    values = np.arange(len(found)) % 2 == 1
    return np.repeat(values, found).reshape(rle.size.width_px, rle.size.height_px).T


# Behind the API ------------------------------------------------------------------------------------------------------


def record(data: bytes) -> None:
    """What lies in a queue is read, or refused as unreadable."""
    choice, data = chosen(data, len(READERS))
    try:
        READERS[choice](text_of(data))
    except events.UnreadableRecord:
        return


def stored(data: bytes) -> None:
    """What lies in a bucket is read, or refused as a value of another shape."""
    choice, data = chosen(data, len(STORED))
    try:
        value = STORED[choice].model_validate_json(data)
    except ValueError:
        return
    assert STORED[choice].model_validate_json(value.model_dump_json()) == value


def key(data: bytes) -> None:
    """A key is one of ours only if its parts make it again."""
    text = text_of(data)
    upload = keys.parse_upload(text)
    if upload is not None:
        assert keys.upload(upload.tenant, upload.dataset_id, upload.image_id) == text
    request = keys.parse_request(text)
    if request is not None:
        assert keys.request(request.tenant, request.job_id, request.request_id) == text


def line(data: bytes) -> None:
    """A line of ASCII stays one, and whatever stands around a secret, it is taken out."""
    text = json.dumps({"why": text_of(data)})
    clean = without_secrets(text)
    assert clean.isascii() and len(clean.splitlines()) == 1
    secrets = ("eyJsecret.s3cr3t.s3cr3t", "whsec_s3cr3t", "s3cr3t@example.com", "https://a.example/x?key=s3cr3t")
    assert "s3cr3t" not in without_secrets(" ".join(f"{text} {secret}" for secret in secrets))


# The command line ----------------------------------------------------------------------------------------------------


def words(data: bytes) -> None:
    """The languages of the command line are read, or refused with the form that they should have."""
    choice, data = chosen(data, 3)
    parse = (grammar.parse_template, grammar.parse_edit, grammar.parse_splits)[choice]
    try:
        parse(text_of(data))
    except (grammar.GrammarError, MaskmillError):
        return


def _json(first: int, value: object) -> bytes:
    return bytes([first]) + json.dumps(value).encode()


_POINT = {"x": 0.5, "y": 0.25, "positive": True}
_PREVIOUS = {"size": {"height_px": 3, "width_px": 3}, "counts": "36"}
_LAYER = {
    "region": {"op": "subtract", "of": ["t", "u"]},
    "edits": {"hue": 30},
    "vary": {"noise": {"uniform": [0, 0.1]}},
}
_BODIES = (
    {"name": "a", "trial": True, "expires_in_s": 3600},
    {"name": "b", "expires_in_s": None},
    {"files": [{"name": "a.jpg", "size_bytes": 10, "sha256": "0f" * 32}]},
    {"name": "shirt", "prompt": {"points": [_POINT], "box": {"left": 0, "top": 0, "right": 1, "bottom": 1}}},
    {"prompt": {"points": [_POINT], "previous": _PREVIOUS}, "refinement": {"grow_px": -3}, "colour": "#00ff00"},
    {"prompt": {"points": [_POINT]}, "choice": "0", "top_k": 3, "parts_max": 5},
    {"points_per_side": 8, "at": {"x": 0.5, "y": 0.5}},
    {
        "recipe": {"templates": ["t", "u"], "layers": [_LAYER], "output": {"format": "png"}, "seed": 1},
        "image_ids": ["i"],
    },
    {"url": "https://hooks.example.com/x?y=1", "events": ["job.failed"], "description": "d"},
)
_MESSAGES = (
    {"kind": "plan", "v": 1, "tenant": "a", "job_id": "j"},
    {"kind": "ingest", "v": 1, "tenant": "a", "dataset_id": "d", "image_id": "i"},
    {"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": {"key": "t/a/d/d1/i1"}}}]},
    {
        "eventSource": "aws:sagemaker",
        "invocationStatus": "Completed",
        "requestParameters": {"inputLocation": "s3://w/t/a/jobs/j/requests/0.json"},
        "responseParameters": {"outputLocation": "s3://w/async/x"},
    },
    {"Type": "Notification", "Message": '{"eventSource": "aws:sagemaker", "eventName": "TestNotification"}'},
)
_SHARD = {
    "segmenter": "s",
    "images": [{"image_key": "0.0", "address": "s3://b/k", "size": _PREVIOUS["size"], "prompts": []}],
}
_TEXTS = (b"a", b"../x", "ä\u202e".encode(), b"a\r\nb", b"")

TARGETS: dict[str, Target] = {
    "body": Target(body, tuple(_json(at, value) for at, value in enumerate(_BODIES))),
    "meaning": Target(meaning, tuple(json.dumps(value).encode() for value in _BODIES)),
    "cursor": Target(cursor, (b"AAEAAAAAAAAAAAAAAAAAAAAAAGE", b"", b"IMAGE#x", b"====")),
    "query": Target(query, (b"1", b"100", b"101", b"1e9", "１".encode(), b"1\n")),
    "idempotency_key": Target(idempotency_key, (b"k", b"x" * 128, b"x" * 129, b"\x7f")),
    "tag": Target(tag, (b'"0123"', b'W/"0123", *', b"*")),
    "ticket": Target(ticket, (b"t" * 43, *_TEXTS)),
    "name": Target(name, (*_TEXTS, b"CON.png", b"a" * 300, "\u2024\u2024/".encode(), b"%00%2e")),
    "address": Target(address, (b"example.com", b"127.1", b"0x7f.1", b"[::1]", b"a@b", b"8.8.8.8:8443/x?y", b"1.2.3.4.")),
    "webhook_answer": Target(webhook_answer, (b"msg_1\n1800000000\nv1,abc=", b"a\n1\nv1,x v1,y")),
    "mask": Target(mask, (b"\x02\x0236", b"\x02\x029", b"\x00\x001", b"\x05\x050`0", b"\x07\x07jnb")),
    "record": Target(record, tuple(_json(at, value) for at, value in enumerate(_MESSAGES))),
    "stored": Target(stored, (_json(0, _SHARD), _json(1, {"segmenter": "s", "images": []}), _json(2, {"engine": "classic"}))),
    "key": Target(key, (b"t/a/d/d1/i1", b"t/a/jobs/j/requests/0f.json")),
    "line": Target(line, (b"https://a/b?c=d", b"eyJabcdef.x.y", b"whsec_x ann@example.com", b"Bearer x", b"token=x&ticket=y")),
    "words": Target(words, (b"\0cap=a.jpg:0.5,0.5;!1,1;box=0,0,1,1@grow=2px", b"\1cap:hue=40..50,paint=#ff0000/0.8", b"\0020.8/0.1/0.1")),
}  # fmt: skip
