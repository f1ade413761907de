"""What the vendors of generate-animation read of a node: words, a picture, a shape and a length."""

from collections.abc import Collection
from pathlib import Path

from executor_service.executors import config_values
from executor_service.executors.artifacts import download
from executor_service.executors.config_values import invalid
from executor_service.executors.context import Context
from executor_service.executors.prompts import prompt_of
from executor_service.task import MediaType, Task
from servicekit.object_store import ObjectStore

DEFAULT_ASPECT_RATIO = "16:9"
DEFAULT_SECONDS = 4


async def prompt_for(task: Task, store: ObjectStore, *, has_image: bool) -> str:
    """The words; none for a picture that is brought to life as it is."""
    given = config_values.text(task.config, "prompt") or task.title.strip()
    if has_image and not task.inputs_of("prompt") and not given:
        return ""
    return await prompt_of(task, store, slot="prompt", config_key="prompt")


async def reference_image(task: Task, store: ObjectStore, context: Context) -> tuple[Path, str] | None:
    """The picture and its content type, if the node has one."""
    sources = task.inputs_of("referenceImage")
    if not sources:
        return None
    path = await download(store, sources[0], context, slot="referenceImage", allowed=(MediaType.IMAGE,))
    return path, sources[0].content_type


def shape_of(task: Task, shapes: Collection[str]) -> str:
    """The picture's shape. Gives up on one that the vendor does not make."""
    shape = config_values.text(task.config, "aspectRatio") or DEFAULT_ASPECT_RATIO
    if shape not in shapes:
        raise invalid(f"config.aspectRatio: '{task.provider}' makes {', '.join(shapes)}; found {shape}")
    return shape


def duration_of(task: Task, seconds: Collection[int]) -> int:
    """The film's length. Gives up on one that the vendor does not make."""
    duration = config_values.number(task.config, "duration", low=0, high=3600) or DEFAULT_SECONDS
    if duration not in seconds:
        allowed = ", ".join(str(one) for one in seconds)
        raise invalid(f"config.duration: '{task.provider}' makes {allowed} s; found {duration:g}")
    return int(duration)
