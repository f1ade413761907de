"""What a document calls its pipeline and its nodes: an `id`, or a `uuid`, which is an id too and may be the uid."""

import re
from dataclasses import dataclass
from uuid import UUID

from pipeline_service.domain.document.shapes import as_text
from pipeline_service.domain.values import Json
from pipeline_service.domain.violations import Violations

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_ID_RULE = "an id of a-z, 0-9 and '-', at most 63 characters, that begins with a letter or digit"
_HEX = "[0-9A-Fa-f]"
_UUID = re.compile(rf"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}")


@dataclass(frozen=True, kw_only=True)
class Name:
    """How a document calls one thing."""

    id: str
    """Empty when it has none that is good."""
    uid: UUID | None
    """The UUID that it is to keep, where the document gives one."""
    place: str
    """Where the id stands."""


def read_name(place: str, raw: Json, violations: Violations) -> Name:
    """Read `id`, `uuid` or both. `place` is empty, or ends with a dot.

    Alone, each is the id; one that is a whole UUID is the uid as well, one with something behind it is not.
    """
    given = raw.get("uuid")
    key = "uuid" if given is not None and "id" not in raw else "id"
    name = as_id(as_text(f"{place}{key}", raw.get(key), violations))
    if (name or raw.get(key) == "") and not _ID.fullmatch(name):
        violations.add(f"{place}{key}", f"expected {_ID_RULE}, found '{name[:80]}'")
    uid = _uuid(name)
    if given is not None and key == "id":
        text = as_text(f"{place}uuid", given, violations)
        uid = _uuid(text)
        if text and uid is None:
            violations.add(f"{place}uuid", f"expected a UUID, found '{text[:80]}'")
    return Name(id=name, uid=uid, place=f"{place}{key}")


def as_id(text: str) -> str:
    """An id as it is kept: what begins with a UUID may be written with capitals."""
    return text.lower() if _UUID.match(text) else text


def _uuid(text: str) -> UUID | None:
    return UUID(text) if _UUID.fullmatch(text) else None
