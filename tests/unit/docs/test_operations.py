"""docs/operations.md knows every alarm and metric by the name the code gives it, and every service that drains."""

import re

from prometheus_client import CollectorRegistry

from callback_gateway.config import GatewaySettings
from callback_gateway.internal.config import InternalSettings
from callback_gateway.internal.metrics import InternalMetrics
from callback_gateway.metrics import GatewayMetrics
from executor_service.config import ExecutorSettings
from executor_service.runner.metrics import RunnerMetrics
from pipeline_service.config import Settings
from pipeline_service.domain.states import Alarm
from pipeline_service.metrics import Metrics
from tests.unit.docs.pages import codes, names, read, rows, section

PAGE = read("docs/operations.md")


def test_every_alarm_says_what_to_do() -> None:
    told = rows(section(PAGE, "Alarms"), "Alarm")

    assert [codes(row[0]) for row in told] == [[alarm] for alarm in sorted(Alarm)]
    assert all(happened and act for _, happened, act in told)


def test_metrics_are_those_of_the_code() -> None:
    registry = CollectorRegistry()
    for metrics in (Metrics, RunnerMetrics, GatewayMetrics, InternalMetrics):
        metrics(registry)
    exported = {f"{one.name}_total" if one.type == "counter" else one.name for one in registry.collect()}

    # The word before a brace, or alone in backticks; the consumers make their own where they are wired.
    written = set(re.findall(r"`((?:pipeline|executor|gateway)_[a-z_]+)(?:\{[^}`]*\})?`", PAGE))
    assert written - {"pipeline_service", "executor_service"} <= exported | {"executor_nats_errors_total"}


def test_times_of_a_drain_are_the_defaults() -> None:
    told = dict(re.findall(r"`([A-Z_]+_S)` \((\d+)\)", section(PAGE, "Drain")))

    settings = (
        (Settings, "drain_notice_s"),
        (Settings, "lease_s"),
        (ExecutorSettings, "drain_s"),
        (GatewaySettings, "drain_s"),
        (InternalSettings, "drain_s"),
    )
    assert told == {one.variable_of(field): f"{one.model_fields[field].default:g}" for one, field in settings}


def test_every_service_is_told_of_where_it_drains_and_where_it_is_ready() -> None:
    services = ["pipeline service", "executor", "callback gateway", "gateway of internal callers"]

    assert names(section(PAGE, "Drain"), "Service") == services
    assert names(section(PAGE, "Health"), "Service") == services
