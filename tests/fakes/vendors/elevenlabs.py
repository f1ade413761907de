"""ElevenLabs, simulated: `python -m tests.fakes.vendors.elevenlabs --bill FILE --key KEY`. Imports nothing of ours.

A request is on the bill when it is accepted, also if the client does not wait for the sound. The sound is a real MP3
whose length follows the text.
"""

import json
import subprocess
import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any

import imageio_ffmpeg

from tests.fakes.vendors.simulation import Bill, Refusal, Request, Response, Route, Simulation, serve

MODELS = {
    "eleven_v3": 5_000,
    "eleven_multilingual_v2": 10_000,
    "eleven_flash_v2_5": 40_000,
    "eleven_turbo_v2_5": 40_000,
}
FORMATS = frozenset({"mp3_44100_64", "mp3_44100_128", "pcm_24000"})
CHARACTERS_A_SECOND = 15
_FIELDS = frozenset(
    {
        "text", "model_id", "language_code", "voice_settings", "pronunciation_dictionary_locators", "seed",
        "previous_text", "next_text", "previous_request_ids", "next_request_ids", "apply_text_normalization",
        "apply_language_text_normalization", "audio_effects", "use_pvc_as_ivc",
    }
)  # fmt: skip
SWITCHES: dict[str, Any] = {
    "most_at_once": 5,  # requests in flight; more are refused
    "hold_s": 0.0,  # how long a request takes
    "shape": "current",  # of errors: current, legacy
    "quota": 0,  # 401 or 402 for every request
    "system_busy": 0,
    "busy_after": 0,  # so many requests are accepted, then one is refused
    "unavailable": 0,  # 503, nothing done
    "lose_answers": 0,  # bills and hangs up
    "fail_after_accepting": 0,  # bills and answers 500
    "limit": 0,  # characters a request of every model; 0 is the model's own
    "models_away": False,
    "result": "",  # empty, text, truncated, drip
}


