"""The routes of datasets, images and templates as calls, and what the service says of itself; it knows no jobs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from maskmill.client.wire import Wire, path_of, valid
from maskmill.core.api import (
    CreateDataset,
    DatasetView,
    EmbeddingView,
    Everything,
    Health,
    ImageView,
    Limits,
    Page,
    PatchDataset,
    PatchTemplate,
    RequestUploads,
    Segmentation,
    SegmentImage,
    SpendingView,
    TemplateView,
    TurnSpending,
    UploadTicket,
    UploadTickets,
    UsageView,
)
from maskmill.core.automask import Automask
from maskmill.core.errors import Unavailable
from maskmill.core.image import ImageStatus, Upload
from maskmill.core.prompt import Template


class LibraryCalls(Wire):
    """What a job works on."""

    # The service itself; no token is needed

    def health(self) -> Health:
        return self._public(Health, "/health")

    def limits(self) -> Limits:
        return self._public(Limits, "/limits")

    def usage(self) -> UsageView:
        """What the user's tenant may use, and what of it is used."""
        return self._read(UsageView, "/usage")

    def spending(self) -> SpendingView:
        """Whether new work is stopped, for everybody."""
        return self._read(SpendingView, "/spending")

    def stop_spending(self, reason: str) -> SpendingView:
        """Stop new work, for everybody, who read the reason; raises InvalidInput `forbidden` for all but admins."""
        return self._change(SpendingView, "/spending", valid(TurnSpending, {"is_stopped": True, "reason": reason}))

    def resume_spending(self) -> SpendingView:
        """Let new work go on; raises InvalidInput `forbidden` for all but admins."""
        return self._change(SpendingView, "/spending", TurnSpending(is_stopped=False))

    # Datasets and images

    def create_dataset(self, name: str, *, trial: bool = False, expires_in_s: int | None = None) -> DatasetView:
        """A new dataset, kept until it is removed; a trial, or one that expires, is removed by itself."""
        body = {"name": name, "trial": trial, "expires_in_s": expires_in_s}
        given = {field: value for field, value in body.items() if value}
        return self._create(DatasetView, "/datasets", valid(CreateDataset, given))

    def datasets(self) -> Iterator[DatasetView]:
        return self._all(Page[DatasetView], "/datasets")

    def dataset(self, dataset_id: str) -> DatasetView:
        return self._read(DatasetView, path_of("datasets", dataset_id))

    def change_dataset(self, dataset_id: str, change: PatchDataset) -> DatasetView:
        """Another name or another end; what the change does not set stays."""
        return self._change(DatasetView, path_of("datasets", dataset_id), change)

    def delete_dataset(self, dataset_id: str) -> None:
        """Remove a dataset with its images, templates, jobs and all that they gave; its jobs are cancelled."""
        self._delete(path_of("datasets", dataset_id))

    def delete_image(self, dataset_id: str, image_id: str) -> None:
        """Take an image out of its dataset; jobs that are open go on with it."""
        self._delete(path_of("datasets", dataset_id, "images", image_id))

    def request_uploads(self, dataset_id: str, files: Sequence[Upload]) -> tuple[UploadTicket, ...]:
        """One form per announced file, in the same order."""
        body = RequestUploads(files=tuple(files))
        tickets = self._create(UploadTickets, path_of("datasets", dataset_id, "uploads"), body).items
        if len(tickets) != len(files):
            raise Unavailable(detail=f"{len(tickets)} tickets for {len(files)} files")
        return tickets

    def images(self, dataset_id: str, *, status: ImageStatus | None = None) -> Iterator[ImageView]:
        return self._all(Page[ImageView], path_of("datasets", dataset_id, "images"), status=status)

    def image(self, dataset_id: str, image_id: str) -> ImageView:
        return self._read(ImageView, path_of("datasets", dataset_id, "images", image_id))

    # One image, now; asking again changes nothing

    def segment(self, dataset_id: str, image_id: str, body: SegmentImage) -> Segmentation:
        """The candidates of a prompt, within seconds; raises Unavailable when the segmenter takes long to load."""
        return self._ask(Segmentation, path_of("datasets", dataset_id, "images", image_id, "segment"), body)

    def automask(self, dataset_id: str, image_id: str, search: Automask) -> Everything:
        """Everything in an image; what `search` leaves unset, the service chooses."""
        path = path_of("datasets", dataset_id, "images", image_id, "automask")
        return self._ask(Everything, path, search, is_sparse=True)

    def embedding(self, dataset_id: str, image_id: str) -> EmbeddingView:
        """The address of the image's embedding; without one it is being made: ask again in a moment."""
        return self._read(EmbeddingView, path_of("datasets", dataset_id, "images", image_id, "embedding"))

    # Templates

    def create_template(self, dataset_id: str, template: Template) -> TemplateView:
        return self._create(TemplateView, path_of("datasets", dataset_id, "templates"), template)

    def templates(self, dataset_id: str) -> Iterator[TemplateView]:
        return self._all(Page[TemplateView], path_of("datasets", dataset_id, "templates"))

    def template(self, dataset_id: str, template_id: str) -> TemplateView:
        return self._read(TemplateView, path_of("datasets", dataset_id, "templates", template_id))

    def change_template(self, dataset_id: str, template_id: str, change: PatchTemplate) -> TemplateView:
        """Replace the fields that the change sets; jobs that were submitted keep the template as it was."""
        return self._change(TemplateView, path_of("datasets", dataset_id, "templates", template_id), change)

    def delete_template(self, dataset_id: str, template_id: str) -> None:
        """Remove a template; jobs that were submitted keep it."""
        self._delete(path_of("datasets", dataset_id, "templates", template_id))
