"""Node type asset with an https source: brings the user's material into the store."""

import asyncio
from datetime import timedelta
from pathlib import Path

from executor_service.executors.artifacts import upload
from executor_service.executors.config_values import invalid
from executor_service.executors.context import Context
from executor_service.integrations.fetch import Fetcher, FetchLimits
from executor_service.integrations.media_probe import Probed, probe
from executor_service.integrations.sniff import HEAD_BYTES, MAX_TEXT_BYTES, Format, sniff, text_format
from executor_service.task import ErrorType, GiveUp, MediaType, Output, Progress, Task
from servicekit.object_store import ObjectStore

MAX_ASSET_BYTES = 2 * 1024**3
_LONGEST = timedelta(minutes=15)


class FetchAsset:
    def __init__(self, *, store: ObjectStore, fetcher: Fetcher) -> None:
        self._store = store
        self._fetcher = fetcher

    async def execute(self, task: Task, context: Context) -> Output:
        if task.asset is None:
            raise invalid("asset: expected a source to fetch, found none")
        wanted = task.asset.type
        raw = context.folder / "download"
        limits = FetchLimits(max_bytes=_max_bytes(wanted), deadline=_deadline(context))
        await self._fetcher.fetch(
            task.asset.source,
            raw,
            limits=limits,
            on_progress=lambda fraction: context.report_progress(Progress(stage="downloading", fraction=fraction)),
        )
        found = await asyncio.to_thread(recognise, raw, wanted)
        probed = await _look_into(raw, found, wanted)
        path = raw.with_name(f"output{found.suffix}")
        raw.rename(path)
        return await upload(
            self._store,
            path,
            context,
            type=wanted,
            content_type=found.content_type,
            duration=probed.duration if probed else None,
            media=probed.facts if probed else None,
        )


def recognise(path: Path, wanted: MediaType) -> Format:
    """Decide by the bytes what was fetched. Gives up when it is not what the node says, so that an error page never
    becomes a film."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise GiveUp(ErrorType.MEDIA_MISMATCH, "asset.source: the file is empty")
    found = text_format(path, wanted) if wanted in (MediaType.TEXT, MediaType.JSON) else sniff(head)
    if found is None or wanted not in found.types:
        described = found.content_type if found else "something else"
        raise GiveUp(ErrorType.MEDIA_MISMATCH, f"asset.source: expected {wanted}, found {described}")
    return found


async def _look_into(path: Path, found: Format, wanted: MediaType) -> Probed | None:
    if found.container is None:
        return None
    probed = await probe(path, container_format=found.container)
    needed = probed.facts.video_codec if wanted is MediaType.VIDEO else probed.facts.audio_codec
    if not needed:
        raise GiveUp(ErrorType.MEDIA_MISMATCH, f"asset.source: the file has no {wanted} stream")
    return probed


def _max_bytes(wanted: MediaType) -> int:
    return MAX_TEXT_BYTES if wanted in (MediaType.TEXT, MediaType.JSON) else MAX_ASSET_BYTES


def _deadline(context: Context) -> timedelta:
    return min(_LONGEST, timedelta(seconds=max(context.time_left_s(), 1)))
