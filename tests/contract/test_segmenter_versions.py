"""Infra keys masks by the version that the model server will answer with; neither may import the other."""

from __future__ import annotations

import pytest

from inference_container.settings import Settings
from infra.plans import SEGMENTERS, Segmenter
from maskmill.core.catalogue import PUBLISHED
from maskmill.core.engines import Engine, segmenter_version


@pytest.mark.parametrize("engine", Engine)
def test_infra_knows_every_engine(engine: Engine) -> None:
    segmenter = SEGMENTERS[engine]
    assert segmenter.engine is engine
    assert segmenter.needs_weights == engine.needs_checkpoint


@pytest.mark.parametrize("segmenter", SEGMENTERS.values(), ids=lambda segmenter: segmenter.engine)
def test_a_segmenter_has_the_version_of_what_its_publisher_gives_away(segmenter: Segmenter) -> None:
    published = PUBLISHED.get(segmenter.engine)
    if segmenter.needs_weights and (published is None or published.sha256 is None):
        with pytest.raises(ValueError, match="SHA-256"):
            _ = segmenter.version
    else:
        assert segmenter.version == segmenter_version(segmenter.engine, published and published.sha256)


def test_masks_that_are_stored_keep_their_names() -> None:
    """A change here makes every stored mask of these engines unknown."""
    versions = {engine: SEGMENTERS[engine].version for engine in (Engine.CLASSIC, Engine.SAM_VIT_B, Engine.SAM2_TINY)}
    assert list(versions.values()) == ["classic-1", "sam-vit-b-ec2df6273261", "sam2.1-tiny-48c14467e5cf"]


def test_the_server_is_told_its_engine_and_what_its_weights_must_be() -> None:
    told = SEGMENTERS[Engine.SAM_VIT_H].to_env()
    settings = Settings.from_env(told)
    assert settings.engine is Engine.SAM_VIT_H
    assert settings.checkpoint_sha256 == PUBLISHED[Engine.SAM_VIT_H].sha256
    assert SEGMENTERS[Engine.CLASSIC].to_env() == {"SEGMENTER": "classic"}
