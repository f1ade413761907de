"""What the gateway counts."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge


class GatewayMetrics:
    """Counters of one process, in the registry that it is given."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._callbacks = Counter(
            "gateway_callbacks",
            "Callbacks by answer; disposition is empty unless the pipeline service decided.",
            ["route", "status", "disposition"],
            registry=registry,
        )
        self._connections_cut = Counter(
            "gateway_connections_cut",
            "Connections that were ended for sending too slowly or too much.",
            ["reason"],
            registry=registry,
        )
        self._reloads = Counter(
            "gateway_reloads", "Files read again because they changed.", ["what", "result"], registry=registry
        )
        for what in ("certificate", "capability_keys"):
            # A series that begins with its first failure has not grown, as Prometheus counts.
            self._reloads.labels(what, "failed")
        self.webhooks_in_flight = Gauge("gateway_webhooks_in_flight", "Webhooks being handled now.", registry=registry)
        self.in_flight = Gauge("gateway_callbacks_in_flight", "Callbacks being handled now.", registry=registry)

    def callback(self, route: str, *, status: int, disposition: str) -> None:
        self._callbacks.labels(route, str(status), disposition).inc()

    def connection_cut(self, reason: str) -> None:
        self._connections_cut.labels(reason).inc()

    def reloads_of(self, what: str) -> Callable[[bool], None]:
        """Counts the reloads of one kind of file: called with True when one succeeded, False when it failed."""
        return lambda succeeded: self._reloads.labels(what, "ok" if succeeded else "failed").inc()
