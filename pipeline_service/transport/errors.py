"""One table from what commands refuse to what callers are told."""

from collections.abc import Callable
from datetime import timedelta

import grpc

from pipeline_service.commands.errors import (
    AlreadyExists,
    ArtifactMismatch,
    BadRow,
    ClaimNotLive,
    Contended,
    CredentialGone,
    CredentialUnreadable,
    EtagMismatch,
    FailedPrecondition,
    InvalidDocument,
    InvalidField,
    KeyOutsidePrefix,
    NoMasterKeys,
    NotAllowed,
    NotFound,
    OutputMissing,
    Overloaded,
    PlanChanged,
    RequestIdReused,
    RequestRepeated,
    Unavailable,
)
from pipeline_service.commands.webhooks import DeliveryNotSigned, WebhookNotConfigured
from pipeline_service.domain.lists import InvalidFilter, InvalidOrder
from pipeline_service.transport.paging import InvalidPageToken
from pipeline_service.transport.watch import WatcherTooSlow
from pipeline_service.wire.values import Incomplete
from servicekit.grpc_errors import ErrorTable, FieldViolation, PreconditionViolation, Resource, RpcError

DOMAIN = "montage"
MAX_DOCUMENT_STATUS_BYTES = 6 * 1024
_CODE = grpc.StatusCode
_Mapper = Callable[[Exception], RpcError]


class CapabilityRefused(Exception):
    """The capability is missing, damaged, or not for this. Says nothing more."""


class CapabilityExpired(Exception):
    """The capability was good and has expired."""


def _not_found(error: Exception) -> RpcError:
    assert isinstance(error, NotFound)  # noqa: S101 - the table pairs each function with its class
    return RpcError(
        code=_CODE.NOT_FOUND,
        reason=f"{error.kind.upper().replace(' ', '_')}_NOT_FOUND",
        message=f"There is no {error.kind} '{error.name}'.",
        resource=Resource(type=f"montage/{error.kind.title().replace(' ', '')}", name=error.name),
    )


def _already_exists(error: Exception) -> RpcError:
    assert isinstance(error, AlreadyExists)  # noqa: S101
    return RpcError(
        code=_CODE.ALREADY_EXISTS,
        reason="NODE_EXISTS" if error.kind == "node" else "PIPELINE_EXISTS",
        message=f"'{error.name}' exists already.",
        resource=Resource(type=f"montage/{error.kind.title()}", name=error.name),
    )


def _invalid_document(error: Exception) -> RpcError:
    assert isinstance(error, InvalidDocument)  # noqa: S101
    return RpcError(
        code=_CODE.INVALID_ARGUMENT,
        reason="INVALID_DOCUMENT",
        message=f"Nothing was {error.undone}: {error}.",
        fields=tuple(FieldViolation(field=one.field, description=one.description) for one in error.violations),
        # Our own clients take as much; what still does not fit is counted, and `validate_only` answers all of it.
        max_status_bytes=MAX_DOCUMENT_STATUS_BYTES,
    )


def _invalid_field(reason: str) -> _Mapper:
    def answer(error: Exception) -> RpcError:
        assert isinstance(error, InvalidField | Incomplete | InvalidFilter | InvalidOrder)  # noqa: S101
        violation = FieldViolation(field=error.field, description=error.description)
        return RpcError(
            code=_CODE.INVALID_ARGUMENT,
            reason=reason,
            message=_sentence(f"{error.field}: {error.description}"),
            fields=(violation,),
        )

    return answer


def _invalid_page_token(error: Exception) -> RpcError:
    return RpcError(
        code=_CODE.INVALID_ARGUMENT,
        reason="INVALID_PAGE_TOKEN",
        message=_sentence(str(error)),
        fields=(FieldViolation(field="page_token", description=str(error)),),
    )


