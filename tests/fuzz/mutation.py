"""Inputs that are nearly right, drawn from a seed: for machines without a fuzzer that watches coverage."""

from __future__ import annotations

import json
import random

BYTES_MAX = 4_000
TOKENS = (
    b"NaN", b"Infinity", b"1e999", b"-0", b"null", b"true", b"\\ud800", b"\\u0000", b"{}", b"[]", b'"', b"\\", b",", b":",
    b"../", b"%00", b"%2e", b"\r\n", b"\0", b"\x85", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xae", b"\xed\xa0\x80",
    b"\xef\xbb\xbf", b"\xef\xbc\x91", b"\xff", b"9" * 25, b"-1", b"0x7f", b"127.1", b"[::1]", b"@", b"#", b"?", b"&", b";",
    b"!", b"..", b"|", b"px", b"=", b"https://", b"eyJ", b"whsec_", b"v1,", b"/", b"a", b"0.5", b" " * 50,
)  # fmt: skip


def mutants(seeds: tuple[bytes, ...], seed: str, count: int) -> list[bytes]:
    """As many inputs, the same for the same seed: each a seed after one to four changes, or a part of two of them."""
    chance = random.Random(seed)
    return [_changed(chance, seeds) for _ in range(count)]


VALUES = (
    None,
    True,
    0,
    -1,
    1.5,
    2**63,
    1e300,
    "",
    "a",
    "１",
    "\0",
    "../x",
    "x" * 300,
    [],
    {},
    [[]],
    {"a": 1},
    "#ffffff",
    "t",
)


def _rewritten(chance: random.Random, data: bytes) -> bytes | None:
    """JSON, perhaps behind a byte that chooses, with one value of it replaced, repeated, renamed or left out."""
    head, text = (data[:1], data[1:]) if data[:1] not in b"{[" else (b"", data)
    try:
        root = json.loads(text)
    except (ValueError, RecursionError):
        return None
    here, places = root, []
    while isinstance(here, dict | list) and here and (not places or chance.random() < 0.8):
        key = chance.choice(list(here) if isinstance(here, dict) else range(len(here)))
        places.append((here, key))
        here = here[key]
    if not places:
        return None
    holder, key = places[-1]
    kind = chance.randrange(5)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[chance.choice(("x", "tenant", "__proto__", "a/b~c", str(key).upper()))] = here
    elif kind == 2 and isinstance(holder, list):
        holder *= chance.randint(2, 40)
    elif kind == 3:
        holder[key] = {"op": "invert", "of": [here]}
    else:
        holder[key] = chance.choice(VALUES)
    return head + json.dumps(root, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")


def _changed(chance: random.Random, seeds: tuple[bytes, ...]) -> bytes:
    seed = chance.choice(seeds)
    rewritten = _rewritten(chance, seed) if chance.random() < 0.6 else None
    if rewritten is not None and chance.random() < 0.8:
        return rewritten[:BYTES_MAX]
    data = bytearray(rewritten or seed)
    if chance.random() < 0.1:
        other = chance.choice(seeds)
        data[chance.randint(0, len(data)) :] = other[chance.randint(0, len(other)) :]
    for _ in range(chance.randint(1, 4)):
        at, kind = chance.randint(0, len(data)), chance.randrange(6)
        if kind == 0 and at < len(data):
            data[at] = chance.randrange(256)
        elif kind == 1:
            data[at:at] = chance.choice(TOKENS)
        elif kind == 2:
            del data[at : at + chance.randint(1, 8)]
        elif kind == 3:
            data[at:at] = data[at : at + chance.randint(1, 20)] * chance.randint(1, 4)
        elif kind == 4:
            data[at : at + chance.randint(1, 6)] = chance.choice(TOKENS)
        else:
            data[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 4)))
    return bytes(data[:BYTES_MAX])
