"""The vectors that the page's code for masks is tested against are what the service computes."""

from __future__ import annotations

import base64
import json

import numpy as np

from tests.contract.make_mask_vectors import VECTORS, make

COVERAGE_OF = {"previous"}  # areas: sums whose order a processor may choose


def test_the_vectors_are_what_the_service_computes() -> None:
    found, kept = make(), json.loads(VECTORS.read_text("utf-8"))
    assert found.keys() == kept.keys()
    assert {name: found[name] for name in ("rles", "drawn", "embedding")} == {
        name: kept[name] for name in ("rles", "drawn", "embedding")
    }
    for mine, theirs in zip(found["prompts"], kept["prompts"], strict=True):
        for name in mine.keys() - COVERAGE_OF:
            assert json.loads(json.dumps(mine[name])) == theirs[name], name
        one, other = (np.frombuffer(base64.b64decode(text), "<f4") for text in (mine["previous"], theirs["previous"]))
        assert np.abs(one - other).max() <= 1e-5
