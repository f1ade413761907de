"""What an operator counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from servicekit.nats_client import REFUSED_PERMISSION


class RunnerMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.executions = Counter(
            "executor_executions_total",
            "Attempts by how they ended here.",
            ["node_type", "outcome"],
            registry=registry,
        )
        self.deliveries = Counter(
            "executor_deliveries_total",
            "Deliveries that did not become an attempt, by reason.",
            ["reason"],
            registry=registry,
        )
        self.nats_errors = Counter(
            "executor_nats_errors", "Errors of the connection to the queue.", ["kind"], registry=registry
        )
        # A series that begins with its first error has not grown, as Prometheus counts.
        self.nats_errors.labels(kind=REFUSED_PERMISSION)
        self.held = Gauge("executor_held_executions", "Executions that this process holds now.", registry=registry)
