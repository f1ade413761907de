"""Veo on Vertex AI: films as long-running operations. Knows nothing of ours but how a call goes wrong."""

import base64
import binascii
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from executor_service.integrations.google_token import GoogleToken
from executor_service.integrations.vendor_errors import Away, Gone
from executor_service.integrations.vendor_http import Answer, Call, VendorHttp, shown
from executor_service.integrations.veo_errors import refusal

SUBMIT_S: Final = 60.0
MAX_PICTURE_CHARS: Final = 20 * 1024**2
_ASK_S = 180.0
"""A finished film comes inside the answer, tens of megabytes of base64."""
_MAX_ANSWER_BYTES = 256 * 1024**2
STORAGE_URL: Final = "https://storage.googleapis.com"
_DOWNLOAD_S = 300.0
_MAX_FILM_BYTES = 4 * 1024**3
_GCS_URI = re.compile(r"gs://(?P<bucket>[a-z0-9][a-z0-9._-]{1,221})/(?P<name>[^\r\n]{1,1024})")
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
    """The film, where it came inside the answer."""
    gcs_uri: str = ""
    """Where in Google's storage it lies, where it did not."""
    filtered: str = ""
    """Why the result was withheld; empty when it was not."""
    error_code: object = None
    error: str = ""


class Veo:
    """One project in one location."""

    def __init__(
        self,
        token: GoogleToken,
        *,
        project: str,
        location: str,
        base_url: str,
        storage_uri: str | None = None,
        storage_url: str = STORAGE_URL,
    ) -> None:
        """`storage_uri` is where Veo puts films, `gs://bucket/folder`; None has them inside the answer."""
        self._token = token
        self._storage_uri = storage_uri
        self._storage = VendorHttp("Google's storage", storage_url, headers={})
        self._http = VendorHttp("Veo", base_url, headers={})
        self._models = f"projects/{project}/locations/{location}/publishers/google/models"

    async def close(self) -> None:
        await self._http.close()
        await self._storage.close()
        await self._token.close()

    async def admit(self) -> None:
        """Make sure of a token before anything is paid for. Raises Refused, Away."""
        await self._token.get()

    async def submit(self, clip: Clip) -> str:
        """Begin a clip; the operation's name. There is no key: a repeat is another clip. Raises Refused, Away."""
        body = _body(
            await self._ask(
                f"{self._models}/{clip.model}:predictLongRunning", _request(clip, self._storage_uri), SUBMIT_S
            )
        )
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

    async def download(self, gcs_uri: str, path: Path) -> None:
        """Bring a film out of Google's storage. Raises Refused, Away, Gone."""
        found = _GCS_URI.fullmatch(gcs_uri)
        if found is None:
            raise Gone(f"{gcs_uri[:200]} is no place in Google's storage")
        headers = {"Authorization": f"Bearer {await self._token.get()}"}
        answer = await self._storage.ask(
            Call(
                method="GET",
                path=f"/storage/v1/b/{found['bucket']}/o/{quote(found['name'], safe='')}",
                params={"alt": "media"},
                headers=headers,
                within_s=_DOWNLOAD_S,
                into=path,
                max_bytes=_MAX_FILM_BYTES,
            )
        )
        if answer.status == 404:
            raise Gone("the film is not in Google's storage any more")
        if not answer.is_success:
            raise refusal(answer)

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


def _request(clip: Clip, storage_uri: str | None) -> dict[str, Any]:
    instance: dict[str, Any] = {"prompt": clip.prompt} if clip.prompt else {}
    if clip.picture_base64:
        instance["image"] = {"bytesBase64Encoded": clip.picture_base64, "mimeType": clip.picture_type}
    parameters: dict[str, Any] = {
        "aspectRatio": clip.aspect_ratio,
        # Said to be required here and optional there.
        "durationSeconds": clip.duration_s,
        "generateAudio": True,
        "resolution": "720p",
        "sampleCount": 1,
    }
    if storage_uri is not None:
        parameters["storageUri"] = storage_uri
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
    # Others of the same operation may have been withheld; the first that was not is what was asked for.
    place = videos[0].get("gcsUri")
    if isinstance(place, str) and place:
        return Operation(name=name, is_done=True, gcs_uri=place)
    return Operation(name=name, is_done=True, video=_decoded(videos[0].get("bytesBase64Encoded")))


def _decoded(content: object) -> bytes:
    try:
        return base64.b64decode(content, validate=True) if isinstance(content, str) else b""
    except binascii.Error:
        return b""
