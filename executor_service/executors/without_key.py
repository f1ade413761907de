"""A vendor that this executor has no key for: says so at once, instead of letting a node wait for ever."""

from datetime import timedelta

from executor_service.executors.context import Context
from executor_service.executors.submitting import before_submission, purchase_of
from executor_service.task import ErrorType, GiveUp, Output, RetryLater, Task

_ASK_AFTER = timedelta(minutes=5)


class WithoutKey:
    def __init__(self, provider: str, variable: str) -> None:
        """`variable` names the file with the key."""
        self._message = f"this executor has no key of '{provider}'; its operator sets {variable}"

    async def execute(self, task: Task, context: Context) -> Output:
        del context
        with before_submission(purchase_of(task)):
            raise GiveUp(ErrorType.CREDENTIAL, self._message)

    async def ask(self, task: Task, context: Context) -> Output:
        """What was bought with a key that is gone now is asked about when it is back."""
        del task, context
        raise RetryLater(_ASK_AFTER, self._message)
