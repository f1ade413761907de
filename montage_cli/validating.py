"""`montage validate`: everything that is wrong with a document, for people and for editors."""

from pathlib import Path

from montage_cli.document import Document, read_document
from montage_cli.errors import ExitCode
from montage_cli.importing import Imported, ImportOptions, import_read
from montage_cli.problems import InvalidDocument
from montage_cli.refusals import document_problems_as_json
from montage_cli.session import Session
from montage_cli.text import counted


async def validate(session: Session, file: Path) -> ExitCode:
    """Answers REFUSED when there are problems. Changes nothing, here or in the service, and uploads nothing."""
    try:
        document = read_document(file)
        imported = await import_read(session.client, document, options=ImportOptions(validate_only=True))
    except InvalidDocument as err:
        if not session.answer({"file": str(file), "valid": False, **document_problems_as_json(err)}):
            raise err.with_outcome("") from err
        return ExitCode.REFUSED
    if not session.answer({"file": str(file), "valid": True, "problems": []}):
        session.say(f"{file} is good; {_changes(document, imported)}")
    return ExitCode.DONE


def _changes(document: Document, imported: Imported) -> str:
    answer = imported.answer
    nodes = document.value.get("nodes")
    counts = [
        # Of files that were never uploaded the service cannot tell what they would change; all of a new one is added.
        ("add", len(nodes) if imported.is_new and isinstance(nodes, list) else len(answer.added_nodes)),
        ("change", len(answer.changed_nodes)),
        ("remove", len(answer.removed_nodes)),
    ]
    own = [f"change the {' and '.join(imported.changed_fields)}"] if imported.changed_fields else []
    words = own + [f"{verb} {counted(count, 'node')}" for verb, count in counts if count]
    if words:
        return f"an import would {', '.join(words)}"
    is_told = imported.is_new or answer.unchanged_nodes
    return (
        "an import would change nothing" if is_told else "what an import would change shows when it uploads the files"
    )
