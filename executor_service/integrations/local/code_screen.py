"""A code screen: source text that types itself in a window."""

import dataclasses
import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from executor_service.integrations.local.child import ProgressListener, run_job
from executor_service.integrations.local.errors import invalid_input
from executor_service.integrations.local.facts import Facts
from executor_service.integrations.local.film import Picture

DEFAULT_TIME_LIMIT = timedelta(minutes=15)
MIN_DURATION_S, MAX_DURATION_S = 1.0, 120.0
THEMES = ("dark", "light")
_MAX_CODE_CHARS = 20_000


@dataclass(frozen=True, kw_only=True)
class Snippet:
    """What is typed. `title` is a file name as a rule; `language` a Pygments alias, guessed when empty."""

    code: str
    title: str = ""
    language: str = ""
    duration_s: float | None = None
    """The length that the film should have; None lets it follow from a pleasant typing speed."""


@dataclass(frozen=True, kw_only=True)
class CodeJob:
    """What the child draws."""

    code: str
    title: str
    language: str
    theme: str
    width: int
    height: int
    fps: int
    duration_s: float | None
    draft_label: bool
    destination: str


async def type_code(
    snippet: Snippet,
    destination: Path,
    *,
    width: int = 1280,
    height: int = 720,
    fps: int = 25,
    theme: str = "dark",
    duration_s: float | None = None,
    draft_label: bool = False,
    time_limit: timedelta = DEFAULT_TIME_LIMIT,
    on_progress: ProgressListener | None = None,
) -> Facts:
    """Type a snippet in a window: MP4, H.264, no sound.

    `duration_s` wins over the snippet's own. Raises LocalVendorError.
    """
    Picture(width=width, height=height, fps=fps)
    duration_s = snippet.duration_s if duration_s is None else duration_s
    if theme not in THEMES:
        raise invalid_input(f"the local vendor has no theme {theme!r}; it has {', '.join(THEMES)}")
    if duration_s is not None and not MIN_DURATION_S <= duration_s <= MAX_DURATION_S:
        raise invalid_input(f"duration must be from {MIN_DURATION_S:g} to {MAX_DURATION_S:g} s, found {duration_s}")
    if not snippet.code.strip():
        raise invalid_input("there is no code to type")
    if len(snippet.code) > _MAX_CODE_CHARS:
        raise invalid_input(f"the code must be at most {_MAX_CODE_CHARS} characters long, found {len(snippet.code)}")
    job = CodeJob(
        code=snippet.code,
        title=snippet.title,
        language=snippet.language,
        theme=theme,
        width=width,
        height=height,
        fps=fps,
        duration_s=duration_s,
        draft_label=draft_label,
        destination=str(destination),
    )
    return await run_job("code-screen", dataclasses.asdict(job), time_limit=time_limit, on_progress=on_progress)


def snippet_from_text(text: str, *, title: str = "") -> Snippet:
    """Read a snippet: a JSON object `{"title", "language", "code", "duration"}`, or else the code itself.

    A JSON object without `code` is typed as it stands: somebody may want to show a piece of JSON. A title in the
    object wins over `title`; `duration` is in seconds.
    """
    try:
        found = json.loads(text)
    except ValueError:
        return Snippet(code=text, title=title)
    if not isinstance(found, dict) or "code" not in found:
        return Snippet(code=text, title=title, language="json")
    for key in ("title", "language", "code"):
        if not isinstance(found.get(key, ""), str):
            raise invalid_input(f"{key} of a code snippet must be a string, found {type(found[key]).__name__}")
    duration = found.get("duration")
    if duration is not None and (isinstance(duration, bool) or not isinstance(duration, int | float)):
        raise invalid_input(f"duration of a code snippet must be a number of seconds, found {duration!r}")
    return Snippet(
        code=found["code"], title=found.get("title", title), language=found.get("language", ""), duration_s=duration
    )
