"""Text to speech with espeak-ng: free, and as pleasant as a formant voice can be."""

import dataclasses
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from executor_service.integrations.local.child import ProgressListener, run_job
from executor_service.integrations.local.errors import invalid_input
from executor_service.integrations.local.facts import Facts
from executor_service.integrations.local.prosody import spoken_lines

DEFAULT_VOICE = "narrator"
DEFAULT_TIME_LIMIT = timedelta(minutes=2)
_MAX_TEXT_CHARS = 20_000
_MIN_RATE_WPM, _MAX_RATE_WPM = 80, 300


@dataclass(frozen=True, kw_only=True)
class Voice:
    """How espeak-ng is asked to sound."""

    espeak_voice: str
    """A language of espeak-ng, with `+variant` where one is wanted."""
    pitch: int
    """0..100."""
    rate_wpm: int = 152


@dataclass(frozen=True, kw_only=True)
class VoiceJob:
    """What the child speaks."""

    lines: list[str]
    espeak_voice: str
    pitch: int
    pitch_range: int
    rate_wpm: int
    destination: str


async def speak(
    text: str,
    destination: Path,
    *,
    voice: str | None = None,
    rate_wpm: int | None = None,
    stability: float | None = None,
    time_limit: timedelta = DEFAULT_TIME_LIMIT,
    on_progress: ProgressListener | None = None,
) -> Facts:
    """Speak a text into an M4A file (AAC, 48 kHz, mono), levelled, with a pause after each sentence and paragraph.

    `voice` is a name of `voices()`; `stability` 0..1 makes the melody livelier (0) or calmer (1).
    """
    job = voice_job(text, destination, voice=voice, rate_wpm=rate_wpm, stability=stability)
    return await run_job("voice", dataclasses.asdict(job), time_limit=time_limit, on_progress=on_progress)


def voice_job(
    text: str,
    destination: Path,
    *,
    voice: str | None = None,
    rate_wpm: int | None = None,
    stability: float | None = None,
) -> VoiceJob:
    """Check what is asked for. Raises LocalVendorError(INVALID_INPUT)."""
    chosen = _voice_named(voice or DEFAULT_VOICE)
    steadiness = 0.5 if stability is None else stability
    if not 0.0 <= steadiness <= 1.0:
        raise invalid_input(f"stability must be from 0 to 1, found {steadiness}")
    rate = chosen.rate_wpm if rate_wpm is None else rate_wpm
    if not _MIN_RATE_WPM <= rate <= _MAX_RATE_WPM:
        raise invalid_input(f"the rate must be from {_MIN_RATE_WPM} to {_MAX_RATE_WPM} words a minute, found {rate}")
    if len(text) > _MAX_TEXT_CHARS:
        raise invalid_input(f"the text must be at most {_MAX_TEXT_CHARS} characters long, found {len(text)}")
    lines = spoken_lines(text)
    if not lines:
        raise invalid_input("the text has no word that could be spoken")
    return VoiceJob(
        lines=lines,
        espeak_voice=chosen.espeak_voice,
        pitch=chosen.pitch,
        pitch_range=round(80 - 50 * steadiness),
        rate_wpm=rate,
        destination=str(destination),
    )


def voices() -> dict[str, Voice]:
    """The voices by the name that a caller may use."""
    return {
        # Chosen by number, not by ear: of six voices that a small speech recogniser got through (word loop over one
        # script, 150 words a minute, before our filters) it found 53 of 69 words with f2 and 55 with edward, but 31
        # with en-us, 25 with en, 24 with en-gb-x-rp and 14 with Annie. Most of the other variants are untried.
        "narrator": Voice(espeak_voice="en-us+f2", pitch=46),
        "narrator-deep": Voice(espeak_voice="en-us+edward", pitch=42),
        "american": Voice(espeak_voice="en-us", pitch=40),
        "british": Voice(espeak_voice="en-gb-x-rp", pitch=42),
        "scottish": Voice(espeak_voice="en-gb-scotland", pitch=42),
        "german": Voice(espeak_voice="de", pitch=42, rate_wpm=142),
        "french": Voice(espeak_voice="fr", pitch=42, rate_wpm=148),
        "spanish": Voice(espeak_voice="es", pitch=42, rate_wpm=150),
        "italian": Voice(espeak_voice="it", pitch=42, rate_wpm=150),
    }


def _voice_named(name: str) -> Voice:
    known = voices()
    if name not in known:
        raise invalid_input(f"the local vendor has no voice {name!r}; it has {', '.join(sorted(known))}")
    return known[name]
