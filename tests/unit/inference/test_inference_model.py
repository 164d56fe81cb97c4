"""The model as a state: loading, ready, failed with a reason."""

import threading

import pytest

from inference_container.model import Model, Unproven
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


def test_an_unproven_model_is_ready_but_answers_nobody() -> None:
    is_hashed = threading.Event()

    def prove() -> None:
        assert is_hashed.wait(5)

    segmenter = FakeSegmenter()
    model = Model(lambda: Unproven(segmenter, prove))
    model.start()
    assert model.wait(5)
    assert model.segmenter() is segmenter
    with pytest.raises(Unavailable) as caught:
        model.proven_segmenter(0.01)
    assert "still being checked" in caught.value.message
    is_hashed.set()
    assert model.proven_segmenter(5) is segmenter


def test_a_model_that_proves_to_be_another_one_never_answers() -> None:
    def prove() -> None:
        raise Unavailable(message="The file model.safetensors is damaged.")

    model = Model(lambda: Unproven(FakeSegmenter(), prove))
    model.start()
    for ask in (lambda: model.proven_segmenter(5), model.segmenter):
        assert model.wait(5)
        with pytest.raises(Unavailable) as caught:
            ask()
        assert caught.value.message == "The file model.safetensors is damaged."
    assert model.facts()["state"] == "failed"
