"""`from maskmill import Client` works, and importing the package loads nothing that the functions do not need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import maskmill

LOADED = "import sys, maskmill.core.recipe; print(sorted({name.split('.')[0] for name in sys.modules}))"


def test_the_first_names_of_a_program_are_there() -> None:
    assert set(maskmill.__all__) <= set(dir(maskmill))
    for name in maskmill.__all__:
        assert getattr(maskmill, name) is not None


def test_the_stub_tells_type_checkers_the_same_names() -> None:
    stub = Path(maskmill.__file__).with_suffix(".pyi").read_text()
    assert all(f"{name} as {name}\n" in stub for name in maskmill.__all__ if name != "__version__")
    assert stub.count(" as ") == len(maskmill.__all__) - 1


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Clinet"):
        maskmill.Clinet  # noqa: B018


def test_the_core_is_imported_without_the_client() -> None:
    loaded = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True).stdout
    assert "'pydantic'" in loaded
    for heavy in ("httpx", "numpy", "PIL", "rich", "typer", "ssl"):
        assert f"'{heavy}'" not in loaded
