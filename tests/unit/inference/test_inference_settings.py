"""The model server's environment and the rule of versions."""

import pytest

from inference_container.settings import Precision, Runtime, Settings, SettingsError
from maskmill.core.engines import Engine, segmenter_version


def test_an_engine_is_all_that_must_be_named() -> None:
    settings = Settings.from_env({"SEGMENTER": "classic"})
    assert settings.engine is Engine.CLASSIC
    assert settings.checkpoint is None
    assert (settings.port, settings.invocations_max) == (8080, 1)


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(
            {
                "PORT": "eighty",
                "INVOCATIONS_MAX": "0",
                "RUNTIME": "abacus",
                "SEGMENTER_SHA256": "abc",
                "PACKAGE_SHA256": "x",
            }
        )
    for name in ("SEGMENTER", "PORT", "INVOCATIONS_MAX", "RUNTIME", "SEGMENTER_SHA256", "PACKAGE_SHA256"):
        assert name in str(caught.value)


def test_an_unknown_engine_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="sam-vit-h"):
        Settings.from_env({"SEGMENTER": "sam-9"})


def test_the_platforms_port_goes_first() -> None:
    assert Settings.from_env({"SEGMENTER": "classic", "PORT": "1", "SAGEMAKER_BIND_TO_PORT": "2"}).port == 2


def test_how_the_model_runs_is_left_to_the_machine_unless_it_is_named() -> None:
    plain = Settings.from_env({"SEGMENTER": "sam-vit-b"})
    assert (plain.runtime, plain.precision, plain.compile) == (Runtime.AUTO, Precision.AUTO, False)
    named = {"RUNTIME": "openvino", "PRECISION": "bf16", "COMPILE": "1", "SEGMENTER_SHA256": "AB" * 32}
    settings = Settings.from_env({"SEGMENTER": "sam-vit-b", **named})
    assert (settings.runtime, settings.precision, settings.compile) == (Runtime.OPENVINO, Precision.BF16, True)
    assert (settings.checkpoint_sha256, settings.package_sha256) == ("ab" * 32, None)


def test_pictures_order_no_faults_unless_it_is_allowed() -> None:
    assert Settings.from_env({"SEGMENTER": "classic"}).faults is False
    assert Settings.from_env({"SEGMENTER": "classic", "FAULTS": "1"}).faults is True


@pytest.mark.parametrize(
    ("env", "place"),
    [
        ({}, "/opt/ml/model"),
        ({"MODEL_DIR": "/models/"}, "/models"),
        ({"SEGMENTER_CHECKPOINT": "other.pth"}, "/opt/ml/model/other.pth"),
        ({"SEGMENTER_CHECKPOINT": "/elsewhere/other.pth"}, "/elsewhere/other.pth"),
        ({"MODEL_DIR": "s3://bucket/sam/"}, "s3://bucket/sam"),
        ({"MODEL_DIR": "s3://bucket/sam", "SEGMENTER_CHECKPOINT": "b.pth"}, "s3://bucket/sam/b.pth"),
        ({"SEGMENTER_CHECKPOINT": "s3://bucket/b.pth"}, "s3://bucket/b.pth"),
    ],
)
def test_a_checkpoint_is_looked_for_in_the_model_folder(env: dict[str, str], place: str) -> None:
    assert Settings.from_env({"SEGMENTER": "sam-vit-b", **env}).checkpoint == place


def test_a_version_names_the_weights() -> None:
    assert segmenter_version(Engine.CLASSIC) == "classic-1"
    assert segmenter_version(Engine.SAM_VIT_H, "AB" * 32) == "sam-vit-h-abababababab"


def test_weights_without_a_digest_have_no_version() -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        segmenter_version(Engine.SAM_VIT_B)
