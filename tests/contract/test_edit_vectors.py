"""The golden vectors of the edits, which the page's preview reads too."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys

import pytest

from tests.contract.make_edit_vectors import FILE, vectors

GOLDEN = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", ["points", "pictures"])
def test_every_edit_gives_its_golden_bytes(kind: str) -> None:
    computed = json.loads(json.dumps(vectors()))
    assert len(computed[kind]) == len(GOLDEN[kind])
    for now, golden in zip(computed[kind], GOLDEN[kind], strict=True):
        assert now == golden, now["edits"]


def test_every_edit_that_a_preview_shows_has_a_vector() -> None:
    named = {name for vector in GOLDEN["points"] + GOLDEN["pictures"] for name in vector["edits"]}
    assert named == {
        "brightness", "contrast", "gamma", "hue", "saturation", "paint", "blur", "sharpen", "noise", "opacity",
    }  # fmt: skip


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the features are those of x86-64")
def test_bytes_do_not_depend_on_the_vector_unit() -> None:
    plain = os.environ | {"NPY_DISABLE_CPU_FEATURES": _features_to_switch_off()}
    program = "import sys; from tests.contract.make_edit_vectors import text; sys.stdout.write(text())"
    answer = subprocess.run([sys.executable, "-c", program], env=plain, capture_output=True, text=True, check=True)
    assert answer.stdout == FILE.read_text(encoding="utf-8")


def _features_to_switch_off() -> str:
    """All of this CPU's features above numpy's baseline."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    return " ".join(feature for feature in __cpu_dispatch__ if __cpu_features__[feature])
