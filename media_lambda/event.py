"""The event that starts one invocation, as values."""

import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from media_lambda.errors import InvalidInput
from media_lambda.fields import Fields

MANIFEST_NAME = "result.json"
_MAX_KEY_BYTES = 1024
_TOLD = ("node_uuid", "executor_type", "process_uuid", "traceparent")
_MAX_SEGMENTS = 500
_FILM_LUFS = -16.0
"""Customary for film on the web, where phones play it."""


class Transition(StrEnum):
    """What happens where two segments meet."""

    CUT = "cut"
    CROSSFADE = "crossfade"
    """One melts into the next; the film is shorter by what they share."""
    FADE = "fade"
    """Through black."""


class MixMode(StrEnum):
    """What happens to a video's own sound when another is added."""

    REPLACE = "replace"
    MIX = "mix"
    DUCK = "duck"


class Position(StrEnum):
    """Where on the background the overlay sits."""

    TOP_LEFT = "top-left"
    TOP_RIGHT = "top-right"
    BOTTOM_LEFT = "bottom-left"
    BOTTOM_RIGHT = "bottom-right"
    CENTER = "center"


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """Whose work this is and where to report it."""

    node_uuid: str
    executor_type: str
    process_uuid: str
    callback_url: str
    """Carries a capability: never log it."""
    progress_url: str
    """Where to tell how far the work is, likewise; empty where nobody asks."""
    traceparent: str = ""
    """W3C trace context of whoever asked; empty when nobody follows it."""


@dataclass(frozen=True, kw_only=True)
class S3Object:
    """A place in the object store."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def sibling(self, name: str) -> "S3Object":
        """The object `name` in the same folder."""
        return S3Object(bucket=self.bucket, key=self.key.rpartition("/")[0] + "/" + name)


@dataclass(frozen=True, kw_only=True)
class MergeVideos:
    """Play the segments one after the other."""

    segments: tuple[S3Object, ...]
    transition: Transition
    loudness_lufs: float


@dataclass(frozen=True, kw_only=True)
class MixAudio:
    """Give a video another sound, or one more."""

    video: S3Object
    audio: S3Object
    mode: MixMode
    audio_volume: float
    """Factor on the added audio's amplitude, 0 to 2."""
    loudness_lufs: float | None
    """None leaves the whole as loud as it comes out."""


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A rectangle of the overlay, in its pixels; an absent size reaches to the edge."""

    top: int
    left: int
    width: int | None
    height: int | None


@dataclass(frozen=True, kw_only=True)
class ComposeVideo:
    """Show one video in a corner of another."""

    background: S3Object
    overlay: S3Object
    rounded: bool
    crop: Crop | None
    position: Position
    scale: float
    """Width of the overlay as a fraction of the background's."""
    loudness_lufs: float | None
    """None leaves the whole as loud as it comes out."""


Job = MergeVideos | MixAudio | ComposeVideo


@dataclass(frozen=True, kw_only=True)
class Order:
    """A valid event: what to make and where to put it."""

    job: Job
    output: S3Object
    is_draft: bool
    """Whether the film is to say that it is a draft."""


def parse_envelope(event: object) -> Envelope:
    """Read who asked and where to report. Raises InvalidInput when there is nowhere to report to."""
    faults: list[str] = []
    fields = Fields(event, faults=faults)
    callback_url = fields.text("callback_url")
    progress_url = fields.text("progress_url") if fields.has("progress_url") else ""
    for name, url in (("callback_url", callback_url), ("progress_url", progress_url)):
        if url and not _may_call(url):
            # The URL carries a capability, so the message does not repeat it.
            fields.fault(name, "expected an https URL (http only to this machine)")
    if faults:
        raise InvalidInput("; ".join(faults))
    told = {name: _loose_text(event, name) for name in _TOLD}
    return Envelope(callback_url=callback_url, progress_url=progress_url, **told)


def parse_output(event: object) -> S3Object:
    """Read where output and manifest go. Raises InvalidInput."""
    faults: list[str] = []
    output = _output(Fields(event, faults=faults))
    if faults:
        raise InvalidInput("; ".join(faults))
    return output


