"""HeyGen v3, simulated: `python -m tests.fakes.vendors.heygen --bill FILE --key KEY`. Imports nothing of ours.

A video is on the bill when it is accepted. Inputs are really fetched; the result is a film with the sound of the input.
"""

import email
import email.policy
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import imageio_ffmpeg

from tests.fakes.vendors.heygen_endpoints import Endpoints
from tests.fakes.vendors.heygen_rules import Invalid, check_ending, check_key, check_video
from tests.fakes.vendors.simulation import Bill, Refusal, Request, Response, Route, Simulation, serve

KEY_LIFE_S = 24 * 3600
SIZES = {"720p": 720, "1080p": 1080, "4k": 2160}
MAX_CONCURRENT = 10
SWITCHES: dict[str, Any] = {
    "render_s": 0.0,  # how long a video takes
    "authority": "",  # file of the certificate authority of whom it tells
    "telling": "",  # of ends: early, twice, never, with_gif
    "hold_s": 0.0,  # how long the answer to a submission takes
    "first_status": "",  # what the first look at a video says
    "lose_answers": 0,  # accepts so many submissions and hangs up
    "fail_after_accepting": 0,  # accepts so many submissions and answers 500
    "error_in_200": 0,
    "code_as_number": False,
    "busy": 0,  # 429 with Retry-After
    "trial_cap": 0,  # 429 without
    "unavailable": 0,  # 503 to everything
    "failure": None,  # {"code", "message"} of the video
    "unreadable_downloads": 0,  # 403 for so many downloads
    "address_life_s": 7 * 24 * 3600,
    "without_address": 0,  # completed, and no video_url
    "forget": False,  # 404 for every video
    "result": "",  # empty, text, gzip, huge, truncated, drip, private, metadata
    "old_versions": 410,
}


@dataclass
class Job:
    id: str
    request: dict[str, Any]
    done_at: float
    looks: int = 0
    film: Path | None = None
    duration_s: float = 0.0
    failure: dict[str, str] | None = None


