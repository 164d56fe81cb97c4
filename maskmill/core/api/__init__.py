"""The bodies of the REST API, shared by the service, the client and the docs; it knows no HTTP.

Lists are pages: `items` and, when there is more, `next_cursor`.
"""

from __future__ import annotations

from maskmill.core.api.answers import Page, Problem, ProblemField
from maskmill.core.api.exports import ExportFile, ExportSummary, ExportView
from maskmill.core.api.interactive import EmbeddingView, Everything, FindEverything, Segmentation, SegmentImage
from maskmill.core.api.jobs import (
    DatasetFiles,
    FileView,
    ItemVariants,
    ItemView,
    JobView,
    LabelView,
    SubmitJob,
    VariantView,
)
from maskmill.core.api.library import (
    CreateDataset,
    DatasetView,
    ImageView,
    PatchDataset,
    PatchTemplate,
    RequestUploads,
    TemplateView,
    UploadTicket,
    UploadTickets,
)
from maskmill.core.api.live import JobEvents, JobMessage, LiveTicket, Pong
from maskmill.core.api.media import MediaSession
from maskmill.core.api.service import Health, Limits, SpendingView, TurnSpending
from maskmill.core.api.usage import QuotaView, UsageView
from maskmill.core.api.webhooks import CreateWebhook, DeliveryView, WebhookSecret, WebhookView

__all__ = [
    "CreateDataset",
    "CreateWebhook",
    "DatasetFiles",
    "DatasetView",
    "DeliveryView",
    "EmbeddingView",
    "Everything",
    "ExportFile",
    "ExportSummary",
    "ExportView",
    "FileView",
    "FindEverything",
    "Health",
    "ImageView",
    "ItemVariants",
    "ItemView",
    "JobEvents",
    "JobMessage",
    "JobView",
    "LabelView",
    "Limits",
    "LiveTicket",
    "MediaSession",
    "Page",
    "PatchDataset",
    "PatchTemplate",
    "Pong",
    "Problem",
    "ProblemField",
    "QuotaView",
    "RequestUploads",
    "SegmentImage",
    "Segmentation",
    "SpendingView",
    "SubmitJob",
    "TemplateView",
    "TurnSpending",
    "UploadTicket",
    "UploadTickets",
    "UsageView",
    "VariantView",
    "WebhookSecret",
    "WebhookView",
]
