"""Every way Maskmill refuses or fails, as one tree of errors with stable codes; it knows no HTTP and no AWS.

    MaskmillError
    ├── InvalidInput    the caller sent something that can never work; sending it again does not help
    ├── NotFound        nothing of that name belongs to this tenant
    ├── Conflict        the thing exists in a state that does not allow this
    ├── QuotaExceeded   a bound of the tenant or of the product was reached
    ├── Unavailable     a part is busy, asleep or unreachable; the same call may work later
    └── ModelFailure    the segmenter could not answer for this image

A code is a contract: clients branch on it, the page has words for it, and a test produces each one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """Stable error codes, grouped by who can do something about them."""

    # The request as a whole
    INVALID_REQUEST = "invalid_request"
    MALFORMED_JSON = "malformed_json"
    BODY_TOO_LARGE = "body_too_large"
    INVALID_CURSOR = "invalid_cursor"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    CONFLICT = "conflict"
    STILL_RUNNING = "still_running"
    PRECONDITION_FAILED = "precondition_failed"
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch"
    QUOTA_EXCEEDED = "quota_exceeded"
    RATE_LIMITED = "rate_limited"
    SPENDING_STOPPED = "spending_stopped"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"
    # The content of a request
    INVALID_FILENAME = "invalid_filename"
    INVALID_RECIPE = "invalid_recipe"
    NO_IMAGES = "no_images"
    TOO_MANY_IMAGES = "too_many_images"
    NEED_POSITIVE_POINT = "need_positive_point"
    NOT_IMPLEMENTED = "not_implemented"
    WEBHOOK_URL_REFUSED = "webhook_url_refused"
    # One image
    EMPTY_FILE = "empty_file"
    FILE_TOO_LARGE = "file_too_large"
    UNSUPPORTED_FORMAT = "unsupported_format"
    CORRUPT_IMAGE = "corrupt_image"
    TOO_SMALL = "too_small"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_COMPLEX = "too_complex"
    ANIMATED_NOT_SUPPORTED = "animated_not_supported"
    UPLOAD_MISSING = "upload_missing"
    CHECKSUM_MISMATCH = "checksum_mismatch"
    # One item of a job
    MODEL_FAILED = "model_failed"
    MODEL_TIMEOUT = "model_timeout"
    MODEL_UNAVAILABLE = "model_unavailable"
    WRONG_SEGMENTER = "wrong_segmenter"
    INVALID_MASK = "invalid_mask"
    ANSWER_TOO_LARGE = "answer_too_large"
    NO_OBJECT_FOUND = "no_object_found"
    RENDER_FAILED = "render_failed"
    GAVE_UP = "gave_up"
    BUDGET_EXCEEDED = "budget_exceeded"
    IMAGE_REMOVED = "image_removed"
    CANCELLED = "cancelled"
    # One export of a job
    EXPORT_TOO_LARGE = "export_too_large"
    EXPORT_FAILED = "export_failed"


_MESSAGES: dict[Code, str] = {
    Code.INVALID_REQUEST: "The request does not have the expected shape. Correct the fields named below.",
    Code.MALFORMED_JSON: "The body is not valid JSON. Send one JSON object in UTF-8.",
    Code.BODY_TOO_LARGE: "The body is too large. Split the request into smaller ones.",
    Code.INVALID_CURSOR: "This cursor is not one that the service handed out. Start the list again without it.",
    Code.UNAUTHENTICATED: "Sign in first: the request has no valid access token.",
    Code.FORBIDDEN: "You may not do this. Ask an administrator of the service.",
    Code.NOT_FOUND: "There is nothing here under that name.",
    Code.METHOD_NOT_ALLOWED: "This address does not accept that method.",
    Code.UNSUPPORTED_MEDIA_TYPE: "The body is of another media type. Send it as application/json.",
    Code.CONFLICT: "The current state does not allow this.",
    Code.STILL_RUNNING: "The first call with this Idempotency-Key has not ended yet. Send it again in a moment.",
    Code.PRECONDITION_FAILED: "This has changed since you read it. Read it again and repeat your change.",
    Code.IDEMPOTENCY_MISMATCH: "This Idempotency-Key was used before with another body. Use a new key.",
    Code.QUOTA_EXCEEDED: "A limit is reached. Remove something or ask for a higher limit.",
    Code.RATE_LIMITED: "Too many requests within a minute. Wait as long as Retry-After says.",
    Code.SPENDING_STOPPED: "New work is stopped for now. What was submitted waits. Try again later.",
    Code.UNAVAILABLE: "The service is busy. Try again in a moment.",
    Code.INTERNAL: "Something went wrong on our side. Try again; if it stays, report the request id.",
    Code.INVALID_FILENAME: "The file name is empty, too long or has control characters. Rename the file.",
    Code.INVALID_RECIPE: "The recipe does not fit together. Correct the fields named below.",
    Code.NO_IMAGES: "There is no image to work on. Upload some first.",
    Code.TOO_MANY_IMAGES: "That is more than one job may make. Name fewer images or ask for fewer variants.",
    Code.NEED_POSITIVE_POINT: "A prompt needs at least one positive point or a box.",
    Code.NOT_IMPLEMENTED: "This option is not available yet.",
    Code.WEBHOOK_URL_REFUSED: "Webhooks go to https addresses of the public internet only. Name another address.",
    Code.EMPTY_FILE: "The file is empty. Upload it again.",
    Code.FILE_TOO_LARGE: "The file is larger than the limit. Export it smaller.",
    Code.UNSUPPORTED_FORMAT: "This is not a picture that Maskmill reads. Use JPEG, PNG, WebP, BMP or TIFF.",
    Code.CORRUPT_IMAGE: "The picture is damaged or incomplete. Export or copy it again.",
    Code.TOO_SMALL: "The picture is too small to work on.",
    Code.TOO_MANY_PIXELS: "The picture has more pixels than the limit. Export it smaller.",
    Code.TOO_COMPLEX: "The picture is stored in a way that is too costly to read. Save it again as a JPEG or PNG.",
    Code.ANIMATED_NOT_SUPPORTED: "Animated pictures are not accepted. Export the frame that you need.",
    Code.UPLOAD_MISSING: "The file never arrived. Upload it again.",
    Code.CHECKSUM_MISMATCH: "The file changed on its way. Upload it again.",
    Code.MODEL_FAILED: "The segmenter could not work on this image. Retry the failed items.",
    Code.MODEL_TIMEOUT: "The segmenter took too long for this image. Retry the failed items.",
    Code.MODEL_UNAVAILABLE: "The segmenter is not available. Retry the failed items later.",
    Code.WRONG_SEGMENTER: "The segmenter was replaced during the job. Submit the job again.",
    Code.INVALID_MASK: "The segmenter sent a mask that does not fit the image. Retry the failed items.",
    Code.ANSWER_TOO_LARGE: "The masks are too detailed to be sent in one answer. Ask for fewer of them.",
    Code.NO_OBJECT_FOUND: "No object was found at the template's points in this image.",
    Code.RENDER_FAILED: "The variants of this image could not be rendered. Retry the failed items.",
    Code.GAVE_UP: "This item failed too often. Retry the failed items; if it stays, report the job id.",
    Code.BUDGET_EXCEEDED: "This item took more requests than it may. Retry the failed items, or report the job id.",
    Code.IMAGE_REMOVED: "An image that this needs was removed from its dataset. Submit a new job over the others.",
    Code.CANCELLED: "The job was cancelled before this item was done.",
    Code.EXPORT_TOO_LARGE: "The dataset is larger than one export may be. Fetch its files with `maskmill sync`.",
    Code.EXPORT_FAILED: "The export could not be made. Ask for it again; if it stays, report the job id.",
}


def message_of(code: Code) -> str:
    """The default words for a user: what happened and what to do next."""
    return _MESSAGES[code]


class Where(StrEnum):
    """The part of a request that a pointer points into."""

    BODY = "body"
    QUERY = "query"
    HEADER = "header"


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One invalid field of a request: a JSON pointer (RFC 6901) into a part of it, and what is wrong there.

    Of the query and of the headers, the pointer is a slash and the name.
    """

    pointer: str
    detail: str
    where: Where = Where.BODY


