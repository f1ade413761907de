"""When the pipeline service cannot say whether it has recorded something."""

from datetime import timedelta

import grpc

from servicekit import grpc_retry


class PipelineAway(Exception):
    """Nothing is known to be recorded: the service is away, slow, overloaded or refuses us. Try again later."""

    def __init__(self, cause: str, *, retry_after: timedelta) -> None:
        super().__init__(cause)
        self.cause = cause
        self.retry_after = retry_after


def away(error: grpc.aio.AioRpcError, *, retry_after: timedelta) -> PipelineAway | None:
    """What an error of the service means, if it means that. `retry_after` is told when the service names no time."""
    if error.code() not in _AWAY:
        return None
    asked_s = grpc_retry.retry_after_s(error)
    return PipelineAway(error.code().name, retry_after=retry_after if asked_s is None else timedelta(seconds=asked_s))


_AWAY = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.ABORTED,
        # The service does not know us, or not yet this method: a fault of the installation that the caller cannot
        # mend, and that may be over when it asks again.
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)
