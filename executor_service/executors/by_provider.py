"""Work of one node type, done by whom its provider names."""

from collections.abc import Mapping

from executor_service.executors.config_values import require_provider
from executor_service.executors.context import Context
from executor_service.executors.executor import Buyer, Executor, Result
from executor_service.task import Task


class ByProvider:
    """A plain table; asks about purchases whom it can ask."""

    def __init__(self, providers: Mapping[str, Executor]) -> None:
        self._providers = providers

    async def execute(self, task: Task, context: Context) -> Result:
        return await self._of(task).execute(task, context)

    async def ask(self, task: Task, context: Context) -> Result:
        executor = self._of(task)
        if not isinstance(executor, Buyer):
            raise TypeError(f"'{task.provider}' sells nothing, and was to be asked about a purchase")
        return await executor.ask(task, context)

    def _of(self, task: Task) -> Executor:
        return self._providers[require_provider(task, self._providers)]
