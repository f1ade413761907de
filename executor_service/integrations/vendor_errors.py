"""How a call to a vendor goes wrong, by what the caller may do next. Each vendor has one table that leads here."""

from datetime import timedelta

from executor_service.task import ErrorType


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
