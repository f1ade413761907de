"""`montage validate`: everything that is wrong with a document, for people and for editors."""

from pathlib import Path

from montage_cli.errors import ExitCode
from montage_cli.importing import Imported, ImportOptions, import_document
from montage_cli.problems import InvalidDocument
from montage_cli.refusals import document_problems_as_json
from montage_cli.session import Session


async def validate(session: Session, file: Path) -> ExitCode:
    """Answers REFUSED when there are problems. Changes nothing, here or in the service, and uploads nothing."""
    try:
        imported = await import_document(session.client, file, options=ImportOptions(validate_only=True))
    except InvalidDocument as err:
        if not session.answer({"file": str(file), "valid": False, **document_problems_as_json(err)}):
            raise err.with_outcome("") from err
        return ExitCode.REFUSED
    if not session.answer({"file": str(file), "valid": True, "problems": []}):
        session.say(f"{file} is good; {_changes(imported)}")
    return ExitCode.DONE


def _changes(imported: Imported) -> str:
    answer = imported.answer
    counts = [
        ("add", len(answer.added_nodes)),
        ("change", len(answer.changed_nodes)),
        ("remove", len(answer.removed_nodes)),
    ]
    own = [f"change the {' and '.join(imported.changed_fields)}"] if imported.changed_fields else []
    words = own + [f"{verb} {count} node{'s' if count != 1 else ''}" for verb, count in counts if count]
    if words:
        return f"an import would {', '.join(words)}"
    # Of files that were never uploaded the service cannot tell what they would change.
    return "an import would change nothing" if answer.unchanged_nodes else "nothing was changed"
