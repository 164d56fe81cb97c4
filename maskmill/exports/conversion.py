"""Pictures in the file format that an export wants, copied where they have it already; it knows no export."""

from __future__ import annotations

from maskmill.core.export import Conversion
from maskmill.core.recipe import Output, OutputFormat
from maskmill.exports.tally import Count
from maskmill.imaging.encode import encode, flattened, webp_lossless
from maskmill.imaging.normal import read_own

_JPEG = Output(format=OutputFormat.JPEG, quality=95)


def as_jpeg(data: bytes, held: OutputFormat, count: Count) -> bytes:
    """A JPEG of a picture; what is transparent lies on white."""
    if held is OutputFormat.JPEG:
        return data
    picture = read_own(data)
    count.conversions[Conversion.WRITTEN_AS_JPEG] += 1
    if picture.alpha is not None:
        count.conversions[Conversion.LAID_ON_WHITE] += 1
    return encode(flattened(picture), _JPEG)


def as_webp(data: bytes, held: OutputFormat, count: Count) -> bytes:
    """A WebP of a picture; one that is none yet keeps every pixel."""
    if held is OutputFormat.WEBP:
        return data
    count.conversions[Conversion.WRITTEN_AS_WEBP] += 1
    return webp_lossless(read_own(data))
