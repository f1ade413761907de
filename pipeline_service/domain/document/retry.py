"""The `retry` of a document's node: what of its node type's policy is other for this node. Changes nothing it makes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pipeline_service.domain.document.shapes import as_object, check_keys, kind_of
from pipeline_service.domain.values import JsonValue
from pipeline_service.domain.violations import Violations


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What a number of the policy may be."""

    minimum: float
    maximum: float
    is_whole: bool = False

    def admits(self, value: float) -> bool:
        is_in_range = not isinstance(value, bool) and self.minimum <= value <= self.maximum
        return is_in_range and (not self.is_whole or value == int(value))


LIMITS: Mapping[str, Limit] = MappingProxyType(
    {
        "maxAttempts": Limit(minimum=1, maximum=20, is_whole=True),
        "initialInterval": Limit(minimum=0, maximum=3600),
        "backoffCoefficient": Limit(minimum=1, maximum=10),
        "maxInterval": Limit(minimum=0, maximum=86_400),
        "jitter": Limit(minimum=0, maximum=1),
    }
)
"""Intervals in seconds; jitter is the share of a wait that is left to chance."""


def read_retry(place: str, raw: JsonValue, violations: Violations) -> Mapping[str, float]:
    """The policy's numbers by key; those that cannot be are left out, each with a violation."""
    given = as_object(place, raw, violations) or {}
    check_keys(place, given, tuple(LIMITS), violations)
    read: dict[str, float] = {}
    for key, value in given.items():
        limit = LIMITS.get(key)
        if limit is None:
            continue
        if isinstance(value, int | float) and limit.admits(value):
            read[key] = int(value) if limit.is_whole else value
            continue
        kind = "a whole number" if limit.is_whole else "a number"
        wanted = f"{kind} from {limit.minimum:g} to {limit.maximum:g}"
        violations.add(f"{place}.{key}", f"expected {wanted}, found {kind_of(value)}")
    if read.get("initialInterval", 0) > read.get("maxInterval", math.inf):
        wanted = f"at most maxInterval, {read['maxInterval']:g}"
        violations.add(f"{place}.initialInterval", f"expected {wanted}, found {read['initialInterval']:g}")
    return read
