"""Node type merge-videos: films one after the other."""

from executor_service.executors import config_values
from executor_service.executors.context import Context
from executor_service.executors.lambda_media import MediaFunction, Slots, media_slots
from executor_service.task import AwaitingCallback, MediaType, Task


class MergeVideos:
    def __init__(self, function: MediaFunction) -> None:
        self._function = function

    async def execute(self, task: Task, context: Context) -> AwaitingCallback:
        return await self._function.begin(task, context, merge_slots(task))


def merge_slots(task: Task) -> Slots:
    """Check inputs and config before anything is started."""
    config_values.text(task.config, "transition")
    return media_slots(task, {"segments": (MediaType.VIDEO,)}, many=True)
