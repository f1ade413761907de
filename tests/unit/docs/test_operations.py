"""docs/operations.md knows every alarm and metric by the name the code gives it, and every service that drains."""

import re
from importlib.util import find_spec

import click
from prometheus_client import CollectorRegistry

from callback_gateway.config import GatewaySettings
from callback_gateway.internal.config import InternalSettings
from callback_gateway.internal.metrics import InternalMetrics
from callback_gateway.metrics import GatewayMetrics
from executor_service.config import ExecutorSettings
from executor_service.runner.metrics import RunnerMetrics
from montage_cli.cli import cli
from pipeline_service.__main__ import USAGE
from pipeline_service.config import Settings
from pipeline_service.domain.states import Alarm
from pipeline_service.metrics import Metrics
from tests.unit.deploy.manifests import of_kind, services
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


def commands_of(program: str) -> list[list[str]]:
    """What the page says after a program's name, in blocks and between backticks, as words."""
    quoted = re.findall(r"`([^`\n]+)`", PAGE)
    blocks = [line for block in re.findall(r"```[a-z]*\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
    found = (re.match(rf"(?:\$ )?{re.escape(program)} ([^#|`]+)", text) for text in (*quoted, *blocks))
    return [match[1].split() for match in found if match]


def test_contents_are_the_headings() -> None:
    contents = PAGE[PAGE.index("\n\n[") : PAGE.index("\n## ")]

    assert re.findall(r"\[([^]]+)\]\(#", contents) == re.findall(r"^## (.+)$", PAGE, re.MULTILINE)


def test_commands_of_montage_exist_with_their_options() -> None:
    told = [words for words in commands_of("montage") if words[0].isalpha()]

    assert len(told) > 5
    for words in told:
        command = cli.commands.get(words[0])
        if isinstance(command, click.Group) and len(words) > 1 and words[1].isalpha():
            command = command.commands.get(words[1])
        assert command is not None, f"montage {' '.join(words)}"
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, f"montage {' '.join(words)}"


def test_programs_and_their_words_exist() -> None:
    told = [words for program in ("python -m", ".venv/bin/python -m") for words in commands_of(program)]

    assert len(told) > 3
    for module, *words in told:
        assert find_spec(module) is not None, module
        if module == "pipeline_service" and words:
            assert words[0] in USAGE
            assert words[1:] in ([], ["pre"])


def test_what_orchestrators_are_told_about_exists() -> None:
    workloads = {kind.lower(): set(of_kind(kind)) for kind in ("Deployment", "Job")}
    named = re.findall(r"\b(job|deployment)[/ ]([a-z-]+)", " ".join(map(" ".join, commands_of("kubectl -n montage"))))

    assert {("job", "migrate"), ("deployment", "pipeline")} <= set(named)
    assert all(name in workloads[kind] for kind, name in named)
    assert [words[:3] for words in commands_of("docker compose run")] == [["--rm", "migrate", "migrate"]]
    assert "migrate" in services()
