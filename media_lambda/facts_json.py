"""Facts about a file as JSON, exactly, and back."""

from dataclasses import asdict
from fractions import Fraction
from typing import Any

from media_lambda.facts import AudioFacts, Colour, MediaFacts, StreamIdentity, VideoFacts


def facts_to_json(facts: MediaFacts) -> dict[str, Any]:
    """Fractions become texts such as "1/25", bytes become hex."""
    return {name: _plain(value) for name, value in asdict(facts).items()}


def facts_from_json(found: dict[str, Any]) -> MediaFacts:
    """Raises KeyError, TypeError or ValueError for what `facts_to_json` has not made."""
    video, audio = found["video"], found["audio"]
    return MediaFacts(
        demuxer=found["demuxer"],
        duration=Fraction(found["duration"]),
        video=None if video is None else _video(video),
        audio=None if audio is None else _audio(audio),
    )


def _audio(found: dict[str, Any]) -> AudioFacts:
    return AudioFacts(**{**found, "begin": Fraction(found["begin"]), "end": Fraction(found["end"])})


def _video(found: dict[str, Any]) -> VideoFacts:
    identity = found["identity"]
    return VideoFacts(
        **{
            **found,
            "start": Fraction(found["start"]),
            "duration": Fraction(found["duration"]),
            "identity": StreamIdentity(
                **{
                    **identity,
                    **{name: Fraction(identity[name]) for name in ("rate", "time_base", "sample_aspect")},
                    "colour": Colour(**identity["colour"]),
                    "extradata": bytes.fromhex(identity["extradata"]),
                }
            ),
        }
    )


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {name: _plain(part) for name, part in value.items()}
        case Fraction():
            return str(value)
        case bytes():
            return value.hex()
        case _:
            return value
