"""The image without Docker: the Dockerfile's own instructions in a clean environment, and the server started from it.

They are followed in a folder that holds only what the Dockerfile copies: COPY copies, RUN runs (with the folder of
Python's library replaced by that of a virtual environment), ENV sets, ENTRYPOINT and CMD start. The engines with
weights take minutes to install: MASKMILL_TEST_IMAGE=cpu adds them.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from maskmill.core.errors import Code
from maskmill.core.shard import ShardAnswer
from tests.container.pictures import SIZE, blob, click, png, request, task
from tests.container.process import REPOSITORY, Objects, free_port
from tests.container.talk import Reply, call

pytestmark = [pytest.mark.enable_socket, pytest.mark.slow]

DOCKERFILE = REPOSITORY / "inference_container" / "Dockerfile"
WEIGHTS = REPOSITORY / "tests" / "sam_test"
IMAGE_LIBRARY = "/usr/local/lib/python3.11"
IMAGE_FOLDER = "/opt/maskmill"
ENGINES = ["classic", *filter(None, os.environ.get("MASKMILL_TEST_IMAGE", "").split(","))]
MODELS = {"classic": {"SEGMENTER": "classic"}, "cpu": {"SEGMENTER": "sam-test", "MODEL_DIR": str(WEIGHTS)}}
IMPORTS = {
    "classic": "import cv2, boto3, waitress, simplejpeg, pycocotools.mask",
    "cpu": "import torch, openvino, safetensors, transformers; assert not torch.cuda.is_available()",
}


def stages() -> dict[str, list[tuple[str, str]]]:
    """The instructions of each stage; the first names the stage that it is made from."""
    found: dict[str, list[tuple[str, str]]] = {}
    stage: list[tuple[str, str]] = []
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE)
    for line in filter(None, text.replace("\\\n", " ").splitlines()):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            source, _, name = rest.partition(" AS ")
            stage = found.setdefault(name, [])
            rest = source
        stage.append((word, rest.strip()))
    return found


@dataclass
class Image:
    """What the instructions make of an empty folder and a clean virtual environment, both below `root`."""

    root: Path
    engines: str
    env: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    start: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.root / "image"

    @property
    def environment(self) -> dict[str, str]:
        pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        return {**pip, "PATH": f"{self.root / 'venv' / 'bin'}:/usr/bin:/bin", **self.env}

    def build(self, stage: str, *, until: str = "") -> None:
        """Follow a stage after those that it is made from, up to the stage `until`, which is there already."""
        known = stages()
        (_, source), *own = known[stage]
        source = source.replace("${ENGINES}", self.engines)
        if source in known and source != until:
            self.build(source)
        for word, rest in own:
            self._follow(word, rest)

    def run(self, command: list[str], **env: str) -> str:
        """The output of a command in the image; fails with it when the command does."""
        done = subprocess.run(
            command, env={**self.environment, **env}, cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def _follow(self, word: str, rest: str) -> None:
        if word == "COPY":
            *sources, target = rest.split()
            for source in sources:
                self._copy(REPOSITORY / source, self.folder / target, into=target.endswith("/"))
        elif word == "RUN":
            [library] = (self.root / "venv" / "lib").glob("python3.*")
            self.run(["/bin/sh", "-c", rest.replace(IMAGE_LIBRARY, str(library))], **self.arguments)
        elif word == "ENV":
            entries = shlex.split(rest.replace(IMAGE_FOLDER, str(self.folder)))
            self.env.update(entry.split("=", 1) for entry in entries)
        elif word == "ARG":
            name, _, value = rest.partition("=")
            self.arguments[name] = os.environ.get(name, value)
        elif word in ("ENTRYPOINT", "CMD"):
            self.start += json.loads(rest)
        else:
            assert word in ("LABEL", "WORKDIR", "EXPOSE", "HEALTHCHECK"), f"an instruction that nobody follows: {word}"

    def _copy(self, source: Path, target: Path, *, into: bool) -> None:
        target = target / source.name if into else target
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "Dockerfile*"))
        else:
            shutil.copyfile(source, target)


@pytest.fixture(scope="module", params=ENGINES)
def libraries(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Image:
    """An image of the stage `engines`: all that is installed, and no code."""
    image = Image(tmp_path_factory.mktemp(request.param), request.param)
    image.folder.mkdir()
    subprocess.run([sys.executable, "-m", "venv", str(image.root / "venv")], check=True)
    image.build("engines")
    return image


def finished(libraries: Image, stage: str) -> Image:
    """An image of a last stage, on libraries that are there already."""
    for name in ("maskmill", "inference_container"):
        shutil.rmtree(libraries.folder / name, ignore_errors=True)
    image = Image(libraries.root, libraries.engines, dict(libraries.env))
    image.build(stage, until="engines")
    return image


def test_the_server_starts_from_what_the_image_holds(libraries: Image, objects: Objects) -> None:
    image, (pixels, truth) = finished(libraries, "server"), blob()
    objects.objects["/pictures/good.png"] = png(pixels)
    port = free_port()
    aws = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
    env = {**image.environment, **aws, **MODELS[image.engines]}
    env |= {"AWS_ENDPOINT_URL": objects.url, "PORT": str(port), "BIND_HOST": "127.0.0.1"}
    with (image.root / "log").open("wb") as log:
        process = subprocess.Popen(image.start, env=env, cwd="/", stdout=log, stderr=log)
    try:
        version = _wait_for_ping(port, process, image.root / "log").json["segmenter"]
        shard = request(task("good", SIZE, click(truth)), segmenter=version)
        answer = ShardAnswer.model_validate_json(call(port, "POST", "/invocations", shard.model_dump_json()).body)
        assert answer.images[0].error is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def _wait_for_ping(port: int, process: subprocess.Popen[bytes], log: Path) -> Reply:
    ends_at = time.monotonic() + 60
    while time.monotonic() < ends_at and process.poll() is None:
        try:
            reply = call(port, "GET", "/ping", timeout_s=2)
            if reply.status == 200:
                return reply
            assert reply.json["code"] == Code.MODEL_UNAVAILABLE
        except ConnectionError:
            pass
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def test_all_that_is_imported_was_compiled_and_is_trusted(libraries: Image) -> None:
    """A start finds every module of the image compiled, in files that are not compared with their sources (PEP 552)."""
    image = finished(libraries, "server")
    script = """
import importlib.util, json, pathlib, sys
import inference_container.server
own = [pathlib.Path(m.__file__) for m in list(sys.modules.values()) if getattr(m, "__file__", None)]
own = [p for p in own if p.suffix == ".py" and (str(p).startswith(sys.prefix) or "inference_container" in str(p))]
flags = {str(p): pathlib.Path(importlib.util.cache_from_source(p)).read_bytes()[4:8].hex() for p in own}
print(json.dumps(flags))
"""
    flags = json.loads(image.run(["python", "-c", script]))
    assert len(flags) > 200
    assert {path: flag for path, flag in flags.items() if flag != "01000000"} == {}


def test_a_function_finds_its_entry_in_the_image(libraries: Image) -> None:
    image = finished(libraries, "lane")
    assert image.start == ["python", "-m", "awslambdaric", "inference_container.lane.handler"]
    image.run(["python", "-c", "import awslambdaric.bootstrap, inference_container.lane as lane; lane.handler"])


def test_the_image_holds_the_libraries_of_its_engines(libraries: Image) -> None:
    libraries.run(["python", "-c", IMPORTS[libraries.engines]])
    installed = libraries.run(["python", "-m", "pip", "list", "--format", "freeze"])
    assert ("torch==" in installed) == (libraries.engines != "classic")
