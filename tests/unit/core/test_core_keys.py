"""The names of objects: short enough for any store, and of letters that need no care."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

import pytest

from maskmill.core import keys
from maskmill.core.automask import Automask
from maskmill.core.geometry import Point
from maskmill.core.prompt import MaskChoice, Prompt, Refinement
from tests.mutants import MUTANT

LONGEST = "f" * 64  # a SHA-256, or a tenant: no other part of a name is longer
KEY_BYTES_MAX = 1024


def _is_name(function: object) -> bool:
    """Whether a function makes a name out of names and numbers alone."""
    if not inspect.isfunction(function) or function.__name__.startswith("_") or MUTANT in function.__name__:
        return False
    signature = inspect.signature(function)
    kinds = {parameter.annotation for parameter in signature.parameters.values()}
    return signature.return_annotation == "str" and kinds <= {"str", "int"}


NAMES = [function for _, function in inspect.getmembers(keys, _is_name)]


@pytest.mark.parametrize("name", NAMES, ids=lambda function: function.__name__)
def test_the_longest_name_fits_into_a_key_and_needs_no_care(name: Callable[..., str]) -> None:
    arguments = {"str": LONGEST, "int": 10**6}
    given = [arguments[parameter.annotation] for parameter in inspect.signature(name).parameters.values()]
    assert re.fullmatch(rf"[A-Za-z0-9/._-]{{1,{KEY_BYTES_MAX}}}", name(*given))


@pytest.mark.parametrize("name", NAMES, ids=lambda function: function.__name__)
def test_a_name_depends_on_all_that_it_is_made_of(name: Callable[..., str]) -> None:
    parameters = list(inspect.signature(name).parameters.values())
    given = [f"{index}" * 64 if one.annotation == "str" else index for index, one in enumerate(parameters)]
    for index, one in enumerate(parameters):
        other = [*given[:index], "f" * 64 if one.annotation == "str" else 99, *given[index + 1 :]]
        assert name(*other) != name(*given), one.name


def test_every_kind_of_name_was_looked_at() -> None:
    assert len(NAMES) >= 18


def test_what_an_earlier_version_made_is_found_under_its_name() -> None:
    """Another name for the same thing would have everything segmented and rendered once more."""
    pixels, prompt = "a" * 64, Prompt(points=(Point(x=0.5, y=0.25),))
    mask = keys.mask_key_of(pixels_sha256=pixels, prompt=prompt, choice=MaskChoice.BEST, segmenter="classic-1")
    assert mask == "0d5414d8436a8e892c39a43d968f5ea52bbe8ac8"
    refined = keys.object_id_of(pixels_sha256=pixels, mask_key="m", refinement=Refinement())
    assert refined == "f8e41fc5b06c891342b8ebda2901f0ca2d8cb35e"
    whole = keys.object_id_of(pixels_sha256=pixels, mask_key=None, refinement=Refinement(grow_px=2))
    assert whole == "9945d23cb9cb0b34eb6ef096c2c4961696a505fa"
    assert keys.search_id_of(Automask(), segmenter="classic-1") == "4fb0ddea910d59b3f2251d9dab3713aca2aee0ce"
    below = f"{keys.answer_folder('t', 'j')}/"
    assert keys.answer_folders("t", "j") == (f"{keys.ANSWERS_FOLDER}/{below}", f"{keys.FAILURES_FOLDER}/{below}")
