"""Callbacks of every family: from a request to a report, and from what became of it to an answer."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callback_gateway.callers import Caller, caller_of
from callback_gateway.completion import Completion, ExecutionGone
from callback_gateway.metrics import GatewayMetrics
from callback_gateway.report import Failure, Progress, Report
from callback_gateway.routes import answers
from callback_gateway.routes.answers import Answer
from callback_gateway.routes.body import BodyLimits, check_is_json, read_body
from callback_gateway.routes.buckets import Buckets
from callback_gateway.routes.compatibility import Compatibility, UnknownNode, named_execution
from callback_gateway.routes.families import FAMILIES, Family
from callback_gateway.routes.refusals import RefusalLog
from callback_gateway.routes.slots import Slots
from callback_gateway.tokens import (
    Capability,
    CapabilityReader,
    RawCapability,
    check_agreement,
    check_id,
)
from servicekit.failpoints import Failpoints
from servicekit.tracing import HEADER, Kind, Tracer, read_context


@dataclass(frozen=True, kw_only=True)
class Callbacks:
    """The endpoints of all families, and all that they need."""

    capabilities: CapabilityReader
    completion: Completion
    slots: Slots
    peers: Buckets
    """By address."""
    executions: Buckets
    compatibility: Compatibility
    metrics: GatewayMetrics
    refusals: RefusalLog
    tracer: Tracer
    failpoints: Failpoints
    limits: BodyLimits

    def routes(self) -> list[Route]:
        return [Route(family.path, partial(self._handle, family), methods=[family.method]) for family in FAMILIES]

    async def _handle(self, family: Family, request: Request) -> Response:
        """Answer one callback: 2xx only for what the pipeline service decided upon."""
        answer = await self._answer(family, request)
        self.metrics.callback(family.name, status=answer.status, disposition=answer.disposition)
        return answer.response()

    async def _answer(self, family: Family, request: Request) -> Answer:
        caller = caller_of(request.scope)
        try:
            return await self._record(family, request, caller)
        except Exception as error:  # the last place that can keep a cause from the caller
            answer = answers.of_error(error)
            if answer is None:
                log = structlog.get_logger("callback_gateway.routes")
                log.error("callback_failed", path=family.path, exc_info=error)  # noqa: TRY400 # the error is at hand
                return answers.internal_error()
            why = type(error).__name__
            self.refusals.refused(path=family.path, status=answer.status, caller=caller.address, why=why)
            return answer

    async def _record(self, family: Family, request: Request, caller: Caller) -> Answer:
        # The order matters: nobody gets a slot, and no body is looked at, before a capability was shown and held. Nor
        # does anybody without one use up what an execution may send.
        self.peers.take(caller.address)
        if self.compatibility.admits(family, request, caller):
            return await self._believe(family, request, caller)
        raw = self.capabilities.find(
            query=request.scope["query_string"], authorization=request.headers.getlist("authorization")
        )
        capability = self.capabilities.read(raw, audiences=family.audiences)
        self.executions.take(capability.execution)
        check_is_json(request)
        check_id(request.path_params.get("id"), capability)
        await self.failpoints.hit("gateway.got_callback")
        with self.slots.taken(), self._followed(family, request):
            body = await read_body(request, limit_bytes=self.limits.of(is_large=family.is_large))
            report = family.provider.parse(body)
            check_agreement(report, capability)
            answer = await self._decided(family, report, raw, capability)
        ids = {
            "execution_id": capability.execution,
            "claim": capability.claim,
            "node_uid": capability.node_uid,
            "executor_type": capability.executor_type,
        }
        _audit(answer, family=family, report=report, caller=caller, ids=ids)
        return answer

    def _followed(self, family: Family, request: Request) -> AbstractContextManager[str]:
        """In the caller's trace; who shows no capability gets into none."""
        return self.tracer.span(
            f"{family.method} {family.path}",
            parent=read_context(request.headers.get(HEADER, "")),
            kind=Kind.SERVER,
            attributes={"http.request.method": family.method, "http.route": family.path},
        )

    async def _believe(self, family: Family, request: Request, caller: Caller) -> Answer:
        """The same for callers of the first generation, who are believed for where they stand."""
        check_is_json(request)
        with self.slots.taken():
            report = family.provider.parse(await read_body(request, limit_bytes=self.limits.usual))
            execution = named_execution(report)
            self.executions.take(execution)
            try:
                answer = answers.of_disposition(await self.completion.report(report, capability=""))
            except ExecutionGone:
                raise UnknownNode from None
        ids = {"execution_id": execution, "node_uid": report.node_uid, "executor_type": report.executor_type}
        _audit(answer, family=family, report=report, caller=caller, ids=ids)
        return answer

    async def _decided(self, family: Family, report: Report, raw: RawCapability, capability: Capability) -> Answer:
        # Only results can be lost: what progress told is told again.
        is_result = not isinstance(report.outcome, Progress)
        if is_result:
            await self.failpoints.hit("gateway.before_report")
        try:
            disposition = await self.completion.report(report, capability=raw)
            answer = answers.of_disposition(disposition, created=capability.execution if family.is_creation else None)
        except ExecutionGone:
            answer = answers.gone()
        if is_result:
            await self.failpoints.hit("gateway.after_report")
        return answer


def _audit(answer: Answer, *, family: Family, report: Report, caller: Caller, ids: Mapping[str, str | None]) -> None:
    """One line for each result or failure that was decided upon. Progress is shown, and leaves no trace."""
    if isinstance(report.outcome, Progress):
        return
    log = structlog.get_logger("callback_gateway.audit")
    write = log.warning if answer.is_stale else log.info
    write(
        "callback_stale" if answer.is_stale else "callback_accepted",
        path=family.path,
        **ids,
        outcome="failure" if isinstance(report.outcome, Failure) else "output",
        disposition=answer.disposition,
        caller=caller.address,
        identity=caller.identity,
    )
