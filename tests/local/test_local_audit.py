"""The audit fails on what nobody acknowledged and on what nothing needs any more; the programs themselves run by `make audit`."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest

from local.audit import ACKNOWLEDGED, LOCKS, RULES, Acknowledged, Finding, acknowledged, counted, judged
from local.emulator.environment import REPOSITORY

FOUND = Finding("checkov", "CKV_1", "AWS::S3::Bucket.Media", "prod")
ENTRY = Acknowledged("checkov", "CKV_1", "because")


def test_a_finding_without_an_entry_is_open() -> None:
    assert judged([FOUND], []) == ([FOUND], [])


def test_an_entry_clears_what_it_names_and_nothing_else() -> None:
    assert judged([FOUND], [ENTRY]) == ([], [])
    others = [
        replace(ENTRY, rule="CKV_2"),
        replace(ENTRY, tool="cdk-nag"),
        replace(ENTRY, where=("AWS::SQS::*",)),
        replace(ENTRY, stages=("dev",)),
    ]
    for other in others:
        assert judged([FOUND], [other]) == ([FOUND], [other])


def test_an_entry_that_nothing_needs_is_stale() -> None:
    assert judged([], [ENTRY]) == ([], [ENTRY])


def test_every_entry_says_why_and_is_there_once() -> None:
    entries = acknowledged(ACKNOWLEDGED.read_text())
    assert all(len(entry.reason) > 15 for entry in entries)
    assert len({(entry.tool, entry.rule) for entry in entries}) == len(entries)
    with pytest.raises(KeyError):
        acknowledged('[[acknowledged]]\ntool = "x"\nrule = "y"\n')
    assert tomllib.loads(ACKNOWLEDGED.read_text()).keys() == {"acknowledged"}


def test_vulnerabilities_and_packages_that_nobody_knows_are_told_apart() -> None:
    report = {
        "dependencies": [
            {"name": "a", "version": "1", "vulns": []},
            {"name": "b", "version": "1", "vulns": [{"id": "CVE-1"}]},
            {"name": "c", "skip_reason": "not found"},
        ]
    }
    assert counted(report) == (3, ["b CVE-1"], 1)


def test_what_the_audit_reads_is_there() -> None:
    assert RULES.exists()
    assert all((REPOSITORY / "requirements" / f"{lock}.txt").exists() for lock in LOCKS)
