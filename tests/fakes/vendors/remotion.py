"""Remotion Lambda, simulated: `python -m tests.fakes.vendors.remotion --bill FILE --key KEY`. Imports nothing of ours.

Plays the function that begins renders and the bucket that holds their progress and films. KEY is the one access key
that it knows; signatures are looked at no further. A render is on the bill when it is begun.
"""

import hashlib
import hmac
import json
import re
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fakes.vendors.films import a_film
from tests.fakes.vendors.simulation import Bill, Refusal, Request, Response, Route, Simulation, serve

VERSION = "4.0.527"
FUNCTION = "remotion-render-4-0-527-mem2048mb-disk2048mb-120sec"
BUCKET = "remotionlambda-useast1-simulated"
SITE = f"https://{BUCKET}.s3.us-east-1.amazonaws.com/sites/code/index.html"
COMPOSITION = "Code"
COST_USD = 0.0123
_RETRIES_S = (0.5, 1.0)
_REQUIRED = ("type", "version", "serveUrl", "composition", "inputProps", "codec", "privacy")
SWITCHES: dict[str, Any] = {
    "render_s": 0.0,
    "authority": "",  # file of the certificate authority of whom it tells
    "no_progress": 0,  # so many looks find no progress.json
    "fatal": None,  # {"type", "message"}
    "never_ends": False,  # the functions' time is over and nothing is done
    "without_output": 0,
    "busy": 0,  # the function says Rate Exceeded, nothing is begun
    "throttled": 0,  # Lambda itself says 429
    "refuses": "",  # the function's words, nothing is begun
    "lose_answers": 0,
    "fail_after_accepting": 0,  # begins and answers 502
    "unavailable": 0,  # 503 of the bucket
    "forget": False,
    "result": "",  # empty, text, truncated
}


def account_of(key: str) -> dict[str, str]:
    """What its user deployed, and the keys to that."""
    return {
        "region": "us-east-1",
        "function": FUNCTION,
        "serve_url": SITE,
        "bucket": BUCKET,
        "composition": COMPOSITION,
        "access_key": key,
        "secret_key": "the-secret-key",
    }


@dataclass
class Render:
    id: str
    request: Mapping[str, Any]
    done_at: float
    ends_at: float
    looks: int = 0


