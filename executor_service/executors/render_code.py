"""Node type render-code: source text that types itself."""

from pathlib import Path

from executor_service.executors import config_values
from executor_service.executors.artifacts import read_text
from executor_service.executors.config_values import require_provider
from executor_service.executors.context import Context
from executor_service.executors.local_vendor import Listener, local_errors, make_and_upload, time_limit
from executor_service.executors.prompts import choose_prompt
from executor_service.integrations.local.code_screen import Snippet, snippet_from_text, type_code
from executor_service.integrations.local.facts import Facts
from executor_service.task import MediaType, Output, Task
from servicekit.object_store import ObjectStore

DEFAULT_WIDTH, DEFAULT_HEIGHT, DEFAULT_FPS = 1280, 720, 25
DEFAULT_THEME = "dark"
_MIN_SIDE, _MAX_SIDE, _MAX_FPS = 64, 4096, 60


class RenderCode:
    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def execute(self, task: Task, context: Context) -> Output:
        require_provider(task, ("local",))
        width = config_values.whole_number(task.config, "width", low=_MIN_SIDE, high=_MAX_SIDE) or DEFAULT_WIDTH
        height = config_values.whole_number(task.config, "height", low=_MIN_SIDE, high=_MAX_SIDE) or DEFAULT_HEIGHT
        fps = config_values.whole_number(task.config, "fps", low=1, high=_MAX_FPS) or DEFAULT_FPS
        theme = config_values.text(task.config, "theme") or DEFAULT_THEME
        snippet = await self._snippet(task)

        async def make(destination: Path) -> Facts:
            return await type_code(
                snippet,
                destination,
                width=width,
                height=height,
                fps=fps,
                theme=theme,
                draft_label=task.config.get("draft") is True,
                time_limit=time_limit(context),
                on_progress=Listener(context, "drawing"),
            )

        return await make_and_upload(make, self._store, context, type=MediaType.VIDEO, suffix=".mp4")

    async def _snippet(self, task: Task) -> Snippet:
        """The input's text, plain or as JSON with title, language and code; without one, what the node itself says."""
        sources = task.inputs_of("config")
        if not sources:
            return Snippet(code=choose_prompt(task, None, slot="config", config_key="code"))
        content = await read_text(self._store, sources[0], slot="config")
        with local_errors():
            return snippet_from_text(content, title=task.title)
