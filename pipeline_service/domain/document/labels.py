"""The `labels` of a document's pipeline and nodes: the user's own marks, for filters."""

import re
from collections.abc import Mapping

from pipeline_service.domain.document.shapes import as_object, kind_of
from pipeline_service.domain.values import JsonValue
from pipeline_service.domain.violations import Violations

# As the contract states them.
MAX_LABELS = 64
KEY_PATTERN = "^[a-z][a-z0-9_-]{0,62}$"
VALUE_PATTERN = "^[A-Za-z0-9_.-]{0,63}$"


def read_labels(place: str, raw: JsonValue, violations: Violations) -> Mapping[str, str]:
    """Labels by key; those that cannot be are left out, each with a violation."""
    given = as_object(place, raw, violations) or {}
    if len(given) > MAX_LABELS:
        violations.add(place, f"expected at most {MAX_LABELS} labels, found {len(given)}")
    labels: dict[str, str] = {}
    for key, value in given.items():
        if not re.fullmatch(KEY_PATTERN, key):
            rule = "a-z, 0-9, '_' and '-', at most 63 characters, that begins with a letter"
            violations.add(place, f"expected a key of {rule}, found '{key[:80]}'")
        elif not isinstance(value, str) or not re.fullmatch(VALUE_PATTERN, value):
            rule = "text of A-Z, a-z, 0-9, '_', '.' and '-', at most 63 characters"
            violations.add(f"{place}.{key}", f"expected {rule}, found {kind_of(value)}")
        else:
            labels[key] = value
    return labels
