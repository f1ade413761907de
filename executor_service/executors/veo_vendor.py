"""Veo on Vertex AI in the words of `vendor`: a clip with sound, from words, a picture or both."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from executor_service.executors.animation_inputs import duration_of, prompt_for, reference_image, shape_of
from executor_service.executors.config_values import invalid, text
from executor_service.executors.context import Context
from executor_service.executors.vendor import Done, InDoubt, Over, Running, Status
from executor_service.executors.vendor_result import keep_result
from executor_service.integrations import prices
from executor_service.integrations.pictures import data_uri
from executor_service.integrations.vendor_errors import Away
from executor_service.integrations.veo import MAX_PICTURE_CHARS, SUBMIT_S, Clip, Veo
from executor_service.integrations.veo_errors import failure_class
from executor_service.task import ErrorType, MediaType, Output, Task
from servicekit.object_store import ObjectStore

_MODELS = ("veo-3.1-generate-001", "veo-3.1-fast-generate-001", "veo-3.1-lite-generate-001")
_SHAPES = ("16:9", "9:16")
_SECONDS = (4, 6, 8)


class VeoVendor:
    def __init__(self, veo: Veo, *, store: ObjectStore, poll_interval: timedelta) -> None:
        self._veo = veo
        self._store = store
        self._poll_interval = poll_interval

    @property
    def in_doubt(self) -> InDoubt:
        """Neither keys nor look-up."""
        return InDoubt()

    @property
    def submit_timeout_s(self) -> float:
        return SUBMIT_S

    async def prepare(self, task: Task, context: Context) -> Clip:
        model = text(task.config, "model") or _MODELS[0]
        if model not in _MODELS:
            raise invalid(f"config.model: Veo has {', '.join(_MODELS)}, earlier ones are retired; found {model!r}")
        image = await reference_image(task, self._store, context)
        clip = Clip(
            model=model,
            aspect_ratio=shape_of(task, _SHAPES),
            duration_s=duration_of(task, _SECONDS),
            prompt=await prompt_for(task, self._store, has_image=image is not None),
        )
        if image is not None:
            path, kind = image
            uri = await asyncio.to_thread(data_uri, path, content_type=kind, max_chars=MAX_PICTURE_CHARS)
            head, _, content = uri.partition(";base64,")
            clip = replace(clip, picture_base64=content, picture_type=head.removeprefix("data:"))
        await self._veo.admit()
        return clip

    async def submit(self, order: Clip, *, key: str) -> Running:
        del key  # Veo takes none
        return self._running(await self._veo.submit(order))

    async def find(self, key: str) -> Status | None:
        raise Away(f"Veo cannot be asked about the key {key}")

    async def status(self, job_id: str) -> Status:
        operation = await self._veo.operation(job_id)
        if not operation.is_done:
            return self._running(job_id)
        if operation.error:
            error_type = failure_class(operation.error_code, operation.error)
            return Over(error_type=error_type, message=f"Veo: {operation.error}", cost_micros=None)
        if operation.filtered:
            # Withheld results are not charged.
            return Over(error_type=ErrorType.MODERATION, message=f"Veo: {operation.filtered}", cost_micros=0)
        return Done(job_id=job_id)

    async def fetch(self, job_id: str, context: Context) -> Output:
        """The film comes inside the answer, or lies in the project's own bucket."""
        operation = await self._veo.operation(job_id)
        path = context.folder / "download"
        if operation.gcs_uri:
            await self._veo.download(operation.gcs_uri, path)
        elif operation.video is not None:
            await asyncio.to_thread(path.write_bytes, operation.video)
        else:
            raise Away("Veo had finished the clip and says something else now")
        output = await keep_result(path, wanted=MediaType.VIDEO, store=self._store, context=context)
        return output.at_cost(_cost_micros(job_id, output))

    def _running(self, name: str) -> Running:
        return Running(job_id=name, ask_after=self._poll_interval)


def _cost_micros(name: str, output: Output) -> int | None:
    """Veo does not state it; its name says the model."""
    model = name.rpartition("/operations/")[0].rpartition("/")[2]
    seconds = round(output.duration.total_seconds()) if output.duration else None
    return prices.cost_micros("veo", model, seconds)
