"""What installed wheels shed because no function needs it; it knows no bundle and no target.

Licences and versions stay. Of the AWS SDK the models of the called services stay, without the words that explain them
and as plain JSON: a process reads them each time that it makes a client.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

SERVICES = {
    "apigatewaymanagementapi",
    "dynamodb",
    "lambda",
    "s3",
    "sagemaker-runtime",
    "ssm",
    "sqs",
    "sts",
}  # whose models of the AWS SDK are kept
_FOLDERS = {"__pycache__", "tests", "bin"}
_FILES = {"RECORD", "INSTALLER", "REQUESTED", "WHEEL", "direct_url.json", "uv_cache.json", ".lock"}
_SUFFIXES = {".pyi", ".pyc", ".a"}
# Of pyarrow: the network server, the headers, and copies of one library under other names.
_PARTS = (
    "_flight.*",
    "libarrow_flight.*",
    "libarrow_python_flight.*",
    "libarrow_python.so",
    "libarrow_python.so.*.*",
)
_ROOTS = {"pyarrow": {"include", "includes", "src"}}
_DATA = Path("botocore", "data")
_WORDY = {"clientContextParams"}
_MODEL, _EXAMPLES, _ENDPOINTS = "service-2.json", "examples-1.json", "endpoints.json"


def slim(installed: Path) -> None:
    """Take out of installed wheels what nobody imports, and make smaller what is read at every start."""
    for entry in [entry for entry in installed.rglob("*") if is_dropped(entry)]:
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink(missing_ok=True)
    if (installed / _DATA).is_dir():
        _slim_models(installed / _DATA)


def is_dropped(entry: Path) -> bool:
    """Whether an installed file or folder is left out, together with what is in it."""
    if entry.is_dir():
        is_service = entry.parent.name == _DATA.name and entry.parent.parent.name == _DATA.parent.name
        is_unneeded = entry.name in _ROOTS.get(entry.parent.name, ())
        return entry.name in _FOLDERS or is_unneeded or (is_service and entry.name not in SERVICES)
    is_part = any(fnmatch(entry.name, pattern) for pattern in _PARTS)
    return is_part or entry.name in _FILES or entry.suffix in _SUFFIXES


def _slim_models(data: Path) -> None:
    for path in data.rglob(_EXAMPLES):
        path.unlink()
    for packed in data.rglob("*.json.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    models = list(data.rglob(_MODEL))
    for path in models:
        _rewrite(path, _without_words(json.loads(path.read_text(encoding="utf-8"))))
    _rewrite(data / _ENDPOINTS, _endpoints_of(data / _ENDPOINTS, set(_prefixes(models))))


def _without_words(value: Any) -> Any:
    """A model without its documentation; a member that has that name is a map, and stays.

    Of some parts botocore reads the words as well: a client of S3 cannot be made without them.
    """
    if isinstance(value, dict):
        named = ((name, entry) for name, entry in value.items() if name != "documentation" or isinstance(entry, dict))
        return {name: entry if name in _WORDY else _without_words(entry) for name, entry in named}
    if isinstance(value, list):
        return [_without_words(entry) for entry in value]
    return value


def _prefixes(models: list[Path]) -> Iterator[str]:
    for path in models:
        yield json.loads(path.read_text(encoding="utf-8"))["metadata"]["endpointPrefix"]


def _endpoints_of(path: Path, prefixes: set[str]) -> Any:
    """The regions of every partition, and the addresses of the called services alone."""
    endpoints = json.loads(path.read_text(encoding="utf-8"))
    for partition in endpoints["partitions"]:
        kept = {name: entry for name, entry in partition["services"].items() if name in prefixes | SERVICES}
        partition["services"] = kept
    return endpoints


def _rewrite(path: Path, value: Any) -> None:
    """As a new file: an installed one may be a link to that of a cache."""
    path.unlink()
    path.write_text(json.dumps(value, separators=(",", ":"), ensure_ascii=False), encoding="utf-8")
