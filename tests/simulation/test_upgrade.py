"""What other versions have written is read, in mid-job and in both directions; what must not be guessed is refused."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from lambdas.aws.events import message_in
from maskmill.core import rows
from maskmill.core.job import Counts, Job, JobStatus
from maskmill.core.messages import PlanJob
from tests.simulation.golden import FOLDER, restored

GOLDEN = [
    pytest.param(snapshot, id=f"{path.stem} {snapshot['states']}")
    for path in sorted(FOLDER.glob("*.json"))
    for snapshot in json.loads(path.read_text())
]


@pytest.mark.parametrize("snapshot", GOLDEN)
def test_a_job_that_an_earlier_version_left_is_brought_to_its_end(snapshot: dict[str, object]) -> None:
    pipeline = restored(snapshot)
    violations = pipeline.run()
    assert [one for one in violations if "USAGE" not in one] == []  # a place is freed when the next one is asked for
    ends = [rows.job_of(row) for key, row in pipeline.table.rows.items() if key.sk.startswith(rows.JOB_PREFIX)]
    assert [end.status for end in ends] == [JobStatus.PARTIAL]
    assert [end.counts for end in ends] == [Counts(done=1, failed=1, no_match=1)]


def test_what_is_kept_of_a_version_shows_its_jobs_in_every_state() -> None:
    newest = json.loads(sorted(FOLDER.glob("*.json"))[-1].read_text())
    states = " ".join(one["states"] for one in newest)
    wanted = {
        "planning",
        "running",
        "finishing",
        "pending",
        "segmenting",
        "rendering",
        "done",
        "failed",
        "making",
        "ready",
    }
    assert [one for one in sorted(wanted) if f"'{one}'" not in states] == []


def test_a_recipe_of_which_a_part_is_unknown_is_not_rendered_without_it() -> None:
    row = next(row for row in GOLDEN[-1].values[0]["rows"] if row["sk"].startswith(rows.JOB_PREFIX))
    doc = json.loads(row["doc"])
    assert Job.stored(json.dumps(doc | {"of_the_next_version": 1})) == Job.stored(row["doc"])
    doc["recipe"]["recipe"]["layers"][0]["edits"]["sepia"] = 1
    with pytest.raises(ValidationError):
        Job.stored(json.dumps(doc))


def test_a_message_says_more_than_is_known_and_is_read_all_the_same() -> None:
    message = PlanJob(tenant="a", job_id="j")
    assert message_in(json.dumps(message.model_dump() | {"of_the_next_version": [1]})) == message
