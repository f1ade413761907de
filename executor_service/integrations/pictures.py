"""A picture small enough for a request, as a data URI."""

import base64
import io
from pathlib import Path

from PIL import Image

from executor_service.task import ErrorType, GiveUp

_LONGEST_SIDES = (4096, 2048, 1536, 1024)
_QUALITY = 92
_MAX_PIXELS = 100_000_000


def data_uri(path: Path, *, content_type: str, max_chars: int) -> str:
    """The file itself if it fits, else a smaller JPEG of it. Reads and draws: not on the event loop. Raises GiveUp."""
    whole = _uri(path.read_bytes(), content_type)
    if len(whole) <= max_chars and content_type in ("image/png", "image/jpeg", "image/webp"):
        return whole
    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > _MAX_PIXELS:
                raise GiveUp(ErrorType.INVALID_INPUT, f"the picture has more than {_MAX_PIXELS} pixels")
            flat = picture.convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise GiveUp(ErrorType.MEDIA_MISMATCH, "the picture cannot be read") from error
    for side in _LONGEST_SIDES:
        smaller = _uri(_as_jpeg(flat, side), "image/jpeg")
        if len(smaller) <= max_chars:
            return smaller
    raise GiveUp(ErrorType.INVALID_INPUT, f"the picture does not fit into {max_chars} characters")


def _as_jpeg(picture: Image.Image, longest_side: int) -> bytes:
    drawn = picture.copy()
    drawn.thumbnail((longest_side, longest_side))
    file = io.BytesIO()
    drawn.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def _uri(content: bytes, content_type: str) -> str:
    return f"data:{content_type};base64,{base64.b64encode(content).decode()}"
