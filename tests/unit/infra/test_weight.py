"""What functions weigh and what they import at their start: bounds that a new dependency has to be let through."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

import pytest

from infra.bundle import CONTROL, EXPORTS, IMAGING, ROOT, Bundle, stripped
from infra.shapes import Shape
from infra.slimming import is_dropped
from tests.unit.infra.test_functions import SHAPES, source_of

MB = 1e6
SMALL = {"aws_lambda_powertools", "botocore", "pydantic", "pydantic_core"}
PIXELS = {"PIL", "deflate", "numpy", "pycocotools"}
MAY_IMPORT = {CONTROL: SMALL, IMAGING: SMALL | PIXELS, EXPORTS: SMALL | PIXELS}
# Without byte code, which adds 10 to 20 MB: with it, a render function stays below 130.
MB_MAX = {CONTROL: 18, IMAGING: 105, EXPORTS: 210}
NOT_AT_START = (
    *("asyncio", "boto3", "cv2", "multiprocessing.managers", "pyarrow", "s3transfer"),
    *("aws_lambda_powertools.event_handler", "aws_lambda_powertools.utilities.batch", "pydantic.v1"),
)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_function_imports_nothing_heavy_that_its_bundle_is_not_for(shape: Shape) -> None:
    found = {name.partition(".")[0] for name in at_start(f"lambdas.{shape.verb}.handler")}
    assert found - set(sys.stdlib_module_names) - {"lambdas", "maskmill"} <= MAY_IMPORT[shape.bundle]


def at_start(first: str) -> Iterator[str]:
    """All that importing a module of ours imports, through our own modules, functions' own imports aside."""
    seen: set[str] = set()
    waiting = [first]
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        yield module
        path = source_of(module)
        if path is not None:
            parts = module.split(".")
            waiting += [".".join(parts[:count]) for count in range(1, len(parts))]
            waiting += imported_by(path)


@cache
def imported_by(path: Path) -> list[str]:
    return [name for node in ast.parse(path.read_text()).body for name in named(node)]


def named(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names if source_of(f"{node.module}.{alias.name}"))


@pytest.mark.parametrize(("verb", "absent"), [("serve_api", ("numpy", "PIL", "pycocotools")), ("render_item", ())])
def test_what_somebody_waits_for_begins_with_little(verb: str, absent: tuple[str, ...]) -> None:
    code = f"import lambdas.{verb}.handler, sys; print(*sys.modules)"
    command = [sys.executable, "-s", "-c", code]
    loaded = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert not [name for name in loaded if name.startswith((*NOT_AT_START, *absent))]


@pytest.mark.parametrize("bundle", MB_MAX, ids=lambda bundle: bundle.name)
def test_a_bundle_weighs_no_more_than_it_may(bundle: Bundle) -> None:
    """By the packages as they are installed here, which are those of the lock, for this machine."""
    names = re.findall(r"^([a-z0-9-]+)==", (ROOT / bundle.lock).read_text(), re.MULTILINE)
    files = {path for name in names for path in files_of(name)}
    left_out = {path for folder in {site_of(name) for name in names} for path in stripped(folder, bundle)}
    held = [path for path in files if not any(part in left_out for part in (path, *path.parents))]
    assert sum(path.stat().st_size for path in held) <= MB_MAX[bundle] * MB


def site_of(name: str) -> Path:
    return Path(str(distribution(name).locate_file("")))


def files_of(name: str) -> Iterator[Path]:
    site = site_of(name)
    for file in distribution(name).files or ():
        if file.parts[0] == "..":
            continue
        path = site.joinpath(*file.parts)
        folders = (site.joinpath(*file.parts[:count]) for count in range(1, len(file.parts)))
        if path.exists() and not is_dropped(path) and not any(map(is_dropped, folders)):
            yield path
