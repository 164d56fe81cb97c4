"""The checkpoint that the laptop's model server is to work with: found here, or fetched. It starts nothing.

On AWS the service lays the files of an S3 prefix into the container; here the server is told where they lie.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.emulator.environment import REPOSITORY
from maskmill.client.checkpoints import expected_of, fetch_checkpoint
from maskmill.client.folder import hash_file
from maskmill.client.retry import Backoff
from maskmill.core.catalogue import PUBLISHED
from maskmill.core.engines import Engine
from maskmill.core.errors import MaskmillError
from maskmill.core.package import MANIFEST, Manifest

MODELS = REPOSITORY / "models"
SAM_TEST = REPOSITORY / "tests" / "sam_test" / "sam-test.safetensors"
BUCKET = "maskmill-local-models"  # what the templates name; of it, the page's decoder alone is read (local/packages.py)


class ModelMissing(RuntimeError):
    """The engine's checkpoint is not here and could not be fetched; the message says what to do."""


@dataclass(frozen=True, slots=True)
class LocalModel:
    """An engine and its weights on this machine: `place` is a file or a packaged folder."""

    engine: Engine
    place: Path
    source_sha256: str

    def context(self) -> Mapping[str, str]:
        """What the stacks are told: jobs and the interactive lane are answered by the one model server here."""
        prefix, digest = f"s3://{BUCKET}/{self.engine}/", self.source_sha256
        return {
            "segmenter": self.engine.value,
            "weights": prefix,
            "weights_sha256": digest,
            "fast": self.engine.value,
            "fast_weights": prefix,
            "fast_weights_sha256": digest,
        }

    def environment(self) -> Mapping[str, str]:
        """What only this machine's model server is told."""
        return {"SEGMENTER_CHECKPOINT": str(self.place)}


def find_model(
    engine: Engine, *, checkpoint: Path | None = None, models: Path = MODELS, tell: Callable[[str], None] = print
) -> LocalModel | None:
    """The weights of an engine, fetched if they are not here; None for an engine without any. Raises ModelMissing.

    `checkpoint` is a file or a packaged folder that is used instead of what is in `models`.
    """
    if not engine.needs_checkpoint:
        return None
    place = checkpoint or _in_folder(engine, models)
    if place is not None:
        if not place.exists():
            raise ModelMissing(f"There is no checkpoint at {place}.")
        return LocalModel(engine, place.resolve(), _source_of(place))
    return _fetched(engine, models, tell)


def _in_folder(engine: Engine, models: Path) -> Path | None:
    if (models / engine / MANIFEST).exists():
        return models / engine
    return SAM_TEST if engine is Engine.SAM_TEST else None


def _source_of(place: Path) -> str:
    """The SHA-256 of the published checkpoint behind a file or a package."""
    try:
        if place.is_file():
            return hash_file(place).sha256
        return Manifest.model_validate_json((place / MANIFEST).read_bytes()).source_sha256
    except (OSError, ValueError) as error:
        raise ModelMissing(f"{place} is neither a checkpoint nor a packaged model: {error}") from error


def _fetched(engine: Engine, models: Path, tell: Callable[[str], None]) -> LocalModel:
    published = PUBLISHED[engine]
    path = models / published.file
    is_here = path.exists() and expected_of(published, models) is not None
    tell(f"{'Checking' if is_here else 'Fetching'} {published.file} ({published.licence}, {published.page}) …")
    try:
        found = fetch_checkpoint(published, models, backoff=Backoff(attempts_max=2), report=_Tenths(tell))
    except (MaskmillError, OSError) as error:
        reason = error.message if isinstance(error, MaskmillError) else str(error)
        message = (
            f"The checkpoint of {engine} is missing: {reason}\nDownload {published.url} on a machine with internet,"
            f" put it to {path}, and run this again."
        )
        raise ModelMissing(message) from error
    return LocalModel(engine, found.path.resolve(), found.sha256)


class _Tenths:
    """Tells of each tenth of a download."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._told = 0

    def __call__(self, done: int, total: int) -> None:
        if done * 10 // total > self._told:
            self._told = done * 10 // total
            self._tell(f"  {done / 1e6:,.0f} of {total / 1e6:,.0f} MB")
