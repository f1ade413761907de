"""Files that a document names: where they may lie, what they contain, and their checksum."""

import hashlib
import mimetypes
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

LARGEST_ASSET_BYTES = 5 * 1024**3
_CHUNK_BYTES = 1024 * 1024
_SNIFF_BYTES = 512
_UPLOADED = "asset:"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_EXTENSION = re.compile(r"[a-z0-9]{1,10}")
# Not the machine's own table, which differs from machine to machine.
_TYPES = mimetypes.MimeTypes(filenames=())
_MORE_TYPES = {
    ".aac": "audio/aac",
    ".flac": "audio/flac",
    ".json": "application/json",
    ".m4a": "audio/mp4",
    ".md": "text/markdown",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
    ".webm": "video/webm",
    ".webp": "image/webp",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}
_SIGNATURES = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"ID3", "audio/mpeg"),
)


class UnusableAsset(ValueError):
    """A source that may not be uploaded; the message says why, in the words of a document's author."""


@dataclass(frozen=True, kw_only=True)
class AssetSource:
    """A file that a document names, not yet read."""

    index: int
    """Position of its node in the document."""
    source: str
    """As written."""

    @property
    def place(self) -> str:
        return f"nodes[{self.index}].asset.source"


@dataclass(frozen=True, kw_only=True)
class AssetFile:
    """A file whose bytes are known."""

    path: Path
    size_bytes: int
    sha256: str
    content_type: str


def local_sources(document: Mapping[str, object]) -> Iterator[AssetSource]:
    """The sources that are meant as files: neither uploaded bytes (`asset:…`) nor `https` URLs."""
    return (one for one in _sources(document) if not one.source.startswith((_UPLOADED, "https://")))


def uploaded_sources(document: Mapping[str, object]) -> Iterator[AssetSource]:
    """The sources that name bytes which the owner uploaded, at the service where the document comes from."""
    return (one for one in _sources(document) if one.source.startswith(_UPLOADED))


def _sources(document: Mapping[str, object]) -> Iterator[AssetSource]:
    nodes = document.get("nodes")
    for index, node in enumerate(nodes if isinstance(nodes, list) else ()):
        asset = node.get("asset") if isinstance(node, dict) else None
        source = asset.get("source") if isinstance(asset, dict) else None
        if isinstance(source, str):
            yield AssetSource(index=index, source=source)


def locate(source: str, *, folder: Path) -> Path:
    """The regular file below `folder` that a document means. Raises UnusableAsset."""
    _check_shape(source)
    root = folder.resolve()
    try:
        path = (root / source).resolve(strict=True)
    except (FileNotFoundError, NotADirectoryError):
        raise UnusableAsset(f"no file '{source}' beside the document{_did_you_mean(root / source)}") from None
    except (OSError, RuntimeError) as err:
        raise UnusableAsset(f"cannot read '{source}': {_words(err)}") from err
    if not path.is_relative_to(root):
        raise UnusableAsset(f"'{source}' leads out of the document's folder")
    _check_file(path, source)
    return path


def read_asset(path: Path) -> AssetFile:
    """Read a file through for its length, checksum and kind. Blocks. Raises UnusableAsset."""
    digest = hashlib.sha256()
    head = b""
    size_bytes = 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                head = head or chunk[:_SNIFF_BYTES]
                digest.update(chunk)
                size_bytes += len(chunk)
    except OSError as err:
        raise UnusableAsset(f"cannot read '{path.name}': {_words(err)}") from err
    return AssetFile(path=path, size_bytes=size_bytes, sha256=digest.hexdigest(), content_type=content_type(path, head))


def content_type(path: Path, head: bytes) -> str:
    """The media type of a file, by its extension, else by its first bytes."""
    suffix = path.suffix.lower()
    known = _MORE_TYPES.get(suffix) or _TYPES.guess_type(f"file{suffix}")[0]
    if known:
        return known
    for offset, signature, kind in _SIGNATURES:
        if head[offset : offset + len(signature)] == signature:
            return kind
    return "text/plain" if _is_text(head) else "application/octet-stream"


def placeholder(source: str) -> str:
    """A reference of the right shape for checking a document before anything is read or uploaded."""
    extension = PurePosixPath(source).suffix.lower().removeprefix(".")
    return f"asset:sha256/{'0' * 64}.{extension if _EXTENSION.fullmatch(extension) else 'bin'}"


def _check_shape(source: str) -> None:
    if not source or "\x00" in source:
        raise UnusableAsset("expected a path relative to the document, found an empty or damaged text")
    if _SCHEME.match(source):
        raise UnusableAsset(
            f"expected a path relative to the document, 'asset:sha256/…' or an https URL; found '{source[:120]}'"
        )
    if source.startswith(("/", "\\", "~")):
        raise UnusableAsset(f"expected a path relative to the document, found the absolute '{source[:120]}'")
    if ".." in PurePosixPath(source.replace("\\", "/")).parts:
        raise UnusableAsset(f"'{source[:120]}' leads out of the document's folder: '..' is not allowed")


def _check_file(path: Path, source: str) -> None:
    try:
        # Without O_NONBLOCK, opening a pipe would wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as err:
        raise UnusableAsset(f"cannot read '{source}': {_words(err)}") from err
    try:
        found = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise UnusableAsset(f"'{source}' is {'a folder' if stat.S_ISDIR(found.st_mode) else 'not a regular file'}")
    if not 0 < found.st_size <= LARGEST_ASSET_BYTES:
        raise UnusableAsset(f"'{source}' has {found.st_size} bytes, expected 1 to {LARGEST_ASSET_BYTES}")


def _did_you_mean(path: Path) -> str:
    try:
        siblings = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return ""
    near = get_close_matches(path.name, siblings, n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""


def _is_text(head: bytes) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as err:
        # The head may end inside a character.
        if err.start < len(head) - 3:
            return False
    return bool(head) and b"\x00" not in head


def _words(err: Exception) -> str:
    return getattr(err, "strerror", None) or str(err)
