"""How a call to a vendor goes wrong, by what the caller may do next. Each vendor has one table that leads here."""

from datetime import timedelta

from executor_service.task import ErrorType, VendorTrouble


class InvalidCredentials(ValueError):
    """What was given as a key is none of this vendor; the message never shows it."""


class Refused(Exception):
    """The vendor definitely did not accept a call."""

    def __init__(self, error_type: ErrorType, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.retry_after = retry_after
        """When the same call may be accepted; None when never."""


class Away(Exception):
    """No answer that decides anything: what was sent may have been accepted."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """What the vendor asked for; None when it did not say."""


class Gone(Exception):
    """The vendor does not know the job."""


def trouble_of(error: Refused | Away) -> VendorTrouble | None:
    """What an error tells of the vendor itself; None when it is about the call."""
    if isinstance(error, Away):
        return VendorTrouble(error_type=ErrorType.PROVIDER_UNAVAILABLE, retry_after=error.retry_after)
    if error.error_type in (ErrorType.RATE_LIMITED, ErrorType.PROVIDER_UNAVAILABLE):
        return VendorTrouble(error_type=error.error_type, retry_after=error.retry_after)
    return None
