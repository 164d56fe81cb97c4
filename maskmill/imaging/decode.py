"""Foreign files into pictures: bounds, orientation, colour and depth; it knows no storage and trusts no file name.

The order matters: length, type by bytes, scans, header size, frames, checksums, and only then pixels.
"""

from __future__ import annotations

import io
import warnings
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from PIL import Image

from maskmill.core.errors import Code, InvalidInput
from maskmill.core.image import Note, SourceFormat
from maskmill.core.limits import IMAGE_PIXELS_MAX, IMAGE_SIDE_PX_MIN, JPEG_SCANS_MAX, UPLOAD_BYTES_MAX
from maskmill.imaging.picture import Bytes, Picture
from maskmill.imaging.png import check_stream
from maskmill.imaging.profile import to_srgb
from maskmill.imaging.sniff import format_of, jpeg_process, jpeg_scans, png_is_16_bit, tiff_has_more_frames, webp_size

T = TypeVar("T")

_ORIENTATION_TAG = 0x0112
_BITS_PER_SAMPLE_TAG = 258
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Baseline, extended, progressive, and the last two with arithmetic coding; 8 bits each.
_JPEG_PROCESSES = frozenset((marker, 8) for marker in (0xC0, 0xC1, 0xC2, 0xC9, 0xCA))
_METADATA_KEYS = ("exif", "xmp", "XML:com.adobe.xmp", "comment", "photoshop", "Comment", "mp")
_METADATA_TAGS = frozenset((270, 271, 272, 305, 306, 315, 700, 33432, 33723, 34377, 34665, 34853))  # of a TIFF


def decode(data: bytes) -> tuple[Picture, SourceFormat, tuple[Note, ...]]:
    """The upright sRGB picture in a file, what the file is, and what was done to it.

    Raises InvalidInput: empty_file, file_too_large, unsupported_format, too_small, too_many_pixels, too_complex,
    animated_not_supported or corrupt_image. Nothing is decoded before the header's size is within bounds.
    """
    if not data:
        raise InvalidInput(Code.EMPTY_FILE)
    if len(data) > UPLOAD_BYTES_MAX:
        megabytes = UPLOAD_BYTES_MAX // 1024**2
        message = f"The file has {len(data):,} bytes; at most {megabytes} MiB are accepted. Export it smaller."
        raise InvalidInput(Code.FILE_TOO_LARGE, message=message)
    source_format = format_of(data)
    if source_format is SourceFormat.JPEG:
        _check_jpeg(data)
    picture, notes = guarded(lambda: _decoded(data, source_format))
    return picture, source_format, notes


def _check_jpeg(data: bytes) -> None:
    process = jpeg_process(data)
    if process is not None and process not in _JPEG_PROCESSES:
        message = "JPEG files of this rare kind (lossless, hierarchical or of 12 bits) are not accepted. Export a PNG."
        raise InvalidInput(Code.UNSUPPORTED_FORMAT, message=message, detail=f"frame and precision {process}")
    if jpeg_scans(data, count_max=JPEG_SCANS_MAX) > JPEG_SCANS_MAX:
        raise InvalidInput(Code.TOO_COMPLEX, detail=f"more than {JPEG_SCANS_MAX} scans")


