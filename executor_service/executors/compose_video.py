"""Node type compose-video: one film small inside another."""

from executor_service.executors import config_values
from executor_service.executors.config_values import invalid
from executor_service.executors.context import Context
from executor_service.executors.lambda_media import MediaFunction, Slots, media_slots
from executor_service.task import AwaitingCallback, MediaType, Task

POSITIONS = ("top-left", "top-right", "bottom-left", "bottom-right", "center")
_MAX_PIXELS = 16_384


class ComposeVideo:
    def __init__(self, function: MediaFunction) -> None:
        self._function = function

    async def execute(self, task: Task, context: Context) -> AwaitingCallback:
        return await self._function.begin(task, context, compose_slots(task))


def compose_slots(task: Task) -> Slots:
    """Check inputs and config before anything is started."""
    if not isinstance(task.config.get("rounded"), bool):
        raise invalid("config.rounded: expected true or false")
    position = config_values.text(task.config, "position")
    if position is not None and position not in POSITIONS:
        raise invalid(f"config.position: expected {', '.join(POSITIONS)}, found {position!r}")
    config_values.number(task.config, "scale", low=0.01, high=1)
    for key in ("cropTop", "cropLeft"):
        config_values.whole_number(task.config, key, low=0, high=_MAX_PIXELS)
    for key in ("cropWidth", "cropHeight"):
        config_values.whole_number(task.config, key, low=1, high=_MAX_PIXELS)
    return media_slots(task, {"background": (MediaType.VIDEO,), "overlay": (MediaType.VIDEO,)})
