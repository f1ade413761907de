"""The alert rules and panels of deploy/telemetry, as values."""

import json
from dataclasses import dataclass
from pathlib import Path

import yaml

FOLDER = Path(__file__).parents[1] / "deploy" / "telemetry"
ONLY_ON_FAILURE = {
    'sum by (code) (rate(pipeline_rpc_seconds_count{code!="OK"}[5m]))': "test_grpc_refusals.py",
    "sum by (reason) (rate(executor_deliveries_total[5m]))": "test_start_order.py",
    "sum by (reason) (rate(pipeline_timer_failures_total[5m]))": "test_kill_servers.py",
    "max by (state) (pipeline_open_purchases)": "test_alert_rules.py",
    "max by (queue, place) (pipeline_queued_executions)": "test_alert_rules.py",
}
"""Expressions that may have no series while nothing fails, waits or is bought, and the tests in which they have one."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """An alert rule."""

    name: str
    expression: str
    runbook: str
    summary: str

    @property
    def observed(self) -> str:
        """What it compares with its bound."""
        return self.expression.rpartition(" > ")[0]


def alert_rules() -> dict[str, Rule]:
    """All rules by name."""
    groups = yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
    return {
        rule["alert"]: Rule(
            name=rule["alert"],
            expression=rule["expr"],
            runbook=rule["annotations"]["runbook"],
            summary=rule["annotations"]["summary"],
        )
        for group in groups
        for rule in group["rules"]
    }


def panel_expressions() -> list[str]:
    """What the dashboard shows."""
    panels = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]
