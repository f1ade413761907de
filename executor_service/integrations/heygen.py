"""HeyGen's API v3: avatar videos. Knows nothing of ours but how a call goes wrong."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from executor_service.integrations.heygen_errors import refusal
from executor_service.integrations.vendor_errors import Away, Gone
from executor_service.integrations.vendor_http import Answer, Call, VendorHttp, shown

BASE_URL: Final = "https://api.heygen.com"
SUBMIT_S: Final = 120.0
"""Their own client allows for a POST that takes 31 s at the 99th percentile; under a key, waiting costs nothing."""
KEY_LIFE: Final = timedelta(hours=24)
"""So long a repeated key answers with what it answered first."""
MAX_UPLOAD_BYTES: Final = 32 * 1024**2
MAX_INPUT_BYTES: Final = 50 * 1024**2
"""Of a sound or picture that HeyGen fetches itself."""
_ASK_S = 30.0
_UPLOAD_S = 300.0
_MAX_TITLE = 200


@dataclass(frozen=True, kw_only=True)
class Material:
    """A sound or picture, at an address that HeyGen can reach or as one of its assets; exactly one is given."""

    url: str = ""
    asset_id: str = ""


@dataclass(frozen=True, kw_only=True)
class AvatarVideo:
    """An avatar that speaks a recording."""

    avatar_id: str
    audio: Material
    background: Material | None
    aspect_ratio: str
    """`16:9`, `9:16`, `4:5`, `5:4` or `1:1`."""
    resolution: str
    """`720p`, `1080p` or `4k`."""
    title: str = ""


@dataclass(frozen=True, kw_only=True)
class Video:
    """A video as HeyGen describes it."""

    id: str
    status: str
    """`completed` and `failed` are the last ones; any other word, also an unknown one, means that it is worked on."""
    url: str = ""
    """Signed anew with every answer."""
    duration_s: float | None = None
    failure_code: str = ""
    failure_message: str = ""


class HeyGen:
    """One account."""

    def __init__(self, *, api_key: str, base_url: str = BASE_URL) -> None:
        self._http = VendorHttp("HeyGen", base_url, headers={"X-Api-Key": api_key})

    async def close(self) -> None:
        await self._http.close()

    async def submit(self, video: AvatarVideo, *, key: str) -> Video:
        """Begin a video; the same key within KEY_LIFE is the same video. Raises Refused, Away."""
        call = Call(
            method="POST",
            path="/v3/videos",
            json=_request(video, key),
            headers={"Idempotency-Key": key},
            within_s=SUBMIT_S,
        )
        data = _data(await self._http.ask(call))
        if not isinstance(data.get("video_id"), str):
            raise Away("HeyGen accepts a video and does not say which")
        return Video(id=data["video_id"], status=str(data.get("status")))

    async def video(self, video_id: str) -> Video:
        """How a video stands. Raises Refused, Away, Gone."""
        answer = await self._http.ask(Call(method="GET", path=f"/v3/videos/{video_id}", within_s=_ASK_S))
        if answer.status == 404:
            raise Gone(f"HeyGen does not know the video {video_id}")
        data = _data(answer)
        duration = data.get("duration")
        return Video(
            id=video_id,
            status=str(data.get("status")),
            url=str(data.get("video_url") or ""),
            duration_s=float(duration) if isinstance(duration, int | float) else None,
            failure_code=str(data.get("failure_code") or ""),
            failure_message=shown(data.get("failure_message") or ""),
        )

    async def upload(self, path: Path, *, content_type: str) -> str:
        """Hand a file over, at most MAX_UPLOAD_BYTES; the asset's id. Raises Refused, Away."""
        call = Call(method="POST", path="/v3/assets", file=(path, content_type), within_s=_UPLOAD_S)
        asset_id = _data(await self._http.ask(call)).get("asset_id")
        if not isinstance(asset_id, str):
            raise Away("HeyGen takes a file and does not say as which asset")
        return asset_id


def _request(video: AvatarVideo, key: str) -> dict[str, Any]:
    request: dict[str, Any] = {
        "type": "avatar",
        "avatar_id": video.avatar_id,
        "aspect_ratio": video.aspect_ratio,
        "resolution": video.resolution,
        "callback_id": key,
    }
    request |= {"audio_url": video.audio.url} if video.audio.url else {"audio_asset_id": video.audio.asset_id}
    if video.background is not None:
        request["background"] = {"type": "image", **_place(video.background)}
    if video.title:
        request["title"] = video.title[:_MAX_TITLE]
    return request


def _place(material: Material) -> dict[str, str]:
    return {"url": material.url} if material.url else {"asset_id": material.asset_id}


def _data(answer: Answer) -> dict[str, Any]:
    """What a success carries. HeyGen may put an error into a 200."""
    body = answer.json()
    if not answer.is_success or (isinstance(body, dict) and body.get("error")):
        raise refusal(answer)
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict):
        raise Away("HeyGen answers something that is not its JSON")
    return data
