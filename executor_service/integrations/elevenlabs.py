"""ElevenLabs' text to speech: the sound is the answer. Knows nothing of ours but how a call goes wrong."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from executor_service.integrations.elevenlabs_errors import refusal
from executor_service.integrations.vendor_errors import Away, Refused
from executor_service.integrations.vendor_http import Call, VendorHttp

BASE_URL: Final = "https://api.elevenlabs.io"
DEFAULT_MODEL: Final = "eleven_multilingual_v2"
MP3: Final = "mp3_44100_128"
PCM: Final = "pcm_24000"
"""Bare samples, which can be joined without a gap. Both are in every plan; better ones are not."""
PCM_RATE: Final = 24_000
_MAX_SOUND_BYTES = 256 * 1024**2
_SHORTEST_S, _CHARACTERS_A_SECOND = 60.0, 100
"""Slowest that a stream may be."""
_ASK_S = 15.0
_LIMITS: Final = {
    "eleven_v3": 3_000,
    "eleven_multilingual_v2": 10_000,
    "eleven_flash_v2": 30_000,
    "eleven_turbo_v2": 30_000,
    "eleven_flash_v2_5": 40_000,
    "eleven_turbo_v2_5": 40_000,
}
"""Characters a request, documentation of August 2025; for when the vendor cannot be asked."""
_LEAST_LIMIT = 3_000


@dataclass(frozen=True, kw_only=True)
class Speech:
    """What is spoken, and how; None leaves a setting to the voice."""

    text: str
    voice_id: str
    model_id: str
    stability: float | None = None
    similarity_boost: float | None = None


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """What ElevenLabs says of a sound that it made."""

    request_id: str
    character_cost: str
    """As it states it, in its own unit; empty when it does not."""


class ElevenLabs:
    """One account."""

    def __init__(self, *, api_key: str, base_url: str = BASE_URL) -> None:
        self._http = VendorHttp("ElevenLabs", base_url, headers={"xi-api-key": api_key})

    async def close(self) -> None:
        await self._http.close()

    async def speak(self, speech: Speech, into: Path, *, output_format: str = MP3) -> Spoken:
        """Write the sound. There is no key: a repeat is another sound and paid again. Raises Refused, Away."""
        answer = await self._http.ask(
            Call(
                method="POST",
                path=f"/v1/text-to-speech/{quote(speech.voice_id, safe='')}",
                # In the body it would be ignored.
                params={"output_format": output_format},
                json=_request(speech),
                headers={"Accept": "*/*"},
                within_s=longest_s(len(speech.text)),
                into=into,
                max_bytes=_MAX_SOUND_BYTES,
            )
        )
        if not answer.is_success:
            raise refusal(answer)
        return Spoken(
            request_id=answer.headers.get("request-id", ""), character_cost=answer.headers.get("character-cost", "")
        )

    async def most_characters(self, model_id: str) -> int:
        """How long a text of one request may be. Where the vendor cannot be asked, what its documents said."""
        known = _LIMITS.get(model_id, _LEAST_LIMIT)
        try:
            answer = await self._http.ask(Call(method="GET", path="/v1/models", within_s=_ASK_S))
        except (Away, Refused):
            return known
        models = answer.json() if answer.is_success else None
        for model in models if isinstance(models, list) else ():
            if isinstance(model, dict) and model.get("model_id") == model_id:
                stated = model.get("maximum_text_length_per_request")
                return stated if isinstance(stated, int) and stated > 0 else known
        return known


def longest_s(characters: int) -> float:
    """How long speaking so many characters may take."""
    return _SHORTEST_S + characters / _CHARACTERS_A_SECOND


def _request(speech: Speech) -> dict[str, Any]:
    settings = {"stability": speech.stability, "similarity_boost": speech.similarity_boost}
    given = {name: value for name, value in settings.items() if value is not None}
    request: dict[str, Any] = {"text": speech.text, "model_id": speech.model_id}
    return request | ({"voice_settings": given} if given else {})
