"""The errors of the Invoke API, as AWS names them."""

from enum import Enum


class ErrorCode(Enum):
    """Name and HTTP status."""

    INVALID_REQUEST_CONTENT = ("InvalidRequestContentException", 400)
    INVALID_PARAMETER_VALUE = ("InvalidParameterValueException", 400)
    MISSING_TOKEN = ("MissingAuthenticationTokenException", 403)
    INCOMPLETE_SIGNATURE = ("IncompleteSignatureException", 403)
    INVALID_SIGNATURE = ("InvalidSignatureException", 403)
    UNRECOGNIZED_CLIENT = ("UnrecognizedClientException", 403)
    ACCESS_DENIED = ("AccessDeniedException", 403)
    UNKNOWN_OPERATION = ("UnknownOperationException", 404)
    RESOURCE_NOT_FOUND = ("ResourceNotFoundException", 404)
    REQUEST_TOO_LARGE = ("RequestTooLargeException", 413)
    TOO_MANY_REQUESTS = ("TooManyRequestsException", 429)
    SERVICE = ("ServiceException", 500)

    def __init__(self, code: str, status: int) -> None:
        self.code = code
        self.status = status


class InvokeError(Exception):
    """A refused request."""

    def __init__(self, error: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.error = error
        self.message = message
