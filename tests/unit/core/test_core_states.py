"""State machines, names and settings: only the legal transitions, and every name from its cause."""

from __future__ import annotations

import pytest

from maskmill.core import errors, item, job, keys
from maskmill.core.geometry import Point, Size
from maskmill.core.item import ItemStatus
from maskmill.core.job import Counts, JobStatus, job_id_of, outcome
from maskmill.core.prompt import MaskChoice, Prompt, Refinement
from maskmill.core.settings import BadSettings, Settings, SwitchSpendingSettings
from maskmill.core.shard import ImageTask, PromptTask, ShardRequest


def test_terminal_items_and_jobs_stay_where_they_are() -> None:
    assert all(not item.next_of(status) for status in item.TERMINAL)
    assert all(not job.next_of(status) for status in job.ENDED)
    assert set(ItemStatus) == item.TERMINAL | item.OPEN


def test_an_item_is_done_only_after_rendering() -> None:
    assert item.sources_of(ItemStatus.DONE) == {ItemStatus.RENDERING}
    assert item.sources_of(ItemStatus.FAILED) == item.OPEN


def test_every_state_is_reachable() -> None:
    assert all(item.sources_of(status) for status in ItemStatus if status is not ItemStatus.PENDING)
    assert all(job.sources_of(status) for status in JobStatus if status is not JobStatus.ACCEPTED)


@pytest.mark.parametrize(
    ("counts", "cancelled", "expected"),
    [
        (Counts(done=3), False, JobStatus.SUCCEEDED),
        (Counts(done=2, no_match=1), False, JobStatus.SUCCEEDED),
        (Counts(done=2, failed=1), False, JobStatus.PARTIAL),
        (Counts(failed=3), False, JobStatus.FAILED),
        (Counts(done=1, cancelled=2), True, JobStatus.CANCELLED),
        (Counts(done=3), True, JobStatus.SUCCEEDED),
    ],
)
def test_how_a_job_ends(counts: Counts, cancelled: bool, expected: JobStatus) -> None:
    assert outcome(counts, cancel_requested=cancelled) is expected


def test_a_job_is_named_by_tenant_and_key() -> None:
    assert job_id_of("t1", "k") == job_id_of("t1", "k")
    assert job_id_of("t1", "k") != job_id_of("t2", "k")
    assert len(job_id_of("t", "k")) == job.JOB_ID_CHARS


def test_keys_name_the_tenant_and_parse_back() -> None:
    assert keys.parse_upload(keys.upload("t-1", "d1", "i1")) == keys.UploadName("t-1", "d1", "i1")
    assert keys.parse_request(keys.request("t-1", "j1", "ab12")) == keys.RequestName("t-1", "j1", "ab12")
    assert keys.parse_request("t/x/jobs/../requests/ab.json") is None
    assert keys.parse_upload("t/t-1/d/d1/i1\n") is None


def test_answer_files_fit_the_endpoints_rules() -> None:
    task = ImageTask(
        image_key="0.1",
        address="s3://media/t/a/px/b/normal.png",
        size=Size(height_px=1, width_px=1),
        prompts=(PromptTask(mask_key="m", prompt=Prompt(points=(Point(x=0.5, y=0.5),))),),
    )
    name = keys.answer_file(keys.request_id_of("j1", ShardRequest(segmenter="s", images=(task,)), attempt=1))
    assert len(name) <= 32
    assert name.count(".") == 1


def test_mask_keys_follow_content() -> None:
    prompt = Prompt(points=(Point(x=0.5, y=0.5),))

    def key(**changes: object) -> str:
        values = {"pixels_sha256": "p", "prompt": prompt, "choice": MaskChoice.BEST, "segmenter": "classic-1"}
        return keys.mask_key_of(**(values | changes))  # type: ignore[arg-type]

    assert key() == key()
    assert len({key(), key(pixels_sha256="q"), key(segmenter="classic-2"), key(choice=MaskChoice.FIRST)}) == 4
    whole = [keys.object_id_of(pixels_sha256=pixels, mask_key=None, refinement=Refinement()) for pixels in "pq"]
    assert whole[0] != whole[1]


@pytest.mark.parametrize("cls", Settings.__subclasses__(), ids=lambda cls: cls.__name__)
def test_settings_survive_the_environment(cls: type[Settings]) -> None:
    kinds = cls.__annotations__
    values = {name: 7 if kinds[name] == "int" else f"{name}-value" for name in cls.names()}
    made = cls(**values)
    assert cls.from_env(made.to_env()) == made
    with pytest.raises(BadSettings) as caught:
        cls.from_env({})
    assert all(name.upper() in caught.value.detail for name in cls.names())


def test_settings_are_all_there_and_do_not_change() -> None:
    made = SwitchSpendingSettings(table_name="t")
    with pytest.raises(TypeError, match="table_name"):
        SwitchSpendingSettings()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="table_name"):
        SwitchSpendingSettings(table_name="t", other="o")  # type: ignore[call-arg]
    with pytest.raises(AttributeError, match="does not change"):
        made.table_name = "u"  # type: ignore[misc]
    assert made != SwitchSpendingSettings(table_name="u")


def test_every_code_has_words_that_end_in_a_full_stop() -> None:
    for code in errors.Code:
        words = errors.message_of(code)
        assert words.endswith(".")
        assert words[0].isupper()
