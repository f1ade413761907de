"""Runway in the words of `vendor`: a film from words, or from a picture with or without them."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from executor_service.executors.animation_inputs import duration_of, prompt_for, reference_image, shape_of
from executor_service.executors.config_values import invalid, text
from executor_service.executors.context import Context
from executor_service.executors.vendor import Done, InDoubt, Over, Running, Status
from executor_service.executors.vendor_result import fetch_result
from executor_service.integrations.fetch import Fetcher
from executor_service.integrations.pictures import data_uri
from executor_service.integrations.runway import (
    MAX_PICTURE_CHARS,
    MAX_PROMPT_UNITS,
    MICROS_A_CREDIT,
    SUBMIT_S,
    Film,
    Runway,
    RunwayTask,
)
from executor_service.integrations.runway_errors import failure_class
from executor_service.integrations.vendor_errors import Away
from executor_service.task import ErrorType, GiveUp, MediaType, Output, Task
from servicekit.object_store import ObjectStore

_WIDE = {"16:9": "1280:720", "9:16": "720:1280"}
_SQUARE = {"1:1": "960:960"}
_ANY_SECONDS = tuple(range(2, 11))
_UPLOADED = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp"}
_FITS_BYTES = (MAX_PICTURE_CHARS - 100) * 3 // 4
"""Of a picture whose data URI Runway takes."""
_MAX_UPLOAD_BYTES = 200_000_000
_UPLOAD_TIME = timedelta(minutes=2)
_JITTER = 0.25
"""Of the poll interval, either way, as Runway asks."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """What a model of Runway takes."""

    ratios: Mapping[str, str]
    seconds: tuple[int, ...]
    ratios_without_picture: Mapping[str, str] | None
    """None when it needs a picture."""


_MODELS = {
    "gen4_turbo": Model(ratios=_WIDE | _SQUARE, seconds=_ANY_SECONDS, ratios_without_picture=None),
    "gen4.5": Model(ratios=_WIDE | _SQUARE, seconds=_ANY_SECONDS, ratios_without_picture=_WIDE),
    "veo3.1": Model(ratios=_WIDE, seconds=(4, 6, 8), ratios_without_picture=_WIDE),
    "veo3.1_fast": Model(ratios=_WIDE, seconds=(4, 6, 8), ratios_without_picture=_WIDE),
}
_WITH_PICTURE, _WITHOUT = "gen4_turbo", "gen4.5"
_NEEDS_PROMPT = "gen4.5"


class RunwayVendor:
    """`poll_interval` is Runway's cadence; it wants no less than 5 s."""

    def __init__(self, runway: Runway, *, store: ObjectStore, fetcher: Fetcher, poll_interval: timedelta) -> None:
        self._runway = runway
        self._store = store
        self._fetcher = fetcher
        self._poll_interval = poll_interval

    @property
    def in_doubt(self) -> InDoubt:
        """Neither keys nor look-up."""
        return InDoubt()

    @property
    def submit_timeout_s(self) -> float:
        return SUBMIT_S

    async def prepare(self, task: Task, context: Context) -> Film:
        image = await reference_image(task, self._store, context)
        name = text(task.config, "model") or (_WITH_PICTURE if image else _WITHOUT)
        model = _MODELS.get(name)
        if model is None:
            raise invalid(f"config.model: Runway has {', '.join(_MODELS)}; found {name!r}")
        ratios = model.ratios if image else model.ratios_without_picture
        if ratios is None:
            raise invalid(f"config.model: {name} needs an input referenceImage")
        prompt = await prompt_for(task, self._store, has_image=image is not None)
        if len(prompt.encode("utf-16-le")) // 2 > MAX_PROMPT_UNITS:
            raise invalid(f"Runway takes prompts of {MAX_PROMPT_UNITS} characters, found {len(prompt)}")
        if not prompt and name == _NEEDS_PROMPT:
            raise invalid(f"config.model: {name} needs a prompt, also with a picture")
        picture = ""
        if image is not None:
            picture = await self._handed_over(*image)
        return Film(
            model=name,
            ratio=ratios[shape_of(task, ratios)],
            duration_s=duration_of(task, model.seconds),
            prompt=prompt,
            picture=picture,
        )

    async def _handed_over(self, path: Path, content_type: str) -> str:
        """The picture as the request names it: within the request while it fits, else by an upload of its own."""
        size_bytes = (await asyncio.to_thread(path.stat)).st_size
        suffix = _UPLOADED.get(content_type)
        if suffix is None or size_bytes <= _FITS_BYTES or size_bytes > _MAX_UPLOAD_BYTES:
            return await asyncio.to_thread(data_uri, path, content_type=content_type, max_chars=MAX_PICTURE_CHARS)
        named = await asyncio.to_thread(path.rename, path.with_name(f"picture{suffix}"))
        place = await self._runway.upload_place(named.name)
        try:
            await self._fetcher.post_file(place.url, place.fields, (named, content_type), deadline=_UPLOAD_TIME)
        except GiveUp as error:
            # Where to upload was Runway's to say, so what goes wrong there is nothing that the user could mend.
            raise Away(f"Runway takes an upload and {error}") from error
        return place.uri

    async def submit(self, order: Film, *, key: str) -> Running:
        del key  # Runway takes none
        return self._running(RunwayTask(id=await self._runway.submit(order), status="PENDING"))

    async def find(self, key: str) -> Status | None:
        raise Away(f"Runway cannot be asked about the key {key}")

    async def status(self, job_id: str) -> Status:
        task = await self._runway.task(job_id)
        match task.status:
            case "SUCCEEDED":
                return Done(job_id=job_id, cost_micros=_cost_micros(task))
            case "FAILED":
                words = f"Runway: {task.failure or 'the task failed'} ({task.failure_code or 'no code'})"
                return Over(error_type=failure_class(task.failure_code), message=words, cost_micros=_cost_micros(task))
            case "CANCELLED":
                return Over(
                    error_type=ErrorType.CANCELLED,
                    message="Runway: the task was cancelled there",
                    cost_micros=_cost_micros(task),
                )
        return self._running(task)

    async def stop(self, job_id: str) -> None:
        """What has not begun yet is given back; Runway does not know the task any more."""
        await self._runway.cancel(job_id)

    async def fetch(self, job_id: str, context: Context) -> Output:
        """Reads the address anew: it is signed for a time."""
        url = (await self._runway.task(job_id)).url
        if not url:
            raise Away("Runway has made the film and does not say where it is")
        return await fetch_result(
            url, wanted=MediaType.VIDEO, fetcher=self._fetcher, store=self._store, context=context
        )

    def _running(self, task: RunwayTask) -> Running:
        spread = 1 + random.uniform(-_JITTER, _JITTER)  # noqa: S311 - spreads questions, keeps no secret
        return Running(
            job_id=task.id,
            ask_after=max(self._poll_interval * spread, timedelta(seconds=1)),
            stage="queued" if task.status in ("PENDING", "THROTTLED") else "rendering",
            fraction=task.progress,
            is_throttled=task.status == "THROTTLED",
        )


def _cost_micros(task: RunwayTask) -> int | None:
    return None if task.credits is None else round(task.credits * MICROS_A_CREDIT)
