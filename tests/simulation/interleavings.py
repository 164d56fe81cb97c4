"""Every order in which two functions can work on one item, and every moment at which one of them can die: all of them.

The simulation meets such races by chance; here they are counted out. Two functions take turns at each call that others
can see: the reads and writes of the table and the messages. (Objects are named by what is in them: writing one twice
changes nothing.) One of them may die once, after any of its calls. Then what was not done comes again, and everything
that was sent is worked on; the job must have come to its end, and nothing of what must hold may have been broken.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import greenlet

from lambdas.serve_api import datasets, jobs, submissions, templates, uploads
from maskmill.core import keys, rows
from maskmill.core.api import CreateDataset, RequestUploads, SubmitJob
from maskmill.core.errors import Conflict, Unavailable
from maskmill.core.image import Upload
from maskmill.core.limits import FINISH_LEASE_S
from maskmill.core.messages import IngestUpload, QueueName
from maskmill.core.recipe import Recipe
from maskmill.core.table import Key
from tests.simulation.pipeline import Pipeline
from tests.simulation.post import Body
from tests.simulation.rows import FrozenRow
from tests.simulation.users import TEMPLATES
from tests.simulation.world import Crash, World

TENANT = "tenant-0"
LATER_S = 2 * 3600.0  # than the sweep's patience
# What others can see. Facts of pictures are none of it: whoever keeps them, and when, they say the same.
SEEN = ("table.get", "table.get_all", "table.query", "table.write", "table.create_all", "queue.send")
Letter = tuple[QueueName, Body]
Choice = tuple[int, bool]  # who takes the next step, and whether it dies after it


class Hand(greenlet.greenlet):
    """A function that stops before each of its calls that others can see; `dies` after the one that it goes on with."""

    dies = False


@dataclass(slots=True)
class Turns(World):
    """A world in which nothing takes time, and hands take turns."""

    def call(self, service: str, label: Hashable, effect: Callable[[], Any]) -> Any:
        hand = greenlet.getcurrent()
        if not isinstance(hand, Hand) or service not in SEEN or _is_index(label) or _is_fact(label):
            return effect()
        hand.parent.switch()
        result = effect()
        if hand.dies:
            raise Crash(service)
        return result


def _is_fact(label: Hashable) -> bool:
    return isinstance(label, Key) and label.sk.startswith(("LABEL#", "RECORD#"))


def _is_index(label: Hashable) -> bool:
    return isinstance(label, tuple) and str(label[0]).startswith("DUE#")


@dataclass(slots=True)
class Scene(Pipeline):
    """One job with one picture, and the letters that nobody has opened yet."""

    letters: list[Letter] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        Pipeline.__post_init__(self)
        self.table.watch = [self.invariants.committed, self.ledger.committed]

    def _deliver(self, queue: QueueName, body: Body) -> None:
        self.letters.append((queue, body))

    def _accept(self, request_key: str, promise: str) -> None:
        self.requests.append((request_key, promise))

    def submit(self) -> None:
        """A job over one new picture."""
        api, data = self.api(), b"good picture"
        dataset_id = datasets.create(api, TENANT, CreateDataset(name="set")).dataset_id
        template_id = templates.create(api, TENANT, dataset_id, TEMPLATES[0]).template_id
        upload = Upload(name="picture.jpg", size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
        (ticket,) = uploads.announce(api, TENANT, dataset_id, RequestUploads(files=(upload,))).items
        self.uploads.objects[keys.upload(TENANT, dataset_id, ticket.image_id)] = data
        arrived = IngestUpload(tenant=TENANT, dataset_id=dataset_id, image_id=ticket.image_id)
        assert self.open((QueueName.INGEST, arrived))
        asked = {"templates": [template_id], "layers": [{"region": template_id, "edits": {"hue": 40}}]}
        submissions.submit(api, TENANT, dataset_id, None, SubmitJob(recipe=Recipe.model_validate(asked)))

    def open(self, letter: Letter) -> bool:
        """Let a function see to a letter; whether it has."""
        return self._succeeds(self._handler(letter[0]), letter[1])

    def go_on(self) -> None:
        """Let the model answer, or open the next letter; one that was not dealt with comes again."""
        if self.requests:
            self.platform.run(*self.requests.pop())
        else:
            letter = self.letters.pop(0)
            if not self.open(letter):
                self.letters.append(letter)
                self.wait()

    def wait(self) -> None:
        """Let as much time pass as a letter takes to come again: the lease of a run that died is over by then."""
        self.world.now_s += FINISH_LEASE_S

    def go_to_the_end(self) -> None:
        for _ in range(100):
            if not self.letters and not self.requests:
                return
            self.go_on()
        self.invariants.violations.append(f"{self.letters[:3]} come again and again")

    def look(self) -> bool:
        """The sweep finds the job due."""
        self._sweep()
        return True

    def cancel(self) -> bool:
        """A user cancels, and asks again if there is no answer."""
        (job,) = self.jobs_there()
        try:
            jobs.cancel(self.api(), TENANT, job.job.job_id)
        except Conflict:
            return True  # it has ended
        except (Crash, Unavailable):
            return False
        return True

    def jobs_there(self) -> list[rows.JobState]:
        return [rows.job_of(row) for key, row in self.table.rows.items() if key.sk.startswith(rows.JOB_PREFIX)]


@dataclass(frozen=True)
class Kept:
    """A scene to go on from, again and again."""

    now_s: float
    rows: dict[Key, FrozenRow]
    objects: list[dict[str, bytes]]
    letter: Letter  # that both functions are about
    letters: list[Letter]  # the others
    jobs_of: dict[str, set[str]]

    def scene(self) -> Scene:
        scene = Scene(Turns(1), letters=list(self.letters))
        scene.world.now_s = self.now_s
        for key, row in self.rows.items():
            scene.table.rows[key] = row
        for bucket, objects in zip((scene.uploads, scene.media, scene.work), self.objects, strict=True):
            bucket.objects.update(objects)
        scene.invariants.jobs_of = {name: set(ids) for name, ids in self.jobs_of.items()}
        return scene


def before(queue: QueueName, *, later: bool = False) -> Kept:
    """A scene in which the next letter is one for this function."""
    scene = Scene(Turns(1))
    scene.submit()
    while not scene.letters or scene.letters[0][0] is not queue:
        scene.go_on()
    return Kept(
        scene.world.now_s + (LATER_S if later else 0.0),
        dict(scene.table.rows),
        [dict(bucket.objects) for bucket in (scene.uploads, scene.media, scene.work)],
        scene.letters[0],
        scene.letters[1:],
        scene.invariants.jobs_of,
    )


Deed = Callable[[Scene], bool]


def played(kept: Kept, deeds: tuple[Deed, Deed], choices: list[Choice]) -> tuple[list[list[Choice]], list[str]]:
    """Play a schedule that begins with these choices; the choices that there were at each step, and the violations."""
    scene = kept.scene()
    done = [False, False]

    def perform(number: int) -> None:
        done[number] = deeds[number](scene)

    hands = [Hand(partial(perform, number)) for number in range(2)]
    for hand in hands:
        hand.switch()
    options: list[list[Choice]] = []
    has_died = False
    while live := [number for number, hand in enumerate(hands) if not hand.dead]:
        here = [(number, False) for number in live] + ([] if has_died else [(number, True) for number in live])
        options.append(here)
        number, dies = choices[len(options) - 1] if len(options) <= len(choices) else here[0]
        hands[number].dies = dies
        has_died = has_died or dies
        hands[number].switch()
    for number in range(2):
        for _ in range(5):
            done[number] = done[number] or deeds[number](scene)
            if not done[number]:
                scene.wait()
    scene.go_to_the_end()
    found = [*scene.invariants.violations, *scene.ledger.violations, *scene.invariants.at_rest([])]
    return options, found


def schedules(kept: Kept, deeds: tuple[Deed, Deed]) -> Iterator[tuple[list[Choice], list[str]]]:
    """Every schedule of two deeds, with what it violated."""
    choices: list[Choice] = []
    while True:
        options, violations = played(kept, deeds, choices)
        taken = choices + [here[0] for here in options[len(choices) :]]
        yield taken, violations
        while taken and options[len(taken) - 1].index(taken[-1]) == len(options[len(taken) - 1]) - 1:
            taken.pop()
        if not taken:
            return
        here = options[len(taken) - 1]
        choices = [*taken[:-1], here[here.index(taken[-1]) + 1]]
