"""One claimed attempt: the work under its lease and deadline, then one report, then the acknowledgement."""

import asyncio
import errno
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import structlog

from executor_service.completion.owners_keys import KeyRefused, NotHeld, OwnersKeys
from executor_service.completion.reports import ExecutionReports, ServiceUnreachable
from executor_service.executors.context import Context
from executor_service.executors.executor import Buyer, Executors, Result
from executor_service.executors.lease import Lease, LeaseOver
from executor_service.runner.delivery import Delivery
from executor_service.runner.heart import Heart, Lost
from executor_service.runner.metrics import RunnerMetrics
from executor_service.runner.reporter import Ending, Reporter
from executor_service.runner.workspace import Workspace
from executor_service.task import (
    Claimed,
    ClaimId,
    ErrorType,
    ExecutionId,
    Failure,
    GiveUp,
    HeartbeatAnswer,
    Progress,
    RetryLater,
    WorkKind,
)
from servicekit.clock import Clock
from servicekit.failpoints import Failpoints
from servicekit.tracing import Tracer, current_context

LONGEST_ATTEMPT = timedelta(hours=1)
"""For a task that names no deadline."""
LONGEST_POLL = timedelta(minutes=10)
"""For asking a vendor and fetching its result."""
_REPORTING_SHARE = 0.05
_LONGEST_REPORTING_S = 5.0
"""Of the time left, so much at most is kept for saying that it is over."""
_CANCEL_WITHIN_S = 5.0
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_AFTER_A_CRASHED_POLL = timedelta(minutes=1)
_SERVICE_AWAY = timedelta(seconds=5)
_UNTIL_THERE_IS_ROOM = timedelta(seconds=30)


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What every attempt of this process shares."""

    reports: ExecutionReports
    owners_keys: OwnersKeys
    executors: Executors
    workspace: Workspace
    clock: Clock
    metrics: RunnerMetrics
    tracer: Tracer
    failpoints: Failpoints


@dataclass(frozen=True, kw_only=True)
class Holding:
    """What this worker holds, and by which right."""

    execution_id: ExecutionId
    claim: ClaimId
    claimed: Claimed
    asked_at: float
    """Monotonic time before the claim was asked for."""
    kind: WorkKind = WorkKind.RUN
    """What it was told to do: run the execution, or ask about its purchase."""
    delivery: Delivery = field(repr=False)


class Attempt:
    """Runs once."""

    def __init__(self, holding: Holding, tools: Tools) -> None:
        self._holding = holding
        self._tools = tools
        self._released = asyncio.Event()
        self._lease = Lease(holding.claimed.lease, asked_at=holding.asked_at, clock=tools.clock)
        self._heart = Heart(_Beat(holding, tools, self._lease), lease=self._lease, clock=tools.clock)
        self._ends_at = tools.clock.monotonic() + self._time_allowed_s()
        self._log = structlog.get_logger("executor.attempt").bind(
            execution_id=holding.execution_id,
            claim=holding.claim,
            node=holding.claimed.task.node,
            node_type=holding.claimed.task.node_type,
            attempt=holding.claimed.task.attempt,
        )

    def release(self) -> None:
        """Stop the work and put the execution back into its queue, for another worker to take at once."""
        self._released.set()

    def look_after(self) -> None:
        """Ask the service at once whether the execution is still wanted."""
        self._heart.beat_now()

    @property
    def execution_id(self) -> ExecutionId:
        return self._holding.execution_id

    async def run(self) -> None:
        """Work, report, acknowledge. A cancel during the report waits for its answer."""
        self._log.info("execution_claimed", lease_s=self._lease.length_s)
        heart = asyncio.create_task(self._heart.run())
        try:
            async with AsyncExitStack() as leftovers:
                await self._say(await self._work_until_it_ends(heart, leftovers))
        finally:
            heart.cancel()
            await asyncio.gather(heart, return_exceptions=True)

    async def _say(self, ending: Ending) -> None:
        reporter = Reporter(self._holding, self._tools.reports, lease=self._lease, log=self._log)
        reporting = asyncio.create_task(self._report(reporter, ending))
        try:
            await asyncio.shield(reporting)
        except asyncio.CancelledError:
            await reporting
            raise

    async def _report(self, reporter: Reporter, ending: Ending) -> None:
        await self._tools.failpoints.hit("executor.before_report")
        settled = await reporter.report(ending)
        self._tools.metrics.executions.labels(self._holding.claimed.task.node_type, settled.outcome).inc()
        if settled.may_ack:
            await self._tools.failpoints.hit("executor.before_ack")
            await self._holding.delivery.ack()
            await self._tools.failpoints.hit("executor.after_ack")
        elif settled.redeliver_after is not None:
            await self._holding.delivery.nak(settled.redeliver_after)

    async def _work_until_it_ends(self, heart: "asyncio.Task[Lost]", leftovers: AsyncExitStack) -> Ending:
        """By itself, because the claim is gone, or because the process is asked to let go."""
        work = asyncio.create_task(self._work(leftovers))
        released = asyncio.create_task(self._released.wait())
        try:
            await asyncio.wait({work, heart, released}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
            if heart.done():
                return heart.result()
            return RetryLater(timedelta(0), "this worker stops")
        finally:
            released.cancel()
            work.cancel()
            _, running = await asyncio.wait({work}, timeout=_CANCEL_WITHIN_S)
            if running:
                self._log.error("work_does_not_stop")

    async def _work(self, leftovers: AsyncExitStack) -> Ending:
        """The one table from an executor's exceptions to how an attempt ends."""
        task = self._holding.claimed.task
        executor = self._tools.executors.get(task.node_type)
        if executor is None:
            known = ", ".join(sorted(self._tools.executors))
            return Failure(
                error_type=ErrorType.INVALID_INPUT, message=f"no executor for {task.node_type!r}; there are {known}"
            )
        try:
            folder = await leftovers.enter_async_context(self._tools.workspace.attempt())
            return await self._execute_in_time(folder)
        except RetryLater as later:
            return later
        except GiveUp as given_up:
            return given_up.failure
        except LeaseOver:
            return Lost(reason="lease_over")
        except OSError as error:
            if error.errno not in _NO_ROOM:
                return self._crash(error)
            self._log.error("work_dir_full")
            return RetryLater(_UNTIL_THERE_IS_ROOM, "no room for temporary files")
        except Exception as error:
            return self._crash(error)

    def _crash(self, error: Exception) -> Ending:
        """The cause is for the log only: it may quote what a person must not see."""
        self._log.error("executor_crashed", exc_info=error)
        if self._holding.kind is not WorkKind.RUN:
            # The vendor's job is none the worse for it.
            return RetryLater(_AFTER_A_CRASHED_POLL, "the poll met an unexpected error")
        return Failure(error_type=ErrorType.INTERNAL, message="the executor met an unexpected error")

    async def _execute_in_time(self, folder: Path) -> Result | Failure:
        deadline = asyncio.timeout(max(self._time_left_s(), 0))
        try:
            async with deadline:
                return await self._execute(self._context(folder))
        except TimeoutError:
            if not deadline.expired():
                raise
            return Failure(error_type=ErrorType.TIMEOUT, message="the work took longer than its node type allows")

    async def _execute(self, context: Context) -> Result:
        task = self._holding.claimed.task
        executor = self._tools.executors[task.node_type]
        if self._holding.kind is WorkKind.RUN:
            return await executor.execute(task, context)
        if not isinstance(executor, Buyer):
            raise TypeError(f"'{task.node_type}' buys nothing, and was to ask about a purchase")
        return await executor.ask(task, context)

    def _context(self, folder: Path) -> Context:
        return Context(
            execution_id=self._holding.execution_id,
            key_prefix=self._holding.claimed.key_prefix,
            callback_url=self._holding.claimed.callback_url,
            progress_url=self._holding.claimed.progress_url,
            render_data_url=self._holding.claimed.render_data_url,
            folder=folder,
            lease=self._lease,
            time_left_s=self._time_left_s,
            report_progress=self._note_progress,
            failpoints=self._tools.failpoints,
            owners_key=self._owners_key,
            is_called_off=self._holding.kind is WorkKind.CANCEL,
            traceparent=current_context(),
        )

    async def _owners_key(self, vendor: str) -> str | None:
        """By the right of this claim."""
        try:
            return await self._tools.owners_keys.find(
                self._holding.execution_id,
                claim=self._holding.claim,
                vendor=vendor,
                patience=self._lease.remaining_s,
            )
        except NotHeld as error:
            raise LeaseOver("the service says that this worker does not hold the work") from error
        except ServiceUnreachable as error:
            raise RetryLater(_SERVICE_AWAY, str(error)) from error
        except KeyRefused as error:
            raise GiveUp(ErrorType.CREDENTIAL, f"the owner's key at '{vendor}' is not to be had: {error}") from error

    def _note_progress(self, progress: Progress) -> None:
        self._heart.progress = progress

    def _time_left_s(self) -> float:
        return self._ends_at - self._tools.clock.monotonic()

    def _time_allowed_s(self) -> float:
        """The wall clock is looked at once; from here on the monotonic one counts."""
        task = self._holding.claimed.task
        if self._holding.kind is not WorkKind.RUN:
            # The execution may be past its deadline, or over: what was paid for is asked about all the same.
            return LONGEST_POLL.total_seconds()
        left = (
            [LONGEST_ATTEMPT.total_seconds()] if task.start_to_close is None else [task.start_to_close.total_seconds()]
        )
        if task.deadline is not None:
            left.append((task.deadline - self._tools.clock.now()).total_seconds())
        allowed = min(left)
        return allowed - min(allowed * _REPORTING_SHARE, _LONGEST_REPORTING_S)


class _Beat:
    """A heartbeat to the service, then to the queue."""

    def __init__(self, holding: Holding, tools: Tools, lease: Lease) -> None:
        self._holding = holding
        self._tools = tools
        self._lease = lease

    async def send(self, progress: Progress | None) -> HeartbeatAnswer:
        await self._tools.failpoints.hit("executor.before_beat")
        return await self._tools.reports.heartbeat(
            self._holding.execution_id,
            claim=self._holding.claim,
            progress=progress,
            patience=self._lease.remaining_s,
        )

    async def echo(self) -> None:
        await self._tools.failpoints.hit("executor.after_beat")
        await self._holding.delivery.in_progress()
