"""Runway, simulated: `python -m tests.fakes.vendors.runway --bill FILE --key KEY`. Imports nothing of ours.

A task is on the bill when it is accepted. Input addresses are asked with HEAD, as Runway asks them.
"""

import base64
import binascii
import tempfile
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fakes.vendors.films import a_film
from tests.fakes.vendors.simulation import Bill, Refusal, Request, Response, Route, Simulation, serve

VERSION = "2024-11-06"
MAX_PICTURE_CHARS = 5_242_880
_GEN4_RATIOS = ("1280:720", "720:1280", "1104:832", "832:1104", "960:960", "1584:672")
_VEO_RATIOS = ("1280:720", "720:1280", "1080:1920", "1920:1080")
_SECONDS = tuple(range(2, 11))
_VEO_SECONDS = (4, 6, 8)


@dataclass(frozen=True, kw_only=True)
class Arm:
    """What an endpoint takes for one model."""

    ratios: tuple[str, ...]
    required: frozenset[str]
    seconds: tuple[int, ...]
    credits_a_second: int
    more: frozenset[str] = frozenset()


def _arms(*, with_picture: bool) -> dict[str, Arm]:
    picture = frozenset({"promptImage"} if with_picture else {"promptText"})
    gen45 = Arm(
        ratios=_GEN4_RATIOS if with_picture else _GEN4_RATIOS[:2],
        required=picture | {"promptText", "duration"},
        seconds=_SECONDS,
        credits_a_second=12,
    )
    veo = Arm(
        ratios=_VEO_RATIOS, required=picture, seconds=_VEO_SECONDS, credits_a_second=40,
        more=frozenset({"audio", "negativePrompt"}),
    )  # fmt: skip
    arms = {"gen4.5": gen45, "veo3.1": veo, "veo3.1_fast": veo}
    turbo = Arm(ratios=_GEN4_RATIOS, required=picture, seconds=_SECONDS, credits_a_second=5)
    return arms | ({"gen4_turbo": turbo} if with_picture else {})


ARMS = {"/v1/image_to_video": _arms(with_picture=True), "/v1/text_to_video": _arms(with_picture=False)}
_COMMON = frozenset({"model", "ratio", "duration", "promptText", "promptImage", "seed", "contentModeration"})
SWITCHES: dict[str, Any] = {
    "render_s": 0.0,
    "throttled": 0,  # so many looks say THROTTLED
    "failure": None,  # {"code", "text", "charged"}
    "cancelled": False,
    "address_life_s": 24 * 3600,
    "unreadable_downloads": 0,
    "without_output": 0,
    "capped": 0,  # 429 for the day
    "sheds_load": 0,  # 503, nothing accepted
    "lose_answers": 0,
    "fail_after_accepting": 0,  # accepts and answers 502
    "poor": 0,  # not enough credits, as a 400
    "unavailable": 0,  # 502 to questions
    "forget": False,
    "failing_uploads": 0,
    "private_uploads": False,
    "result": "",  # empty, text, truncated, private
}


@dataclass
class Task:
    id: str
    request: Mapping[str, Any]
    credits: int
    done_at: float
    looks: int = 0
    failure: Mapping[str, Any] | None = None
    is_gone: bool = field(default=False)


