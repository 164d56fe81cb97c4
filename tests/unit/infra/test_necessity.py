"""Every right of every function is used by its code, and its code uses nothing that it has no right to.

The tables say which right stands behind which call of a port; the code is read, not run.
"""

from __future__ import annotations

import fnmatch
import inspect
import re

import pytest

from infra import shapes
from infra.shapes import Shape
from maskmill.core import keys, messages, rows
from tests.unit.infra.cloud import Cloud, grants
from tests.unit.infra.test_access import (
    BUILT,
    PRIVATE_KEY,
    PUBLIC_KEY,
    changes,
    log_of,
    receive,
    sockets,
    traces_of,
    unnamed,
)
from tests.unit.infra.uses import UNKNOWN, Source, source_of

VERBS = [value.verb for value in vars(shapes).values() if isinstance(value, Shape)]
BUCKETS = {"media": "Media", "uploads": "Uploads", "work": "Work"}

# The method of a port, and the actions that its adapter in lambdas/aws takes for it.
OBJECT_ACTIONS = {
    "get": {"s3:GetObject"},
    "head": {"s3:GetObject"},
    "put": {"s3:PutObject"},
    "put_first": {"s3:PutObject"},
    "stream": {"s3:PutObject", "s3:AbortMultipartUpload"},
    "delete": {"s3:DeleteObject"},
}
DOORS = {"upload": ("Uploads", "s3:PutObject"), "download": ("Media", "s3:GetObject")}
ROW_ACTIONS = {"Put": "dynamodb:PutItem", "Update": "dynamodb:UpdateItem", "Delete": "dynamodb:DeleteItem"}
TABLE_ACTIONS = {
    "get": "dynamodb:GetItem",
    "get_all": "dynamodb:BatchGetItem",
    "create_all": "dynamodb:PutItem",  # a transaction asks for the rights of what it does
}
OF_THE_STREAM = {"push_progress"}  # which the table's stream wakes
SOCKETS = {"send": "POST", "close": "DELETE"}
SITE = {
    "names": {("s3:ListBucket", "<Site.Arn>")},
    "read": {("s3:GetObject", "<Site.Arn>/file"), ("s3:ListBucket", "<Site.Arn>")},
    "write": {("s3:PutObject", "<Site.Arn>/file")},
    "remove": {("s3:DeleteObject", "<Site.Arn>/file")},
}
VAULT = {
    "secret": {("ssm:GetParameter", PRIVATE_KEY)},
    "lock": {("ssm:PutParameter", PRIVATE_KEY)},
    "show": {("ssm:PutParameter", PUBLIC_KEY)},
    "shown": {("ssm:GetParameter", PUBLIC_KEY)},
    "forget": {("ssm:DeleteParameter", PRIVATE_KEY), ("ssm:DeleteParameter", PUBLIC_KEY)},
}
READS = {"get", "head"}  # of which a function wants to hear that there is nothing

# One key of each kind.
KEYS = {
    "upload": keys.upload("a", "b", "c"),
    "normal": keys.normal("a", "b"),
    "thumbnail": keys.thumbnail("a", "b"),
    "mask": keys.mask("a", "b", "c"),
    "embedding": keys.embedding("a", "b", "c"),
    "automask": keys.automask("a", "b", "c"),
    "label_png": keys.label_png("a", "b", "c"),
    "label_rle": keys.label_rle("a", "b", "c"),
    "variant": keys.variant("a", "b", "c", "png"),
    "variant_record": keys.variant_record("a", "b", "c"),
    "variant_thumbnail": keys.variant_thumbnail("a", "b", "c"),
    "result": keys.result("a", "b", "c"),
    "plan": keys.plan("a", "b"),
    "chunk": keys.chunk("a", "b", 1),
    "dataset_file": keys.dataset_file("a", "b", keys.MANIFEST),
    "export_file": keys.export_file("a", "b", "c", "d"),
    "request": keys.request("a", "b", "c"),
    "answer": "async/" + keys.answer_folder("a", "b") + "/c.json",
    "failure": "async-failed/" + keys.answer_folder("a", "b") + "/c.json",
}

# Keys that come with a message, lie in a row or are handed through a list: what the calls with such a key name.
ELSEWHERE = {
    ("serve_api", "media", "get"): {"result"},  # long results, named by their rows
    ("collect_masks", "work", "get"): {"request", "answer", "failure"},  # named by the endpoint's notification
    ("collect_masks", "work", "head"): {"answer", "failure"},
    ("collect_masks", "media", "put_first"): {"mask"},  # long facts, as their names say
    ("render_item", "media", "get"): {"result", "mask", "label_rle", "variant_record"},
    ("render_item", "media", "put_first"): {"label_rle", "variant_record"},
    ("finish_job", "media", "get"): {"result", "label_rle"},
    ("export_dataset", "media", "get"): {"result", "normal", "label_png", "label_rle", "variant"},  # the parts' lists
    ("sweep", "work", "head"): {"answer", "failure"},  # promised by the endpoint, kept in the chunk's row
}


# What lies in the folders that are cleared, whatever bucket has them.
FOLDERS = {
    "uploads_folder": {"Uploads": ("upload",)},
    "picture_folder": {"Media": ("normal", "mask", "embedding", "label_png", "variant")},
    "job_folder": {"Media": ("plan", "chunk", "dataset_file"), "Work": ("request",)},
    "answer_folders": {"Work": ("answer", "failure")},
}


