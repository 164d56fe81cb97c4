"""The routes of a dataset's images: announce, list, read, and what is answered at once about one image."""

from __future__ import annotations

from lambdas.serve_api import bodies, images, segmenting, uploads
from lambdas.serve_api.routes.call import CURSOR, LIMIT, Call, Param, Reply, Route
from maskmill.core.api import (
    EmbeddingView,
    Everything,
    FindEverything,
    ImageView,
    Page,
    RequestUploads,
    Segmentation,
    SegmentImage,
    UploadTickets,
)
from maskmill.core.errors import Code
from maskmill.core.image import ImageStatus

ASKING_CODES = (Code.CONFLICT, Code.MODEL_FAILED, Code.MODEL_TIMEOUT, Code.QUOTA_EXCEEDED, Code.SPENDING_STOPPED)
LANE_CODES = (*ASKING_CODES, Code.MODEL_UNAVAILABLE, Code.ANSWER_TOO_LARGE)


def _announce(call: Call) -> Reply:
    body = bodies.read(call.body(), RequestUploads, uploads.code_for)
    return Reply(201, uploads.announce(call.ports, call.tenant, call.dataset, body))


def _list(call: Call) -> Reply:
    status = call.choice("status", ImageStatus)
    page = images.listed(call.ports, call.tenant, call.dataset, status=status, cursor=call.cursor, limit=call.limit())
    return Reply(200, page)


def _read(call: Call) -> Reply:
    return Reply(200, images.read(call.ports, call.tenant, call.dataset, call.image))


def _remove(call: Call) -> Reply:
    images.remove(call.ports, call.tenant, call.dataset, call.image)
    return Reply(202)


def _segment(call: Call) -> Reply:
    body = bodies.read(call.body(), SegmentImage)
    return Reply(200, segmenting.segment(call.ports, call.tenant, call.dataset, call.image, body))


def _find_everything(call: Call) -> Reply:
    body = bodies.read(call.body(), FindEverything)
    return Reply(200, segmenting.find_everything(call.ports, call.tenant, call.dataset, call.image, body))


def _read_embedding(call: Call) -> Reply:
    view = segmenting.embedding(call.ports, call.tenant, call.dataset, call.image)
    return Reply(200 if view.url else 202, view)


ROUTES = (
    Route(
        method="POST",
        path="/datasets/<dataset>/uploads",
        run=_announce,
        about="Announce files and get a signed form for each",
        body=RequestUploads,
        answers={201: UploadTickets},
        is_spending=True,
        codes=(Code.QUOTA_EXCEEDED, Code.INVALID_FILENAME, Code.FILE_TOO_LARGE),
        is_creating=True,
        is_made_again=True,
    ),
    Route(
        method="GET",
        path="/datasets/<dataset>/images",
        run=_list,
        about="The images of a dataset, in the order in which they were announced",
        query=(Param("status", "only images in this state", choices=ImageStatus), CURSOR, LIMIT),
        answers={200: Page[ImageView]},
    ),
    Route(
        method="GET",
        path="/datasets/<dataset>/images/<image>",
        run=_read,
        about="One image, with what ingest did to it",
        answers={200: ImageView},
    ),
    Route(
        method="DELETE",
        path="/datasets/<dataset>/images/<image>",
        run=_remove,
        about="Take an image out of its dataset; its pictures go when no open job needs them any more",
        answers={202: None},
    ),
    Route(
        method="POST",
        path="/datasets/<dataset>/images/<image>/segment",
        run=_segment,
        about="Find one object, within seconds",
        body=SegmentImage,
        answers={200: Segmentation},
        codes=(Code.NEED_POSITIVE_POINT, *LANE_CODES),
    ),
    Route(
        method="POST",
        path="/datasets/<dataset>/images/<image>/automask",
        run=_find_everything,
        about="Find everything in an image, or what lies under a point of it",
        body=FindEverything,
        answers={200: Everything},
        codes=LANE_CODES,
    ),
    Route(
        method="GET",
        path="/datasets/<dataset>/images/<image>/embedding",
        run=_read_embedding,
        about="The address of the image's embedding, for a decoder in the browser; 202 while it is being made",
        answers={200: EmbeddingView, 202: EmbeddingView},
        codes=ASKING_CODES,
    ),
)
