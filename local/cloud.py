"""The whole cloud of a laptop, started in order: emulator, deployed stacks, endpoint stand-in, model server.

What can be done at the same time is done at the same time; every step is timed. It knows no job and no photo.
"""

import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from infra.config import LOCAL
from infra.make_bundles import make as make_bundles
from local import cdk
from local.accounts import Pool, make_profile
from local.cdk import Cdk
from local.emulator.environment import (
    REPOSITORY,
    EmulatorSettings,
    api_url,
    emulator_command,
    emulator_environment,
    prepare_folders,
)
from local.emulator.patches.one_click import DEMO_USER
from local.emulator.patches.one_click import PATH as SIGN_IN_PATH
from local.emulator.venv import ensure_venv
from local.endpoint.deployed import read_endpoints
from local.endpoint.instance import Scaling
from local.endpoint.launch import EndpointSettings, endpoint_command, endpoint_environment, model_environment
from local.models import LocalModel
from local.node import Node, find_node, install_cdk
from local.packages import lay_out, packaged
from local.page import build_page, sources_digest
from local.processes import Command, Process, Processes, free_port
from local.shortfall import of_assembly
from maskmill.client.session import Profile

EMULATOR_PORT, ENDPOINT_PORT, MODEL_PORT = 4566, 8899, 8080
SOURCES = (
    "cdk.json",
    "infra",
    "lambdas",
    "maskmill",
    "requirements/lambda-control.txt",
    "requirements/lambda-exports.txt",
    "requirements/lambda-imaging.txt",
)
PROFILE = "profile.json"
RUNNING = "emulator.url"  # where the last run's emulator answers


@dataclass(slots=True)
class Steps:
    """How long each step took, in seconds, and who is told when one begins."""

    tell: Callable[[str], None] = print
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        self.tell(f"{name} …")
        yield
        self.seconds[name] = time.monotonic() - began


@dataclass(slots=True)
class Laptop:
    """A running cloud: where it is, what was deployed, and the processes that a test may kill."""

    state: Path
    emulator_url: str
    endpoint: EndpointSettings
    outputs: dict[str, str]
    emulator: Process
    stand_in: Process
    model: Process
    steps: Steps

    @property
    def api_url(self) -> str:
        return api_url(self.emulator_url, self.outputs["ApiId"])

    @property
    def page_url(self) -> str:
        """Where a browser opens the page. Its name is that of this machine in browsers alone."""
        return self.outputs["PageUrl"]

    def sign_in(self, user: str, path: Path | None = None) -> Profile:
        """A profile of a user of the local pool, written to `path` (default: the state folder's own profile)."""
        pool = Pool(self.emulator_url, self.outputs["UserPoolId"], self.outputs["UserPoolClientId"])
        return make_profile(pool, self.api_url, user, path or self.state / PROFILE)


@contextmanager
def laptop(
    state: Path,
    *,
    scaling: Scaling | None = None,
    weights: LocalModel | None = None,
    trusted: Path | None = None,
    listens_on: str = "127.0.0.1",
    tell: Callable[[str], None] = print,
) -> Iterator[Laptop]:
    """Start everything below `state`, and stop it at the end; raises the errors of local.processes and local.cdk.

    The model server works with `weights`, or without any: then it is the classic segmenter. The functions trust the
    authorities in the file `trusted` where one is given, else those of the machine.
    """
    state = state.resolve()
    steps = Steps(tell)
    node = find_node()
    with Processes(state) as processes:
        ports = {name: free_port(port) for name, port in _PORTS.items()}
        emulator = EmulatorSettings(
            state=state,
            python=REPOSITORY / ".venv-emulator" / "bin" / "python",
            node=node.executable,
            port=ports["emulator"],
            listens_on=listens_on,
            endpoint_url=f"http://127.0.0.1:{ports['endpoint']}",
            model_url=f"http://127.0.0.1:{ports['model']}",
            function_environment={} if trusted is None else {"SSL_CERT_FILE": str(trusted.resolve())},
        )
        endpoint = EndpointSettings(
            state=state,
            python=Path(sys.executable),
            emulator_url=emulator.url,
            model_url=f"http://127.0.0.1:{ports['model']}",
            port=ports["endpoint"],
            scaling=scaling or Scaling(),
        )
        prepare_folders(emulator)
        if weights is not None:
            with steps.timed("Packaging the model"):
                weights = packaged(weights, state / "models", tell=tell)
        emulator_process, outputs = _deployed(processes, node, emulator, steps, weights)
        with steps.timed("Starting the endpoint and the model server"):
            stand_in = _start_endpoint(processes, endpoint)
            extra = {"BIND_HOST": "127.0.0.1", "PORT": str(ports["model"])}
            extra |= weights.environment() if weights else {}
            model = _start_model(processes, endpoint, emulator, extra)
        (state / RUNNING).write_text(emulator.url)
        running = Laptop(state, emulator.url, endpoint, outputs, emulator_process, stand_in, model, steps)
        running.sign_in(DEMO_USER)  # as whom the page signs people in
        yield running