class ElevenLabs(Simulation):
    def __init__(self, bill: Bill, key: str) -> None:
        super().__init__(bill=bill, key=key, switches=SWITCHES)
        self._in_flight = 0
        self._accepted = 0

    def switched(self) -> None:
        self._accepted = 0

    def routes(self) -> list[Route]:
        return [
            ("POST", "/v1/text-to-speech/(?P<voice>[^/]+)", self._speak),
            ("POST", "/v1/text-to-speech/(?P<voice>[^/]+)/with-timestamps", self._speak_with_timestamps),
            ("GET", "/v1/models", self._models),
        ]

    def _speak(self, request: Request, voice: str) -> Response:
        body = self._checked(request, voice)
        with self._slot():
            time.sleep(float(self.switch("hold_s")))
            return self._spoken(request, voice, body)

    def _spoken(self, request: Request, voice: str, body: Mapping[str, Any]) -> Response:
        request_id, text = uuid.uuid4().hex, body["text"]
        self.bill.add({"vendor": "elevenlabs", "voice": voice, "characters": len(text), "text": text, "body": body})
        if self.take("lose_answers"):
            return Response(sent_bytes=0)
        if self.take("fail_after_accepting"):
            raise self._refusal(500, "internal_error", "internal_error", "Something went wrong")
        wanted = request.query.get("output_format", "mp3_44100_128")
        if not self.is_strict:
            wanted = body.get("output_format", wanted)
        sound = a_sound(len(text) / CHARACTERS_A_SECOND, wanted)
        headers = {
            "Content-Type": "audio/pcm" if wanted.startswith("pcm") else "audio/mpeg",
            "request-id": request_id,
            "character-cost": str(len(text)),
            "maximum-concurrent-requests": str(self.switch("most_at_once")),
        }
        if not self.is_strict:
            headers = {"Content-Type": headers["Content-Type"]}
        match self.switch("result"):
            case "empty":
                return Response(headers=headers)
            case "text":
                return Response(body=b"<html>try later</html>", headers=headers)
            case "truncated":
                return Response(body=sound, headers=headers, sent_bytes=len(sound) // 2)
            case "drip":
                return Response(body=sound, headers=headers, pause_s=0.5)
        return Response(body=sound, headers=headers)

    def _speak_with_timestamps(self, request: Request, voice: str) -> Response:
        self._checked(request, voice)
        alignment = None if self.is_strict else {"characters": []}
        return Response(body={"audio_base64": "", "alignment": alignment, "normalized_alignment": alignment})

    def _models(self, request: Request) -> Response:
        self._admit(request)
        if self.switch("models_away"):
            return Response(status=500, body={"detail": "Internal Server Error"})
        models = [
            {"model_id": model, "maximum_text_length_per_request": self._limit(model), "can_do_text_to_speech": True}
            for model in MODELS
        ]
        return Response(body=json.dumps(models).encode())

    def _checked(self, request: Request, voice: str) -> Mapping[str, Any]:
        """Validation comes before authentication, so that a bad body with a bad key is a 422."""
        try:
            body = request.json()
        except ValueError:
            raise self._invalid(["body"], "JSON decode error") from None
        if not self.is_strict:
            return {"text": "", **body}
        if not isinstance(body, Mapping) or not isinstance(body.get("text"), str):
            raise self._invalid(["body", "text"], "Field required")
        for name in sorted(set(body) - _FIELDS - {"output_format"}):  # that one is ignored in the body
            raise self._invalid(["body", name], "Extra inputs are not permitted")
        for name in ("stability", "similarity_boost"):
            if not 0 <= float((body.get("voice_settings") or {}).get(name, 0)) <= 1:
                raise self._invalid(["body", "voice_settings", name], "Input should be between 0 and 1")
        if request.query.get("output_format", "mp3_44100_128") not in FORMATS:
            raise self._invalid(["query", "output_format"], "Input should be a known format")
        self._admit(request)
        self._turn_away()
        return self._known(body, voice)

    def _turn_away(self) -> None:
        quota = int(self.switch("quota"))
        if quota:
            message = "This request exceeds your quota of 10000. You have 0 credits remaining."
            word = "quota_exceeded" if quota == 401 else "insufficient_credits"
            raise self._refusal(quota, "payment_required", word, message)
        if self.take("system_busy") or self._is_busy_now():
            raise self._refusal(429, "rate_limit_error", "system_busy", "The system is busy", wait_s=1)

    def _is_busy_now(self) -> bool:
        if not self.switch("busy_after"):
            return False
        with self.lock:
            self._accepted += 1
            return self._accepted == int(self.switch("busy_after")) + 1

    def _known(self, body: Mapping[str, Any], voice: str) -> Mapping[str, Any]:
        if voice.startswith("unknown"):
            raise self._refusal(
                404, "not_found", "voice_not_found", f"A voice with the voice_id {voice} was not found."
            )
        model = body.get("model_id", "eleven_multilingual_v2")
        if model not in MODELS:
            raise self._refusal(404, "not_found", "model_not_found", f"Model {model} was not found")
        if not body["text"].strip():
            raise self._refusal(400, "validation_error", "empty_text", "The text is empty")
        if len(body["text"]) > self._limit(model):
            message = f"The text is longer than {self._limit(model)} characters"
            raise self._refusal(400, "validation_error", "text_too_long", message)
        return body

    def _limit(self, model: str) -> int:
        return int(self.switch("limit")) or MODELS[model]

    def _admit(self, request: Request) -> None:
        if self.take("unavailable"):
            raise self._refusal(503, "service_unavailable", "maintenance", "Down for maintenance")
        if request.headers.get("xi-api-key") != self.key:
            raise self._refusal(
                401, "authentication_error", "unauthorized", "Invalid API key", legacy="invalid_api_key"
            )

    def _slot(self) -> "_Slot":
        return _Slot(self)

    def enter(self) -> None:
        with self.lock:
            if self._in_flight >= int(self.switch("most_at_once")):
                message = "Too many concurrent requests. Your current subscription is associated with a maximum of …"
                raise self._refusal(429, "rate_limit_error", "too_many_concurrent_requests", message)
            self._in_flight += 1

    def leave(self) -> None:
        with self.lock:
            self._in_flight -= 1

    def _invalid(self, place: list[str], message: str) -> Refusal:
        detail = [{"type": "missing", "loc": place, "msg": message, "input": {}}]
        return Refusal(Response(status=422, body={"detail": detail}))

    def _refusal(
        self, status: int, kind: str, word: str, message: str, *, legacy: str = "", wait_s: int = 0
    ) -> Refusal:
        headers = {"Retry-After": str(wait_s)} if wait_s else {}
        if self.switch("shape") == "legacy":
            body: dict[str, Any] = {"detail": {"status": legacy or word, "message": message}}
            return Refusal(Response(status=status, body=body, headers=headers))
        detail = {"type": kind, "code": word, "status": legacy or word, "message": message}
        body = {"detail": {**detail, "request_id": uuid.uuid4().hex}}
        return Refusal(Response(status=status, body=body, headers=headers))


class _Slot:
    """One of the requests that may be in flight."""

    def __init__(self, vendor: ElevenLabs) -> None:
        self._vendor = vendor

    def __enter__(self) -> None:
        self._vendor.enter()

    def __exit__(self, *_: object) -> None:
        self._vendor.leave()


_made: dict[tuple[int, str], bytes] = {}
_making = threading.Lock()


def a_sound(seconds: float, wanted: str) -> bytes:
    """A tone, to the tenth of a second; made once for each length."""
    tenths = max(round(seconds * 10), 1)
    encoding = ("-f", "s16le", "-ar", "24000") if wanted == "pcm_24000" else ("-f", "mp3", "-b:a", "128k")
    with _making:
        if (tenths, wanted) not in _made:
            command = [
                imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-f", "lavfi",
                "-i", f"sine=frequency=220:sample_rate=44100:duration={tenths / 10}", "-ac", "1", *encoding, "pipe:1",
            ]  # fmt: skip
            _made[tenths, wanted] = subprocess.run(command, check=True, capture_output=True).stdout
        return _made[tenths, wanted]


if __name__ == "__main__":
    serve(ElevenLabs)
