"""What the internal process counts."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter


class InternalMetrics:
    """Counters of one process, in the registry that it is given."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "gateway_internal_requests", "Requests by route and answer.", ["route", "status"], registry=registry
        )
        self._connections_cut = Counter(
            "gateway_internal_connections_cut",
            "Connections that were ended for sending too slowly or too much.",
            ["reason"],
            registry=registry,
        )
        self._reloads = Counter(
            "gateway_internal_reloads", "Files read again because they changed.", ["what", "result"], registry=registry
        )

    def connection_cut(self, reason: str) -> None:
        self._connections_cut.labels(reason).inc()

    def reloads_of(self, what: str) -> Callable[[bool], None]:
        """Counts the reloads of one kind of file: called with True when one succeeded, False when it failed."""
        return lambda succeeded: self._reloads.labels(what, "ok" if succeeded else "failed").inc()
