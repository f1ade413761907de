"""Brings what a vendor made into the store, if it is what was bought."""

import asyncio
from datetime import timedelta
from pathlib import Path

from executor_service.executors.artifacts import upload
from executor_service.executors.context import Context
from executor_service.executors.vendor import Spoilt
from executor_service.integrations.fetch import BadStatus, Fetcher, FetchLimits
from executor_service.integrations.media_probe import Probed, probe
from executor_service.integrations.sniff import HEAD_BYTES, Format, sniff
from executor_service.integrations.vendor_errors import Away
from executor_service.task import ErrorType, GiveUp, MediaType, Output, Progress, RetryLater
from servicekit.object_store import ObjectStore

MAX_RESULT_BYTES = 4 * 1024**3
_LONGEST = timedelta(minutes=8)
_MAY_PASS = frozenset({ErrorType.TIMEOUT, ErrorType.PROVIDER_UNAVAILABLE, ErrorType.RATE_LIMITED})


async def fetch_result(
    url: str, *, wanted: MediaType, fetcher: Fetcher, store: ObjectStore, context: Context
) -> Output:
    """Download, look into it, upload. Raises Away while there is hope, Spoilt when there is none."""
    path = context.folder / "download"
    limits = FetchLimits(max_bytes=MAX_RESULT_BYTES, deadline=_deadline(context))

    def on_progress(fraction: float | None) -> None:
        context.report_progress(Progress(stage="downloading", fraction=fraction))

    try:
        await fetcher.fetch(url, path, limits=limits, on_progress=on_progress)
    except BadStatus as error:
        # Also 403 and 404: a result may not be readable in its first seconds, and its address expires.
        raise Away(f"the result cannot be fetched yet: {error}") from error
    except GiveUp as error:
        if error.failure.error_type in _MAY_PASS:
            raise Away(str(error)) from error
        raise Spoilt(f"the vendor's result cannot be fetched: {error}") from error
    return await keep_result(path, wanted=wanted, store=store, context=context)


async def keep_result(
    path: Path, *, wanted: MediaType, store: ObjectStore, context: Context, waits_for_store: bool = False
) -> Output:
    """Upload a file that a vendor made. Raises Spoilt when it is not of the wanted kind.

    With `waits_for_store` a store that is away is waited for while there is time: for what cannot be fetched again.
    """
    found = await asyncio.to_thread(_recognised, path, wanted)
    probed = await _probed(path, found, wanted)
    named = path.with_name(f"output{found.suffix}")
    await asyncio.to_thread(path.rename, named)
    while True:
        try:
            return await upload(
                store,
                named,
                context,
                type=wanted,
                content_type=found.content_type,
                duration=probed.duration,
                media=probed.facts,
            )
        except RetryLater as later:
            wait_s = later.after.total_seconds()
            if not waits_for_store or context.time_left_s() < 2 * wait_s:
                raise
            await asyncio.sleep(wait_s)


def _recognised(path: Path, wanted: MediaType) -> Format:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise Spoilt("the vendor's result is empty")
    found = sniff(head)
    if found is None or wanted not in found.types:
        described = found.content_type if found else "something else"
        raise Spoilt(f"the vendor's result: expected {wanted}, found {described}")
    return found


async def _probed(path: Path, found: Format, wanted: MediaType) -> Probed:
    if found.container is None:
        raise Spoilt(f"the vendor's result: expected {wanted}, found {found.content_type}")
    try:
        probed = await probe(path, container_format=found.container)
    except GiveUp as error:
        raise Spoilt(f"the vendor's result: {error}") from error
    codec = probed.facts.video_codec if wanted is MediaType.VIDEO else probed.facts.audio_codec
    if not codec:
        raise Spoilt(f"the vendor's result has no {wanted} stream")
    return probed


def _deadline(context: Context) -> timedelta:
    return min(_LONGEST, timedelta(seconds=max(context.time_left_s(), 1)))
