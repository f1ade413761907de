"""What can go wrong with a local vendor, in the words a caller decides by."""

from enum import StrEnum


class ErrorType(StrEnum):
    """What the caller should do next: nothing helps `INVALID_INPUT`, the others may be tried again."""

    INVALID_INPUT = "invalid_input"
    FFMPEG_ERROR = "ffmpeg_error"
    TIMEOUT = "timeout"
    INTERNAL = "internal"


class LocalVendorError(Exception):
    """A local vendor made nothing; no file is left at the destination."""

    def __init__(self, error_type: ErrorType, message: str, *, details: str = "") -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message
        self.details = details
        """The last lines that the failing program wrote; may be empty."""


def invalid_input(message: str) -> LocalVendorError:
    """The error for a value that no further attempt makes right."""
    return LocalVendorError(ErrorType.INVALID_INPUT, message)
