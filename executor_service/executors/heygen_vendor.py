"""HeyGen in the words of `vendor`: an avatar that speaks a recording, over a picture if there is one."""

from datetime import timedelta
from pathlib import Path

from executor_service.executors import config_values
from executor_service.executors.config_values import invalid
from executor_service.executors.context import Context
from executor_service.executors.handing_over import HandingOver, Taken
from executor_service.executors.vendor import Done, InDoubt, Over, Running, Status
from executor_service.executors.vendor_result import fetch_result
from executor_service.integrations import prices
from executor_service.integrations.fetch import Fetcher
from executor_service.integrations.heygen import (
    KEY_LIFE,
    MAX_INPUT_BYTES,
    MAX_UPLOAD_BYTES,
    SUBMIT_S,
    AvatarVideo,
    HeyGen,
    Material,
    Video,
)
from executor_service.integrations.heygen_errors import failure_class
from executor_service.integrations.mp3 import to_mp3
from executor_service.integrations.vendor_errors import Away
from executor_service.task import MediaType, Output, Task
from servicekit.object_store import ObjectStore

_AUDIO = Taken(
    slot="audio",
    type=MediaType.AUDIO,
    suffixes={"audio/mpeg": (".mp3",), "audio/wav": (".wav",)},
    max_bytes=MAX_UPLOAD_BYTES,
)
_BACKGROUND = Taken(
    slot="background",
    type=MediaType.IMAGE,
    suffixes={"image/png": (".png",), "image/jpeg": (".jpg", ".jpeg")},
    max_bytes=MAX_UPLOAD_BYTES,
)
_SHAPES = {"16:9": (16, 9), "9:16": (9, 16), "4:5": (4, 5), "5:4": (5, 4), "1:1": (1, 1)}
_RESOLUTIONS = {720: "720p", 1080: "1080p", 2160: "4k"}
"""By the shorter side."""
_WIDTH, _HEIGHT = 1280, 720
_PRICED_SIDE = 1080
_KEY_MARGIN = timedelta(hours=1)


class HeyGenVendor:
    """`poll_interval` is HeyGen's cadence; it wants no less than 10 s."""

    def __init__(
        self,
        heygen: HeyGen,
        *,
        store: ObjectStore,
        handing_over: HandingOver,
        fetcher: Fetcher,
        poll_interval: timedelta,
    ) -> None:
        self._heygen = heygen
        self._store = store
        self._handing_over = handing_over
        self._fetcher = fetcher
        self._poll_interval = poll_interval

    @property
    def in_doubt(self) -> InDoubt:
        return InDoubt(repeat_within=KEY_LIFE - _KEY_MARGIN)

    @property
    def submit_timeout_s(self) -> float:
        return SUBMIT_S

    async def prepare(self, task: Task, context: Context) -> AvatarVideo:
        avatar_id = config_values.text(task.config, "avatarId")
        if avatar_id is None:
            raise invalid("config.avatarId: expected the id of an avatar, found none")
        aspect_ratio, resolution = picture_format(
            config_values.whole_number(task.config, "width", low=1, high=10_000) or _WIDTH,
            config_values.whole_number(task.config, "height", low=1, high=10_000) or _HEIGHT,
        )
        audio, background = task.inputs_of("audio"), task.inputs_of("background")
        if len(audio) != 1:
            raise invalid(f"inputs.audio: expected one node, found {len(audio)}")
        return AvatarVideo(
            avatar_id=avatar_id,
            audio=await self._material(audio[0], _AUDIO, context),
            background=await self._material(background[0], _BACKGROUND, context) if background else None,
            aspect_ratio=aspect_ratio,
            resolution=resolution,
            title=task.title,
        )

    async def submit(self, order: AvatarVideo, *, key: str) -> Running:
        return self._running(await self._heygen.submit(order, key=key))

    async def find(self, key: str) -> Status | None:
        """HeyGen finds nothing by a key; a submission in doubt is repeated instead."""
        raise Away(f"HeyGen cannot be asked about the key {key}")

    async def status(self, job_id: str) -> Status:
        video = await self._heygen.video(job_id)
        match video.status:
            case "completed":
                return Done(job_id=job_id)
            case "failed":
                why = video.failure_message or "the video failed"
                return Over(error_type=failure_class(video.failure_code), message=f"HeyGen: {why}", cost_micros=None)
        return self._running(video)

    async def fetch(self, job_id: str, context: Context) -> Output:
        """Reads the address anew: it is signed for a time."""
        video = await self._heygen.video(job_id)
        if not video.url:
            raise Away("HeyGen has completed the video and does not say where it is")
        output = await fetch_result(
            video.url, wanted=MediaType.VIDEO, fetcher=self._fetcher, store=self._store, context=context
        )
        return output.at_cost(_cost_micros(video, output))

    def _running(self, video: Video) -> Running:
        return Running(job_id=video.id, ask_after=self._poll_interval, stage="rendering")

    async def _material(self, source: Output, taken: Taken, context: Context) -> Material:
        url = self._handing_over.address(source, taken)
        if url is not None and source.size_bytes <= MAX_INPUT_BYTES:
            return Material(url=url)
        convert = _to_mp3 if taken.type is MediaType.AUDIO else None
        path = await self._handing_over.copy(source, taken, context, convert)
        content_type = next(kind for kind, endings in taken.suffixes.items() if path.suffix in endings)
        return Material(asset_id=await self._heygen.upload(path, content_type=content_type))


def _cost_micros(video: Video, output: Output) -> int | None:
    """HeyGen does not state it. There is no price for more than 1080p."""
    is_priced = output.media is not None and min(output.media.width, output.media.height) <= _PRICED_SIDE
    return prices.cost_micros("heygen", "avatar_iv", video.duration_s) if is_priced else None


def picture_format(width: int, height: int) -> tuple[str, str]:
    """HeyGen's names of shape and resolution. Gives up on a size that it does not make."""
    for name, (across, down) in _SHAPES.items():
        if width * down == height * across and min(width, height) in _RESOLUTIONS:
            return name, _RESOLUTIONS[min(width, height)]
    sizes = ", ".join(f"{short * max(a, d) // min(a, d)}x{short}" if a >= d else f"{short}x{short * d // a}"
                      for a, d in _SHAPES.values() for short in _RESOLUTIONS)  # fmt: skip
    raise invalid(f"config.width, config.height: HeyGen makes {sizes}; found {width}x{height}")


async def _to_mp3(path: Path) -> Path:
    target = path.with_name(f"{path.stem}-converted.mp3")
    await to_mp3(path, target)
    return target
