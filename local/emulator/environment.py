"""What the emulator process is started with: folders, environment, command. It starts nothing itself.

Lambda handlers inherit the emulator's whole environment, so it is built from nothing: no credential, proxy or
setting of the person at the keyboard reaches a handler, and no handler works only because of one.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ACCOUNT = "000000000000"
REGION = "us-east-1"
DEPLOYED_FILE = "sagemaker.json"
STATE_VARIABLE = "MASKMILL_LOCAL_STATE"
MODEL_VARIABLE = "MASKMILL_LOCAL_MODEL"
REPOSITORY = Path(__file__).resolve().parents[2]
SHIM = Path(__file__).parent / "shim"


@dataclass(frozen=True, slots=True)
class EmulatorSettings:
    """Where the emulator listens, keeps its files and sends the endpoint calls of Lambda functions.

    `model_url` is that of the model server, which stands for every function that is a container image. `listens_on` is
    an address of this machine; others than loopback are for a container, whose ports its owner publishes or does not.
    """

    state: Path
    python: Path
    port: int = 4566
    listens_on: str = "127.0.0.1"
    endpoint_url: str | None = None
    model_url: str | None = None
    node: Path | None = None  # runs the functions of distributions; None: the machine's
    keeps_state: bool = False
    function_environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def health_url(self) -> str:
        return f"{self.url}/_ministack/health"

    @property
    def deployed_file(self) -> Path:
        """The SageMaker resources of the deployed stacks; the endpoint stand-in reads them here."""
        return self.state / DEPLOYED_FILE


def emulator_command(settings: EmulatorSettings) -> list[str]:
    """Run it from the repository root: `-m` finds `local` there, and Lambda handlers do not see that folder."""
    return [str(settings.python), "-m", "local.emulator"]


def emulator_environment(settings: EmulatorSettings) -> dict[str, str]:
    """The complete environment of the emulator and, through it, of every Lambda handler."""
    state = settings.state.resolve()
    tools = [settings.python, *([settings.node] if settings.node else [])]
    environment = {
        "PATH": os.pathsep.join([*(str(place.parent) for place in tools), "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": str(state / "home"),
        "LANG": "C.UTF-8",
        "TMPDIR": str(state / "tmp"),
        "PYTHONPATH": str(SHIM),
        "AUTH": "true",
        "BIND_HOST": settings.listens_on,
        "GATEWAY_PORT": str(settings.port),
        "LOG_LEVEL": "WARNING",
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        "STATE_DIR": str(state / "emulator"),
        "S3_DATA_DIR": str(state / "objects"),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        STATE_VARIABLE: str(state),
        **settings.function_environment,
    }
    if settings.keeps_state:
        environment |= {"PERSIST_STATE": "1", "S3_PERSIST": "1"}
    if settings.model_url:
        environment[MODEL_VARIABLE] = settings.model_url
    if settings.endpoint_url:
        environment["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"] = settings.endpoint_url
    return environment


def prepare_folders(settings: EmulatorSettings) -> None:
    """Make the folders that the environment names; without kept state, what an earlier run left there goes first.

    That includes the endpoint's queue: its requests name objects of an emulator that is gone.
    """
    if not settings.keeps_state:
        for folder in ("tmp", "emulator", "objects", "endpoint"):
            shutil.rmtree(settings.state / folder, ignore_errors=True)
        settings.deployed_file.unlink(missing_ok=True)
    for folder in ("home", "tmp", "emulator", "objects", "logs"):
        (settings.state / folder).mkdir(parents=True, exist_ok=True)


def api_url(emulator_url: str, api_id: str) -> str:
    """Where an HTTP API answers. Its own name under `execute-api.localhost` resolves in browsers only."""
    return f"{emulator_url}/_aws/execute-api/{api_id}/$default"
