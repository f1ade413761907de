"""An input file of a job, downloaded and measured."""

from dataclasses import dataclass

from media_lambda.errors import InvalidInput
from media_lambda.event import S3Object
from media_lambda.facts import AudioFacts, MediaFacts, VideoFacts


@dataclass(frozen=True, kw_only=True)
class Source:
    """One input of a job."""

    place: str
    """Where the event names it, such as `segments[1]`."""
    origin: S3Object
    name: str
    """Its file in the job's folder."""
    facts: MediaFacts

    def __str__(self) -> str:
        return f"{self.place} ({self.origin})"

    @property
    def video(self) -> VideoFacts:
        """Its pictures. Raises InvalidInput when it has none."""
        if self.facts.video is None:
            raise InvalidInput(f"{self} has no video: expected pictures, found only sound")
        return self.facts.video

    @property
    def audio(self) -> AudioFacts:
        """Its sound. Raises InvalidInput when it has none."""
        if self.facts.audio is None:
            raise InvalidInput(f"{self} has no sound: expected an audio stream, found none")
        return self.facts.audio
