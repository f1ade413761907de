"""Node type mix-audio: sound put to a picture."""

from executor_service.executors import config_values
from executor_service.executors.config_values import invalid
from executor_service.executors.context import Context
from executor_service.executors.lambda_media import MediaFunction, Slots, media_slots
from executor_service.task import AwaitingCallback, MediaType, Task

MODES = ("replace", "mix", "duck")


class MixAudio:
    def __init__(self, function: MediaFunction) -> None:
        self._function = function

    async def execute(self, task: Task, context: Context) -> AwaitingCallback:
        return await self._function.begin(task, context, mix_slots(task))


def mix_slots(task: Task) -> Slots:
    """Check inputs and config before anything is started. `audio` may be a video whose sound is taken."""
    mode = config_values.text(task.config, "mode")
    if mode is not None and mode not in MODES:
        raise invalid(f"config.mode: expected {', '.join(MODES)}, found {mode!r}")
    config_values.number(task.config, "audioVolume", low=0, high=2)
    return media_slots(task, {"video": (MediaType.VIDEO,), "audio": (MediaType.AUDIO, MediaType.VIDEO)})
