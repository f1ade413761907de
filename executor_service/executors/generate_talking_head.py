"""Node type generate-talking-head: an avatar that speaks a recording."""

from pathlib import Path

from executor_service.executors import config_values
from executor_service.executors.artifacts import download
from executor_service.executors.config_values import invalid, require_provider
from executor_service.executors.context import Context
from executor_service.executors.local_vendor import Listener, make_and_upload, time_limit
from executor_service.integrations.local.avatar import talk
from executor_service.integrations.local.facts import Facts
from executor_service.task import MediaType, Output, Task
from servicekit.object_store import ObjectStore

DEFAULT_WIDTH, DEFAULT_HEIGHT = 1280, 720
_MIN_SIDE, _MAX_SIDE = 64, 4096


class GenerateTalkingHead:
    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def execute(self, task: Task, context: Context) -> Output:
        require_provider(task, ("local",))
        avatar = config_values.text(task.config, "avatarId")
        if avatar is None:
            raise invalid("config.avatarId: expected the name of an avatar, found none")
        width = config_values.whole_number(task.config, "width", low=_MIN_SIDE, high=_MAX_SIDE) or DEFAULT_WIDTH
        height = config_values.whole_number(task.config, "height", low=_MIN_SIDE, high=_MAX_SIDE) or DEFAULT_HEIGHT
        audio = await self._audio(task, context)
        background = await self._background(task, context)

        async def make(destination: Path) -> Facts:
            return await talk(
                audio,
                destination,
                avatar=avatar,
                background=background,
                width=width,
                height=height,
                draft_label=task.config.get("draft") is True,
                time_limit=time_limit(context),
                on_progress=Listener(context, "drawing"),
            )

        return await make_and_upload(make, self._store, context, type=MediaType.VIDEO, suffix=".mp4")

    async def _audio(self, task: Task, context: Context) -> Path:
        sources = task.inputs_of("audio")
        if len(sources) != 1:
            raise invalid(f"inputs.audio: expected one node, found {len(sources)}")
        return await download(self._store, sources[0], context, slot="audio", allowed=(MediaType.AUDIO,))

    async def _background(self, task: Task, context: Context) -> Path | None:
        sources = task.inputs_of("background")
        if not sources:
            return None
        return await download(self._store, sources[0], context, slot="background", allowed=(MediaType.IMAGE,))