class MaskmillError(Exception):
    """Base of the tree; `message` is fit for a user, `detail` is for the log only.

    `retry_after_s` says when the same call may work, where that is known better than from the code.
    """

    default_code = Code.INTERNAL

    def __init__(
        self,
        code: Code | None = None,
        *,
        message: str | None = None,
        detail: str = "",
        faults: tuple[FieldFault, ...] = (),
        retry_after_s: int | None = None,
    ) -> None:
        self.code = code or self.default_code
        self.message = message or message_of(self.code)
        self.detail = detail
        self.faults = faults
        self.retry_after_s = retry_after_s
        super().__init__(f"{self.code}: {detail or self.message}")


class InvalidInput(MaskmillError):
    """The caller sent something that can never work."""

    default_code = Code.INVALID_REQUEST


class NotFound(MaskmillError):
    """Nothing of that name belongs to this tenant; a foreign thing and a missing thing look the same."""

    default_code = Code.NOT_FOUND


class Conflict(MaskmillError):
    """The thing exists in a state that does not allow this."""

    default_code = Code.CONFLICT


class QuotaExceeded(MaskmillError):
    """A bound of the tenant or of the product was reached."""

    default_code = Code.QUOTA_EXCEEDED


class Unavailable(MaskmillError):
    """A part is busy, asleep or unreachable; the same call may work later."""

    default_code = Code.UNAVAILABLE


class ModelFailure(MaskmillError):
    """The segmenter could not answer for this image."""

    default_code = Code.MODEL_FAILED
