"""Buys with the key of the pipeline's owner, where it has one at the vendor; else with that of this executor."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeAlias

from executor_service.executors.context import Context
from executor_service.executors.executor import PaidExecutor, Result
from executor_service.executors.submitting import before_submission, purchase_of
from executor_service.integrations.vendor_errors import InvalidCredentials
from executor_service.task import ErrorType, GiveUp, RetryLater, Task

Opened: TypeAlias = tuple[PaidExecutor, Callable[[], Awaitable[None]]]
"""A vendor with a key, and what closes it."""
Open: TypeAlias = Callable[[str], Opened]
"""Raises InvalidCredentials for what is no key of it."""
_ASK_AFTER = timedelta(minutes=5)


class WithOwnersKey:
    """One vendor. A key is asked for when it is needed, and forgotten after."""

    def __init__(self, vendor: str, open_: Open, *, own: PaidExecutor) -> None:
        self._vendor = vendor
        self._open = open_
        self._own = own

    async def execute(self, task: Task, context: Context) -> Result:
        with before_submission(purchase_of(task)):
            opened = await self._opened(context)
        async with _closing(opened) as executor:
            return await executor.execute(task, context)

    async def ask(self, task: Task, context: Context) -> Result:
        """Whoever replaces a key while jobs run replaces it by one of the same account."""
        try:
            opened = await self._opened(context)
        except GiveUp as given_up:
            # What was bought is none the worse for a key that cannot be had now.
            raise RetryLater(_ASK_AFTER, given_up.failure.message) from given_up
        async with _closing(opened) as executor:
            return await executor.ask(task, context)

    async def _opened(self, context: Context) -> Opened:
        key = await context.owners_key(self._vendor)
        if key is None:
            return self._own, _stays_open
        try:
            return self._open(key)
        except InvalidCredentials as error:
            raise GiveUp(ErrorType.CREDENTIAL, f"the owner's key at '{self._vendor}': {error}") from error


@asynccontextmanager
async def _closing(opened: Opened) -> AsyncIterator[PaidExecutor]:
    executor, close = opened
    try:
        yield executor
    finally:
        await close()


async def _stays_open() -> None:
    """It is this executor's own, and others use it."""
