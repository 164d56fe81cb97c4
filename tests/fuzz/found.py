"""Inputs that a fuzzer found, by what was wrong: each is tried again by every run of the tests."""

from __future__ import annotations

FOUND: dict[str, tuple[str, bytes]] = {
    "a webhook's signature in letters of no alphabet": ("webhook_answer", b"msg_1\n1800000000\nv1,a\x88bc="),
    "a webhook's id in letters of no alphabet": ("webhook_answer", b"msg_\x8a\n1800000000\nv1,abc="),
    "a share without an end": ("words", b"\x020.8/0.1/0.1e9991"),
    "a space that only some know before a strength": ("words", b"\x01cap:paint=#ff0000/\x1c0"),
    "a space that only some know before a number": ("words", b"\x01cap:hue=40..\x1d0"),
    "a person behind two dots": ("line", b"ann@example.co..n@example.com"),
}
