"""What a generating node is told to make: the first of an input's text, a text of its config, its title."""

from executor_service.executors import config_values
from executor_service.executors.artifacts import read_text
from executor_service.executors.config_values import invalid
from executor_service.task import Task
from servicekit.object_store import ObjectStore

MAX_PROMPT_CHARS = 50_000


async def prompt_of(task: Task, store: ObjectStore, *, slot: str, config_key: str) -> str:
    """Read the prompt. Gives up when there is none or it is too long to be meant."""
    sources = task.inputs_of(slot)
    given = await read_text(store, sources[0], slot=slot) if sources else None
    return choose_prompt(task, given, slot=slot, config_key=config_key)


def choose_prompt(task: Task, given: str | None, *, slot: str, config_key: str) -> str:
    """`given` is the text of the input, None if the node has none; an empty text asset is an error, not a fallback."""
    if given is not None and not given.strip():
        raise invalid(f"inputs.{slot}: the text is empty")
    prompt = (given or "").strip() or config_values.text(task.config, config_key) or task.title.strip()
    if not prompt:
        raise invalid(f"{task.node_type}: expected inputs.{slot}, config.{config_key} or a title, found none")
    if len(prompt) > MAX_PROMPT_CHARS:
        raise invalid(
            f"{task.node_type}: expected a text of at most {MAX_PROMPT_CHARS} characters, found {len(prompt)}"
        )
    return prompt