def guarded(work: Callable[[], T]) -> T:
    """The one boundary around Pillow: whatever a decoder raises becomes one of our codes.

    Of all warnings only that of a decompression bomb is an error: a fine photo may carry garbage as metadata.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return work()
    except InvalidInput:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise InvalidInput(Code.TOO_MANY_PIXELS, detail=str(exc)) from exc
    except MemoryError as exc:
        raise InvalidInput(Code.TOO_COMPLEX, detail=f"out of memory: {exc}") from exc
    except Exception as exc:
        raise InvalidInput(Code.CORRUPT_IMAGE, detail=f"{type(exc).__name__}: {exc}") from exc


def _decoded(data: bytes, source_format: SourceFormat) -> tuple[Picture, tuple[Note, ...]]:
    if source_format is SourceFormat.WEBP and (size := webp_size(data)):
        _check_bounds(size.width_px, size.height_px)  # the WebP decoder allocates its canvas when it opens a file
    with _opened(data, source_format) as image:
        _check_bounds(*image.size)
        _check_frames(image, source_format)
        if source_format is SourceFormat.TIFF:
            _check_strips(image)
        image.verify()
    if source_format is SourceFormat.PNG:
        check_stream(data)
    with _opened(data, source_format) as image:
        notes = _header_notes(image, data, source_format)
        turned = _orientation(image)
        image.load()
        still_to_turn = _orientation(image)  # the TIFF decoder turns by itself; a PNG may tell only at its end
        has_metadata = _has_metadata(image)
        picture, colour_notes = _picture_of(image, still_to_turn)
    if turned != 1 or still_to_turn != 1:
        notes.insert(0, Note.TURNED_UPRIGHT)
    notes += colour_notes
    if has_metadata:
        notes.append(Note.METADATA_DROPPED)
    return picture, tuple(dict.fromkeys(notes))


def _opened(data: bytes, source_format: SourceFormat) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=[source_format.value.upper()])


def _check_bounds(width_px: int, height_px: int) -> None:
    if width_px * height_px > IMAGE_PIXELS_MAX:
        message = (
            f"The picture has {width_px} × {height_px} pixels; at most {IMAGE_PIXELS_MAX // 1_000_000} million "
            "are accepted. Export it smaller."
        )
        raise InvalidInput(Code.TOO_MANY_PIXELS, message=message)
    if min(width_px, height_px) < IMAGE_SIDE_PX_MIN:
        message = f"The picture has {width_px} × {height_px} pixels; each side needs at least {IMAGE_SIDE_PX_MIN}."
        raise InvalidInput(Code.TOO_SMALL, message=message)


def _check_frames(image: Image.Image, source_format: SourceFormat) -> None:
    if source_format in (SourceFormat.PNG, SourceFormat.WEBP) and getattr(image, "n_frames", 1) > 1:
        raise InvalidInput(Code.ANIMATED_NOT_SUPPORTED)


def _check_strips(image: Image.Image) -> None:
    """Raises ValueError where a TIFF names too few strips or tiles: Pillow shows the rest as black."""
    areas: Counter[object] = Counter()  # by channel, where each has its own
    for _, (left, top, right, bottom), _, arguments in getattr(image, "tile", ()):
        areas[arguments[0] if isinstance(arguments, tuple) else arguments] += (right - left) * (bottom - top)
    if not areas or min(areas.values()) < image.width * image.height:
        raise ValueError(f"the strips of {image.size} hold {dict(areas)} pixels")


def _header_notes(image: Image.Image, data: bytes, source_format: SourceFormat) -> list[Note]:
    notes = []
    is_deep = source_format is SourceFormat.PNG and png_is_16_bit(data)
    if source_format is SourceFormat.TIFF:
        bits = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE_TAG, (8,))
        is_deep = max(bits if isinstance(bits, tuple) else (bits,)) == 16
    if is_deep:
        notes.append(Note.REDUCED_FROM_16_BIT)
    if image.format == "MPO" or (source_format is SourceFormat.TIFF and tiff_has_more_frames(data)):
        notes.append(Note.FIRST_FRAME_ONLY)
    return notes


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; anything else that stands there counts as 1."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # noqa: BLE001 - garbage where EXIF should be is no reason to refuse a picture
        return 1
    return value if isinstance(value, int) and value in _TURNS else 1


def _has_metadata(image: Image.Image) -> bool:
    """Whether the file tells more than its pixels: a place, a camera, a text, a name."""
    if any(image.info.get(key) for key in _METADATA_KEYS) or getattr(image, "text", None):
        return True
    return not _METADATA_TAGS.isdisjoint(getattr(image, "tag_v2", ()))


def _picture_of(image: Image.Image, orientation: int) -> tuple[Picture, list[Note]]:
    notes: list[Note] = []
    icc = image.info.get("icc_profile")
    base, alpha = _base_and_alpha(image)
    base, colour_notes = to_srgb(base, icc if isinstance(icc, bytes) else None, gamma=_gamma(image))
    notes += colour_notes
    if orientation in _TURNS:
        base = base.transpose(_TURNS[orientation])
        alpha = alpha.transpose(_TURNS[orientation]) if alpha is not None else None
    is_grey = base.mode == "L"
    if is_grey:
        notes.append(Note.GREYSCALE)
    opacity = None if alpha is None or alpha.getextrema()[0] == 255 else np.array(alpha)
    if opacity is not None:
        notes.append(Note.ALPHA_KEPT)
    return Picture(rgb=_three_channels(np.asarray(base)), alpha=opacity, is_grey=is_grey), notes


def _gamma(image: Image.Image) -> float | None:
    """The exponent that a PNG says it is encoded with; None where it says sRGB, or nothing."""
    gamma = image.info.get("gamma")
    return gamma if isinstance(gamma, float) and "srgb" not in image.info else None


def _three_channels(pixels: Bytes) -> Bytes:
    if pixels.ndim == 2:
        return np.ascontiguousarray(np.broadcast_to(pixels[:, :, None], (*pixels.shape, 3)))
    return np.ascontiguousarray(pixels)


def _base_and_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """The colour part (L, RGB, CMYK or LAB) and the opacity (L), if the file has one.

    Raises InvalidInput unsupported_format for floating-point and 32-bit pictures.
    """
    if image.mode.startswith("I;16"):
        return _from_16_bit(image)
    if "transparency" in image.info and image.mode in ("1", "L", "RGB", "P"):
        image = image.convert("L") if image.mode == "1" else image
        image = image.convert("LA" if image.mode == "L" else "RGBA")
    if image.mode in ("RGBa", "La"):
        image = image.convert("RGBA" if image.mode == "RGBa" else "LA")
    if image.mode == "PA":
        image = image.convert("RGBA")
    if image.mode in ("RGBA", "LA"):
        return image.convert(image.mode[:-1]), image.getchannel("A")
    if image.mode == "1":
        return image.convert("L"), None
    if image.mode in ("P", "YCbCr", "RGBX", "HSV"):
        return image.convert("RGB"), None
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image, None
    message = "Pictures with 32-bit or floating-point values are not accepted. Export it with 8 or 16 bits."
    raise InvalidInput(Code.UNSUPPORTED_FORMAT, message=message, detail=f"mode {image.mode}")


def _from_16_bit(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """16-bit grey scaled to 8 bits with rounding: 65535 becomes 255 and 40000 becomes 156."""
    deep = np.asarray(image).astype(np.uint32)
    alpha = None
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        alpha = Image.fromarray(np.where(deep == transparent, 0, 255).astype(np.uint8))
    return Image.fromarray(((deep * 255 + 32767) // 65535).astype(np.uint8)), alpha
