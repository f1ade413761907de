"""Work that came with its message because it needs no claim: free, repeatable and over in a moment."""

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import structlog

from executor_service.executors.context import Context
from executor_service.executors.lease import Lease
from executor_service.runner.attempt import Tools
from executor_service.runner.delivery import Delivery
from executor_service.runner.reporter import Reporter
from executor_service.task import ClaimId, ExecutionId, Output, Task

WITHIN = timedelta(seconds=2)
"""Well below the 5 s after which the service hands the work out again."""
_REPORTED_WITHIN = timedelta(seconds=30)
_NO_FOLDER = Path(os.devnull)


class UnclaimedWork:
    """Begins at once; the report of the result is the claim."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._log = structlog.get_logger("executor.unclaimed").bind()

    async def run(self, execution_id: ExecutionId, task: Task, delivery: Delivery) -> bool:
        """Do the work, report it, acknowledge. Answers False when that takes a claim after all.

        So whatever is not a result at once is begun anew under a claim, and ends there as it always does.
        """
        output = await self._output(execution_id, task)
        if output is None:
            return False
        log = self._log.bind(execution_id=execution_id, node=task.node)
        claim = ClaimId(str(uuid4()))
        reporter = Reporter(
            _Held(execution_id, claim), self._tools.reports, lease=self._lease(_REPORTED_WITHIN), log=log
        )
        settled = await reporter.report(output)
        self._tools.metrics.executions.labels(task.node_type, settled.outcome).inc()
        if settled.may_ack:
            await self._tools.failpoints.hit("executor.before_ack")
            await delivery.ack()
        elif settled.redeliver_after is not None:
            await delivery.nak(settled.redeliver_after)
        return True

    async def _output(self, execution_id: ExecutionId, task: Task) -> Output | None:
        executor = self._tools.executors.get(task.node_type)
        if executor is None:
            return None
        lease = self._lease(WITHIN)
        context = Context(
            execution_id=execution_id,
            # Neither store nor callback nor files: what needs them needs a claim.
            key_prefix="",
            callback_url="",
            folder=_NO_FOLDER,
            lease=lease,
            time_left_s=lease.remaining_s,
            report_progress=lambda _: None,
            failpoints=self._tools.failpoints,
        )
        try:
            async with asyncio.timeout(WITHIN.total_seconds()):
                ending = await executor.execute(task, context)
        except Exception:
            # The claimed attempt meets the same error and has the means to report it.
            return None
        return ending if isinstance(ending, Output) and ending.content else None

    def _lease(self, length: timedelta) -> Lease:
        return Lease(length, asked_at=self._tools.clock.monotonic(), clock=self._tools.clock)


class _Held:
    def __init__(self, execution_id: ExecutionId, claim: ClaimId) -> None:
        self.execution_id = execution_id
        self.claim = claim
