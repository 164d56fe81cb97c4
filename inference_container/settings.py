"""What the model server is told by its environment, read once at the start; it knows no default engine.

`from_env` takes any mapping, refuses a broken one as a whole, and names everything that is wrong at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from maskmill.core.engines import Engine

MEBIBYTE = 1024 * 1024
ALL_INTERFACES = "0.0.0.0"  # noqa: S104 - the platform calls a container from outside it


class SettingsError(ValueError):
    """The environment is incomplete or wrong; the message lists every fault."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The server's settings.

    `invocations_max` run at once and `waiting_max` more wait; further ones are told to come back. `deadline_s` counts
    from the arrival of a request and must stay below the endpoint's InvocationTimeout. `threads` bounds the
    threads of torch; None leaves torch's own choice. `device` is `auto`, `cpu` or a CUDA device.
    """

    engine: Engine
    checkpoint: Path | None
    s3_endpoint_url: str | None
    host: str = ALL_INTERFACES
    port: int = 8080
    invocations_max: int = 1
    waiting_max: int = 8
    deadline_s: float = 840.0
    drain_s: float = 22.0
    request_bytes_max: int = 32 * MEBIBYTE
    threads: int | None = None
    device: str = "auto"

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings:
        """Read the settings; raises SettingsError with all faults.

        SEGMENTER is required. MODEL_DIR (`/opt/ml/model`) is the folder of the weights and SEGMENTER_CHECKPOINT the
        file in it (`<engine>.pth`). SAGEMAKER_BIND_TO_PORT goes before PORT (8080). The others have the class's
        defaults: BIND_HOST, INVOCATIONS_MAX, WAITING_MAX, DEADLINE_S, DRAIN_S, REQUEST_BYTES_MAX, THREADS, DEVICE.
        """
        faults: list[str] = []
        engine = _engine(env, faults)
        number = _Numbers(env, faults)
        settings = cls(
            engine=engine,
            checkpoint=_checkpoint(env, engine),
            s3_endpoint_url=env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL") or None,
            host=env.get("BIND_HOST") or ALL_INTERFACES,
            port=number("SAGEMAKER_BIND_TO_PORT" if env.get("SAGEMAKER_BIND_TO_PORT") else "PORT", 8080, 1, 65535),
            invocations_max=number("INVOCATIONS_MAX", 1, 1, 64),
            waiting_max=number("WAITING_MAX", 8, 0, 64),
            deadline_s=number("DEADLINE_S", 840, 1, 3600),
            drain_s=number("DRAIN_S", 22, 1, 25),
            request_bytes_max=number("REQUEST_BYTES_MAX", 32 * MEBIBYTE, 1024, 1024 * MEBIBYTE),
            threads=number("THREADS", 0, 1, 256) if env.get("THREADS") else None,
            device=env.get("DEVICE") or "auto",
        )
        if faults:
            raise SettingsError("; ".join(faults))
        return settings


def _engine(env: Mapping[str, str], faults: list[str]) -> Engine:
    name = env.get("SEGMENTER", "")
    known = ", ".join(Engine)
    if not name:
        faults.append(f"SEGMENTER is missing (one of {known})")
    elif name not in set(Engine):
        faults.append(f"SEGMENTER names an unknown engine {name!r} (one of {known})")
    else:
        return Engine(name)
    return Engine.CLASSIC  # never seen: the faults stop the start


def _checkpoint(env: Mapping[str, str], engine: Engine) -> Path | None:
    if not engine.needs_checkpoint:
        return None
    folder = Path(env.get("MODEL_DIR") or "/opt/ml/model")
    return folder / (env.get("SEGMENTER_CHECKPOINT") or f"{engine}.pth")  # an absolute path replaces the folder


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Reads whole numbers from the environment and collects faults."""

    env: Mapping[str, str]
    faults: list[str]

    def __call__(self, name: str, default: int, low: int, high: int) -> int:
        text = self.env.get(name, "")
        if not text:
            return default
        try:
            value = int(text)
        except ValueError:
            self.faults.append(f"{name} is not a whole number: {text!r}")
            return default
        if not low <= value <= high:
            self.faults.append(f"{name} must be between {low} and {high}, not {value}")
        return value
