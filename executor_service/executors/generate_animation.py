"""Node type generate-animation: a prompt, over an image if there is one, becomes a short film."""

from pathlib import Path

from executor_service.executors import config_values
from executor_service.executors.artifacts import download
from executor_service.executors.config_values import require_provider
from executor_service.executors.context import Context
from executor_service.executors.local_vendor import Listener, make_and_upload, time_limit
from executor_service.executors.prompts import prompt_of
from executor_service.integrations.local.animation import MAX_DURATION_S, MIN_DURATION_S, animate
from executor_service.integrations.local.facts import Facts
from executor_service.task import MediaType, Output, Task
from servicekit.object_store import ObjectStore

DEFAULT_DURATION_S = 5.0
DEFAULT_ASPECT_RATIO = "16:9"


class GenerateAnimation:
    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def execute(self, task: Task, context: Context) -> Output:
        require_provider(task, ("local",))
        duration_s = config_values.number(task.config, "duration", low=MIN_DURATION_S, high=MAX_DURATION_S)
        aspect_ratio = config_values.text(task.config, "aspectRatio") or DEFAULT_ASPECT_RATIO
        image = await self._reference_image(task, context)
        prompt = "" if image and not _has_prompt(task) else await self._prompt(task)

        async def make(destination: Path) -> Facts:
            return await animate(
                prompt,
                destination,
                reference_image=image,
                duration_s=duration_s or DEFAULT_DURATION_S,
                aspect_ratio=aspect_ratio,
                draft_label=task.config.get("draft") is True,
                time_limit=time_limit(context),
                on_progress=Listener(context, "drawing"),
            )

        return await make_and_upload(make, self._store, context, type=MediaType.VIDEO, suffix=".mp4")

    async def _prompt(self, task: Task) -> str:
        return await prompt_of(task, self._store, slot="prompt", config_key="prompt")

    async def _reference_image(self, task: Task, context: Context) -> Path | None:
        sources = task.inputs_of("referenceImage")
        if not sources:
            return None
        return await download(self._store, sources[0], context, slot="referenceImage", allowed=(MediaType.IMAGE,))


def _has_prompt(task: Task) -> bool:
    """Whether anything says what is written over a picture; a picture alone is brought to life as it is."""
    given = config_values.text(task.config, "prompt") or task.title.strip()
    return bool(task.inputs_of("prompt") or given)
