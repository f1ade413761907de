"""POST /spi/webhooks/…: vendors tell of their jobs, platforms of whatever happens there."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callback_gateway.callers import caller_of
from callback_gateway.deliveries import Deliveries
from callback_gateway.metrics import GatewayMetrics
from callback_gateway.providers.webhooks import heygen, remotion, standard
from callback_gateway.providers.webhooks.delivery import Delivery, Signal
from callback_gateway.routes import answers
from callback_gateway.routes.answers import Answer
from callback_gateway.routes.body import read_body
from callback_gateway.routes.buckets import Buckets
from callback_gateway.routes.recent import RecentDeliveries
from callback_gateway.routes.refusals import RefusalLog
from callback_gateway.routes.slots import Slots
from servicekit.clock import Clock
from servicekit.replaced_file import ReplacedFile

PREFIX = "/spi/webhooks/"
PLATFORMS = ("github", "discourse", "payment_processor")
"""The pipeline service verifies these: it owns what they may start."""
_HANDED_ON = ("content-type", "stripe-signature", "x-github-", "x-hub-", "x-discourse-")
MAX_HANDED_ON = 32


_Take = Callable[[Delivery], Awaitable[Answer]]


class ReadSignal(Protocol):
    """What each vendor's module does: it raises SignatureRefused, MalformedReport."""

    def __call__(self, delivery: Delivery, *, secrets: Sequence[str], now: datetime) -> Signal: ...


VENDORS: Mapping[str, ReadSignal] = {"heygen": heygen.read, "standard": standard.read, "remotion": remotion.read}


@dataclass(frozen=True, kw_only=True)
class VendorSource:
    """One vendor whose webhooks are taken."""

    vendor: str
    """As nodes name it."""
    secrets: ReplacedFile[tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class Webhooks:
    """The endpoints, and all that they need. A vendor without a secret has none."""

    vendors: Mapping[str, VendorSource]
    """By source, a key of VENDORS."""
    deliveries: Deliveries
    recent: RecentDeliveries
    slots: Slots
    peers: Buckets
    metrics: GatewayMetrics
    refusals: RefusalLog
    clock: Clock
    body_limit_bytes: int

    @property
    def sources(self) -> tuple[str, ...]:
        """Those that have a route."""
        return (*self.vendors, *PLATFORMS)

    def routes(self) -> list[Route]:
        routes = [
            Route(PREFIX + source, partial(self._handle, source, partial(self._signal, source)), methods=["POST"])
            for source in self.vendors
        ]
        routes += [
            Route(PREFIX + source, partial(self._handle, source, partial(self._ingest, source)), methods=["POST"])
            for source in PLATFORMS
        ]
        if "heygen" in self.vendors:
            # HeyGen looks with OPTIONS, for a second at most, whether an address that is registered answers.
            routes.append(Route(PREFIX + "heygen", _no_content, methods=["OPTIONS"]))
        return routes

    async def _handle(self, source: str, take: _Take, request: Request) -> Response:
        answer = await self._answer(source, take, request)
        self.metrics.callback(f"webhook_{source}", status=answer.status, disposition=answer.disposition)
        return answer.response()

    async def _answer(self, source: str, take: _Take, request: Request) -> Answer:
        caller = caller_of(request.scope)
        try:
            self.peers.take(caller.address)
            # Signatures are over the body, so that it is read for everybody: for few at once.
            with self.slots.taken():
                body = await read_body(request, limit_bytes=self.body_limit_bytes)
                return await take(Delivery(headers=dict(request.headers), body=body))
        except Exception as error:  # the last place that can keep a cause from the caller
            answer = answers.of_error(error)
            path = PREFIX + source
            if answer is None:
                log = structlog.get_logger("callback_gateway.routes")
                log.error("webhook_failed", path=path, exc_info=error)  # noqa: TRY400 # the error is at hand
                return answers.internal_error()
            self.refusals.refused(path=path, status=answer.status, caller=caller.address, why=type(error).__name__)
            return answer

    async def _signal(self, source: str, delivery: Delivery) -> Answer:
        """Have the vendor asked: its word alone counts, whoever signed the delivery."""
        known = self.vendors[source]
        signal = VENDORS[source](delivery, secrets=known.secrets.content(), now=self.clock.now())
        seen = f"{source}/{signal.id}"
        if seen in self.recent:
            return answers.ok("DUPLICATE")
        if signal.job_id:
            await self.deliveries.signal(known.vendor, signal.job_id)
        self.recent.add(seen)
        return answers.ok("SIGNALLED" if signal.job_id else "NO_JOB")

    async def _ingest(self, source: str, delivery: Delivery) -> Answer:
        handed_on = {name: value for name, value in delivery.headers.items() if name.startswith(_HANDED_ON)}
        first = dict(list(handed_on.items())[:MAX_HANDED_ON])
        is_new = await self.deliveries.ingest(source, first, delivery.body)
        return answers.ok("RECORDED" if is_new else "DUPLICATE")


async def _no_content(_request: Request) -> Response:
    return Response(status_code=204, headers={"Allow": "OPTIONS, POST"})
