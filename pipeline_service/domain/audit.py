"""What is recorded of whom: callbacks that were decided upon, and calls that need a privilege."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pipeline_service.domain.engine.reports import Complete, Fail
from pipeline_service.domain.states import Disposition


class AuditAction(StrEnum):
    RESULT_FROM_OUTSIDE = "RESULT_FROM_OUTSIDE"
    """A result or failure that a callback or a manifest told of was decided upon."""
    CREDENTIAL_PUT = "CREDENTIAL_PUT"
    """An operator kept a secret."""
    CREDENTIAL_DELETED = "CREDENTIAL_DELETED"
    """An operator forgot one."""
    CREDENTIALS_LISTED = "CREDENTIALS_LISTED"
    """An operator looked which there are."""
    CREDENTIAL_ACCESSED = "CREDENTIAL_ACCESSED"
    """A value left the service."""
    CREDENTIAL_TOUCHED = "CREDENTIAL_TOUCHED"
    """Somebody told of a use."""
    CREDENTIAL_REWRAPPED = "CREDENTIAL_REWRAPPED"
    """Its data key went under another master key."""
    OBJECTS_SWEPT = "OBJECTS_SWEPT"
    """An operator began to look for objects that nothing refers to."""
    OBJECT_REMOVED = "OBJECT_REMOVED"
    """Such an object is removed now."""
    REFERENCES_CHECKED = "REFERENCES_CHECKED"
    """An operator began to look for objects that are not there."""
    SEALS_VERIFIED = "SEALS_VERIFIED"
    """Somebody began to hold the record against its seals."""
    RECORDS_LISTED = "RECORDS_LISTED"
    """Somebody read these records."""


@dataclass(frozen=True, kw_only=True)
class AuditRecord:
    """That somebody did something. Holds no secret."""

    actor: str
    action: AuditAction
    subject: str
    """An execution's UUID, `credentials/<owner>/<vendor>`, or the key of an object."""
    outcome: str = "OK"
    """`OK`, or a disposition."""
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class KeptRecord:
    """A record as it is kept."""

    number: int
    create_time: datetime
    record: AuditRecord


def result_from_outside(report: Complete | Fail, disposition: Disposition) -> AuditRecord:
    """The record of a callback, or of a manifest that stands for one."""
    return AuditRecord(
        actor=report.actor,
        action=AuditAction.RESULT_FROM_OUTSIDE,
        subject=str(report.execution_id),
        outcome=disposition,
        details={"claim": str(report.claim), "says": "output" if isinstance(report, Complete) else "failure"},
    )
