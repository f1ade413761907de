"""Rules and panels read what services export; every alert has its runbook, and is quiet while nothing happens."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from callback_gateway.metrics import GatewayMetrics
from executor_service.runner.metrics import RunnerMetrics
from pipeline_service.domain.states import Alarm
from pipeline_service.metrics import Metrics
from pipeline_service.seal_log import SealLog
from servicekit.nats_client import REFUSED_PERMISSION
from tests.promql import NotUnderstood, Scrape, evaluate, names_in
from tests.telemetry_rules import alert_rules, panel_expressions
from tests.unit.docs.pages import codes, read, rows, section

RULES = alert_rules()
ON_ALARM = {
    Alarm.CONFLICT: "MontageResultsConflict",
    Alarm.UNCLAIMED: "MontageUnclaimed",
    Alarm.RELOAD_FAILED: "MontageReloadFailed",
    Alarm.AUDIT_GAP: "MontageAuditGap",
    Alarm.QUARANTINED: "MontageQuarantined",
    Alarm.DEADLOCK: "MontageDeadlock",
    Alarm.VENDOR_SILENT: "MontageVendorSilent",
    Alarm.QUEUE_REFUSED: "MontageQueueRefused",
}
MADE_WHERE_WIRED = {"executor_busy_slots", "process_cpu_seconds", "process_resident_memory_bytes"}


class Services:
    """The metrics of one process of each kind."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.pipeline = Metrics(self.registry)
        self.executor = RunnerMetrics(self.registry)
        self.gateway = GatewayMetrics(self.registry)

    def scrape(self, at_s: float) -> Scrape:
        return Scrape.of(generate_latest(self.registry).decode(), at_s=at_s)

    def firing(self, before: Scrape, after: Scrape) -> set[str]:
        return {name for name, rule in RULES.items() if evaluate(rule.expression, before=before, after=after)}


def test_metrics_of_rules_and_panels_are_those_of_the_code() -> None:
    exported = {one.name for one in Services().registry.collect()} | MADE_WHERE_WIRED
    read_names = set[str]().union(*map(names_in, [*panel_expressions(), *(rule.expression for rule in RULES.values())]))

    suffixes = ("_total", "_count", "_sum", "_bucket")
    bases = {next((name.removesuffix(one) for one in suffixes if name.endswith(one)), name) for name in read_names}
    assert bases <= exported


def test_every_rule_has_its_runbook() -> None:
    told = rows(section(read("docs/operations.md"), "Alert rules"), "Alert")

    assert [codes(row[0]) for row in told] == [[name] for name in sorted(RULES)]
    assert {rule.runbook for rule in RULES.values()} == {"docs/operations.md#alert-rules"}


def test_every_alarm_of_the_code_has_a_rule() -> None:
    assert set(ON_ALARM) == set(Alarm)


def test_no_rule_fires_while_nothing_happens() -> None:
    services = Services()

    assert services.firing(services.scrape(0), services.scrape(60)) == set()


@pytest.mark.parametrize("alarm", [alarm for alarm in Alarm if alarm is not Alarm.QUEUE_REFUSED])
def test_first_alarm_of_a_process_fires_its_rule_alone(alarm: Alarm) -> None:
    services = Services()
    before = services.scrape(0)

    services.pipeline.raise_alarm(alarm)

    assert services.firing(before, services.scrape(60)) == {ON_ALARM[alarm]}


def test_gap_in_the_record_fires() -> None:
    services = Services()
    before = services.scrape(0)

    SealLog(services.pipeline).gap("the head is another one")

    assert services.firing(before, services.scrape(60)) == {"MontageAuditGap"}


def test_refused_permission_of_the_queue_fires_for_each_service() -> None:
    services = Services()
    before = services.scrape(0)

    services.pipeline.nats_error(REFUSED_PERMISSION)
    services.executor.nats_errors.labels(kind=REFUSED_PERMISSION).inc()

    assert services.firing(before, services.scrape(60)) == {"MontageQueueRefused", "MontageExecutorQueueRefused"}


@pytest.mark.parametrize("what", ["certificate", "capability_keys"])
def test_reload_that_fails_in_a_gateway_fires(what: str) -> None:
    services = Services()
    before = services.scrape(0)

    services.gateway.reloads_of(what)(False)

    assert services.firing(before, services.scrape(60)) == {"MontageGatewayReloadFailed"}


@pytest.mark.parametrize(("number", "fires"), [(59, False), (62, True)])
def test_late_reports_fire_above_one_a_second(number: int, *, fires: bool) -> None:
    services = Services()
    services.pipeline.reports.labels(kind="complete", answer="SUPERSEDED").inc()
    before = services.scrape(0)

    services.pipeline.reports.labels(kind="complete", answer="SUPERSEDED").inc(number)
    services.pipeline.reports.labels(kind="complete", answer="APPLIED").inc(10_000)

    assert services.firing(before, services.scrape(60)) == ({"MontageReportsTooLate"} if fires else set())


def test_evaluator_refuses_what_it_does_not_know() -> None:
    nothing = Scrape.of("", at_s=0)

    for expression in ("topk(3, pipeline_overdue_executions)", "pipeline_x offset 5m", "pipeline_x unless y"):
        with pytest.raises(NotUnderstood):
            evaluate(expression, before=nothing, after=nothing)


def test_evaluator_computes_rates_groups_and_quantiles() -> None:
    text = 'x_total{a="1",b="p"} %d\nx_total{a="1",b="q"} %d\ny_bucket{le="1"} %d\ny_bucket{le="+Inf"} %d\n'
    types = "# TYPE x counter\n# TYPE y histogram\n"
    before = Scrape.of(types + text % (0, 0, 0, 0), at_s=0)
    after = Scrape.of(types + text % (60, 120, 9, 10), at_s=60)

    assert list(evaluate("sum by (a) (rate(x_total[5m]))", before=before, after=after).values()) == [3.0]
    assert evaluate('sum(increase(x_total{b="q"}[5m])) > 119', before=before, after=after) == {frozenset(): 120.0}
    assert evaluate("sum(x_total) > 180", before=before, after=after) == {}
    quantile = "histogram_quantile(0.9, sum by (le) (rate(y_bucket[5m])))"
    assert evaluate(quantile, before=before, after=after) == {frozenset(): 1.0}
