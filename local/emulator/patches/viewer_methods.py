"""Let a behavior that names no methods take GET and HEAD alone. It knows no distribution.

Reason: that is AWS's default. The emulator enforces nothing when a template leaves the methods out, and would hand a
POST on to the site's bucket.
"""

from typing import Any

from local.emulator.internals import internal

DEFAULT = ["GET", "HEAD"]


def apply() -> None:
    cloudfront = internal("services.cloudfront")
    read = cloudfront._dataplane_allowed_methods

    def allowed_methods(behavior: Any) -> list[str]:
        return read(behavior) or DEFAULT

    cloudfront._dataplane_allowed_methods = allowed_methods