def _plain(code: grpc.StatusCode, reason: str, message: str = "", *, retry_after: timedelta | None = None) -> _Mapper:
    """An answer whose message is the given one, or the error's own."""

    def answer(error: Exception) -> RpcError:
        return RpcError(code=code, reason=reason, message=message or _sentence(str(error)), retry_after=retry_after)

    return answer


def _mismatch(error: Exception) -> RpcError:
    return RpcError(
        code=_CODE.FAILED_PRECONDITION,
        reason="ARTIFACT_MISMATCH",
        message=_sentence(str(error)),
        preconditions=(PreconditionViolation(type="ARTIFACT", subject="output", description=str(error)),),
    )


def _sentence(text: str) -> str:
    """The text with a full stop, unless it ends with a question."""
    return text if text.endswith("?") else f"{text}."


ERRORS: ErrorTable = {
    NotFound: _not_found,
    AlreadyExists: _already_exists,
    InvalidDocument: _invalid_document,
    InvalidField: _invalid_field("INVALID_FIELD"),
    Incomplete: _invalid_field("INVALID_FIELD"),
    InvalidFilter: _invalid_field("INVALID_FILTER"),
    InvalidOrder: _invalid_field("INVALID_ORDER_BY"),
    KeyOutsidePrefix: _invalid_field("KEY_OUTSIDE_PREFIX"),
    InvalidPageToken: _invalid_page_token,
    ArtifactMismatch: _mismatch,
    FailedPrecondition: _plain(_CODE.FAILED_PRECONDITION, "FAILED_PRECONDITION"),
    EtagMismatch: _plain(_CODE.ABORTED, "ABORTED"),
    PlanChanged: _plain(_CODE.ABORTED, "PLAN_CHANGED"),
    OutputMissing: _plain(_CODE.FAILED_PRECONDITION, "OUTPUT_MISSING"),
    BadRow: _plain(_CODE.INVALID_ARGUMENT, "INVALID_FIELD", "The database refused a value of the request."),
    RequestIdReused: _plain(_CODE.ALREADY_EXISTS, "REQUEST_ID_REUSED"),
    RequestRepeated: _plain(_CODE.ABORTED, "ABORTED"),
    Contended: _plain(_CODE.ABORTED, "ABORTED", "Other writers were faster; read again and repeat."),
    Unavailable: _plain(_CODE.UNAVAILABLE, "UNAVAILABLE", retry_after=timedelta(seconds=1)),
    Overloaded: _plain(_CODE.RESOURCE_EXHAUSTED, "OVERLOADED", retry_after=timedelta(seconds=1)),
    WatcherTooSlow: _plain(_CODE.RESOURCE_EXHAUSTED, "WATCHER_TOO_SLOW", retry_after=timedelta(seconds=1)),
    CredentialGone: _plain(_CODE.FAILED_PRECONDITION, "CREDENTIAL_GONE"),
    ClaimNotLive: _plain(_CODE.FAILED_PRECONDITION, "CLAIM_NOT_LIVE"),
    NoMasterKeys: _plain(_CODE.FAILED_PRECONDITION, "NO_MASTER_KEYS", "The operator has set no master keys."),
    CredentialUnreadable: _plain(_CODE.INTERNAL, "CREDENTIAL_UNREADABLE", "The secret cannot be opened."),
    NotAllowed: _plain(_CODE.PERMISSION_DENIED, "CALLER_NOT_ALLOWED"),
    WebhookNotConfigured: _plain(_CODE.NOT_FOUND, "WEBHOOK_NOT_CONFIGURED"),
    DeliveryNotSigned: _plain(_CODE.UNAUTHENTICATED, "SIGNATURE_INVALID"),
    CapabilityRefused: _plain(_CODE.UNAUTHENTICATED, "CAPABILITY_INVALID", "The capability is not valid for this."),
    CapabilityExpired: _plain(_CODE.FAILED_PRECONDITION, "CAPABILITY_EXPIRED", "The capability has expired."),
}
