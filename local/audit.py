"""Second opinions on the sources and the templates: `make audit`, in an environment of its own.

    zizmor       whether the workflows give away a right or run what they should not
    semgrep      rules of our own (audit/semgrep.yaml), beside those that ruff and import-linter hold
    cfn-lint     whether CloudFormation would take the templates of every stage
    checkov      what else they should have
    cdk-nag      the same question, asked of the constructs
    pip-audit    known vulnerabilities of the pinned packages; it asks the package index, and says where nobody answers

A finding about a template is cleared by an entry with a reason in audit/acknowledged.toml. Bandit is not among them:
its rules are ruff's S, which `make check` runs. It knows no vulnerability by itself.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from infra.bundle import ROOT
from infra.config import STAGES
from infra.context import chosen

RULES, ACKNOWLEDGED = ROOT / "audit" / "semgrep.yaml", ROOT / "audit" / "acknowledged.toml"
SOURCES = ("maskmill", "lambdas", "infra", "inference_container", "local")
LOCKS = ("lambda-control", "lambda-imaging", "lambda-exports", "inference", "lane")
DELIVERY = "delivery"  # the stacks that deploy, beside those of the stages
GUARDED = "guarded"  # production with all that may be asked for beyond its values
GUARDS = {"stage": "prod", "encryption": "kms", "network": "private", "mfa": "required"}
PLACES = (*STAGES, GUARDED, DELIVERY)
CONNECTION = "arn:aws:codeconnections:us-east-1:000000000000:connection/00000000-0000-0000-0000-000000000000"
BIN = Path(sys.executable).parent
OFFLINE = ("ConnectionError", "Max retries exceeded", "Failed to establish", "ProxyError", "Temporary failure")


class AuditFailed(RuntimeError):
    """A program could not do its work; the message holds what it said."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """What a program says of one resource of a stage."""

    tool: str
    rule: str
    where: str
    stage: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A rule whose findings stay, here or everywhere, and why."""

    tool: str
    rule: str
    reason: str
    where: tuple[str, ...] = ("*",)
    stages: tuple[str, ...] = PLACES

    def covers(self, finding: Finding) -> bool:
        is_named = (self.tool, self.rule) == (finding.tool, finding.rule)
        return (
            is_named
            and finding.stage in self.stages
            and any(fnmatchcase(finding.where, pattern) for pattern in self.where)
        )


def acknowledged(text: str) -> tuple[Acknowledged, ...]:
    """The entries of the list; raises KeyError for one without a reason."""
    return tuple(
        Acknowledged(
            entry["tool"],
            entry["rule"],
            entry["reason"],
            tuple(entry.get("where", ("*",))),
            tuple(entry.get("stages", PLACES)),
        )
        for entry in tomllib.loads(text)["acknowledged"]
    )


def judged(findings: Iterable[Finding], known: Iterable[Acknowledged]) -> tuple[list[Finding], list[Acknowledged]]:
    """The findings that nobody acknowledged, and the entries that nothing needs any more."""
    found, entries = sorted(set(findings)), tuple(known)
    open_ones = [finding for finding in found if not any(entry.covers(finding) for entry in entries)]
    stale = [entry for entry in entries if not any(entry.covers(finding) for finding in found)]
    return open_ones, stale


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--synth", metavar="STAGE", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.synth:
        synthesise(wanted.synth, wanted.out)
        return 0
    failed = [not step() for step in (_workflows, _rules, _templates, _vulnerabilities)]
    return int(any(failed))


def _workflows() -> bool:
    done = subprocess.run([BIN / "zizmor", "--offline", "--quiet", ".github"], cwd=ROOT, check=False)
    print("zizmor: no findings" if done.returncode == 0 else "zizmor: see above")
    return done.returncode == 0


def _rules() -> bool:
    quiet = ("--metrics=off", "--disable-version-check", "--quiet", "--error")
    done = subprocess.run([BIN / "semgrep", "scan", "--config", RULES, *quiet, *SOURCES], cwd=ROOT, check=False)
    print("semgrep: no findings" if done.returncode == 0 else "semgrep: see above")
    return done.returncode == 0


