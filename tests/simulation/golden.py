"""What a version has left behind in the middle of a job, kept as files: every later version must bring it to its end.

`python -m tests.simulation.golden 0.1.0` writes the file of the version that is about to be released.
"""

from __future__ import annotations

import json
import sys
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

from maskmill.core import keys, rows
from maskmill.core.table import Key, Row
from maskmill.core.webhook import DeliveryState
from tests.simulation.cloud import MemoryObjects
from tests.simulation.pipeline import Pipeline
from tests.simulation.world import World

FOLDER = Path(__file__).parent / "golden"
SEED = 241  # a job of several chunks, with overrides and exports
LOOKS_S = 0.1
Snapshot = dict[str, Any]


def calm_world(jobs: int) -> Pipeline:
    return Pipeline(World(SEED), jobs=jobs, with_cancel=False, with_retry=False, cold_s=60.0)


def written() -> list[Snapshot]:
    """The table and the buckets whenever a job, one of its items or an export has come into another state."""
    pipeline, found, seen = calm_world(1), [], set()

    def look() -> None:
        states = _states(pipeline)
        if states and states not in seen:
            seen.add(states)
            found.append(_snapshot(pipeline))
        pipeline.world.at(LOOKS_S, look)

    pipeline.world.at(0.0, look)
    assert not pipeline.run()
    return found


def _states(pipeline: Pipeline) -> str:
    jobs = [row for key, row in pipeline.table.rows.items() if key.sk.startswith((rows.JOB_PREFIX, rows.EXPORT_PREFIX))]
    chunks = [row for key, row in pipeline.table.rows.items() if key.sk.startswith(rows.CHUNK_PREFIX)]
    items = [item["s"] for chunk in chunks for item in chunk["items"].values()]
    return "" if not jobs else f"{[job['status'] for job in jobs]} {items}"


def _snapshot(pipeline: Pipeline) -> Snapshot:
    def texts(bucket: MemoryObjects) -> dict[str, str]:
        return {key: data.decode() for key, data in sorted(bucket.objects.items())}

    return {
        "states": _states(pipeline),
        "now_s": pipeline.world.now_s,
        "rows": [_plain(row) for _, row in sorted(pipeline.table.rows.items())],
        **{bucket.name: texts(bucket) for bucket in (pipeline.uploads, pipeline.media, pipeline.work)},
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, bytes):
        return {"base64": b64encode(value).decode()}
    return {"set": sorted(value)} if isinstance(value, set | frozenset) else value


def _row(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value.keys() == {"base64"}:
        return b64decode(value["base64"])
    return frozenset(value["set"]) if value.keys() == {"set"} else {name: _row(entry) for name, entry in value.items()}


def restored(snapshot: Snapshot) -> Pipeline:
    """A world of today's version that finds what another one has left; all messages are lost, and all users gone."""
    pipeline = calm_world(0)
    pipeline.world.now_s = snapshot["now_s"]
    pipeline.world.met["messages_lost"] += 1
    pipeline.invariants.excuses_failures = False
    for bucket in (pipeline.uploads, pipeline.media, pipeline.work):
        bucket.objects.update({_as_kept(key): text.encode() for key, text in snapshot[bucket.name].items()})
    found: dict[Key, Row] = {Key(row["pk"], row["sk"]): _row(row) for row in snapshot["rows"]}
    for key, row in found.items():
        pipeline.table.rows[key] = row
        if row.get("state") == DeliveryState.DELIVERED:
            pipeline.hooks.heard[row["delivery_id"]].append(row["body"].encode())
    for key, row in found.items():
        if not key.sk.startswith(rows.EVENT_PREFIX):  # what was told was told by the other version
            pipeline.table._tell(key, None, row)
    return pipeline


def _as_kept(key: str) -> str:
    """The list of a job's dataset, which lay in its archive when jobs ended with one."""
    return key.replace("/dataset/dataset.zip", f"/dataset/{keys.ANNOTATIONS}")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{sys.argv[1]}.json").write_text(json.dumps(written()) + "\n")


if __name__ == "__main__":
    main()
