"""Node type generate-voiceover: a script becomes speech."""

from pathlib import Path

from executor_service.executors import config_values
from executor_service.executors.config_values import require_provider
from executor_service.executors.context import Context
from executor_service.executors.local_vendor import Listener, make_and_upload, time_limit
from executor_service.executors.prompts import prompt_of
from executor_service.integrations.local.facts import Facts
from executor_service.integrations.local.voice import speak
from executor_service.task import MediaType, Output, Task
from servicekit.object_store import ObjectStore


class GenerateVoiceover:
    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def execute(self, task: Task, context: Context) -> Output:
        require_provider(task, ("local",))
        voice = config_values.text(task.config, "voiceId")
        stability = config_values.number(task.config, "stability", low=0, high=1)
        script = await prompt_of(task, self._store, slot="script", config_key="text")

        async def make(destination: Path) -> Facts:
            return await speak(
                script,
                destination,
                voice=voice,
                stability=stability,
                time_limit=time_limit(context),
                on_progress=Listener(context, "speaking"),
            )

        return await make_and_upload(make, self._store, context, type=MediaType.AUDIO, suffix=".m4a")
