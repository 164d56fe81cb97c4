"""Commands and environments of the endpoint stand-in and of the model server behind it. It starts nothing itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.emulator.environment import REGION
from local.endpoint.deployed import DeployedEndpoint
from local.endpoint.instance import Scaling

# As in the model server's image: the pages that torch and numpy free are kept and used again.
ALLOCATOR = "glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=8589934592:glibc.malloc.arena_max=1"


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """Where the stand-in listens, what stands behind and before it, and how it scales to zero."""

    state: Path
    python: Path
    emulator_url: str
    model_url: str
    port: int = 8899
    scaling: Scaling = field(default_factory=Scaling)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def health_url(self) -> str:
        return f"{self.url}/ping"


def endpoint_command(settings: EndpointSettings) -> list[str]:
    """Run it from the repository root with `endpoint_environment`."""
    scaling = settings.scaling
    command = [
        str(settings.python), "-m", "local.endpoint", "--state", str(settings.state), "--port", str(settings.port),
        "--emulator", settings.emulator_url, "--model", settings.model_url, "--wake-delay", str(scaling.wake_delay_s),
        "--model-log", str(settings.state / "logs" / "model.log"),
    ]  # fmt: skip
    if not scaling.starts_awake:
        command.append("--asleep")
    if scaling.idle_s is not None:
        command += ["--idle", str(scaling.idle_s)]
    return command


def endpoint_environment(settings: EndpointSettings) -> dict[str, str]:
    """Nothing of the person's environment: the stand-in needs no key but the role's sessions."""
    return {
        "PATH": f"{settings.python.parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(settings.state.resolve() / "home"),
        "LANG": "C.UTF-8",
    }


def model_environment(
    endpoint: DeployedEndpoint, settings: EndpointSettings, *, path: str, extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """What SageMaker would give the container: the template's environment and the execution role's credentials.

    `extra` holds what only the laptop needs, such as the port to listen on.
    """
    return {
        "PATH": path,
        "HOME": str(settings.state.resolve() / "home"),
        "LANG": "C.UTF-8",
        "GLIBC_TUNABLES": ALLOCATOR,
        **endpoint.environment,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": settings.emulator_url,
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{settings.url}/credentials/{endpoint.name}",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        **(extra or {}),
    }
