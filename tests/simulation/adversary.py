"""A hostile tenant beside honest ones: it knows every id there is, and does what its rights let it do, many times.

It asks for what is others', names others' things in its own recipes, takes others' idempotency keys, floods, and the
queues bring forged callbacks and the store's events again and again. Nothing of the others may change, or be shown.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lambdas.hold_connection import logic as hold_connection
from lambdas.serve_api.ports import Ports
from lambdas.serve_api.routes import ROUTES
from lambdas.serve_api.routes.call import Call, Reply, Route
from maskmill.core import keys, rows
from maskmill.core.errors import MaskmillError
from maskmill.core.export import ExportFormat
from maskmill.core.messages import IngestUpload, QueueName
from maskmill.core.table import Key
from maskmill.core.webhook import EventType, Webhook
from tests.simulation.borders import act_for
from tests.simulation.cloud import MemorySockets
from tests.simulation.hooks import SECRET
from tests.simulation.pipeline import QUOTAS, Pipeline

HOSTILE = "mallory"
MISSING = "0" * 25 + "x"
PROMPT = {"points": [{"x": 0.5, "y": 0.5}]}
FILE = {"name": "a.jpg", "size_bytes": 4, "sha256": hashlib.sha256(b"good").hexdigest()}
ATTACKS = 16
FLOOD = 30
KEYS = 15  # more than a tenant may have open jobs
SENDS_PER_JOB_MAX = 200  # a small job's, as the hostile tenant makes them, all its repetitions included


def _recipe(template_id: str) -> dict[str, Any]:
    return {"templates": [template_id], "layers": [{"region": template_id, "edits": {"hue": 4}}]}


IDS = ("dataset", "image", "template", "job", "webhook", "delivery", "format")
PREFIXES = {
    "dataset": "DATASET#",
    "image": "IMAGE#",
    "template": "TEMPLATE#",
    "job": rows.JOB_PREFIX,
    "webhook": rows.WEBHOOK_PREFIX,
    "delivery": rows.DELIVERY_PREFIX,
}
BODIES: dict[str, Any] = {
    "datasets_change": {"name": "mine now"},
    "images_announce": {"files": [FILE]},
    "images_segment": {"prompt": PROMPT},
    "templates_create": {"name": "cap", "prompt": PROMPT},
    "templates_change": {"name": "mine now"},
    "jobs_estimate": {"recipe": _recipe(MISSING)},
    "jobs_submit": {"recipe": _recipe(MISSING)},
}


def _route(name: str) -> Route:
    return next(route for route in ROUTES if route.name == name)


@dataclass(slots=True)
class Adversary(Pipeline):
    """Honest users, and one who is not."""

    _ports: Ports = field(init=False)
    told: list[str] = field(default_factory=list)  # what the hostile tenant was answered

    def __post_init__(self) -> None:
        Pipeline.__post_init__(self)
        self.invariants.excuses_failures = False
        self._ports = self.api()
        hook = Webhook(
            webhook_id="hostile", url="https://hooks.example.com/", events=tuple(EventType), created_at=self.world.now()
        )
        put = rows.put_webhook(HOSTILE, hook, secret=SECRET)
        self.table.rows[put.key] = {**put.row, "pk": put.key.pk, "sk": put.key.sk}
        self.with_retry = False

    def run(self) -> list[str]:
        for number in range(ATTACKS):
            at_s = 1500 * self.world.chance("attack", str(number))
            self.world.spawn(at_s, partial(self._attack, number))
        self.world.spawn(30.0, self._flood)
        return [*Pipeline.run(self), *self._leaks(), *self._costs()]

    # Attacks

    def _attack(self, number: int) -> None:
        self.world.met["attack"] += 1
        kinds = (self._ask, self._ask, self._name_foreign_things, self._forge_callback, self._replay_event, self._knock)
        act = kinds[int(len(kinds) * self.world.chance("kind of attack", str(number)))]
        act(str(number))

    def _ask(self, label: str) -> None:
        """Every route with another tenant's ids answers as it does for ids that there are not."""
        act_for(HOSTILE)
        for route in ROUTES:
            if self.world.chance("asks", f"{label} {route.name}") < 0.6:
                continue
            if "<" in route.path:
                foreign = self._answer(route, self._foreign_ids(label))
                missing = self._answer(route, dict.fromkeys(self._foreign_ids(label), MISSING))
                if foreign != missing or not foreign.startswith("error "):
                    self._violated(f"{route.name} says {foreign} of what is another's, and {missing} of nothing")
            elif not route.is_public and route.method == "GET":
                self.told.append(self._answer(route, {}))

    def _answer(self, route: Route, ids: dict[str, str], body: Any = None) -> str:
        given = BODIES.get(route.name, {}) if body is None else body
        query = {} if route.name != "jobs_list" else {"dataset": ids.get("dataset", MISSING)}
        named = {name: ExportFormat.COCO.value if name in route.names else ids.get(name, MISSING) for name in IDS}
        call = Call(self._ports, HOSTILE, named, query, {}, lambda: json.dumps(given).encode())
        try:
            reply: Reply = route.run(call)
        except MaskmillError as error:
            return f"error {error.code.value}"
        return f"{reply.status} {'' if reply.body is None else reply.body.model_dump_json()}"

    def _foreign_ids(self, label: str) -> dict[str, str]:
        """Ids of things that fit together, of some other tenant."""
        found: dict[str, str] = {}
        for key in self._foreign_rows():
            for name, prefix in PREFIXES.items():
                if key.sk.startswith(prefix) and self.world.chance("takes", f"{label} {key}") < 0.5:
                    found[name] = key.sk.removeprefix(prefix)
                    if name in ("image", "template"):
                        found["dataset"] = key.pk.rsplit("#", 1)[1]
        return {name: found.get(name, MISSING) for name in IDS}

    def _foreign_rows(self) -> Iterator[Key]:
        return (key for key in list(self.table.rows) if key.pk.startswith("T#") and f"#{HOSTILE}" not in key.pk)

    def _name_foreign_things(self, label: str) -> None:
        """A job of its own over others' images and templates, and under their key."""
        act_for(HOSTILE)
        dataset, own = self._own_things()
        foreign = self._foreign_ids(label)
        cutout = {"region": own, "edits": {"cutout": {"background": "image", "image_id": foreign["image"]}}}
        submit = _route("jobs_submit")
        for body in (
            {"recipe": _recipe(foreign["template"])},
            {"recipe": {"templates": [own], "layers": [cutout]}},
            {"recipe": _recipe(own), "image_ids": [foreign["image"]]},
        ):
            answer = self._answer(submit, {"dataset": dataset}, body)
            if not answer.startswith("error "):
                self._violated(f"a job of {body} was accepted: {answer}")

    def _own_things(self) -> tuple[str, str]:
        """A dataset and a template of its own."""
        dataset = self._made("datasets_create", {}, {"name": "mine"})["dataset_id"]
        return dataset, self._made("templates_create", {"dataset": dataset}, {"name": "cap", "prompt": PROMPT})[
            "template_id"
        ]

    def _made(self, name: str, ids: dict[str, str], body: Any) -> Any:
        answer = self._answer(_route(name), ids, body)
        return json.loads(answer.split(" ", 1)[1])

    def _forge_callback(self, label: str) -> None:
        """Callbacks that name others' requests, and answers that are not theirs or are not there."""
        requests = sorted(key for key in self.work.objects if "/requests/" in key)
        answers = sorted(key for key in self.work.objects if "/answers/" in key)
        picked = [one for one in requests if self.world.chance("forges", f"{label} {one}") < 0.3] or [MISSING]
        for request in picked:
            own = request.rpartition("/")[2]
            others = [key for key in answers if not key.endswith(own)]
            for answer in (*others[:2], "async/gone.json", "../../secret"):
                self._deliver(QueueName.COLLECT, ("ok", request, f"s3://work/{answer}"))
            self._deliver(QueueName.COLLECT, ("ok", request, f"s3://uploads/t/{HOSTILE}/d/x/y"))
        gone = keys.request("tenant-0", "j" + "0" * 25, "0" * 24)
        self._deliver(QueueName.COLLECT, ("failed", gone, "s3://work/async-failed/gone.json"))
        self._deliver(QueueName.COLLECT, ("failed", "../../etc", "s3://work/async-failed/gone.json"))

    def _replay_event(self, label: str) -> None:
        """The store tells again of what others sent, and of what the hostile tenant sent into their datasets."""
        for key in sorted(self.uploads.objects):
            name = keys.parse_upload(key)
            if name is not None and self.world.chance("replays", f"{label} {key}") < 0.5:
                for tenant in sorted({name.tenant, HOSTILE}):
                    message = IngestUpload(tenant=tenant, dataset_id=name.dataset_id, image_id=name.image_id)
                    self._deliver(QueueName.INGEST, message)

    def _knock(self, label: str) -> None:
        """Tickets that nobody was given open no socket."""
        act_for(HOSTILE)
        ports = hold_connection.Ports(self.table, MemorySockets(), self.clock)
        for ticket in ("", label, "0" * 43):
            try:
                hold_connection.admit(ports, f"hostile {label}", ticket)
            except hold_connection.NoEntry:
                continue
            self._violated(f"the ticket {ticket!r} opened a socket")

    def _flood(self) -> None:
        """As many jobs as it can get, under the keys that honest users use, each asked for several times."""
        act_for(HOSTILE)
        dataset, template = self._own_things()
        image = self._made("images_announce", {"dataset": dataset}, {"files": [FILE]})["items"][0]["image_id"]
        self.uploads.objects[keys.upload(HOSTILE, dataset, image)] = b"good"
        self._deliver(QueueName.INGEST, IngestUpload(tenant=HOSTILE, dataset_id=dataset, image_id=image))
        self.world.sleep(60.0)
        text = json.dumps({"recipe": _recipe(template)}).encode()
        for number in range(FLOOD):
            headers = {"idempotency-key": f"key-{number % KEYS}"}
            call = Call(self._ports, HOSTILE, {"dataset": dataset}, {}, headers, lambda: text)
            try:
                _route("jobs_submit").run(call)
            except MaskmillError as error:
                self.world.marks[f"flood_{error.code}"] += 1

    # What became of it

    def _violated(self, text: str) -> None:
        self.invariants.violations.append(text)

    def _leaks(self) -> Iterator[str]:
        """No answer to the hostile tenant names a thing of another one."""
        foreign = {
            key.sk.split("#", 1)[1] for key in self._foreign_rows() if key.sk.startswith(tuple(PREFIXES.values()))
        }
        for text in self.told:
            yield from (f"{HOSTILE} was shown {one}" for one in foreign if one in text)

    def _costs(self) -> Iterator[str]:
        """What it sets off is bounded by its quotas."""
        jobs = [key for key in self.table.rows if key.pk == f"T#{HOSTILE}" and key.sk.startswith(rows.JOB_PREFIX)]
        sent = sum(
            message.tenant == HOSTILE and not isinstance(message, IngestUpload) for _, message in self.queues.sent
        )
        if len(jobs) > KEYS or sent > SENDS_PER_JOB_MAX * QUOTAS.open_jobs:
            yield f"{HOSTILE} made {len(jobs)} jobs and {sent} messages"
