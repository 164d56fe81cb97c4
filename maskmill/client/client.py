"""What a program or a notebook does with a service, whole roads at once: upload, try, run, wait, sync.

Each road is a module of its own (upload, pictures, run, watch, sync); this class only gives them one home. It knows no
terminal.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from maskmill.client.calls import Token
from maskmill.client.download import Remote, fetch
from maskmill.client.export_sync import ExportReport, sync_export
from maskmill.client.folder import find_files, folder_name
from maskmill.client.grammar import build_recipe, parse_edit, parse_splits, parse_template
from maskmill.client.oauth import Door
from maskmill.client.progress import Report, silent
from maskmill.client.retry import Backoff
from maskmill.client.run import RunReport, find_dataset, find_or_create_dataset, find_template, resolve_names, run_job
from maskmill.client.runplan import RunPlan, TemplateDraft
from maskmill.client.service import Service
from maskmill.client.session import SignedIn, not_signed_in, profile_path, read_profile
from maskmill.client.sync import SyncReport, sync_job
from maskmill.client.tokens import ClientCredentials, token_from
from maskmill.client.upload import UploadReport, upload_files
from maskmill.client.watch import watch_job
from maskmill.core.api import DatasetView, ImageView, JobView, SubmitJob, TemplateView, VariantView
from maskmill.core.bill import Estimate
from maskmill.core.errors import NotFound
from maskmill.core.export import ExportFormat, Splits
from maskmill.core.identity import API_SCOPE
from maskmill.core.recipe import Effort, Layer, OutputFormat, Recipe

if TYPE_CHECKING:
    from maskmill.imaging.picture import Picture

Folders = str | Path | Sequence[str | Path]


class Client(Service):
    """One user's view of one Maskmill service; close it, or use it in a `with` block.

        with Client.from_login() as client:
            client.run("photos", templates=["cap=photo.jpg:0.52,0.40"], edits=["cap:hue=-40..40"], samples=5, out="set")

    `token` is an access token, a function that returns one, or any source of them. Every method raises the errors of
    core.errors, and repeats on its own what may be repeated while the service is busy. `timeout_s` is for one request.
    """

    def __init__(
        self,
        api_url: str,
        token: Token | Callable[[], str] | str | None = None,
        *,
        backoff: Backoff | None = None,
        transport: httpx.BaseTransport | None = None,
        timeout_s: float | None = None,
    ) -> None:
        super().__init__(api_url, token_from(token), backoff=backoff, transport=transport, timeout_s=timeout_s)

    @classmethod
    def from_login(cls, profile: str | Path | None = None) -> Client:
        """A client with the sign-in that `maskmill login` saved: this file, or the one that holds for this folder."""
        path = Path(profile) if profile else profile_path(os.environ, folder=Path.cwd(), home=Path.home())
        if path is None:
            raise not_signed_in()
        saved = read_profile(path)
        return cls(saved.api_url, SignedIn(saved, path=path))

    @classmethod
    def with_client_credentials(
        cls, api_url: str, *, token_url: str, client_id: str, client_secret: str, scope: str = API_SCOPE
    ) -> Client:
        """A client for a machine, which has credentials of its own instead of a person's sign-in."""
        credentials = ClientCredentials(Door(token_url), client_id=client_id, client_secret=client_secret, scope=scope)
        return cls(api_url, credentials)

    # Photos

    def find_dataset(self, text: str) -> DatasetView:
        """A dataset by its id or name; raises NotFound, and InvalidInput when several have the name."""
        found = find_dataset(self, text)
        if found is None:
            raise NotFound(message=f"There is no dataset {text!r}. `maskmill datasets list` shows those that exist.")
        return found

    def upload_folder(
        self,
        dataset: str | DatasetView,
        folder: Folders,
        *,
        recursive: bool = False,
        on_progress: Report = silent,
    ) -> UploadReport:
        """Photos of folders, or single photos, into a dataset, which is made when there is none of that name.

        What the dataset holds is not sent again, so that an interrupted upload goes on where it stopped.
        """
        found = find_files(_paths(folder), recursive=recursive)
        return upload_files(self, self._dataset_id(dataset, makes=True), found, progress=on_progress)

    def find_image(self, dataset: str | DatasetView, text: str) -> ImageView:
        """A photo that is ready, by its id or name; raises NotFound."""
        from maskmill.client.pictures import find_picture  # here, because pixels take long to import

        return find_picture(self, self._dataset_id(dataset), text)

    def find_template(self, dataset: str | DatasetView, text: str) -> TemplateView:
        """A template of a dataset by its id or its name; raises NotFound."""
        return find_template(self, self._dataset_id(dataset), text)

    def thumbnail(self, image: ImageView) -> bytes:
        """A small picture of a photo as WebP, at most 512 pixels long."""
        from maskmill.client.pictures import fetch_thumbnail

        return fetch_thumbnail(self, image)

    def picture(self, image: ImageView) -> Picture:
        """The upright pixels of a photo, whole; `.rgb` is an array of (height, width, 3)."""
        from maskmill.client.pictures import fetch_picture

        return fetch_picture(self, image)

    # Jobs

    def submit(
        self,
        dataset: str | DatasetView,
        recipe: Recipe,
        *,
        image_ids: Iterable[str] | None = None,
        key: str | None = None,
    ) -> JobView:
        """Start a job; the recipe may name the dataset's templates by id or by name."""
        dataset_id = self._dataset_id(dataset)
        return self.submit_job(dataset_id, self._submission(dataset_id, recipe, image_ids), key=key)

    def estimate(
        self, dataset: str | DatasetView, recipe: Recipe, *, image_ids: Iterable[str] | None = None
    ) -> Estimate:
        """What a job would take, in pictures, seconds and dollars; nothing runs."""
        dataset_id = self._dataset_id(dataset)
        return self.estimate_job(dataset_id, self._submission(dataset_id, recipe, image_ids))

    def wait(
        self,
        job: str | JobView,
        *,
        on_progress: Report = silent,
        on_change: Callable[[JobView], None] | None = None,
    ) -> JobView:
        """The job as it ended, well or not; `on_change` sees every state on the way."""
        return watch_job(self, _job_id(job), progress=on_progress, changed=on_change)

    def sync(self, job: str | JobView, folder: str | Path, *, on_progress: Report = silent) -> SyncReport:
        """An ended job's dataset into a folder; only what is missing or differs is fetched, and all is verified."""
        return sync_job(self, _job_id(job), Path(folder), progress=on_progress)

    def export(
        self,
        job: str | JobView,
        export: str | ExportFormat,
        folder: str | Path,
        *,
        on_progress: Report = silent,
    ) -> ExportReport:
        """An ended job's dataset in the form of another tool, unpacked and verified in a folder; made if need be.

        `export` is coco, yolo-seg, voc, imagefolder, parquet, webdataset, masks or overlay. The report has the receipt.
        """
        return sync_export(self, _job_id(job), ExportFormat(export), Path(folder), progress=on_progress)

    def download(self, variant: VariantView, path: str | Path) -> None:
        """One picture of a job into a file, complete and verified, or not at all."""
        remote = Remote(variant.url, size_bytes=variant.size_bytes, sha256=variant.sha256)
        fetch(self.storage, remote, Path(path), backoff=self.backoff)

    def run(
        self,
        folder: Folders,
        *,
        templates: Iterable[str | TemplateDraft] = (),
        edits: Iterable[str | Layer] = (),
        out: str | Path,
        dataset: str = "",
        recipe: Recipe | None = None,
        output_format: OutputFormat = OutputFormat.WEBP,
        quality: int = 88,
        effort: Effort = Effort.FAST,
        stacked: bool = False,
        samples: int = 1,
        seed: int = 0,
        key: str | None = None,
        recursive: bool = False,
        exports: Iterable[str | ExportFormat] = (),
        splits: str | Splits = "1",
        on_progress: Report = silent,
    ) -> RunReport:
        """Upload, find, edit, wait and download, in the words of `maskmill run`; raises ValueError for other words.

        Exports lie in `exports` below `out`, each in a folder of its own.
        """
        paths = _paths(folder)
        drafts = tuple(parse_template(one) if isinstance(one, str) else one for one in templates)
        built = recipe or build_recipe(
            drafts,
            [parse_edit(one) if isinstance(one, str) else one for one in edits],
            output_format=output_format,
            quality=quality,
            effort=effort,
            stacked=stacked,
            samples=samples,
            seed=seed,
            exports=[ExportFormat(one) for one in exports],
            splits=parse_splits(splits) if isinstance(splits, str) else splits,
        )
        plan = RunPlan(
            sources=paths,
            dataset=dataset or folder_name(paths[0]),
            templates=drafts,
            recipe=built,
            out=Path(out),
            key=key,
            recursive=recursive,
        )
        return run_job(self, plan, on_progress)

    def _submission(self, dataset_id: str, recipe: Recipe, image_ids: Iterable[str] | None) -> SubmitJob:
        ids = None if image_ids is None else tuple(image_ids)
        return SubmitJob(recipe=resolve_names(self, dataset_id, recipe, []), image_ids=ids)

    def _dataset_id(self, dataset: str | DatasetView, *, makes: bool = False) -> str:
        if isinstance(dataset, DatasetView):
            return dataset.dataset_id
        if makes:
            return find_or_create_dataset(self, dataset).dataset_id
        return self.find_dataset(dataset).dataset_id


def _paths(folder: Folders) -> tuple[Path, ...]:
    return (Path(folder),) if isinstance(folder, str | Path) else tuple(Path(one) for one in folder)


def _job_id(job: str | JobView) -> str:
    return job if isinstance(job, str) else job.job_id
