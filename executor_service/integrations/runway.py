"""Runway's API: films from words or a picture, as tasks. Knows nothing of ours but how a call goes wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from executor_service.integrations.runway_errors import refusal
from executor_service.integrations.vendor_errors import Away, Gone
from executor_service.integrations.vendor_http import Answer, Call, VendorHttp, shown

BASE_URL: Final = "https://api.dev.runwayml.com"
VERSION: Final = "2024-11-06"
SUBMIT_S: Final = 60.0
MAX_PICTURE_CHARS: Final = 5_242_880
"""Of a picture as a data URI."""
MAX_PROMPT_UNITS: Final = 1_000
"""UTF-16 units."""
MICROS_A_CREDIT: Final = 10_000
_ASK_S = 30.0
_MAX_ANSWER_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Film:
    """What is to be made: of a picture, with or without words, or of words alone."""

    model: str
    ratio: str
    duration_s: int
    prompt: str = ""
    picture: str = ""
    """A data URI, or the address of an upload. Runway fetches others only where they answer HEAD, which presigned ones
    do not."""


@dataclass(frozen=True, kw_only=True)
class UploadPlace:
    """Where a file can be put for a day, and how a task names it then."""

    url: str = field(repr=False)
    fields: Mapping[str, str] = field(repr=False)
    """Of the form that brings the file."""
    uri: str


@dataclass(frozen=True, kw_only=True)
class RunwayTask:
    """A task as Runway describes it."""

    id: str
    status: str
    """`SUCCEEDED`, `FAILED` and `CANCELLED` are the last ones; any other means that it is worked on or waits."""
    url: str = ""
    """Of the first output; signed anew with every answer."""
    progress: float | None = None
    failure_code: str = ""
    failure: str = ""
    credits: float | None = None
    """What was charged, also for a failure; None while it is open."""


class Runway:
    """One account."""

    def __init__(self, *, api_key: str, base_url: str = BASE_URL) -> None:
        headers = {"Authorization": f"Bearer {api_key}", "X-Runway-Version": VERSION}
        self._http = VendorHttp("Runway", base_url, headers=headers)

    async def close(self) -> None:
        await self._http.close()

    async def submit(self, film: Film) -> str:
        """Begin a film; the task's id. There is no key: a repeat is another film. Raises Refused, Away."""
        path = "/v1/image_to_video" if film.picture else "/v1/text_to_video"
        body = _body(await self._http.ask(Call(method="POST", path=path, json=_request(film), within_s=SUBMIT_S)))
        if not isinstance(body.get("id"), str):
            raise Away("Runway accepts a film and does not say which")
        return str(body["id"])

    async def upload_place(self, file_name: str) -> UploadPlace:
        """A place for one file of up to 200 MB. Costs nothing. Raises Refused, Away."""
        request = {"filename": file_name, "type": "ephemeral"}
        body = _body(await self._http.ask(Call(method="POST", path="/v1/uploads", json=request, within_s=_ASK_S)))
        url, fields, uri = body.get("uploadUrl"), body.get("fields"), body.get("runwayUri")
        if not isinstance(url, str) or not isinstance(fields, dict) or not isinstance(uri, str):
            raise Away("Runway takes an upload and does not say where")
        return UploadPlace(url=url, fields={str(name): str(value) for name, value in fields.items()}, uri=uri)

    async def task(self, task_id: str) -> RunwayTask:
        """How a film stands. Raises Refused, Away, Gone."""
        answer = await self._http.ask(
            Call(method="GET", path=f"/v1/tasks/{task_id}", within_s=_ASK_S, max_bytes=_MAX_ANSWER_BYTES)
        )
        if answer.status == 404:
            raise Gone(f"Runway does not know the task {task_id}")
        body = _body(answer)
        output, cost, progress = body.get("output"), body.get("cost"), body.get("progress")
        charged = cost.get("credits") if isinstance(cost, dict) else None
        return RunwayTask(
            id=task_id,
            status=str(body.get("status")),
            url=str(output[0]) if isinstance(output, list) and output else "",
            progress=float(progress) if isinstance(progress, int | float) else None,
            failure_code=str(body.get("failureCode") or ""),
            failure=shown(body.get("failure") or ""),
            credits=float(charged) if isinstance(charged, int | float) else None,
        )

    async def cancel(self, task_id: str) -> None:
        """Stop a film that is not finished; one that is, is removed. Raises Refused, Away."""
        answer = await self._http.ask(
            Call(method="DELETE", path=f"/v1/tasks/{task_id}", within_s=_ASK_S, max_bytes=_MAX_ANSWER_BYTES)
        )
        # One that is not known was stopped by a call before this one, whose answer got lost.
        if not answer.is_success and answer.status != 404:
            raise refusal(answer)


def _request(film: Film) -> dict[str, Any]:
    request: dict[str, Any] = {"model": film.model, "ratio": film.ratio, "duration": film.duration_s}
    request |= {"promptText": film.prompt} if film.prompt else {}
    return request | ({"promptImage": film.picture} if film.picture else {})


def _body(answer: Answer) -> dict[str, Any]:
    if not answer.is_success:
        raise refusal(answer)
    body = answer.json()
    if not isinstance(body, dict):
        raise Away("Runway answers something that is not its JSON")
    return body
