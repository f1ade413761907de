"""Runs a vendor of this machine: its file becomes the output, its errors what happens next."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from executor_service.executors.artifacts import upload
from executor_service.executors.context import Context
from executor_service.integrations.local.errors import ErrorType as LocalErrorType
from executor_service.integrations.local.errors import LocalVendorError
from executor_service.integrations.local.facts import Facts
from executor_service.task import ErrorType, GiveUp, MediaFacts, MediaType, Output, Progress
from servicekit.object_store import ObjectStore

_ERROR_TYPES = {
    LocalErrorType.INVALID_INPUT: ErrorType.INVALID_INPUT,
    LocalErrorType.FFMPEG_ERROR: ErrorType.FFMPEG_ERROR,
    LocalErrorType.TIMEOUT: ErrorType.TIMEOUT,
    LocalErrorType.INTERNAL: ErrorType.INTERNAL,
}


class Listener:
    """Turns a vendor's 0..1 into progress of the attempt."""

    def __init__(self, context: Context, stage: str) -> None:
        self._context = context
        self._stage = stage
        self(0.0)

    def __call__(self, fraction: float) -> None:
        self._context.report_progress(Progress(stage=self._stage, fraction=fraction))


def time_limit(context: Context) -> timedelta:
    """The vendor's child is ended a little before the attempt is, so that its own words say what happened."""
    return timedelta(seconds=max(context.time_left_s() * 0.95, 1.0))


async def make_and_upload(
    make: Callable[[Path], Awaitable[Facts]],
    store: ObjectStore,
    context: Context,
    *,
    type: MediaType,  # noqa: A002 # the name of the output's field
    suffix: str,
) -> Output:
    """`make` writes the file that it is given."""
    with local_errors():
        facts = await make(context.folder / f"output{suffix}")
    return await upload(
        store,
        facts.path,
        context,
        type=type,
        content_type=facts.content_type,
        duration=timedelta(seconds=facts.duration_s),
        media=_media_facts(facts),
    )


@contextmanager
def local_errors() -> Iterator[None]:
    """The one table from the local vendors' errors to ours."""
    try:
        yield
    except LocalVendorError as err:
        raise GiveUp(_ERROR_TYPES[err.error_type], err.message, err.details) from err


def _media_facts(facts: Facts) -> MediaFacts:
    return MediaFacts(
        video_codec=facts.video_codec or "",
        width=facts.width or 0,
        height=facts.height or 0,
        fps=facts.fps or 0.0,
        audio_codec=facts.audio_codec or "",
    )
