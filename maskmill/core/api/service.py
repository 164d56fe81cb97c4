"""What the service says of itself; it knows no tenant."""

from __future__ import annotations

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