class Runway(Simulation):
    def __init__(self, bill: Bill, key: str) -> None:
        super().__init__(bill=bill, key=key, switches=SWITCHES)
        self._tasks: dict[str, Task] = {}
        self._uploads: dict[str, bytes] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="runway-"))

    def routes(self) -> list[Route]:
        return [
            ("POST", "/v1/(?P<endpoint>image_to_video|text_to_video)", self._submit),
            ("POST", "/v1/uploads", self._upload_place),
            ("POST", "/uploads/(?P<upload>[^/]+)", self._upload),
            ("GET", "/v1/tasks/(?P<task>[^/]+)", self._status),
            ("DELETE", "/v1/tasks/(?P<task>[^/]+)", self._cancel),
            ("HEAD", "/moved/(?P<name>[^/]+)", self._moved),
            ("HEAD", "/pictures/(?P<name>[^/]+)", self._picture),
            ("GET", "/outputs/(?P<task>[^/]+)/(?P<until>[0-9]+)/film.mp4", self._download),
        ]

    def _submit(self, request: Request, endpoint: str) -> Response:
        self._admit(request)
        try:
            body = request.json()
        except ValueError:
            raise self._invalid("the body is not JSON") from None
        arm = self._checked(f"/v1/{endpoint}", body)
        self._turn_away()
        failure = self._fault_of_picture(body.get("promptImage"))
        seconds = int(body.get("duration", arm.seconds[-1]))
        task = Task(
            id=str(uuid.uuid4()),
            request=body,
            credits=seconds * arm.credits_a_second,
            done_at=self.clock.now() + float(self.switch("render_s")),
            failure=failure,
        )
        prompt = body.get("promptText", "")
        self.bill.add({"vendor": "runway", "job": task.id, "prompt": prompt, "credits": task.credits, "request": body})
        self._tasks[task.id] = task
        if self.take("lose_answers"):
            return Response(sent_bytes=0)
        if self.take("fail_after_accepting"):
            raise Refusal(Response(status=502, body=b"Bad Gateway"))
        return Response(body={"id": task.id, "estimatedCost": {"credits": task.credits}})

    def _upload_place(self, request: Request) -> Response:
        self._admit(request)
        body = request.json()
        if set(body) != {"filename", "type"} or body["type"] != "ephemeral" or "." not in body["filename"]:
            raise self._invalid("expected a filename with an ending, and the type 'ephemeral'")
        upload = uuid.uuid4().hex
        self._uploads[upload] = b""
        base = "http://192.168.1.1" if self.switch("private_uploads") else self.address
        return Response(
            body={
                "uploadUrl": f"{base}/uploads/{upload}",
                "fields": {"key": f"ephemeral/{upload}", "policy": "p"},
                "runwayUri": f"runway://{upload}",
            }
        )

    def _upload(self, request: Request, upload: str) -> Response:
        """The store behind it: a form with the fields that were handed out, and the file."""
        if "authorization" in request.headers:
            self.bill.add({"vendor": "runway", "leaked_key": True})
        if self.take("failing_uploads"):
            return Response(status=503)
        if upload not in self._uploads or f"ephemeral/{upload}".encode() not in request.body:
            return Response(status=403)
        self._uploads[upload] = request.body
        return Response(status=204)

    def _turn_away(self) -> None:
        if self.take("capped"):
            raise Refusal(Response(status=429, body={"error": "You have reached your daily generation cap"}))
        if self.take("sheds_load"):
            raise Refusal(Response(status=503, body={"error": "Overloaded"}, headers={"Retry-After": "1"}))
        if self.take("poor"):
            raise self._invalid("You do not have enough credits to run this task.")

    def _checked(self, path: str, body: Any) -> Arm:
        arm = ARMS[path].get(body.get("model")) if isinstance(body, Mapping) else None
        if not self.is_strict:
            return arm or next(iter(ARMS[path].values()))
        if arm is None:
            raise self._invalid(f"model: expected one of {', '.join(ARMS[path])}")
        for name in sorted(set(body) - _COMMON - arm.more):
            raise self._invalid(f"unrecognized key: {name}")
        for name in sorted({"ratio", *arm.required} - set(body)):
            raise self._invalid(f"{name}: required")
        if body["ratio"] not in arm.ratios:
            raise self._invalid(f"ratio: expected one of {', '.join(arm.ratios)}")
        if body.get("duration", arm.seconds[0]) not in arm.seconds:
            raise self._invalid(f"duration: expected one of {arm.seconds}")
        units = len(str(body.get("promptText", "x")).encode("utf-16-le")) // 2
        if not 1 <= units <= 1000:
            raise self._invalid("promptText: expected 1 to 1000 characters")
        return arm

    def _fault_of_picture(self, picture: Any) -> Mapping[str, Any] | None:
        """What is wrong with an address shows only later, as a failed task."""
        if picture is None or not self.is_strict:
            return None
        if not isinstance(picture, str) or len(picture) > MAX_PICTURE_CHARS:
            raise self._invalid("promptImage: too large")
        if picture.startswith("runway://"):
            if not self._uploads.get(picture.removeprefix("runway://")):
                raise self._invalid("promptImage: no such upload")
            return None
        if picture.startswith("data:image/"):
            try:
                base64.b64decode(picture.partition(";base64,")[2], validate=True)
            except binascii.Error:
                raise self._invalid("promptImage: not base64") from None
            return None
        if not picture.startswith(("https://", "http://127.0.0.1:")) or not 13 <= len(picture) <= 2048:
            raise self._invalid("promptImage: expected an https URL or a data URI")
        return None if _answers_head(picture) else {"code": "ASSET.INVALID", "text": "Invalid asset", "charged": False}

    def _status(self, request: Request, task: str) -> Response:
        self._admit(request)
        if self.take("unavailable"):
            raise Refusal(Response(status=502, body=b"Bad Gateway"))
        found = self._known(task)
        found.looks += 1
        return Response(body={"id": task, "createdAt": "2026-11-21T12:00:00.000Z", **self._state(found)})

    def _state(self, task: Task) -> dict[str, Any]:
        if task.looks <= int(self.switch("throttled")):
            return {"status": "THROTTLED", "estimatedCost": {"credits": task.credits}}
        failure = self.switch("failure") or task.failure
        if failure:
            cost = {"credits": task.credits if failure["charged"] else 0}
            return {"status": "FAILED", "failure": failure["text"], "failureCode": failure["code"], "cost": cost}
        if self.switch("cancelled"):
            return {"status": "CANCELLED", "cost": {"credits": task.credits}}
        if self.clock.now() < task.done_at:
            return {"status": "RUNNING", "progress": 0.4, "estimatedCost": {"credits": task.credits}}
        output = [] if self.take("without_output") else [self._address(task)]
        return {"status": "SUCCEEDED", "output": output, "cost": {"credits": task.credits}}

    def _address(self, task: Task) -> str:
        if self.switch("result") == "private":
            return "https://192.168.1.1/film.mp4"
        until = int(self.clock.now() + float(self.switch("address_life_s")))
        return f"{self.address}/outputs/{task.id}/{until}/film.mp4?_jwt=x"

    def _cancel(self, request: Request, task: str) -> Response:
        self._admit(request)
        self._known(task).is_gone = True
        return Response(status=204)

    def _download(self, request: Request, task: str, until: str) -> Response:
        if "authorization" in request.headers:
            self.bill.add({"vendor": "runway", "leaked_key": True})
        if self.clock.now() > int(until) or self.take("unreadable_downloads"):
            return Response(status=403)
        found = self._tasks[task]
        width, height = (int(side) for side in found.request["ratio"].split(":"))
        film = a_film(self._folder, width=width, height=height, seconds=int(found.request.get("duration", 8)))
        headers = {"Content-Type": "video/mp4"}
        match self.switch("result"):
            case "empty":
                return Response(headers=headers)
            case "text":
                return Response(body=b"<html>try later</html>", headers=headers)
            case "truncated":
                return Response(body=film, headers=headers, sent_bytes=len(film) // 2)
        return Response(body=film, headers=headers)

    def _moved(self, request: Request, name: str) -> Response:
        """Somebody else's address of a picture, which is another one by now."""
        return Response(status=302, headers={"Location": f"{self.address}/pictures/{name}"})

    def _picture(self, request: Request, name: str) -> Response:
        return Response(body=b"x", headers={"Content-Type": "image/png"})

    def _known(self, task: str) -> Task:
        found = self._tasks.get(task)
        if found is None or found.is_gone or self.switch("forget"):
            raise Refusal(Response(status=404, body={"error": "Not found"}))
        return found

    def _admit(self, request: Request) -> None:
        if not self.is_strict:
            return
        if request.headers.get("authorization") != f"Bearer {self.key}":
            raise Refusal(Response(status=401, body={"error": "Unauthorized"}))
        if request.headers.get("x-runway-version") != VERSION:
            raise self._invalid("X-Runway-Version header is required")

    def _invalid(self, message: str) -> Refusal:
        return Refusal(Response(status=400, body={"error": message, "issues": []}))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _answers_head(url: str) -> bool:
    request = urllib.request.Request(url, method="HEAD", headers={"User-Agent": "RunwayML API/1.0"})
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=10) as answer:
            kind, length = answer.headers.get("Content-Type", ""), answer.headers.get("Content-Length")
            return kind.startswith("image/") and length is not None
    except (urllib.error.URLError, OSError, ValueError):
        return False


if __name__ == "__main__":
    serve(Runway)
