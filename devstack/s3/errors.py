"""What the server refuses with: S3's error codes and the HTTP status of each."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class ErrorCode(StrEnum):
    """S3's own words; clients branch on them, so none may be renamed."""

    ACCESS_DENIED = "AccessDenied"
    AUTHORIZATION_HEADER_MALFORMED = "AuthorizationHeaderMalformed"
    AUTHORIZATION_QUERY_PARAMETERS_ERROR = "AuthorizationQueryParametersError"
    BAD_DIGEST = "BadDigest"
    CONDITIONAL_REQUEST_CONFLICT = "ConditionalRequestConflict"
    ENTITY_TOO_LARGE = "EntityTooLarge"
    ENTITY_TOO_SMALL = "EntityTooSmall"
    INCOMPLETE_BODY = "IncompleteBody"
    INTERNAL_ERROR = "InternalError"
    INVALID_ACCESS_KEY_ID = "InvalidAccessKeyId"
    INVALID_ARGUMENT = "InvalidArgument"
    INVALID_BUCKET_NAME = "InvalidBucketName"
    INVALID_DIGEST = "InvalidDigest"
    INVALID_PART = "InvalidPart"
    INVALID_PART_ORDER = "InvalidPartOrder"
    INVALID_RANGE = "InvalidRange"
    INVALID_REQUEST = "InvalidRequest"
    INVALID_TOKEN = "InvalidToken"  # noqa: S105 - an error code, not a secret
    INVALID_URI = "InvalidURI"
    KEY_TOO_LONG = "KeyTooLongError"
    MALFORMED_TRAILER = "MalformedTrailerError"
    MALFORMED_XML = "MalformedXML"
    METADATA_TOO_LARGE = "MetadataTooLarge"
    METHOD_NOT_ALLOWED = "MethodNotAllowed"
    MISSING_CONTENT_LENGTH = "MissingContentLength"
    NO_SUCH_BUCKET = "NoSuchBucket"
    NO_SUCH_KEY = "NoSuchKey"
    NO_SUCH_UPLOAD = "NoSuchUpload"
    NOT_IMPLEMENTED = "NotImplemented"
    PRECONDITION_FAILED = "PreconditionFailed"
    REQUEST_TIMEOUT = "RequestTimeout"
    REQUEST_TIME_TOO_SKEWED = "RequestTimeTooSkewed"
    SIGNATURE_DOES_NOT_MATCH = "SignatureDoesNotMatch"
    CONTENT_SHA256_MISMATCH = "XAmzContentSHA256Mismatch"


_STATUS: Final[Mapping[ErrorCode, int]] = MappingProxyType(
    {
        ErrorCode.ACCESS_DENIED: 403,
        ErrorCode.CONDITIONAL_REQUEST_CONFLICT: 409,
        ErrorCode.INTERNAL_ERROR: 500,
        ErrorCode.INVALID_ACCESS_KEY_ID: 403,
        ErrorCode.INVALID_RANGE: 416,
        ErrorCode.INVALID_TOKEN: 403,
        ErrorCode.METHOD_NOT_ALLOWED: 405,
        ErrorCode.MISSING_CONTENT_LENGTH: 411,
        ErrorCode.NO_SUCH_BUCKET: 404,
        ErrorCode.NO_SUCH_KEY: 404,
        ErrorCode.NO_SUCH_UPLOAD: 404,
        ErrorCode.NOT_IMPLEMENTED: 501,
        ErrorCode.PRECONDITION_FAILED: 412,
        ErrorCode.REQUEST_TIME_TOO_SKEWED: 403,
        ErrorCode.SIGNATURE_DOES_NOT_MATCH: 403,
    }
)


class S3Error(Exception):
    """A refusal the client is told about; `details` become extra elements of the error document."""

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        details: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = dict(details or {})
        self.headers = dict(headers or {})

    @property
    def status(self) -> int:
        """400 for every code that is not listed: S3's answer to a request that makes no sense."""
        return _STATUS.get(self.code, 400)
