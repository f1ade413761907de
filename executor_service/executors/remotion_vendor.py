"""Remotion Lambda in the words of `vendor`: code that a composition of the user's own types."""

import json
from datetime import timedelta

from executor_service.executors import config_values
from executor_service.executors.artifacts import read_text
from executor_service.executors.config_values import invalid
from executor_service.executors.context import Context
from executor_service.executors.local_vendor import local_errors
from executor_service.executors.vendor import Done, InDoubt, Over, Running, Spoilt, Status
from executor_service.executors.vendor_result import MAX_RESULT_BYTES, keep_result
from executor_service.integrations.local.code_screen import snippet_from_text
from executor_service.integrations.remotion import MAX_PROPS_BYTES, START_S, Progress, Remotion, Screen
from executor_service.integrations.remotion_errors import render_failed
from executor_service.integrations.vendor_errors import Away
from executor_service.task import ErrorType, MediaType, Output, Task
from servicekit.clock import Clock
from servicekit.object_store import ObjectStore

_WIDTH, _HEIGHT, _FPS = 1280, 720, 30
_MICROS_A_DOLLAR = 1_000_000
_LATE_S = 60.0
"""After the last moment of its functions a render may still be about to say that it is done."""


class RemotionVendor:
    def __init__(self, remotion: Remotion, *, store: ObjectStore, poll_interval: timedelta, clock: Clock) -> None:
        self._remotion = remotion
        self._store = store
        self._poll_interval = poll_interval
        self._clock = clock

    @property
    def in_doubt(self) -> InDoubt:
        """Neither keys nor look-up; a render costs cents, in the user's own account."""
        return InDoubt(resubmissions=1)

    @property
    def submit_timeout_s(self) -> float:
        return START_S

    async def prepare(self, task: Task, context: Context) -> Screen:
        del context
        width = config_values.whole_number(task.config, "width", low=16, high=4096) or _WIDTH
        height = config_values.whole_number(task.config, "height", low=16, high=4096) or _HEIGHT
        sources = task.inputs_of("config")
        if len(sources) != 1:
            raise invalid(f"inputs.config: expected one node, found {len(sources)}")
        with local_errors():
            snippet = snippet_from_text(await read_text(self._store, sources[0], slot="config"), title=task.title)
        props = {
            "title": snippet.title,
            "language": snippet.language,
            "code": snippet.code,
            "duration": snippet.duration_s,
            "theme": config_values.text(task.config, "theme"),
            "fps": config_values.whole_number(task.config, "fps", low=1, high=120) or _FPS,
            "width": width,
            "height": height,
        }
        size_bytes = len(json.dumps(props).encode())
        if size_bytes > MAX_PROPS_BYTES:
            raise invalid(f"inputs.config: Remotion takes {MAX_PROPS_BYTES} bytes of props, found {size_bytes}")
        return Screen(props=props, width=width, height=height)

    async def submit(self, order: Screen, *, key: str) -> Running:
        del key  # Remotion takes none
        return Running(job_id=await self._remotion.start(order), ask_after=self._poll_interval)

    async def find(self, key: str) -> Status | None:
        raise Away(f"Remotion cannot be asked about the key {key}")

    async def status(self, job_id: str) -> Status:
        found = await self._remotion.progress(job_id)
        if found.is_fatal:
            error_type, words = render_failed(found.errors)
            return Over(error_type=error_type, message=words, cost_micros=_cost_micros(found))
        if found.is_done:
            return Done(job_id=job_id, cost_micros=_cost_micros(found))
        if found.timeout_at is not None and self._clock.now().timestamp() > found.timeout_at + _LATE_S:
            words = "Remotion: the render's functions ended without a film"
            return Over(error_type=ErrorType.TIMEOUT, message=words, cost_micros=_cost_micros(found))
        return Running(job_id=job_id, ask_after=self._poll_interval, fraction=found.fraction)

    async def fetch(self, job_id: str, context: Context) -> Output:
        """With the account's own keys, from its bucket."""
        found = await self._remotion.progress(job_id)
        if not found.out_key:
            raise Away("Remotion has made the film and does not say where it is")
        path = context.folder / "download"
        try:
            await self._remotion.download(found, path, max_bytes=MAX_RESULT_BYTES)
        except ValueError as error:
            raise Spoilt(f"the vendor's result cannot be fetched: {error}") from error
        return await keep_result(path, wanted=MediaType.VIDEO, store=self._store, context=context)


def _cost_micros(found: Progress) -> int | None:
    return None if found.cost_usd is None else round(found.cost_usd * _MICROS_A_DOLLAR)
