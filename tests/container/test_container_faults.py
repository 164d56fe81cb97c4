"""Faults that are ordered by pictures, each tried on the real process: what a caller of the endpoint sees of them."""

import http.client
import json
import time

import numpy as np
import pytest

from inference_container.faults import MARK_PX, SLOW_S, Fault, fault_of, marked
from maskmill.core.errors import Code
from maskmill.core.shard import ShardAnswer
from tests.container.conftest import Begin, Start
from tests.container.pictures import SIZE, blob, click, png, request, task
from tests.container.process import Objects, Server
from tests.container.talk import Reply

pytestmark = pytest.mark.enable_socket

IMAGE, TRUTH = blob()
SHARD = request(task("good", SIZE, click(TRUTH)), task("odd", SIZE, click(TRUTH)), segmenter="classic-1")


@pytest.fixture
def faulty(begin: Begin, objects: Objects) -> Server:
    objects.objects["/pictures/good.png"] = png(IMAGE)
    server = begin(SEGMENTER="classic", FAULTS="1")
    server.ping_until(status=200)
    return server


def asked(server: Server, objects: Objects, fault: Fault, *, timeout_s: float = 30) -> Reply:
    """The answer about a good image and one that orders a fault."""
    objects.objects["/pictures/odd.png"] = png(marked(IMAGE, fault))
    return server.call("POST", "/invocations", SHARD.model_dump_json(), timeout_s=timeout_s)


def test_each_fault_has_a_mark_of_its_own() -> None:
    assert len({fault.colour for fault in Fault}) == len(Fault)
    assert all(fault_of(marked(IMAGE, fault)) is fault for fault in Fault)
    assert all(max(fault.colour) < 256 for fault in Fault)


def test_a_picture_without_a_whole_mark_orders_nothing() -> None:
    almost = marked(IMAGE, Fault.CRASH)
    almost[MARK_PX - 1, MARK_PX - 1, 2] ^= 1
    assert fault_of(almost) is None
    assert fault_of(IMAGE) is None
    assert fault_of(np.full((4, 4, 3), Fault.CRASH.colour, np.uint8)) is None


def test_a_server_that_allows_no_faults_answers_marked_pictures(start: Start) -> None:
    server = start()
    server.source.put("s3://pictures/odd.png", png(marked(IMAGE, Fault.CRASH)))
    assert server.invoke(request(task("odd", SIZE))).images[0].error is None


def test_a_crash_ends_the_process_without_an_answer(faulty: Server, objects: Objects) -> None:
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        asked(faulty, objects, Fault.CRASH)
    assert faulty.process.wait(10) not in (0, None)


def test_a_hang_never_answers_while_pings_do(faulty: Server, objects: Objects) -> None:
    with pytest.raises(TimeoutError):
        asked(faulty, objects, Fault.HANG, timeout_s=SLOW_S + 1)
    assert faulty.call("GET", "/ping").status == 200


def test_a_slow_server_answers_in_the_end(faulty: Server, objects: Objects) -> None:
    began = time.monotonic()
    reply = asked(faulty, objects, Fault.SLOW)
    assert time.monotonic() - began > SLOW_S
    assert all(image.error is None for image in ShardAnswer.model_validate_json(reply.body).images)


@pytest.mark.parametrize("fault", [Fault.GARBAGE, Fault.SHORT])
def test_garbage_is_no_json(faulty: Server, objects: Objects, fault: Fault) -> None:
    reply = asked(faulty, objects, fault)
    assert reply.status == 200
    assert int(reply.headers["content-length"]) == len(reply.body) > 0
    with pytest.raises(ValueError):
        json.loads(reply.body)


def test_an_error_refuses_the_whole_request(faulty: Server, objects: Objects) -> None:
    reply = asked(faulty, objects, Fault.ERROR)
    assert (reply.status, reply.json["code"]) == (500, Code.INTERNAL)


def test_the_other_image_is_answered_honestly(faulty: Server, objects: Objects) -> None:
    """Whatever is wrong about one image's entry, the other's is as it should be."""
    spoilt = {}
    for fault in (Fault.WRONG_KEYS, Fault.MISSING, Fault.FOREIGN, Fault.REFUSED):
        answer = ShardAnswer.model_validate_json(asked(faulty, objects, fault).body)
        images = {image.image_key: image for image in answer.images}
        assert [mask.mask_key for mask in images["good"].masks] == ["good/0"]
        assert images["good"].masks[0].mask.rle.size == SIZE
        spoilt[fault] = images.get("odd")
    assert spoilt[Fault.MISSING] is None
    wrong, foreign, refused = (spoilt[fault] for fault in (Fault.WRONG_KEYS, Fault.FOREIGN, Fault.REFUSED))
    assert wrong is not None and foreign is not None and refused is not None
    assert [mask.mask_key for mask in wrong.masks] == ["foreign-odd/0"]
    assert foreign.masks[0].mask.rle.size != SIZE
    assert (refused.masks, refused.error and refused.error.code) == ((), Code.MODEL_FAILED)
