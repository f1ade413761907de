"""What goes wrong when Montage is asked for something, and the exit code each case ends with."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class ExitCode(IntEnum):
    """How the command ends; scripts rely on these."""

    DONE = 0
    RUN_FAILED = 1
    USAGE = 2
    REFUSED = 3
    """The request is invalid, or what it names does not exist or is not ready."""
    UNREACHABLE = 4
    """The service is away, does not admit us, or failed."""
    INTERRUPTED = 5
    """Interrupted while waiting; the run goes on."""


class Status(StrEnum):
    """gRPC's status codes by name, so that whoever handles an error need not import grpc."""

    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"
    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    ABORTED = "ABORTED"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    UNIMPLEMENTED = "UNIMPLEMENTED"
    INTERNAL = "INTERNAL"
    UNAVAILABLE = "UNAVAILABLE"
    DATA_LOSS = "DATA_LOSS"
    UNAUTHENTICATED = "UNAUTHENTICATED"


WRONG_USAGE = "WRONG_USAGE"
"""Our own reason for what was typed or set and cannot be meant, found before the service is asked."""
_REFUSALS = frozenset(
    {
        Status.INVALID_ARGUMENT,
        Status.NOT_FOUND,
        Status.ALREADY_EXISTS,
        Status.FAILED_PRECONDITION,
        Status.ABORTED,
        Status.OUT_OF_RANGE,
        Status.UNIMPLEMENTED,
    }
)


@dataclass(frozen=True, kw_only=True)
class FieldViolation:
    """One field of a request that breaks a rule."""

    field: str
    """Path in the request; for documents a place such as `nodes[3].inputs.audio`."""
    description: str


class MontageError(Exception):
    """A call that was refused or could not be made; the only exception that the client raises."""

    def __init__(
        self,
        message: str,
        *,
        status: Status,
        reason: str = "",
        violations: Iterable[FieldViolation] = (),
        omitted_violations: int = 0,
        resource: str = "",
        hint: str = "",
    ) -> None:
        """`reason` is the stable word of `montage.v1.ErrorReason`; empty when the service itself did not answer.

        `omitted_violations` counts those that did not fit into the answer. `resource` is the name it is about, if any.
        `hint` is what may help, where whoever raises it knows.
        """
        super().__init__(message)
        self.message = message
        self.status = status
        self.reason = reason
        self.violations = tuple(violations)
        self.omitted_violations = omitted_violations
        self.resource = resource
        self.hint = hint

    @property
    def exit_code(self) -> ExitCode:
        if self.reason == WRONG_USAGE:
            return ExitCode.USAGE
        return ExitCode.REFUSED if self.status in _REFUSALS else ExitCode.UNREACHABLE
