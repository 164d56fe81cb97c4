"""What the service says of itself; it knows no tenant."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from maskmill.core.limits import SPENDING_REASON_CHARS_MAX
from maskmill.core.model import Model


class Health(Model):
    status: str
    version: str
    segmenter: str


class Limits(Model):
    """The bounds that a client should know before it is refused."""

    upload_bytes_max: int
    image_side_px_min: int
    image_pixels_max: int
    uploads_per_call_max: int
    images_per_job_max: int
    points_max: int
    overrides_per_template_max: int
    candidates_max: int
    templates_per_recipe_max: int
    layers_per_recipe_max: int
    samples_per_image_max: int
    variants_per_image_max: int
    variants_per_job_max: int
    template_bytes_max: int
    recipe_bytes_max: int
    job_bytes_max: int
    webhooks_per_tenant_max: int
    webhook_url_chars_max: int


class SpendingView(Model):
    """Whether what costs money is stopped, for everybody; `changed_at` is missing where nobody ever stopped it."""

    is_stopped: bool
    reason: str | None = None
    changed_at: datetime | None = None


class TurnSpending(Model):
    """Stop what costs money, with a reason that everybody reads who is refused, or let it go on."""

    is_stopped: bool
    reason: Annotated[str, Field(min_length=1, max_length=SPENDING_REASON_CHARS_MAX, pattern=r"\S")] | None = None

    @model_validator(mode="after")
    def _said_why(self) -> Self:
        if self.is_stopped is (self.reason is None):
            raise ValueError("who stops says why, and nobody else does")
        return self
