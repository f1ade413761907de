"""POST /spi/video_production/executor_callback: work that runs elsewhere reports its end."""

from dataclasses import dataclass

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callback_gateway.callers import Caller, caller_of
from callback_gateway.completion import Completion, ExecutionGone
from callback_gateway.metrics import GatewayMetrics
from callback_gateway.providers import executor_callback as provider
from callback_gateway.report import Failure, Report
from callback_gateway.routes import answers
from callback_gateway.routes.answers import Answer
from callback_gateway.routes.body import check_is_json, read_body
from callback_gateway.routes.refusals import RefusalLog
from callback_gateway.routes.slots import Slots
from callback_gateway.tokens import Capability, CapabilityReader, RawCapability, check_agreement, find_capability
from servicekit.failpoints import Failpoints

PATH = "/spi/video_production/executor_callback"
ROUTE = "executor_callback"
"""Name in metrics."""


@dataclass(frozen=True, kw_only=True)
class ExecutorCallback:
    """The endpoint and all that it needs."""

    capabilities: CapabilityReader
    completion: Completion
    slots: Slots
    metrics: GatewayMetrics
    refusals: RefusalLog
    failpoints: Failpoints
    body_limit_bytes: int

    def route(self) -> Route:
        return Route(PATH, self.handle, methods=["POST"])

    async def handle(self, request: Request) -> Response:
        """Answer one callback: 2xx only for what the pipeline service decided upon."""
        answer = await self._answer(request)
        self.metrics.callback(ROUTE, status=answer.status, disposition=answer.disposition)
        return answer.response()

    async def _answer(self, request: Request) -> Answer:
        caller = caller_of(request.scope)
        try:
            return await self._record(request, caller)
        except Exception as error:  # the last place that can keep a cause from the caller
            answer = answers.of_error(error)
            if answer is None:
                structlog.get_logger("callback_gateway.routes").error("callback_failed", path=PATH, exc_info=error)
                return answers.internal_error()
            self.refusals.refused(path=PATH, status=answer.status, caller=caller.address, why=type(error).__name__)
            return answer

    async def _record(self, request: Request, caller: Caller) -> Answer:
        # The order matters: nobody gets a slot, and no body is looked at, before a capability was shown and held.
        raw = find_capability(
            query=request.scope["query_string"], authorization=request.headers.getlist("authorization")
        )
        capability = self.capabilities.read(raw)
        check_is_json(request)
        await self.failpoints.hit("gateway.got_callback")
        with self.slots.taken():
            report = provider.parse(await read_body(request, limit_bytes=self.body_limit_bytes))
            check_agreement(report, capability)
            answer = await self._decided(report, raw)
        _audit(answer, report=report, capability=capability, caller=caller)
        return answer

    async def _decided(self, report: Report, capability: RawCapability) -> Answer:
        await self.failpoints.hit("gateway.before_report")
        try:
            answer = answers.of_disposition(await self.completion.report(report, capability=capability))
        except ExecutionGone:
            answer = answers.gone()
        await self.failpoints.hit("gateway.after_report")
        return answer


def _audit(answer: Answer, *, report: Report, capability: Capability, caller: Caller) -> None:
    """One line for each report that was decided upon."""
    log = structlog.get_logger("callback_gateway.audit")
    is_stale = answer.body["status"] == "ignored"
    write = log.warning if is_stale else log.info
    write(
        "callback_stale" if is_stale else "callback_accepted",
        path=PATH,
        execution_id=capability.execution,
        claim=capability.claim,
        node_uid=capability.node_uid,
        executor_type=capability.executor_type,
        outcome="failure" if isinstance(report.outcome, Failure) else "output",
        disposition=answer.disposition,
        caller=caller.address,
        identity=caller.identity,
    )