class HeyGen(Simulation):
    def __init__(self, bill: Bill, key: str) -> None:
        super().__init__(bill=bill, key=key, switches=SWITCHES)
        self._jobs: dict[str, Job] = {}
        self._assets: dict[str, tuple[str, bytes]] = {}
        self._replays: dict[str, tuple[float, Response]] = {}
        self._in_flight: set[str] = set()
        self._endpoints = Endpoints(self.tell, is_strict=self.is_strict)
        self._folder = Path(tempfile.mkdtemp(prefix="heygen-"))

    def routes(self) -> list[Route]:
        return [
            ("POST", "/v3/videos", self._submit),
            ("GET", "/v3/videos/(?P<video>[^/]+)", self._status),
            ("POST", "/v3/assets", self._upload),
            ("POST", "/v3/webhooks/endpoints", self._register),
            ("GET", "/files/(?P<video>[^/]+)/(?P<until>[0-9]+)/video.mp4", self._download),
            *((method, "/v[12]/.*", self._sunset) for method in ("GET", "POST")),
        ]

    def _submit(self, request: Request) -> Response:
        self._admit(request)
        key = request.headers.get("idempotency-key", "")
        with self.lock:
            known = self._replays.get(key) if self.is_strict else None
            if known is not None and self.clock.now() < known[0]:
                return known[1]
            if key and key in self._in_flight and self.is_strict:
                raise self._refusal(409, "request_in_progress", "A request with this key is in progress")
            self._in_flight.add(key)
        try:
            return self._accept(request, key)
        finally:
            self._in_flight.discard(key)

    def _accept(self, request: Request, key: str) -> Response:
        time.sleep(float(self.switch("hold_s")))
        self._turn_away()
        try:
            body = request.json()
            if self.is_strict:
                check_key(key)
                check_video(body)
            audio = self._material(body, "audio")
            self._material(body.get("background") or {}, "image")
        except ValueError:
            raise self._refusal(400, "invalid_parameter", "the body is not JSON") from None
        except Invalid as invalid:
            raise self._refusal(400, invalid.code, str(invalid), param=invalid.param) from None
        job = Job(id=uuid.uuid4().hex, request=body, done_at=self.clock.now() + float(self.switch("render_s")))
        line = {"vendor": "heygen", "job": job.id, "key": key, "title": body.get("title", ""), "request": body}
        self.bill.add(line)
        data = {"video_id": job.id, "status": "waiting", "output_format": "mp4"}
        accepted = Response(body={"data": data})
        with self.lock:
            self._jobs[job.id] = job
            if key:
                self._replays[key] = (self.clock.now() + KEY_LIFE_S, accepted)
        self._begin(job, audio)
        if self.switch("telling") == "early":
            self._endpoints.tell("avatar_video.success", job.id)
        if self.take("lose_answers"):
            return Response(sent_bytes=0)
        if self.take("fail_after_accepting"):
            raise self._refusal(500, "internal_error", "Internal error")
        return accepted

    def _turn_away(self) -> None:
        if self.take("error_in_200"):
            raise Refusal(Response(body={"data": None, "error": self._error("avatar_not_found", "no such avatar")}))
        if self.take("busy") or self._running() >= MAX_CONCURRENT:
            raise self._refusal(429, "rate_limit_exceeded", "Too many videos", headers={"Retry-After": "1"})
        if self.take("trial_cap"):
            message = "It seems you've reached your daily api trial limit 5."
            raise self._refusal(429, "trial_video_limit_exceeded", message)

    def _status(self, request: Request, video: str) -> Response:
        self._admit(request)
        job = self._jobs.get(video)
        if job is None or self.switch("forget"):
            raise self._refusal(404, "video_not_found", "Video not found")
        job.looks += 1
        data: dict[str, Any] = {"id": job.id, "status": self._word(job), "title": job.request.get("title")}
        if data["status"] == "completed":
            until = int(self.clock.now() + float(self.switch("address_life_s")))
            data |= {"video_url": self._address(job, until), "duration": job.duration_s}
        if data["status"] == "failed" and job.failure:
            data |= {"failure_code": job.failure["code"], "failure_message": job.failure["message"]}
        return Response(body={"data": data}, headers={"X-Request-Id": uuid.uuid4().hex})

    def _word(self, job: Job) -> str:
        if job.looks == 1 and self.switch("first_status"):
            return str(self.switch("first_status"))
        job.failure = self.switch("failure") or job.failure
        if job.failure:
            return "failed"
        return "completed" if job.film and self.clock.now() >= job.done_at else "processing"

    def _address(self, job: Job, until: int) -> str | None:
        if self.take("without_address"):
            return None
        elsewhere = {
            "private": "https://10.0.0.1/video.mp4",
            "metadata": "http://169.254.169.254/latest/meta-data/",
        }.get(self.switch("result"))
        return elsewhere or f"{self.address}/files/{job.id}/{until}/video.mp4?Expires={until}"

    def _download(self, request: Request, video: str, until: str) -> Response:
        if "x-api-key" in request.headers:
            # Their CDN is another host: whoever shows a key there has lost it.
            self.bill.add({"vendor": "heygen", "leaked_key": True})
        job = self._jobs.get(video)
        if job is None or job.film is None or self.clock.now() > int(until) or self.take("unreadable_downloads"):
            return Response(status=403, body=b"<Error><Code>AccessDenied</Code></Error>")
        film, headers = job.film.read_bytes(), {"Content-Type": "video/mp4"}
        match self.switch("result"):
            case "empty":
                return Response(headers=headers)
            case "text":
                return Response(body=b"<html>try later</html>", headers=headers)
            case "gzip":
                return Response(body=film, headers={**headers, "Content-Encoding": "gzip"})
            case "huge":
                return Response(body=film, headers={**headers, "Content-Length": str(10 * 1024**3)})
            case "truncated":
                return Response(body=film, headers=headers, sent_bytes=len(film) // 2)
            case "drip":
                return Response(body=film, headers=headers, pause_s=0.5)
        return Response(body=film, headers=headers)

    def _upload(self, request: Request) -> Response:
        self._admit(request)
        head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
        form = email.message_from_bytes(head + request.body, policy=email.policy.HTTP)
        parts = [part for part in form.iter_parts() if part.get_param("name", header="content-disposition") == "file"]
        if len(parts) != 1:
            raise self._refusal(400, "invalid_parameter", "file is required", param="file")
        content = parts[0].get_payload(decode=True)
        if len(content) > 32 * 1024**2:
            raise self._refusal(413, "payload_too_large", "at most 32 MB")
        asset = uuid.uuid4().hex
        self._assets[asset] = (parts[0].get_content_type(), content)
        data = {"asset_id": asset, "mime_type": parts[0].get_content_type(), "size_bytes": len(content)}
        return Response(body={"data": {**data, "url": f"{self.address}/assets/{asset}"}})

    def _register(self, request: Request) -> Response:
        self._admit(request)
        try:
            return Response(body={"data": self._endpoints.register(request.json()["url"])})
        except OSError as error:
            raise self._refusal(
                400, "invalid_parameter", f"the address does not answer: {error}", param="url"
            ) from None

    def _sunset(self, request: Request) -> Response:
        if not self.is_strict:
            return Response(body={"data": {}})
        return Response(status=int(self.switch("old_versions")), body={"code": 410, "message": "API version retired"})

    def _admit(self, request: Request) -> None:
        if self.take("unavailable"):
            raise Refusal(Response(status=503, body=b"upstream connect error", headers={"Content-Type": "text/plain"}))
        if self.is_strict and request.headers.get("x-api-key") != self.key:
            raise self._refusal(401, "unauthorized", "Invalid API key")

    def _material(self, body: dict[str, Any], kind: str) -> bytes:
        """An input's bytes. Raises Invalid, also for what cannot be fetched."""
        prefix = "audio_" if kind == "audio" else ""
        asset, url = body.get(f"{prefix}asset_id"), body.get(f"{prefix}url")
        if asset is not None:
            if self.is_strict and not self._assets.get(asset, ("",))[0].startswith(f"{kind}/"):
                raise Invalid("asset_not_available", f"asset {asset} is not available", f"{prefix}asset_id")
            return self._assets[asset][1]
        if url is None:
            return b""
        if not self.is_strict:
            return b""
        check_ending(urlsplit(url).path, kind)
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return bytes(answer.read())
        except (urllib.error.URLError, ValueError, OSError) as error:
            raise Invalid("download_failed", f"the input cannot be downloaded: {error}", f"{prefix}url") from error

    def _begin(self, job: Job, audio: bytes) -> None:
        threading.Thread(target=self._render, args=(job, audio), daemon=True).start()

    def _render(self, job: Job, audio: bytes) -> None:
        sound, film = self._folder / f"{job.id}.sound", self._folder / f"{job.id}.mp4"
        sound.write_bytes(audio)
        height = SIZES[job.request.get("resolution", "720p")]
        heard = self._ffmpeg("-i", str(sound), "-f", "null", "-")
        if heard.returncode != 0:
            job.failure = {"code": "40044", "message": "Invalid audio format"}
            self._endpoints.tell_of(job.id, "fail", how=self.switch("telling"))
            return
        times = [line for line in heard.stdout.decode().splitlines() if line.startswith("out_time_us=")]
        job.duration_s = int(times[-1].partition("=")[2]) / 1e6
        # Not `-shortest`, which lets some pictures more through when the machine is busy.
        self._ffmpeg(
            "-f", "lavfi", "-i", f"color=c=0x2b4a6f:s={height * 16 // 9}x{height}:r=25", "-i", str(sound),
            "-t", str(job.duration_s), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac",
            "-movflags", "+faststart", str(film),
        ).check_returncode()  # fmt: skip
        job.film = film
        while self.clock.now() < job.done_at:
            time.sleep(0.02)
        self._endpoints.tell_of(job.id, "success", how=self.switch("telling"))

    @staticmethod
    def _ffmpeg(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        program = imageio_ffmpeg.get_ffmpeg_exe()
        return subprocess.run(
            [program, "-v", "error", "-nostdin", "-y", "-progress", "pipe:1", *arguments],
            capture_output=True, check=False,
        )  # fmt: skip

    def _running(self) -> int:
        return sum(self._is_running(job) for job in self._jobs.values())

    def _is_running(self, job: Job) -> bool:
        return not job.failure and (job.film is None or self.clock.now() < job.done_at)

    def _refusal(
        self, status: int, code: str, message: str, *, param: str = "", headers: dict[str, str] | None = None
    ) -> Refusal:
        error = self._error(code, message) | ({"param": param} if param else {})
        return Refusal(Response(status=status, body={"error": error}, headers=headers or {}))

    def _error(self, code: str, message: str) -> dict[str, Any]:
        spelled: Any = 400144 if self.switch("code_as_number") else code
        return {"code": spelled, "message": message, "doc_url": "https://developers.heygen.com/docs/error-codes"}


if __name__ == "__main__":
    serve(HeyGen)
