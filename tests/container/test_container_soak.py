"""A model server at work for a while: memory, threads and files stay, and the model is what the time goes into.

Short runs of benchmarks/server.py, with random weights: how long a model takes does not depend on what it has learnt.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the SAM engines are not installed")
if importlib.util.find_spec("segment_anything") is None:
    pytest.skip("the SAM engines are not installed", allow_module_level=True)

from benchmarks.server import TUNABLES, Workload, footprint, run_server, run_small, serving  # noqa: E402
from inference_container.segmenters.architectures import ARCHITECTURES, build_sam  # noqa: E402
from maskmill.core.engines import Engine  # noqa: E402
from tests.container.process import REPOSITORY, Server  # noqa: E402

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workload, Server, str]]:
    folder = tmp_path_factory.mktemp("soak")
    torch.save(build_sam(ARCHITECTURES[Engine.SAM_TEST]).state_dict(), folder / "random.pth")
    workload = Workload(folder / "random.pth", images=100, templates=2)
    with serving(workload, folder) as (server, version):
        yield workload, server, version


def test_memory_is_flat_and_the_model_is_busy(served: tuple[Workload, Server, str]) -> None:
    workload, server, version = served
    run = run_server(workload, server, version)
    assert run.drift(settled=50) < 0.05
    assert run.model_s / run.seconds > 0.5  # 0.9 and more on a machine that does nothing else: make bench-server


def test_small_requests_leave_nothing_behind(served: tuple[Workload, Server, str]) -> None:
    _, server, version = served
    run_small(server, version, 50)
    before = footprint(server.process.pid)
    run_small(server, version, 150)
    after = footprint(server.process.pid)
    assert after.rss_bytes < before.rss_bytes * 1.03
    assert after.threads == before.threads
    assert abs(after.files - before.files) <= 2  # a connection may be on its way
    assert server.call("GET", "/stats").json["embedding_hits_memory"] >= 150


def test_the_allocator_of_the_image_is_the_one_that_is_measured() -> None:
    assert f"GLIBC_TUNABLES={TUNABLES}" in (Path(REPOSITORY) / "inference_container" / "Dockerfile").read_text()
