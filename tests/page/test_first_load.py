"""What a first visit has to load before anything is opened: little, and nothing of the segmenter."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path

import pytest

from local.node import find_node
from local.page import build_page
from tests.page.browser import lacking

if (lack := lacking()) is not None:
    if os.environ.get("CI"):
        pytest.fail(lack, pytrace=False)
    pytest.skip(lack, allow_module_level=True)

SCRIPT_BYTES_MAX = 150_000  # compressed by gzip
_STATIC = re.compile(r"""(?:^|[;}])\s*(?:import|export)\b[^;'"()]*?(?:from)?\s*["'](\./[^"']+\.js)["']""")
_LOADED = re.compile(r'<(?:script|link)[^>]+(?:src|href)="/(assets/[^"]+\.js)"')


@pytest.fixture(scope="module")
def site() -> Path:
    return build_page(find_node())


def first_scripts(site: Path) -> set[Path]:
    """The scripts that the page names, and all that those import before they run."""
    waiting = [site / name for name in _LOADED.findall((site / "index.html").read_text())]
    found: set[Path] = set()
    while waiting:
        script = waiting.pop()
        if script not in found:
            found.add(script)
            waiting += [script.parent / name for name in _STATIC.findall(script.read_text())]
    return found


def test_a_first_visit_loads_little_script(site: Path) -> None:
    scripts = first_scripts(site)
    assert scripts
    assert sum(len(gzip.compress(script.read_bytes())) for script in scripts) <= SCRIPT_BYTES_MAX


def test_a_first_visit_loads_nothing_of_the_segmenter(site: Path) -> None:
    lazy = set((site / "assets").glob("*.js")) - first_scripts(site)
    assert any("onnx" in path.read_text().lower() for path in lazy), "the segmenter's part is not where it is expected"
    assert not [script.name for script in first_scripts(site) if "onnxruntime" in script.read_text().lower()]


def test_the_page_names_no_other_host(site: Path) -> None:
    """Everything that runs comes from the page's own origin."""
    html = (site / "index.html").read_text()
    assert not re.findall(r"""(?:src|href)="(?:https?:)?//""", html)
    assert "<script>" not in html
    assert " style=" not in html
