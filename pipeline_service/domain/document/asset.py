"""The `asset` of a document's node."""

import hashlib
import json
import re

from pipeline_service.domain.document.shapes import as_object, as_text, check_keys, kind_of
from pipeline_service.domain.node_types import NodeType
from pipeline_service.domain.states import MediaType
from pipeline_service.domain.values import Asset, JsonValue
from pipeline_service.domain.violations import Violations, spelled

MAX_CONTENT_BYTES = 64 * 1024
MAX_SOURCE_CHARS = 2048
_UPLOADED = re.compile(r"asset:sha256/([0-9a-f]{64})\.([a-z0-9]{1,10})")
_WEB = re.compile(r"https://[^\s\x00-\x1f\x7f/?#@]+(?:[/?#][^\s\x00-\x1f\x7f]*)?")

Read = tuple[Asset | None, bytes | None]


def read_asset(place: str, raw: JsonValue, node_type: NodeType, violations: Violations) -> Read:
    """Read where an asset's bytes are, or the bytes themselves where the document holds them."""
    if node_type.name != "asset":
        if raw is not None:
            violations.add(place, f"only nodes of type 'asset' have an asset, this one is '{node_type.name}'")
        return None, None
    if raw is None:
        violations.add(place, "a node of type 'asset' needs an asset with 'type' and 'source' or 'content'")
        return None, None
    value = as_object(place, raw, violations)
    if value is None:
        return None, None
    check_keys(place, value, ("type", "source", "content"), violations)
    media_type = _read_type(f"{place}.type", value.get("type"), violations)
    if ("source" in value) == ("content" in value):
        violations.add(place, "expected either 'source' or 'content'")
        return None, None
    if media_type is None:
        return None, None
    if "content" in value:
        return _read_content(f"{place}.content", value["content"], media_type, violations)
    return _read_source(f"{place}.source", value["source"], media_type, violations), None


def _read_type(place: str, raw: JsonValue, violations: Violations) -> MediaType | None:
    if isinstance(raw, str) and raw in list(MediaType):
        return MediaType(raw)
    hint = violations.did_you_mean(raw, MediaType) if isinstance(raw, str) else ""
    violations.add(place, f"expected one of {spelled(MediaType)}, found {kind_of(raw)}{hint}")
    return None


def _read_source(place: str, raw: JsonValue, media_type: MediaType, violations: Violations) -> Asset | None:
    source = as_text(place, raw, violations, max_length=MAX_SOURCE_CHARS)
    uploaded = _UPLOADED.fullmatch(source)
    if uploaded:
        return Asset(type=media_type, sha256=uploaded[1], extension=uploaded[2])
    if _WEB.fullmatch(source):
        return Asset(type=media_type, url=source)
    if source:
        violations.add(
            place,
            "expected uploaded bytes ('asset:sha256/<hex>.<ext>') or an https URL without user name; "
            f"found '{source[:120]}' (files are uploaded by the client)",
        )
    return None


def _read_content(place: str, raw: JsonValue, media_type: MediaType, violations: Violations) -> Read:
    match media_type, raw:
        case MediaType.TEXT, str():
            content, extension = raw.encode(), "txt"
        case MediaType.JSON, None:
            violations.add(place, "expected JSON, found nothing")
            return None, None
        case MediaType.JSON, _:
            content, extension = json.dumps(raw, ensure_ascii=False, sort_keys=True).encode(), "json"
        case _:
            violations.add(place, f"content in place must be text or JSON, not {media_type} from {kind_of(raw)}")
            return None, None
    if not 0 < len(content) <= MAX_CONTENT_BYTES:
        violations.add(place, f"expected 1 to {MAX_CONTENT_BYTES} bytes, found {len(content)}")
        return None, None
    digest = hashlib.sha256(content).hexdigest()
    return Asset(type=media_type, sha256=digest, extension=extension), content
