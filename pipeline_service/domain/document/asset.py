"""The `asset` of a document's node."""

import hashlib
import json
import re
from collections.abc import Mapping

from pipeline_service.domain.document.shapes import as_object, as_text, check_keys, kind_of
from pipeline_service.domain.node_types import NodeType
from pipeline_service.domain.states import MediaType
from pipeline_service.domain.values import Asset, JsonValue
from pipeline_service.domain.violations import Violations, spelled

MAX_CONTENT_BYTES = 64 * 1024
MAX_SOURCE_CHARS = 2048
_UPLOADED = re.compile(r"asset:sha256/([0-9a-f]{64})\.([a-z0-9]{1,10})")
_WEB = re.compile(r"https://[^\s\x00-\x1f\x7f/?#@]+(?:[/?#][^\s\x00-\x1f\x7f]*)?")

_NAMES: Mapping[MediaType, frozenset[str]] = {
    MediaType.TEXT: frozenset({"txt", "md", "srt", "vtt", "csv", "html", "xml", "yaml", "yml", "py", "js"}),
    MediaType.JSON: frozenset({"json"}),
    MediaType.IMAGE: frozenset({"png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "heic", "avif", "svg"}),
    MediaType.AUDIO: frozenset({"mp3", "wav", "m4a", "aac", "flac", "oga", "opus", "aif", "aiff", "wma"}),
    MediaType.VIDEO: frozenset({"mp4", "mov", "mkv", "webm", "avi", "m4v", "mpg", "mpeg", "wmv", "3gp"}),
}
"""Extensions that say what a file holds; of others nothing is known."""
_MAY_BE_IN = {
    MediaType.TEXT: {MediaType.TEXT, MediaType.JSON},
    MediaType.JSON: {MediaType.TEXT, MediaType.JSON},
    # The sound of a film is sound, too.
    MediaType.AUDIO: {MediaType.AUDIO, MediaType.VIDEO},
}
_EXTENSION_OF_URL = re.compile(r"https://[^/?#]+/[^?#]*\.([A-Za-z0-9]{1,10})(?:[?#].*)?")

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
        _check_extension(place, uploaded[2], media_type, violations)
        return Asset(type=media_type, sha256=uploaded[1], extension=uploaded[2])
    if _WEB.fullmatch(source):
        named = _EXTENSION_OF_URL.fullmatch(source)
        _check_extension(place, named[1].lower() if named else "", media_type, violations)
        return Asset(type=media_type, url=source)
    if source:
        violations.add(
            place,
            "expected uploaded bytes ('asset:sha256/<hex>.<ext>') or an https URL without user name; "
            f"found '{source[:120]}' (files are uploaded by the client)",
        )
    return None


def _check_extension(place: str, extension: str, media_type: MediaType, violations: Violations) -> None:
    """Refuse what cannot be: a text is no video, whatever its asset says, and nothing below could use it."""
    held = next((kind for kind, names in _NAMES.items() if extension in names), media_type)
    if held not in _MAY_BE_IN.get(media_type, {media_type}):
        violations.add(place, f"expected {media_type}, as the asset's type says; '.{extension}' is {held}")


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
