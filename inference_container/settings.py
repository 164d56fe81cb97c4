"""What the model server is told by its environment, read once at the start; it knows no default engine.

`from_env` takes any mapping, refuses a broken one as a whole, and names everything that is wrong at once.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from maskmill.core.engines import Engine

MEBIBYTE = 1024 * 1024
ALL_INTERFACES = "0.0.0.0"  # noqa: S104 - the platform calls a container from outside it
MODEL_CACHE = Path("/tmp/maskmill-models")  # noqa: S108 - the one place that may be written on every platform
_READERS_MAX = 8
_SHA256_DIGITS = 64


class Runtime(StrEnum):
    """What runs the image encoder; AUTO leaves the choice to the engine and the machine."""

    AUTO = "auto"
    TORCH = "torch"
    OPENVINO = "openvino"


class Precision(StrEnum):
    """The numbers that the image encoder works with; AUTO leaves the choice to the engine and the machine."""

    AUTO = "auto"
    FP32 = "fp32"
    BF16 = "bf16"
    FP16 = "fp16"


class SettingsError(ValueError):
    """The environment is incomplete or wrong; the message lists every fault."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The server's settings.

    `checkpoint` is a file, a folder, or either of them in S3, which is fetched into `model_cache`; None is for engines
    without weights. `checkpoint_sha256` is that of the checkpoint as its publisher gives it away, `package_sha256` that
    of a package's manifest; None takes whatever is found.
    `invocations_max` run at once and `waiting_max` more wait; further ones are told to come back. `deadline_s` counts
    from the arrival of a request and must stay below the endpoint's InvocationTimeout. `threads` bounds the threads of
    one model call; None leaves the runtime's own choice. `device` is `auto`, `cpu` or a CUDA device.
    `embeddings_bytes_max` are kept in memory, and the images that one invocation holds at once take up to
    `pictures_bytes_max`. `metrics_namespace` turns on CloudWatch's embedded metrics in the log. `faults` lets pictures
    order faults (faults.py): for tests of what is around the server.
    """

    engine: Engine
    checkpoint: str | None
    s3_endpoint_url: str | None
    checkpoint_sha256: str | None = None
    package_sha256: str | None = None
    model_cache: Path = MODEL_CACHE
    runtime: Runtime = Runtime.AUTO
    precision: Precision = Precision.AUTO
    compile: bool = False
    threads: int | None = None
    device: str = "auto"
    host: str = ALL_INTERFACES
    port: int = 8080
    invocations_max: int = 1
    waiting_max: int = 8
    deadline_s: float = 840.0
    drain_s: float = 22.0
    request_bytes_max: int = 32 * MEBIBYTE
    embeddings_bytes_max: int = 256 * MEBIBYTE
    pictures_bytes_max: int = 512 * MEBIBYTE
    readers: int = 2
    metrics_namespace: str | None = None
    faults: bool = False

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings:
        """Read the settings; raises SettingsError with all faults.

        SEGMENTER is required. MODEL_DIR (`/opt/ml/model`) is the folder of the weights, or an S3 prefix that is fetched
        into MODEL_CACHE (`/tmp/maskmill-models`); SEGMENTER_CHECKPOINT names one file in it. SAGEMAKER_BIND_TO_PORT
        goes before PORT (8080). The others have the class's defaults: SEGMENTER_SHA256, PACKAGE_SHA256, RUNTIME,
        PRECISION, COMPILE, THREADS, DEVICE, BIND_HOST, INVOCATIONS_MAX, WAITING_MAX, DEADLINE_S, DRAIN_S,
        REQUEST_BYTES_MAX, EMBEDDINGS_BYTES_MAX, PICTURES_BYTES_MAX, READERS (one per processor, two to eight),
        METRICS_NAMESPACE, FAULTS.
        """
        faults: list[str] = []
        engine = _engine(env, faults)
        number = _Numbers(env, faults)
        processors = min(_READERS_MAX, max(2, os.cpu_count() or 1))
        settings = cls(
            engine=engine,
            checkpoint=_checkpoint(env, engine),
            checkpoint_sha256=_sha256("SEGMENTER_SHA256", env, faults),
            package_sha256=_sha256("PACKAGE_SHA256", env, faults),
            model_cache=Path(env.get("MODEL_CACHE") or MODEL_CACHE),
            s3_endpoint_url=env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL") or None,
            runtime=_one_of(Runtime, Runtime.AUTO, "RUNTIME", env, faults),
            precision=_one_of(Precision, Precision.AUTO, "PRECISION", env, faults),
            compile=bool(number("COMPILE", 0, 0, 1)),
            threads=number("THREADS", 0, 1, 256) if env.get("THREADS") else None,
            device=env.get("DEVICE") or "auto",
            host=env.get("BIND_HOST") or ALL_INTERFACES,
            port=number("SAGEMAKER_BIND_TO_PORT" if env.get("SAGEMAKER_BIND_TO_PORT") else "PORT", 8080, 1, 65535),
            invocations_max=number("INVOCATIONS_MAX", 1, 1, 64),
            waiting_max=number("WAITING_MAX", 8, 0, 64),
            deadline_s=number("DEADLINE_S", 840, 1, 3600),
            drain_s=number("DRAIN_S", 22, 1, 25),
            request_bytes_max=number("REQUEST_BYTES_MAX", 32 * MEBIBYTE, 1024, 1024 * MEBIBYTE),
            embeddings_bytes_max=number("EMBEDDINGS_BYTES_MAX", 256 * MEBIBYTE, 0, 64 * 1024 * MEBIBYTE),
            pictures_bytes_max=number("PICTURES_BYTES_MAX", 512 * MEBIBYTE, MEBIBYTE, 64 * 1024 * MEBIBYTE),
            readers=number("READERS", processors, 1, 64),
            metrics_namespace=env.get("METRICS_NAMESPACE") or None,
            faults=bool(number("FAULTS", 0, 0, 1)),
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


def _checkpoint(env: Mapping[str, str], engine: Engine) -> str | None:
    if not engine.needs_checkpoint:
        return None
    folder, name = env.get("MODEL_DIR") or "/opt/ml/model", env.get("SEGMENTER_CHECKPOINT", "")
    is_whole = name.startswith(("/", "s3://"))
    return name if is_whole else f"{folder.rstrip('/')}/{name}".rstrip("/")


def _sha256(name: str, env: Mapping[str, str], faults: list[str]) -> str | None:
    text = env.get(name, "").lower()
    if text and (len(text) != _SHA256_DIGITS or set(text) - set("0123456789abcdef")):
        faults.append(f"{name} is not a SHA-256 of {_SHA256_DIGITS} hexadecimal digits: {text!r}")
    return text or None


_Choice = TypeVar("_Choice", bound=StrEnum)


def _one_of(kind: type[_Choice], default: _Choice, name: str, env: Mapping[str, str], faults: list[str]) -> _Choice:
    text = env.get(name, "")
    if text in set(kind):
        return kind(text)
    if text:
        faults.append(f"{name} must be one of {', '.join(kind)}, not {text!r}")
    return default


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
