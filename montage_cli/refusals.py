"""How a refusal is told: in words for people, as JSON for programs."""

from typing import Any

from montage_cli.errors import MontageError, Status
from montage_cli.problems import InvalidDocument


class Refused(Exception):
    """A call that was refused, with what may help."""

    def __init__(self, cause: MontageError, hint: str) -> None:
        """`hint` may be empty."""
        super().__init__(str(cause))
        self.cause = cause
        self.hint = hint


def words_of(error: MontageError, hint: str) -> str:
    """The message, each field that breaks a rule, and the hint, on lines of their own."""
    lines = [f"error: {error.message}"]
    told = [f"{violation.field}: {violation.description}" for violation in error.violations]
    # Of a single one the message says the same.
    lines += [f"  {one}" for one in told if not error.message.startswith(one)]
    if error.omitted_violations:
        lines.append(f"  … and {error.omitted_violations} more")
    if hint:
        lines.append(f"hint: {hint}")
    return "\n".join(lines)


def error_as_json(error: MontageError, hint: str) -> dict[str, Any]:
    """`{"error": {…}}`; what is empty is left out, except message and status."""
    told = {
        "message": error.message,
        "status": str(error.status),
        "reason": error.reason,
        "resource": error.resource,
        "violations": [{"field": one.field, "description": one.description} for one in error.violations],
        "omittedViolations": error.omitted_violations,
        "hint": hint,
    }
    return {"error": {key: value for key, value in told.items() if value}}


def document_error_as_json(found: InvalidDocument) -> dict[str, Any]:
    """The same for a document, with all of its problems."""
    message = str(found).partition("\n")[0].rstrip(":")
    error = {"message": message, "status": str(Status.INVALID_ARGUMENT), "reason": "INVALID_DOCUMENT"}
    return {"error": error, **document_problems_as_json(found)}


def document_problems_as_json(found: InvalidDocument) -> dict[str, Any]:
    """Every problem of a document with its place and line."""
    return {
        "problems": [
            {"place": one.place, "line": one.line, "column": one.column, "message": one.message}
            for one in found.problems
        ],
        "omitted": found.omitted,
        "note": found.note,
    }
