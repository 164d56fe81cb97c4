"""The decoder of clicks: out of the segmenter's package and to where the API says that it is; it knows no S3.

It is asked for anew each time, because its path names the checkpoint that it was made from and not its bytes.
"""

from __future__ import annotations

import hashlib
from typing import Protocol

from pydantic import ValidationError

from lambdas.publish_page.logic import ANEW, UNKNOWN_TYPE, Site
from maskmill.core.errors import Code, MaskmillError
from maskmill.core.package import DECODER, MANIFEST, MANIFEST_BYTES_MAX, Manifest, decoder_of
from maskmill.core.ports import ObjectMissing

BYTES_MAX = 64 * 1024 * 1024


class Package(Protocol):
    """Where the package lies."""

    def get(self, key: str, *, bytes_max: int | None = None) -> bytes: ...


class NoDecoder(MaskmillError):
    """The page gets no decoder, and sends prompts to the service instead."""

    default_code = Code.INTERNAL


def lay_decoder(site: Site, package: Package, *, prefix: str, version: str) -> str:
    """The name that the decoder of a segmenter's version has on the site from now on; raises NoDecoder."""
    try:
        manifest = Manifest.model_validate_json(package.get(f"{prefix}{MANIFEST}", bytes_max=MANIFEST_BYTES_MAX))
        data = package.get(f"{prefix}{DECODER}", bytes_max=BYTES_MAX)
    except ObjectMissing as error:
        raise NoDecoder(detail=f"there is no {error}") from error
    except ValidationError as error:
        raise NoDecoder(detail=f"{MANIFEST} is none: {error.error_count()} faults") from error
    if manifest.version != version:
        raise NoDecoder(detail=f"the package is of {manifest.version}, not of {version}")
    if hashlib.sha256(data).hexdigest() not in {file.sha256 for file in manifest.files if file.name == DECODER}:
        raise NoDecoder(detail=f"{DECODER} is not the one that {MANIFEST} names")
    name = decoder_of(version)
    site.write(name, data, media_type=UNKNOWN_TYPE, caching=ANEW)
    return name
