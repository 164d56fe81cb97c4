"""The golden vectors that the page's tests read are what Python computes."""

from __future__ import annotations

import pytest

from tests.contract.page.files import FOLDER
from tests.contract.page.make import KINDS, text


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_is_tested_against_what_python_computes(kind: str) -> None:
    assert text(kind).splitlines() == (FOLDER / f"{kind}.json").read_text(encoding="utf-8").splitlines()


def test_no_file_of_vectors_is_left_without_its_proof() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(KINDS)