_PORTS = {"emulator": EMULATOR_PORT, "endpoint": ENDPOINT_PORT, "model": MODEL_PORT}


def _deployed(
    processes: Processes, node: Node, emulator: EmulatorSettings, steps: Steps, weights: LocalModel | None
) -> tuple[Process, dict[str, str]]:
    """The emulator with all stacks on it, for these weights, and their outputs by name."""
    context = weights.context() if weights else {}
    with ThreadPoolExecutor() as pool:
        page = pool.submit(build_page, node)
        with steps.timed("Installing the CDK command line and the emulator"):
            script = pool.submit(
                install_cdk, REPOSITORY / "build" / "node", node, log=emulator.state / "logs" / "npm.log"
            )
            python = pool.submit(ensure_venv, emulator.python.parent.parent)
            app = Cdk(
                node=node,
                script=script.result(),
                app=f"{sys.executable} -m infra.app",
                folder=REPOSITORY,
                state=emulator.state,
                emulator_url=emulator.url,
                context={"stage": LOCAL.name, "emulator": emulator.url, "sign_in_path": SIGN_IN_PATH, **context},
            )
            python.result()
        with steps.timed("Building the page, synthesising the stacks and starting the emulator"):
            synthesised = pool.submit(_synthesise, app, page)
            process = _start_emulator(processes, emulator)
            cdk.bootstrap(app, progress=_silent)
            synthesised.result()
    with steps.timed("Deploying the stacks"):
        if weights is not None:
            lay_out(weights, emulator.url)
        found = cdk.deploy(app, synthesized=True, progress=_silent)
    steps.tell("Of these stacks, this machine does not hold all that AWS does:")
    for line in of_assembly(app.assembly):
        steps.tell(f"  {line}")
    return process, {name: value for outputs in found.values() for name, value in outputs.items()}


def _silent(line: str) -> None:
    """The steps tell enough."""


def _synthesise(app: Cdk, page: Future[Path]) -> None:
    """Write the templates, unless nothing that they are made from has changed since they were written."""
    stamp = app.state / "synthesised"
    digest = _sources_digest(app.context)
    if stamp.exists() and stamp.read_text() == digest and (app.assembly / "manifest.json").exists():
        return
    stamp.unlink(missing_ok=True)
    make_bundles(LOCAL)  # here, where the installer finds this person's package index
    page.result()
    cdk.synth(app, progress=_silent)
    stamp.write_text(digest)


def _sources_digest(context: Mapping[str, str]) -> str:
    digest = hashlib.sha256(f"{sys.version}\0{sorted(context.items())}\0{sources_digest()}".encode())
    for name in SOURCES:
        place = REPOSITORY / name
        files = [place] if place.is_file() else sorted(place.rglob("*.py"))
        for file in files:
            digest.update(f"{file.relative_to(REPOSITORY)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def _start_emulator(processes: Processes, settings: EmulatorSettings) -> Process:
    command = Command("emulator", emulator_command(settings), emulator_environment(settings), REPOSITORY)
    process = processes.start(command)
    process.wait_until_healthy(settings.health_url)
    return process


def _start_endpoint(processes: Processes, settings: EndpointSettings) -> Process:
    command = Command("endpoint", endpoint_command(settings), endpoint_environment(settings), REPOSITORY)
    process = processes.start(command)
    process.wait_until_healthy(settings.health_url)
    return process


def _start_model(
    processes: Processes, settings: EndpointSettings, emulator: EmulatorSettings, extra: Mapping[str, str]
) -> Process:
    deployed = next(iter(read_endpoints(emulator.deployed_file).values()))
    path = os.pathsep.join([str(settings.python.parent), "/usr/local/bin", "/usr/bin", "/bin"])
    environment = model_environment(deployed, settings, path=path, extra=extra)
    arguments = [str(settings.python), "-m", "inference_container.server", "serve"]
    process = processes.start(Command("model", arguments, environment, REPOSITORY))
    process.wait_until_healthy(f"{settings.model_url}/ping", timeout_s=120.0)
    return process
