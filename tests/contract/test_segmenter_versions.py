"""Infra keys masks by the version that the model server will answer with; neither may import the other."""

from __future__ import annotations

from infra.config import SEGMENTERS
from maskmill.core.engines import Engine, segmenter_version


def test_infra_knows_every_engine_and_its_version() -> None:
    assert SEGMENTERS.keys() == set(Engine)
    for engine in Engine:
        version = SEGMENTERS[engine].version
        digits = version.removeprefix(f"{engine}-")
        assert SEGMENTERS[engine].needs_weights == engine.needs_checkpoint
        expected = segmenter_version(engine, digits.ljust(64, "0") if engine.needs_checkpoint else None)
        assert version == expected
