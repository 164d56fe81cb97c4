"""Rows A: what users called their files, in everything that they download; nobody unpacks an archive of a user's.

Nothing that the product writes is a table for spreadsheets (CSV), and no name of a user's is the name of a member.
"""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from xml.etree import ElementTree

import pytest

from lambdas.serve_api.routes import ROUTES
from maskmill.core.api import RequestUploads
from maskmill.core.export import ExportFormat
from maskmill.core.plan import PlannedItem
from maskmill.exports.archive import Member, is_safe_name, write_archive
from tests.hostile.test_hostile_names import ODD
from tests.unit.exports.made import Finished, recipe

NAMES = list(ODD.values())


class Odd(Finished):
    """A finished job over files of odd names."""

    def _item(self, index: int) -> PlannedItem:
        return super()._item(index).model_copy(update={"name": NAMES[index]})


@pytest.fixture(scope="module")
def odd() -> Odd:
    return Odd(len(NAMES), recipe(samples_per_image=1))


def members_of(name: str, data: bytes) -> dict[str, bytes]:
    """The files of one part of an export, whatever it is packed in; what is broken in it raises."""
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            assert len(set(names)) == len(names)
            return {name: archive.read(name) for name in names}
    if name.endswith(".tar"):
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            assert all(entry.isfile() for entry in tar.getmembers()), "no link, no device"
            return {entry.name: b"" for entry in tar.getmembers()}
    return {name: data}


@pytest.mark.parametrize("export", list(ExportFormat), ids=lambda export: f"A1-{export}")
def test_a1_no_name_of_a_users_is_a_members_name(odd: Odd, export: ExportFormat) -> None:
    for part in odd.export(export).parts:
        for name, data in members_of(part.name, odd.part(export, part.name)).items():
            assert is_safe_name(name), name
            assert not name.endswith((".csv", ".tsv")), "a cell that begins with = would be run"
            if name.endswith(".xml"):
                ElementTree.fromstring(data)
            if name.endswith(".jsonl"):
                [json.loads(line) for line in data.split(b"\n") if line]


def written(*members: Member) -> zipfile.ZipFile:
    out = io.BytesIO()
    write_archive(members, out)
    return zipfile.ZipFile(io.BytesIO(out.getvalue()))


UNSAFE = {
    "A1a": "",
    "A1b": "/etc/passwd",
    "A1c": "../x",
    "A1d": "a/../../x",
    "A1e": "a//b",
    "A1f": "a/./b",
    "A1g": "a\\b",
    "A1h": "C:x",
    "A1i": "a/",
    "A1j": "a\nb",
    "A1k": "x\0",
    "A1l": "ä" * 600,
    "A1m": "a\u202eb",
}


@pytest.mark.parametrize("row", UNSAFE)
def test_an_unsafe_member_is_never_written(row: str) -> None:
    with pytest.raises(ValueError, match="safe name"):
        written(Member(UNSAFE[row], lambda: (b"x",)))


def test_a1n_a_member_is_never_written_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        written(Member("a", lambda: (b"x",)), Member("a", lambda: (b"y",)))


def test_a1o_more_members_than_16_bits_count_are_all_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound of 65,535, moved to where a test can reach it."""
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 100)
    with written(*(Member(f"{number}", tuple) for number in range(300))) as archive:
        assert len(archive.namelist()) == 300


def test_a1p_sizes_beyond_32_bits_are_written_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound of 4 GiB, moved to where a test can reach it: what lies beyond it is read back whole."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1_000)
    with written(*(Member(name, lambda: (bytes(2_000),)) for name in "abc")) as archive:
        assert archive.testzip() is None
        assert [len(archive.read(name)) for name in archive.namelist()] == [2_000] * 3


def test_a2_no_route_takes_an_archive() -> None:
    """What is uploaded is one picture a file; should archives ever be taken, their corpus belongs here."""
    assert not [route.path for route in ROUTES if "archive" in route.path and route.method != "GET"]
    assert set(RequestUploads.model_fields) == {"files"}
