"""The model as a state: loading, ready, failed with a reason."""

import pytest

from inference_container.model import Model
from maskmill.core.errors import Code, Unavailable
from tests.container.pictures import FakeSegmenter


def test_a_loading_model_says_so() -> None:
    segmenter = FakeSegmenter()
    segmenter.may_go.clear()
    model = Model(lambda: segmenter)
    model.start()
    with pytest.raises(Unavailable, match="loading"):
        model.segmenter()
    segmenter.may_go.set()
    assert model.wait(5)
    assert model.segmenter() is segmenter


def test_a_known_failure_keeps_its_words() -> None:
    def build() -> FakeSegmenter:
        raise Unavailable(message="The checkpoint is missing.")

    model = Model(build)
    model.start()
    assert model.wait(5)
    with pytest.raises(Unavailable) as caught:
        model.segmenter()
    assert caught.value.code is Code.MODEL_UNAVAILABLE
    assert caught.value.message == "The checkpoint is missing."


def test_an_unknown_failure_is_a_state_without_its_details() -> None:
    def build() -> FakeSegmenter:
        raise RuntimeError("a secret")

    model = Model(build)
    model.start()
    assert model.wait(5)
    with pytest.raises(Unavailable) as caught:
        model.segmenter()
    assert "RuntimeError" in caught.value.message
    assert "secret" not in caught.value.message
