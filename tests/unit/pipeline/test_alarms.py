"""What raises an alarm."""

from prometheus_client import CollectorRegistry

from pipeline_service.metrics import Metrics
from servicekit.nats_client import REFUSED_PERMISSION

ALARMS = "pipeline_alarms_total"


def test_refused_permission_of_the_queue_is_counted_and_raises_an_alarm() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)

    for kind in ("StaleConnectionError", REFUSED_PERMISSION):
        metrics.nats_error(kind)

    assert registry.get_sample_value(ALARMS, {"alarm": "queue_refused"}) == 1
    assert registry.get_sample_value("pipeline_nats_errors_total", {"kind": "permission"}) == 1