def parse_order(event: object) -> Order:
    """Read everything. Raises InvalidInput that names every fault of the event."""
    faults: list[str] = []
    fields = Fields(event, faults=faults)
    for name in ("node_uuid", "process_uuid"):
        fields.text(name)
    output = _output(fields)
    config = fields.child("config")
    is_draft = config.has("draft") and config.flag("draft")
    job = _job(fields)
    if faults or job is None:
        raise InvalidInput("; ".join(faults))
    return Order(job=job, output=output, is_draft=is_draft)


def _job(fields: Fields) -> Job | None:
    inputs, config = fields.child("inputs"), fields.child("config")
    match fields.text("executor_type"):
        case "merge-videos":
            return _merge_videos(fields, inputs, config)
        case "mix-audio":
            return MixAudio(
                video=_single(inputs, "video"),
                audio=_single(inputs, "audio"),
                mode=MixMode(config.choice("mode", tuple(MixMode), default=MixMode.REPLACE)),
                audio_volume=config.number("audioVolume", low=0, high=2, default=1),
                loudness_lufs=_loudness(config),
            )
        case "compose-video":
            return ComposeVideo(
                background=_single(inputs, "background"),
                overlay=_single(inputs, "overlay"),
                rounded=config.flag("rounded"),
                crop=_crop(config),
                position=Position(config.choice("position", tuple(Position), default=Position.BOTTOM_RIGHT)),
                scale=config.number("scale", low=0.05, high=1, default=0.3),
                loudness_lufs=_loudness(config),
            )
        case "":
            return None
        case other:
            fields.fault("executor_type", f"expected merge-videos, mix-audio or compose-video, found {other!r}")
            return None


def _merge_videos(fields: Fields, inputs: Fields, config: Fields) -> MergeVideos:
    holder, name = (inputs, "segments") if inputs.has("segments") else (fields, "input_videos")
    segments = _objects(holder, name)
    if len(segments) == 1 or len(segments) > _MAX_SEGMENTS:
        holder.fault(name, f"expected 2 to {_MAX_SEGMENTS} videos to merge, found {len(segments)}")
    transition = Transition(config.choice("transition", tuple(Transition), default=Transition.CUT))
    loudness_lufs = _loudness(config)
    if loudness_lufs is None:
        loudness_lufs = _FILM_LUFS
    return MergeVideos(segments=segments, transition=transition, loudness_lufs=loudness_lufs)


def _loudness(config: Fields) -> float | None:
    return config.optional_number("loudness", low=-31, high=-9)


def _crop(config: Fields) -> Crop | None:
    top, left = config.pixels("cropTop", low=0), config.pixels("cropLeft", low=0)
    width, height = config.pixels("cropWidth", low=2), config.pixels("cropHeight", low=2)
    if top is None and left is None and width is None and height is None:
        return None
    return Crop(top=top or 0, left=left or 0, width=width, height=height)


def _output(fields: Fields) -> S3Object:
    bucket, key = fields.text("output_bucket"), fields.text("output_key")
    parts = key.split("/")
    if key and (len(parts) < 2 or not all(parts) or ".." in parts or len(key.encode()) > _MAX_KEY_BYTES):
        fields.fault("output_key", f"expected folder/…/name without empty parts or '..', found {key[:80]!r}")
    elif parts[-1] == MANIFEST_NAME:
        fields.fault("output_key", f"{MANIFEST_NAME} is the manifest's name")
    return S3Object(bucket=bucket, key=key)


def _single(inputs: Fields, slot: str) -> S3Object:
    objects = _objects(inputs, slot)
    if len(objects) > 1:
        inputs.fault(slot, f"expected one object, found {len(objects)}")
    return objects[0] if objects else S3Object(bucket="", key="")


def _objects(fields: Fields, name: str) -> tuple[S3Object, ...]:
    objects = []
    for url in fields.texts(name):
        scheme, _, rest = url.partition("://")
        bucket, _, key = rest.partition("/")
        if scheme != "s3" or not bucket or not key:
            fields.fault(name, f"expected s3://bucket/key, found {url.partition('?')[0][:80]!r}")
        objects.append(S3Object(bucket=bucket, key=key))
    return tuple(objects)


def _may_call(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return False
    if parts.username is not None or not host:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_this_machine(host))


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _loose_text(event: object, name: str) -> str:
    """Whatever text there is: even a wrong event's report should say whose it was."""
    value = event.get(name) if isinstance(event, dict) else None
    return value if isinstance(value, str) else ""