def needed(verb: str) -> set[tuple[str, str]]:
    """Pairs of an action and what it is done to: an object as `<Bucket>/<key>`, anything else by the grants' names."""
    source = source_of(verb)
    return _objects(verb, source) | _rows(source) | _calls(source) | _published(source)


def _objects(verb: str, source: Source) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for use in source.uses():
        if use.port == "doors":
            bucket, action = DOORS[use.method]
            found.add((action, f"<{bucket}.Arn>/{KEYS[use.key]}"))
        elif use.port in BUCKETS and use.method in OBJECT_ACTIONS:
            arn = f"<{BUCKETS[use.port]}.Arn>"
            kinds = ELSEWHERE[verb, use.port, use.method] if use.key == UNKNOWN else {use.key}
            found |= {(action, f"{arn}/{KEYS[kind]}") for action in OBJECT_ACTIONS[use.method] for kind in kinds}
            found |= {("s3:ListBucket", arn)} if use.method in READS else set()
    return found | _cleared(source)


def _published(source: Source) -> set[tuple[str, str]]:
    laid = {pair for use in source.uses() if use.port == "site" for pair in SITE[use.method]}
    unpacked = any(use.port == "archives" for use in source.uses())
    locked = {pair for use in source.uses() if use.port == "vault" for pair in VAULT[use.method]}
    return laid | locked | ({("s3:GetObject", BUILT)} if unpacked else set())


def _cleared(source: Source) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    if "delete_some" not in source.attributes():
        return found  # it only asks where something lies
    for folder in source.mentions("keys") & FOLDERS.keys():
        for bucket, kinds in FOLDERS[folder].items():
            arn = f"<{bucket}.Arn>"
            found |= {("s3:ListBucket", arn), *(("s3:DeleteObject", f"{arn}/{KEYS[kind]}") for kind in kinds)}
    return found


def _rows(source: Source) -> set[tuple[str, str]]:
    builders = [getattr(rows, name) for name in source.mentions("rows")]
    given = [str(inspect.get_annotations(made).get("return")) for made in builders if inspect.isfunction(made)]
    kinds = {kind for text in given for kind in re.findall(r"\w+", text)}
    actions = {ROW_ACTIONS[kind] for kind in kinds if kind in ROW_ACTIONS}
    actions |= {
        TABLE_ACTIONS[use.method] for use in source.uses() if use.port == "table" and use.method in TABLE_ACTIONS
    }
    tables = {f"<Table.Arn>/index/{index.lower()}" if index else "<Table.Arn>" for index in source.queries()}
    return {(action, "<Table.Arn>") for action in actions} | {("dynamodb:Query", table) for table in tables}


def _calls(source: Source) -> set[tuple[str, str]]:
    made = source.made()
    sends = any(use.port == "queues" for use in source.uses())
    found = {
        ("sqs:SendMessage", f"<{queue.value.capitalize()}Queue/Queue.Arn>")
        for kind, queue in messages.QUEUE_OF.items()
        if sends and kind.__name__ in made
    }
    if any(use.port == "endpoint" and use.method == "invoke" for use in source.uses()):
        found.add(("sagemaker:InvokeEndpointAsync", "endpoint"))
    methods = {SOCKETS[use.method] for use in source.uses() if use.port == "sockets"}
    found |= {("execute-api:ManageConnections", f"sockets {method}") for method in methods}
    if any(use.port == "lane" for use in source.uses()):
        found.add(("lambda:InvokeFunction", "lane"))
    return found


def granted(cloud: Cloud, verb: str) -> set[tuple[str, str]]:
    """The rights of a function, short of its log and of what Lambda needs to bring it its messages."""
    name = "".join(word.capitalize() for word in verb.split("_"))
    queues = {resource for action, resource in grants(cloud, f"{name}/Role") if action == "sqs:ReceiveMessage"}
    brought = receive(*(queue.strip("<>").removesuffix(".Arn") for queue in queues))
    streamed = changes() if verb in OF_THE_STREAM else set()
    rest = unnamed(grants(cloud, f"{name}/Role")) - log_of(name) - traces_of(name) - brought - streamed
    called = {"sagemaker:InvokeEndpointAsync": "endpoint", "lambda:InvokeFunction": "lane"}
    named = {right: f"sockets {method}" for method in SOCKETS.values() for right in sockets(method)}
    return {(right[0], named.get(right, called.get(*right))) for right in rest}


def covers(right: tuple[str, str], need: tuple[str, str]) -> bool:
    return right[0] == need[0] and fnmatch.fnmatchcase(need[1], right[1].replace("[", "[[]"))


@pytest.mark.parametrize("verb", VERBS)
def test_every_right_is_used(prod: Cloud, verb: str) -> None:
    needs = needed(verb)
    assert {right for right in granted(prod, verb) if not any(covers(right, need) for need in needs)} == set()


@pytest.mark.parametrize("verb", VERBS)
def test_nothing_is_used_without_a_right(prod: Cloud, verb: str) -> None:
    rights = granted(prod, verb)
    assert {need for need in needed(verb) if not any(covers(right, need) for right in rights)} == set()


def test_a_call_is_followed_to_the_key_that_it_names() -> None:
    """A canary of the reader itself: through an assignment, a helper's result, and a parameter."""
    uses = {(use.port, use.method, use.key) for verb in VERBS for use in source_of(verb).uses()}
    assert {
        ("media", "put_first", "plan"),
        ("media", "stream", "dataset_file"),
        ("media", "put", "label_png"),
        ("doors", "download", "dataset_file"),
        ("work", "get", UNKNOWN),
    } <= uses
