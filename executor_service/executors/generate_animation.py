"""Node type generate-animation: a prompt, over an image if there is one, becomes a short film."""

from pathlib import Path

from executor_service.executors import config_values
from executor_service.executors.animation_inputs import DEFAULT_ASPECT_RATIO, prompt_for, reference_image
from executor_service.executors.config_values import require_provider
from executor_service.executors.context import Context
from executor_service.executors.local_vendor import Listener, make_and_upload, time_limit
from executor_service.integrations.local.animation import MAX_DURATION_S, MIN_DURATION_S, animate
from executor_service.integrations.local.facts import Facts
from executor_service.task import MediaType, Output, Task
from servicekit.object_store import ObjectStore

DEFAULT_DURATION_S = 5.0


class GenerateAnimation:
    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def execute(self, task: Task, context: Context) -> Output:
        require_provider(task, ("local",))
        duration_s = config_values.number(task.config, "duration", low=MIN_DURATION_S, high=MAX_DURATION_S)
        aspect_ratio = config_values.text(task.config, "aspectRatio") or DEFAULT_ASPECT_RATIO
        image = await reference_image(task, self._store, context)
        prompt = await prompt_for(task, self._store, has_image=image is not None)

        async def make(destination: Path) -> Facts:
            return await animate(
                prompt,
                destination,
                reference_image=image[0] if image else None,
                duration_s=duration_s or DEFAULT_DURATION_S,
                aspect_ratio=aspect_ratio,
                draft_label=task.config.get("draft") is True,
                time_limit=time_limit(context),
                on_progress=Listener(context, "drawing"),
            )

        return await make_and_upload(make, self._store, context, type=MediaType.VIDEO, suffix=".mp4")
