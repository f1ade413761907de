"""Veo on Vertex AI: films as long-running operations. Knows nothing of ours but how a call goes wrong."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any, Final

from executor_service.integrations.google_token import GoogleToken
from executor_service.integrations.vendor_errors import Away, Gone
from executor_service.integrations.vendor_http import Answer, Call, VendorHttp, shown
from executor_service.integrations.veo_errors import refusal

SUBMIT_S: Final = 60.0
MAX_PICTURE_CHARS: Final = 20 * 1024**2
_ASK_S = 180.0
"""A finished film comes inside the answer, tens of megabytes of base64."""
_MAX_ANSWER_BYTES = 256 * 1024**2
_OPERATION = re.compile(r"projects/[^/?#]+/locations/[^/?#]+/publishers/google/models/[^/?#]+/operations/[^/?#]+")


@dataclass(frozen=True, kw_only=True)
class Clip:
    """What is to be made, of words, of a picture, or of both."""

    model: str
    aspect_ratio: str
    duration_s: int
    prompt: str = ""
    picture_base64: str = ""
    picture_type: str = ""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """How a clip stands."""

    name: str
    is_done: bool
    video: bytes | None = None
    filtered: str = ""
    """Why the result was withheld; empty when it was not."""
    error_code: object = None
    error: str = ""


class Veo:
    """One project in one location."""

    def __init__(self, token: GoogleToken, *, project: str, location: str, base_url: str) -> None:
        self._token = token
        self._http = VendorHttp("Veo", base_url, headers={})
        self._models = f"projects/{project}/locations/{location}/publishers/google/models"

    async def close(self) -> None:
        await self._http.close()
        await self._token.close()

    async def admit(self) -> None:
        """Make sure of a token before anything is paid for. Raises Refused, Away."""
        await self._token.get()

    async def submit(self, clip: Clip) -> str:
        """Begin a clip; the operation's name. There is no key: a repeat is another clip. Raises Refused, Away."""
        body = _body(await self._ask(f"{self._models}/{clip.model}:predictLongRunning", _request(clip), SUBMIT_S))
        name = body.get("name")
        if not isinstance(name, str) or not _OPERATION.fullmatch(name):
            raise Away("Veo accepts a clip and does not say as which operation")
        return name

    async def operation(self, name: str) -> Operation:
        """How a clip stands; finished, with its bytes. Raises Refused, Away, Gone."""
        if not _OPERATION.fullmatch(name):
            raise Gone(f"{name} is no operation of Veo")
        model = name.rpartition("/operations/")[0]
        answer = await self._ask(f"{model}:fetchPredictOperation", {"operationName": name}, _ASK_S)
        if answer.status == 404:
            raise Gone(f"Veo does not know the operation {name}")
        return _operation(name, _body(answer))

    async def _ask(self, path: str, body: dict[str, Any], within_s: float) -> Answer:
        headers = {"Authorization": f"Bearer {await self._token.get()}"}
        return await self._http.ask(
            Call(
                method="POST",
                path=f"/v1/{path}",
                json=body,
                headers=headers,
                within_s=within_s,
                max_bytes=_MAX_ANSWER_BYTES,
            )
        )


def _request(clip: Clip) -> dict[str, Any]:
    instance: dict[str, Any] = {"prompt": clip.prompt} if clip.prompt else {}
    if clip.picture_base64:
        instance["image"] = {"bytesBase64Encoded": clip.picture_base64, "mimeType": clip.picture_type}
    parameters = {
        "aspectRatio": clip.aspect_ratio,
        # Said to be required here and optional there.
        "durationSeconds": clip.duration_s,
        "generateAudio": True,
        "resolution": "720p",
        "sampleCount": 1,
    }
    return {"instances": [instance], "parameters": parameters}


def _body(answer: Answer) -> dict[str, Any]:
    if not answer.is_success:
        raise refusal(answer)
    body = answer.json()
    if not isinstance(body, dict):
        raise Away("Veo answers something that is not its JSON")
    return body


def _operation(name: str, body: dict[str, Any]) -> Operation:
    if body.get("done") is not True:
        return Operation(name=name, is_done=False)
    error, response = body.get("error"), body.get("response")
    if isinstance(error, dict):
        return Operation(
            name=name, is_done=True, error_code=error.get("code"), error=shown(error.get("message") or "?")
        )
    found = response if isinstance(response, dict) else {}
    videos = [one for one in found.get("videos") or () if isinstance(one, dict)]
    if not videos:
        reasons = found.get("raiMediaFilteredReasons")
        why = shown(" ".join(str(one) for one in reasons)) if isinstance(reasons, list) else ""
        return Operation(name=name, is_done=True, filtered=why or "the result was withheld")
    return Operation(name=name, is_done=True, video=_decoded(videos[0].get("bytesBase64Encoded")))


def _decoded(content: object) -> bytes:
    try:
        return base64.b64decode(content, validate=True) if isinstance(content, str) else b""
    except binascii.Error:
        return b""
