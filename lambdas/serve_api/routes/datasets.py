"""The routes of datasets."""

from __future__ import annotations

from lambdas.serve_api import bodies, datasets
from lambdas.serve_api.routes.call import CURSOR, LIMIT, PREFIX, Call, Reply, Route
from maskmill.core.api import CreateDataset, DatasetView, Page, PatchDataset
from maskmill.core.errors import Code


def _create(call: Call) -> Reply:
    dataset = datasets.create(call.ports, call.tenant, bodies.read(call.body(), CreateDataset))
    return Reply(201, dataset, {"Location": f"{PREFIX}/datasets/{dataset.dataset_id}"})


def _list(call: Call) -> Reply:
    return Reply(200, datasets.listed(call.ports, call.tenant, cursor=call.cursor, limit=call.limit()))


def _read(call: Call) -> Reply:
    return Reply(200, datasets.read(call.ports, call.tenant, call.dataset))


def _change(call: Call) -> Reply:
    return Reply(200, datasets.change(call.ports, call.tenant, call.dataset, bodies.read(call.body(), PatchDataset)))


def _remove(call: Call) -> Reply:
    return Reply(202, datasets.remove(call.ports, call.tenant, call.dataset))


ROUTES = (
    Route(
        method="POST",
        path="/datasets",
        run=_create,
        about="Create a dataset",
        body=CreateDataset,
        answers={201: DatasetView},
        codes=(Code.QUOTA_EXCEEDED,),
        is_creating=True,
        locates=True,
    ),
    Route(
        method="GET",
        path="/datasets",
        run=_list,
        about="The datasets, in the order in which they were made",
        query=(CURSOR, LIMIT),
        answers={200: Page[DatasetView]},
    ),
    Route(
        method="GET",
        path="/datasets/<dataset>",
        run=_read,
        about="One dataset",
        answers={200: DatasetView},
    ),
    Route(
        method="PATCH",
        path="/datasets/<dataset>",
        run=_change,
        about="Give a dataset another name or another end",
        body=PatchDataset,
        answers={200: DatasetView},
    ),
    Route(
        method="DELETE",
        path="/datasets/<dataset>",
        run=_remove,
        about="Remove a dataset with everything that was made of it, also while jobs run; nothing of it is seen again",
        answers={202: DatasetView},
    ),
)
