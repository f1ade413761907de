"""One run of a function, and how it ended."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

RequestId = NewType("RequestId", str)


class FunctionError(StrEnum):
    """The value of `X-Amz-Function-Error`; AWS knows only one since its own runtimes handle all others."""

    UNHANDLED = "Unhandled"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a function answered, or why it did not."""

    payload: bytes
    """JSON: the answer, or `{errorMessage, errorType, …}`."""
    function_error: FunctionError | None = None

    @classmethod
    def failed(cls, *, error_type: str, message: str) -> "Outcome":
        """The function was ended by the endpoint, or ended itself."""
        body = {"errorType": error_type, "errorMessage": message}
        return cls(payload=json.dumps(body).encode(), function_error=FunctionError.UNHANDLED)


@dataclass(frozen=True, kw_only=True)
class Task:
    """Something for a worker to run."""

    request_id: RequestId
    load: Callable[[], bytes]
    """Its payload; read only when a worker is free, so that waiting tasks need no memory."""
    finish: Callable[[Outcome], None]
    """Called once when the run ended; never when the endpoint stops before."""
