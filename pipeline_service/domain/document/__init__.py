"""Pipeline documents: read what a user wrote, find all that is wrong with it at once."""

from pipeline_service.domain.document.reading import read_document, read_node
from pipeline_service.domain.document.values import Document, DocumentNode
from pipeline_service.domain.violations import Violation

__all__ = ["Document", "DocumentNode", "Violation", "read_document", "read_node"]
