"""What is recorded of whom: callbacks that were decided upon, and calls that need a privilege."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class AuditAction(StrEnum):
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


@dataclass(frozen=True, kw_only=True)
class AuditRecord:
    """That somebody did something. Holds no secret."""

    actor: str
    action: AuditAction
    subject: str
    """An execution's UUID, or `credentials/<owner>/<vendor>`."""
    outcome: str = "OK"
    """`OK`, or a disposition."""
    details: Mapping[str, str] = field(default_factory=dict)
