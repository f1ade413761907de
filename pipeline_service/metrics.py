"""What the pipeline service counts."""

from collections.abc import Iterable
from datetime import datetime

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from pipeline_service.domain.states import Alarm
from pipeline_service.domain.vendor_limit import VendorLimit
from pipeline_service.store.overview import Overview
from servicekit.nats_client import REFUSED_PERMISSION


class Metrics:
    """Counters of one process, and what all of them know of the vendors."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.published = Counter(
            "pipeline_dispatches_published", "Work handed to the queue.", ["outcome"], registry=registry
        )
        self.rpc_seconds = Histogram(
            "pipeline_rpc_seconds", "Calls by how long their answers took.", ["method", "code"], registry=registry
        )
        self.transaction_seconds = Histogram(
            "pipeline_transaction_seconds", "How long batches took, repeats included.", registry=registry
        )
        self.transaction_entries = Histogram(
            "pipeline_transaction_entries",
            "Reports and changes in one batch.",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
            registry=registry,
        )
        self.rpc_errors = Counter(
            "pipeline_rpc_errors", "Calls answered with an error.", ["method", "code"], registry=registry
        )
        self.rpc_refusals = Counter(
            "pipeline_rpc_refusals", "Calls turned away for who called.", ["method", "reason"], registry=registry
        )
        self.reports = Counter(
            "pipeline_reports", "Reports about executions, by kind and answer.", ["kind", "answer"], registry=registry
        )
        self.alarms = Counter(
            "pipeline_alarms", "What an operator should look at, by kind.", ["alarm"], registry=registry
        )
        self.swept = Counter("pipeline_queue_swept", "Needless messages taken out of the queue.", registry=registry)
        self.certificate_reloads = Counter(
            "pipeline_certificate_reloads", "Reloads of the certificate.", ["outcome"], registry=registry
        )
        self.master_key_reloads = Counter(
            "pipeline_master_key_reloads", "Reloads of the master keys.", ["outcome"], registry=registry
        )
        self.sealed = Counter("pipeline_sealed_rows", "Events and audit records that were sealed.", registry=registry)
        self.webhook_secret_reloads = Counter(
            "pipeline_webhook_secret_reloads", "Reloads of platforms' secrets.", ["outcome"], registry=registry
        )
        self.nats_errors = Counter("pipeline_nats_errors", "Errors of the connection.", ["kind"], registry=registry)
        self.timer_failures = Counter(
            "pipeline_timer_failures", "Looks at the timers that failed.", ["reason"], registry=registry
        )
        self.timer_found = Counter(
            "pipeline_timer_found", "What looks for due work have found.", ["timer"], registry=registry
        )
        self._queued = Gauge(
            "pipeline_queued_executions", "Executions that want a worker.", ["queue", "place"], registry=registry
        )
        self._dispatch_overdue = Gauge(
            "pipeline_dispatch_overdue_seconds", "Since when the oldest due work was not handed out.", registry=registry
        )
        self._overdue = Gauge(
            "pipeline_overdue_executions", "Executions that are active past their deadline.", registry=registry
        )
        self._purchases = Gauge(
            "pipeline_open_purchases", "What was bought and is not settled.", ["state"], registry=registry
        )
        self._undecided = Gauge(
            "pipeline_undecided_purchases", "Of these, what nobody knows, or nobody settles.", registry=registry
        )
        self._begin_at_zero()
        self.vendor_in_use = Gauge(
            "pipeline_vendor_in_use", "Submissions that count at a vendor.", ["vendor", "owner"], registry=registry
        )
        self.vendor_concurrency = Gauge(
            "pipeline_vendor_concurrency", "How many a vendor is given at once.", ["vendor", "owner"], registry=registry
        )
        self.vendor_left_alone = Gauge(
            "pipeline_vendor_left_alone_seconds",
            "How long it is given nothing more.",
            ["vendor", "owner"],
            registry=registry,
        )

    def _begin_at_zero(self) -> None:
        """What alert rules look at: a series that begins with its first failure has not grown, as Prometheus counts."""
        for alarm in Alarm:
            self.alarms.labels(alarm=alarm)
        for outcome in ("ok", "failed"):
            self.certificate_reloads.labels(outcome=outcome)
            self.published.labels(outcome=outcome)
        self.nats_errors.labels(kind=REFUSED_PERMISSION)

    def tell_overview(self, overview: Overview) -> None:
        """Show what the database has."""
        self._queued.clear()
        for (queue, place), number in overview.queued.items():
            self._queued.labels(queue=queue, place=place).set(number)
        self._purchases.clear()
        for state, number in overview.purchases.items():
            self._purchases.labels(state=state).set(number)
        self._dispatch_overdue.set(overview.dispatch_overdue_s)
        self._overdue.set(overview.overdue)
        self._undecided.set(overview.undecided_purchases)

    def answered(self, method: str, code: str, seconds: float) -> None:
        """Count a call by its answer."""
        self.rpc_seconds.labels(method, code).observe(seconds)

    def tell_limits(self, limits: Iterable[VendorLimit], *, now: datetime) -> None:
        """Show what vendors are asked to do with each key; those of owners that have none any more are gone."""
        for gauge in (self.vendor_in_use, self.vendor_concurrency, self.vendor_left_alone):
            gauge.clear()
        for limit in limits:
            key = {"vendor": limit.vendor, "owner": limit.credential}
            until = limit.left_alone_until(now=now) or now
            self.vendor_in_use.labels(**key).set(limit.in_use)
            self.vendor_concurrency.labels(**key).set(limit.concurrency)
            self.vendor_left_alone.labels(**key).set((until - now).total_seconds())

    def nats_error(self, kind: str) -> None:
        """Count an error of the connection. A refused permission is seen nowhere else: the call just times out."""
        self.nats_errors.labels(kind=kind).inc()
        if kind == REFUSED_PERMISSION:
            self.raise_alarm(Alarm.QUEUE_REFUSED)

    def raise_alarm(self, alarm: str) -> None:
        """Count something that an operator should look at, and say it in the log."""
        self.alarms.labels(alarm=alarm).inc()
        structlog.get_logger("pipeline_service.alarms").error("alarm", alarm=alarm)