def _templates() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        findings = [finding for stage in PLACES for finding in of_stage(stage, Path(folder, stage))]
    open_ones, stale = judged(findings, acknowledged(ACKNOWLEDGED.read_text()))
    for finding in open_ones:
        print(f"{finding.tool} {finding.rule} at {finding.where} ({finding.stage})")
    for entry in stale:
        print(f"nothing needs the entry {entry.tool} {entry.rule} any more")
    tools = Counter(finding.tool for finding in findings)
    print(f"templates: {dict(tools)} findings, {len(open_ones)} of them not acknowledged, {len(stale)} stale entries")
    return not open_ones and not stale


def of_stage(stage: str, folder: Path) -> Iterator[Finding]:
    """What the three programs say of the templates of a stage, which are synthesised into a folder."""
    arguments = ["--synth", stage, "--out", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "local.audit", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    report, templates = folder / "validation-report.json", sorted(map(str, folder.glob("*.template.json")))
    if not report.exists() or not templates:
        raise AuditFailed(done.stderr[-2000:])
    yield from _nagged(json.loads(report.read_text()), stage)
    for one in json.loads(_said([str(BIN / "cfn-lint"), "--format", "json", *templates]) or "[]"):
        where = "/".join(map(str, one["Location"]["Path"][:2]))
        yield Finding("cfn-lint", one["Rule"]["Id"], where, stage)
    looking = [
        "-d",
        str(folder),
        "--framework",
        "cloudformation",
        "--skip-download",
        "--compact",
        "--quiet",
        "-o",
        "json",
    ]
    checked = json.loads(_said([str(BIN / "checkov"), *looking]))
    for one in checked["results"]["failed_checks"]:
        yield Finding("checkov", one["check_id"], one["resource"], stage)


def _nagged(report: dict[str, Any], stage: str) -> Iterator[Finding]:
    for plugin in report["pluginReports"]:
        for violation in plugin["violations"]:
            for construct in violation["violatingConstructs"]:
                yield Finding("cdk-nag", violation["ruleName"].partition("[")[0], construct["constructPath"], stage)


def _said(command: list[str]) -> str:
    """What a program prints, whatever it thinks of it."""
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


def synthesise(stage: str, folder: Path) -> None:
    """The templates of a stage, or of what deploys them, with cdk-nag's report beside them, without any bundle."""
    import aws_cdk as cdk
    from cdk_nag import AwsSolutionsChecks

    from infra import app as stages
    from infra import promotion, trust

    app = cdk.App(outdir=str(folder), context={"aws:cdk:bundling-stacks": []}, analytics_reporting=False)
    if stage == DELIVERY:
        promotion.build(app, {"repository": "owner/name", "connection": CONNECTION})
        trust.build(app, {"repository": "owner/name"})
    else:
        stages.build(app, chosen(GUARDS) if stage == GUARDED else STAGES[stage])
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()


def _vulnerabilities() -> bool:
    is_clean = True
    options = ["--progress-spinner", "off", "--disable-pip", "--require-hashes", "--format", "json"]
    for lock in LOCKS:
        command = [str(BIN / "pip-audit"), *options, "-r", f"requirements/{lock}.txt"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if any(word in done.stderr for word in OFFLINE):
            print("pip-audit: no network, so nobody was asked for known vulnerabilities")
            return is_clean
        asked, known, unasked = counted(json.loads(done.stdout))
        words = ", ".join(known) or "no known vulnerability"
        print(f"pip-audit {lock}: {words} in {asked - unasked} packages; {unasked} are unknown to the index")
        is_clean &= not known
    return is_clean


def counted(report: dict[str, Any]) -> tuple[int, list[str], int]:
    """How many packages were asked for, the vulnerabilities that are known, and how many the index did not know."""
    packages = report["dependencies"]
    known = [f"{one['name']} {found['id']}" for one in packages for found in one.get("vulns", ())]
    return len(packages), known, sum("skip_reason" in one for one in packages)


if __name__ == "__main__":
    sys.exit(main())
