"""A talking head: a drawn person whose mouth follows a recording."""

import dataclasses
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from executor_service.integrations.local.child import ProgressListener, run_job
from executor_service.integrations.local.facts import Facts
from executor_service.integrations.local.film import Picture
from executor_service.integrations.local.looks import DEFAULT_LOOK, look_named

DEFAULT_TIME_LIMIT = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class AvatarJob:
    """What the child draws."""

    audio: str
    background: str | None
    avatar: str
    name_tag: str
    width: int
    height: int
    fps: int
    draft_label: bool
    destination: str


async def talk(
    audio: Path,
    destination: Path,
    *,
    avatar: str | None = None,
    background: Path | None = None,
    name_tag: str | None = None,
    width: int = 1280,
    height: int = 720,
    fps: int = 25,
    draft_label: bool = False,
    time_limit: timedelta = DEFAULT_TIME_LIMIT,
    on_progress: ProgressListener | None = None,
) -> Facts:
    """Draw an avatar that speaks a recording: MP4, H.264, the recording as stereo AAC, as long as the recording.

    `avatar` is a name of `looks.looks()`; `background` an image that covers the frame; `name_tag` an empty string for
    none, else the avatar's name is shown. Raises LocalVendorError.
    """
    Picture(width=width, height=height, fps=fps)
    job = AvatarJob(
        audio=str(audio),
        background=str(background) if background else None,
        avatar=avatar or DEFAULT_LOOK,
        name_tag=look_named(avatar or DEFAULT_LOOK).name if name_tag is None else name_tag,
        width=width,
        height=height,
        fps=fps,
        draft_label=draft_label,
        destination=str(destination),
    )
    return await run_job("avatar", dataclasses.asdict(job), time_limit=time_limit, on_progress=on_progress)
