"""Brings a job's input files into its folder and measures them."""

from media_lambda.errors import FfmpegFailed, InvalidInput, Unreadable
from media_lambda.event import S3Object
from media_lambda.facts import MAX_SIDE, MediaFacts
from media_lambda.ffmpeg import Command, Ffmpeg
from media_lambda.inspector import Inspector
from media_lambda.room import Room
from media_lambda.sniff import DEMUXERS, SNIFF_BYTES, demuxer_of, described
from media_lambda.source import Source
from media_lambda.store import Store

_MAX_LENGTH_S = 4 * 3600


class Inputs:
    """Fetches each object once, however often the event names it."""

    def __init__(self, *, room: Room, store: Store, ffmpeg: Ffmpeg, inspector: Inspector) -> None:
        self._room = room
        self._folder = room.folder
        self._store = store
        self._ffmpeg = ffmpeg
        self._inspector = inspector
        self._known: dict[S3Object, Source] = {}

    def fetch(self, origin: S3Object, *, place: str) -> Source:
        """Download and probe. Raises InvalidInput, FfmpegFailed, StoreFailed."""
        known = self._known.get(origin)
        if known is None:
            name = f"input-{len(self._known):03}"
            self._store.download(origin, self._folder / name, place=place, room=self._room)
            facts = self._measure(name, label=f"{place} ({origin})")
            known = self._known[origin] = Source(place=place, origin=origin, name=name, facts=facts)
        return Source(place=place, origin=origin, name=known.name, facts=known.facts)

    def _measure(self, name: str, *, label: str) -> MediaFacts:
        path = self._folder / name
        with path.open("rb") as file:
            head = file.read(SNIFF_BYTES)
        demuxer = demuxer_of(head)
        if demuxer is None:
            reason = f"{label} is neither a video nor a sound we read: it {described(head)}"
            raise FfmpegFailed(reason, details=self._diagnosis(name, demuxers=",".join(DEMUXERS)))
        try:
            facts = self._inspector.probe(path, demuxer=demuxer)
        except Unreadable as error:
            reason = f"{label} cannot be read: {error}"
            raise FfmpegFailed(reason, details=self._diagnosis(name, demuxers=demuxer)) from error
        _refuse_excess(facts, label)
        return facts

    def _diagnosis(self, name: str, *, demuxers: str) -> str:
        """What FFmpeg itself says about the file, without ever taking it for a playlist."""
        arguments = ("-protocol_whitelist", "file,pipe", "-format_whitelist", demuxers, "-i", name, "-f", "null", "-")
        try:
            return "\n".join(self._ffmpeg.run(Command(purpose="read the file", arguments=arguments, output_s=0)))
        except FfmpegFailed as failure:
            return failure.details


def _refuse_excess(facts: MediaFacts, label: str) -> None:
    if facts.video is not None:
        identity = facts.video.identity
        sides = (identity.width, identity.height, *facts.video.display_size)
        if max(sides) > MAX_SIDE:
            raise InvalidInput(f"{label} is {sides[0]}x{sides[1]}: expected at most {MAX_SIDE} pixels a side")
    if facts.length > _MAX_LENGTH_S:
        raise InvalidInput(f"{label} plays {float(facts.length):.0f} s: expected at most {_MAX_LENGTH_S} s")
