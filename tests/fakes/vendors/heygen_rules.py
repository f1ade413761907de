"""What HeyGen's v3 takes in `POST /v3/videos`, and how it says what it does not take. Imports nothing of ours."""

import re
from collections.abc import Mapping
from typing import Any

_KEY = re.compile(r"[A-Za-z0-9_\-:.]{1,255}")
_AUDIO = ("audio_url", "audio_asset_id", "script")
_AVATAR_FIELDS = frozenset(
    {
        "type", "avatar_id", *_AUDIO, "voice_id", "voice_settings", "background", "aspect_ratio", "resolution",
        "engine", "expressiveness", "motion_prompt", "output_format", "remove_background", "fit", "title",
        "folder_id", "caption", "callback_id", "callback_url", "watermark",
    }
)  # fmt: skip
_ENUMS = {
    "aspect_ratio": ("16:9", "9:16", "4:5", "5:4", "1:1", "auto"),
    "resolution": ("720p", "1080p", "4k"),
    "output_format": ("mp4", "webm"),
    "fit": ("contain", "cover"),
}
_ENDINGS = {"audio": (".mp3", ".wav"), "image": (".png", ".jpg", ".jpeg")}


class Invalid(Exception):
    """What is wrong with a request: the code, the words, and the field."""

    def __init__(self, code: str, message: str, param: str) -> None:
        super().__init__(message)
        self.code = code
        self.param = param


def check_key(key: str) -> None:
    if key and not _KEY.fullmatch(key):
        raise Invalid("invalid_parameter", "Idempotency-Key has a character that is not allowed", "Idempotency-Key")


def check_video(body: Any) -> None:
    """Raises Invalid. Only the arm `avatar` is simulated."""
    if not isinstance(body, Mapping) or body.get("type") != "avatar":
        raise Invalid("invalid_parameter", "type: expected avatar", "type")
    for name in body:
        if name not in _AVATAR_FIELDS:
            raise Invalid("invalid_parameter", f"Additional properties are not allowed: {name}", name)
    if not isinstance(body.get("avatar_id"), str) or not body["avatar_id"]:
        raise Invalid("invalid_parameter", "avatar_id is required", "avatar_id")
    if sum(name in body for name in _AUDIO) != 1:
        raise Invalid("invalid_parameter", "Exactly one audio source required", "audio_url")
    for name, allowed in _ENUMS.items():
        if name in body and body[name] not in allowed:
            raise Invalid("validation_error", f"{name}: expected one of {', '.join(allowed)}", name)
    _check_background(body)


def check_ending(path: str, kind: str) -> None:
    """The path of an input, without its query, ends as its format does."""
    if not path.lower().endswith(_ENDINGS[kind]):
        raise Invalid("invalid_parameter", f"expected a path that ends in {' or '.join(_ENDINGS[kind])}", "url")


def _check_background(body: Mapping[str, Any]) -> None:
    background = body.get("background")
    if background is None:
        return
    if body.get("output_format") == "webm":
        raise Invalid("invalid_parameter", "background cannot be used with webm", "background")
    wanted = {"color": {"value"}, "image": {"url", "asset_id"}}.get(background.get("type"))
    given = set(background) - {"type"}
    if wanted is None or len(given) != 1 or not given <= wanted:
        raise Invalid("invalid_parameter", "background: expected a colour or one image", "background")
