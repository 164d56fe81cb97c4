"""The bodies of media sessions; it knows no HTTP and no cookie."""

from __future__ import annotations

from datetime import datetime

from maskmill.core.model import Model


class MediaSession(Model):
    """What the cookies that come with it open: every address below `url`, for `expires_in_s` seconds from now.

    Ask again before they end. `expires_at` says the same by the service's clock.
    """

    url: str
    expires_at: datetime
    expires_in_s: int
