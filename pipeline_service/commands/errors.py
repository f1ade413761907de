"""What a command may refuse, by what the caller should know."""

from collections.abc import Sequence

from pipeline_service.domain.document import Violation


class PipelineError(Exception):
    """Base of every refusal."""


class NotFound(PipelineError):
    """There is none of that name, or it belongs to somebody else."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"no {kind} '{name}'")
        self.kind = kind
        self.name = name


class AlreadyExists(PipelineError):
    """The id is taken."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"'{name}' exists already")
        self.kind = kind
        self.name = name


class InvalidDocument(PipelineError):
    """A document has problems; all of them are listed."""

    what, undone = "document", "created"

    def __init__(self, violations: Sequence[Violation]) -> None:
        count = f"{len(violations)} problem{'s' if len(violations) != 1 else ''}"
        super().__init__(f"the {self.what} has {count}")
        self.violations = tuple(violations)


class InvalidNode(InvalidDocument):
    """A node that was to be added or changed has problems."""

    what, undone = "node", "changed"


class InvalidField(PipelineError):
    """A field of a request is not as it must be."""

    def __init__(self, field: str, description: str) -> None:
        super().__init__(f"{field}: {description}")
        self.field = field
        self.description = description


class KeyOutsidePrefix(InvalidField):
    """A report names an object that its execution and claim do not own."""


class ArtifactMismatch(PipelineError):
    """The object that a report names is not in the store as described."""


class RequestIdReused(PipelineError):
    """The same request id came with another request."""


class RequestRepeated(PipelineError):
    """The same request is being answered, or was, by somebody else meanwhile: look for its answer."""


class FailedPrecondition(PipelineError):
    """What was asked for is not possible in the present state; the message says why."""


class OutputMissing(PipelineError):
    """The node has no output yet."""


class Unavailable(PipelineError):
    """Database, store or queue is away; nothing is known to have changed, and repeating is safe."""


class Overloaded(PipelineError):
    """Too much is waiting already; nothing changed."""


class Contended(PipelineError):
    """Other writers changed the rows meanwhile; the transaction may be repeated."""


class Deadlocked(Contended):
    """Two transactions waited for each other, and the database ended this one. Locks have an order: a defect."""


class EtagMismatch(Contended):
    """The caller's etag is not the present one: somebody else was faster."""


class PlanChanged(PipelineError):
    """The plan that the caller insists on is not what would be done by now."""


class BadRow(PipelineError):
    """The database refused a value (SQLSTATE class 22 or 23); repeating is pointless."""


class NoMasterKeys(PipelineError):
    """The operator has set no master keys."""


class CredentialUnreadable(PipelineError):
    """A closed secret does not open; the message says no more than why."""


class CredentialGone(PipelineError):
    """What was begun with a secret cannot go on with another one."""


class ClaimNotLive(PipelineError):
    """The worker does not hold what it names, or not any more."""


class NotAllowed(PipelineError):
    """The caller may call this, and not for that."""
