"""A short animation: words that enter one after the other, or a photograph that is slowly travelled over."""

import dataclasses
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from executor_service.integrations.local.child import ProgressListener, run_job
from executor_service.integrations.local.errors import invalid_input
from executor_service.integrations.local.facts import Facts
from executor_service.integrations.local.film import Picture

DEFAULT_TIME_LIMIT = timedelta(minutes=15)
MIN_DURATION_S, MAX_DURATION_S = 1.0, 120.0
_MAX_PROMPT_CHARS = 2_000


@dataclass(frozen=True, kw_only=True)
class AnimationJob:
    """What the child draws."""

    prompt: str
    reference_image: str | None
    duration_s: float
    width: int
    height: int
    fps: int
    draft_label: bool
    destination: str


async def animate(
    prompt: str,
    destination: Path,
    *,
    reference_image: Path | None = None,
    duration_s: float = 5.0,
    aspect_ratio: str = "16:9",
    fps: int = 25,
    draft_label: bool = False,
    time_limit: timedelta = DEFAULT_TIME_LIMIT,
    on_progress: ProgressListener | None = None,
) -> Facts:
    """Show a prompt as moving type, or over a travelling image where one is given: MP4, H.264, no sound.

    The first line of the prompt is the title, a second one its subtitle; three lines or more are shown as a list of
    equals. `aspect_ratio` is a key of `frame_sizes()`. Raises LocalVendorError.
    """
    sizes = frame_sizes()
    if aspect_ratio not in sizes:
        raise invalid_input(f"aspectRatio must be one of {', '.join(sizes)}, found {aspect_ratio!r}")
    width, height = sizes[aspect_ratio]
    Picture(width=width, height=height, fps=fps)
    if not MIN_DURATION_S <= duration_s <= MAX_DURATION_S:
        raise invalid_input(f"duration must be from {MIN_DURATION_S:g} to {MAX_DURATION_S:g} s, found {duration_s}")
    if not prompt.strip() and reference_image is None:
        raise invalid_input("an animation needs a prompt or a reference image")
    if len(prompt) > _MAX_PROMPT_CHARS:
        raise invalid_input(f"the prompt must be at most {_MAX_PROMPT_CHARS} characters long, found {len(prompt)}")
    job = AnimationJob(
        prompt=prompt,
        reference_image=str(reference_image) if reference_image else None,
        duration_s=duration_s,
        width=width,
        height=height,
        fps=fps,
        draft_label=draft_label,
        destination=str(destination),
    )
    return await run_job("animation", dataclasses.asdict(job), time_limit=time_limit, on_progress=on_progress)


def frame_sizes() -> dict[str, tuple[int, int]]:
    """Width and height in pixels by aspect ratio."""
    return {"16:9": (1280, 720), "9:16": (720, 1280), "1:1": (720, 720)}
