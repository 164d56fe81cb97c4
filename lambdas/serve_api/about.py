"""What anyone may ask: whether the service answers and what its limits are; it knows no tenant."""

from __future__ import annotations

from lambdas.serve_api.ports import Ports
from maskmill import __version__
from maskmill.core import limits
from maskmill.core.api import Health, Limits


def health(ports: Ports) -> Health:
    return Health(status="ok", version=__version__, segmenter=ports.segmenter)


def bounds(_ports: Ports) -> Limits:
    return Limits(
        upload_bytes_max=limits.UPLOAD_BYTES_MAX,
        image_side_px_min=limits.IMAGE_SIDE_PX_MIN,
        image_pixels_max=limits.IMAGE_PIXELS_MAX,
        uploads_per_call_max=limits.UPLOADS_PER_CALL_MAX,
        images_per_job_max=limits.IMAGES_PER_JOB_MAX,
        points_max=limits.POINTS_MAX,
        overrides_per_template_max=limits.OVERRIDES_PER_TEMPLATE_MAX,
        candidates_max=limits.CANDIDATES_MAX,
        templates_per_recipe_max=limits.TEMPLATES_PER_RECIPE_MAX,
        layers_per_recipe_max=limits.LAYERS_PER_RECIPE_MAX,
        samples_per_image_max=limits.SAMPLES_PER_IMAGE_MAX,
        variants_per_image_max=limits.VARIANTS_PER_IMAGE_MAX,
        variants_per_job_max=limits.VARIANTS_PER_JOB_MAX,
        template_bytes_max=limits.TEMPLATE_BYTES_MAX,
        recipe_bytes_max=limits.RECIPE_BYTES_MAX,
        job_bytes_max=limits.JOB_BYTES_MAX,
        webhooks_per_tenant_max=limits.WEBHOOKS_PER_TENANT_MAX,
        webhook_url_chars_max=limits.WEBHOOK_URL_CHARS_MAX,
    )
