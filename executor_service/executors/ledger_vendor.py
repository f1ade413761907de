"""The fake vendor of tests and fault runs, in the words of `bought`."""

from datetime import timedelta

from executor_service.executors.artifacts import store_troubles
from executor_service.executors.context import Context
from executor_service.executors.vendor import Done, InDoubt, Over, Running, Status
from executor_service.integrations.ledger import TIMEOUT_S, Job, Ledger, LedgerAway, LedgerRefused
from executor_service.integrations.vendor_errors import Away, Refused
from executor_service.task import Config, ErrorType, GiveUp, MediaType, Output, Task
from servicekit.object_store import ObjectStore

ASK_AFTER = timedelta(seconds=1)
_UPLOAD_S = 10.0
_BUSY = 429
_KEYS = InDoubt(repeat_within=timedelta(days=1), can_find=True)


class LedgerVendor:
    """Sends config without `provider` as the order; takes JSON for the result."""

    def __init__(self, ledger: Ledger, store: ObjectStore) -> None:
        self._ledger = ledger
        self._store = store

    @property
    def in_doubt(self) -> InDoubt:
        return _KEYS if self._ledger.knows_keys else InDoubt()

    @property
    def submit_timeout_s(self) -> float:
        return TIMEOUT_S

    async def prepare(self, task: Task, context: Context) -> Config:
        del context
        return {name: value for name, value in task.config.items() if name != "provider"}

    async def submit(self, order: Config, *, key: str) -> Running:
        try:
            return _running(await self._ledger.submit(order, key=key))
        except LedgerRefused as refused:
            if refused.status == _BUSY:
                raise Refused(ErrorType.RATE_LIMITED, str(refused), retry_after=ASK_AFTER) from refused
            raise Refused(ErrorType.INVALID_INPUT, str(refused)) from refused
        except LedgerAway as away:
            raise Away(str(away)) from away

    async def find(self, key: str) -> Status | None:
        try:
            job = await self._ledger.find(key)
        except (LedgerAway, LedgerRefused) as error:
            raise Away(str(error)) from error
        return _status(job) if job else None

    async def status(self, job_id: str) -> Status:
        try:
            return _status(await self._ledger.job(job_id))
        except (LedgerAway, LedgerRefused) as error:
            raise Away(str(error)) from error

    async def fetch(self, job_id: str, context: Context) -> Output:
        try:
            content = await self._ledger.result(job_id)
        except LedgerRefused as refused:
            raise GiveUp(ErrorType.PROVIDER_UNAVAILABLE, str(refused)) from refused
        except LedgerAway as away:
            raise Away(str(away)) from away
        await context.failpoints.hit("executor.before_upload")
        context.lease.require(_UPLOAD_S)
        key = f"{context.key_prefix}output.json"
        with store_troubles(key):
            stored = await self._store.put_bytes(key, content, content_type="application/json")
        await context.failpoints.hit("executor.after_upload")
        return Output(
            type=MediaType.JSON,
            s3_key=key,
            size_bytes=stored.size_bytes,
            sha256=stored.sha256 or "",
            content_type="application/json",
        )


def _running(job: Job) -> Running:
    return Running(job_id=job.id, ask_after=ASK_AFTER)


def _status(job: Job) -> Status:
    if job.status == "done":
        return Done(job_id=job.id, cost_micros=job.cost_micros)
    if job.status == "failed":
        known = job.reason in set(ErrorType)
        error_type = ErrorType(job.reason) if known else ErrorType.PROVIDER_UNAVAILABLE
        return Over(error_type=error_type, message="the vendor's job failed", cost_micros=job.cost_micros)
    return _running(job)