class Remotion(Simulation):
    def __init__(self, bill: Bill, key: str) -> None:
        super().__init__(bill=bill, key=key, switches=SWITCHES)
        self._renders: dict[str, Render] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="remotion-"))

    def routes(self) -> list[Route]:
        return [
            ("POST", "/2015-03-31/functions/(?P<function>[^/]+)/invocations", self._invoke),
            ("GET", f"/{BUCKET}/renders/(?P<render>[^/]+)/progress.json", self._progress),
            ("GET", f"/{BUCKET}/renders/(?P<render>[^/]+)/out.mp4", self._download),
        ]

    def _invoke(self, request: Request, function: str) -> Response:
        self._admit(request)
        if function != FUNCTION:
            raise _aws(404, "ResourceNotFoundException")
        if self.take("throttled"):
            raise _aws(429, "TooManyRequestsException")
        fault = self._fault(request.json())
        if fault:
            return Response(body={"type": "error", "message": fault, "stack": ""})
        render = self._begin(request.json())
        if self.take("lose_answers"):
            return Response(sent_bytes=0)
        if self.take("fail_after_accepting"):
            raise _aws(502, "ServiceException")
        return Response(body={"type": "success", "renderId": render.id, "bucketName": BUCKET})

    def _fault(self, body: Mapping[str, Any]) -> str:
        if self.take("busy"):
            return "AWS Concurrency limit reached (Original Error: Rate Exceeded.)"
        if self.switch("refuses"):
            return str(self.switch("refuses"))
        missing = [name for name in _REQUIRED if name not in body]
        if missing or body["type"] != "start":
            return f"expected a start with {', '.join(_REQUIRED)}"
        if body["version"] != VERSION:
            return f"Version mismatch: the function has {VERSION}, the client {body['version']}"
        if body["serveUrl"] != SITE or body["composition"] != COMPOSITION:
            return f"No composition with the ID {body['composition']} found"
        if len(body["inputProps"]["payload"]) > 200_000:
            return "Input props are too large"
        return ""

    def _begin(self, body: Mapping[str, Any]) -> Render:
        now = self.clock.now()
        render = Render(
            id=uuid.uuid4().hex[:10], request=body, done_at=now + float(self.switch("render_s")), ends_at=now + 120
        )
        props = json.loads(body["inputProps"]["payload"])
        self.bill.add({"vendor": "remotion", "job": render.id, "code": props.get("code"), "request": body})
        self._renders[render.id] = render
        if body.get("webhook"):
            threading.Thread(target=self._tell, args=(render, body["webhook"]), daemon=True).start()
        return render

    def _tell(self, render: Render, webhook: Mapping[str, Any]) -> None:
        """As Remotion does: three tries within some two seconds, then never again."""
        while self.clock.now() < render.done_at:
            time.sleep(0.02)
        kind = "error" if self.switch("fatal") else "success"
        body = {"type": kind, "renderId": render.id, "expectedBucketOwner": "1", "bucketName": BUCKET}
        content = json.dumps({**body, "customData": webhook.get("customData")}).encode()
        headers = {
            "Content-Type": "application/json",
            "X-Remotion-Mode": "production",
            "X-Remotion-Status": kind,
            "X-Remotion-Signature": signature(content, webhook.get("secret")),
        }
        for wait_s in (*_RETRIES_S, None):
            try:
                self.tell(webhook["url"], method="POST", headers=headers, body=content, within_s=5)
            except OSError:
                if wait_s is not None:
                    time.sleep(wait_s)
            else:
                return

    def _progress(self, request: Request, render: str) -> Response:
        self._admit(request)
        if self.take("unavailable"):
            raise _aws(503, "SlowDown")
        found = self._known(render)
        found.looks += 1
        if found.looks <= int(self.switch("no_progress")):
            raise _aws(404, "NoSuchKey")
        return Response(body=self._state(found))

    def _state(self, render: Render) -> dict[str, Any]:
        state = {
            "renderId": render.id,
            "overallProgress": 0.4,
            "done": False,
            "fatalErrorEncountered": False,
            "errors": [],
            "outKey": None,
            "outBucket": BUCKET,
            "timeoutTimestamp": int(render.ends_at * 1000),
            "costs": {"accruedSoFar": COST_USD, "currency": "USD", "displayCost": f"${COST_USD}"},
        }
        if self.switch("fatal"):
            return state | {"fatalErrorEncountered": True, "errors": [dict(self.switch("fatal"), isFatal=True)]}
        if self.switch("never_ends"):
            return state | {"timeoutTimestamp": int((self.clock.now() - 600) * 1000)}
        if self.clock.now() < render.done_at:
            return state
        key = None if self.take("without_output") else f"renders/{render.id}/out.mp4"
        return state | {"overallProgress": 1, "done": True, "outKey": key}

    def _download(self, request: Request, render: str) -> Response:
        self._admit(request)
        asked = self._known(render).request
        width, height = int(asked["forceWidth"]), int(asked["forceHeight"])
        film, headers = a_film(self._folder, width=width, height=height, seconds=2), {"Content-Type": "video/mp4"}
        match self.switch("result"):
            case "empty":
                return Response(body=b"", headers=headers)
            case "text":
                return Response(body=b"not a film", headers=headers)
            case "truncated":
                return Response(body=film, headers=headers, sent_bytes=len(film) // 2)
        return Response(body=film, headers=headers)

    def _known(self, render: str) -> Render:
        if self.switch("forget") or render not in self._renders:
            raise _aws(404, "NoSuchKey")
        return self._renders[render]

    def _admit(self, request: Request) -> None:
        found = re.search(r"Credential=([^/]+)/", request.headers.get("authorization", ""))
        if not found or found[1] != self.key:
            raise _aws(403, "InvalidAccessKeyId")


def signature(content: bytes, secret: object) -> str:
    if not isinstance(secret, str):
        return "NO_SECRET_PROVIDED"
    return f"sha512={hmac.new(secret.encode(), content, hashlib.sha512).hexdigest()}"


def _aws(status: int, code: str) -> Refusal:
    """As both of AWS's services say it: the one in a header, the other in XML."""
    body = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
    headers = {"Content-Type": "application/xml", "x-amzn-errortype": code}
    return Refusal(Response(status=status, body=body, headers=headers))


if __name__ == "__main__":
    serve(Remotion)
