"""docs/reference.md names all that a user meets, and nothing that does not exist."""

import re
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import click
import pytest
from montage.v1 import (
    analytics_service_pb2,
    audit_service_pb2,
    callback_service_pb2,
    credential_service_pb2,
    execution_service_pb2,
    node_service_pb2,
    object_service_pb2,
    pipeline_service_pb2,
    resources_pb2,
    webhook_service_pb2,
)
from prometheus_client import CollectorRegistry

from callback_gateway.config import GatewaySettings
from callback_gateway.internal.config import InternalSettings
from callback_gateway.internal.metrics import InternalMetrics
from callback_gateway.metrics import GatewayMetrics
from callback_gateway.routes.families import FAMILIES
from devstack import commands as devstack_commands
from devstack.__main__ import INTERRUPTED
from devstack.addresses import DEV_PORTS
from devstack.certificates import IDENTITIES
from devstack.layout import Layout
from devstack.nats_server import PERMISSIONS
from devstack.secret_files import S3_ACTIONS
from executor_service.config import ExecutorSettings
from executor_service.integrations.local.code_screen import THEMES
from executor_service.integrations.local.looks import looks
from executor_service.integrations.local.voice import voices
from executor_service.runner.metrics import RunnerMetrics
from executor_service.task import ErrorType
from media_lambda.settings import VARIABLES as MEDIA_VARIABLES
from montage_cli.cli import cli
from montage_cli.errors import ExitCode as ClientExitCode
from pipeline_service.config import MigrateSettings
from pipeline_service.config import Settings as PipelineSettings
from pipeline_service.domain.audit import AuditAction
from pipeline_service.domain.document.asset import MAX_CONTENT_BYTES
from pipeline_service.domain.document.reading import MAX_EDGES, MAX_NODES
from pipeline_service.domain.engine.attempts import RETRYABLE
from pipeline_service.domain.keys import MANIFEST
from pipeline_service.domain.node_types import Field, NodeType, Slot, build_catalogue
from pipeline_service.domain.states import EventType
from pipeline_service.metrics import Metrics
from pipeline_service.relay.stream import ACK_WAIT_S, MAX_ACK_PENDING, MAX_DELIVER, STREAM
from servicekit.lifecycle import ExitCode as ServiceExitCode
from tests.failpoints import failpoints_in_source
from tests.unit.docs.pages import ROOT, Row, codes, names, plain, read, rows, section, subsections

REFERENCE = read("docs/reference.md")
SETTINGS = (PipelineSettings, MigrateSettings, ExecutorSettings, GatewaySettings, InternalSettings)
CATALOGUE = build_catalogue(with_test_types=True)
SERVICES = (
    pipeline_service_pb2.DESCRIPTOR.services_by_name["PipelineService"],
    node_service_pb2.DESCRIPTOR.services_by_name["NodeService"],
    execution_service_pb2.DESCRIPTOR.services_by_name["ExecutionService"],
    callback_service_pb2.DESCRIPTOR.services_by_name["CallbackService"],
    analytics_service_pb2.DESCRIPTOR.services_by_name["AnalyticsService"],
    audit_service_pb2.DESCRIPTOR.services_by_name["AuditService"],
    object_service_pb2.DESCRIPTOR.services_by_name["ObjectService"],
    credential_service_pb2.DESCRIPTOR.services_by_name["CredentialService"],
    webhook_service_pb2.DESCRIPTOR.services_by_name["WebhookService"],
)
VARIABLE = re.compile(r"\b(?:PIPELINE|EXECUTOR|GATEWAY|MEDIA|DEVSTACK|MONTAGE)_[A-Z0-9]+(?:_[A-Z0-9]+)*\b")
NOT_VARIABLES = frozenset(
    {"PIPELINE_NOT_FOUND", "PIPELINE_EXISTS"} | {name for name in EventType if name.startswith("PIPELINE_")}
)
"""Words of the contract that begin like our variables."""


def sources(*folders: str, suffixes: Iterable[str] = (".py",)) -> Iterable[str]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and path.suffix in suffixes:
                yield path.read_text(encoding="utf-8")


def variables_of_services() -> set[str]:
    return {settings.variable_of(field) for settings in SETTINGS for field in settings.model_fields}


def variables_in(*folders: str, prefix: str, suffixes: Iterable[str] = (".py",)) -> set[str]:
    """Variables that code names; a constant of the code itself is none."""
    return {
        name
        for text in sources(*folders, suffixes=suffixes)
        for name in VARIABLE.findall(text)
        if name.startswith(prefix) and not re.search(rf"^{name}\b.* = ", text, re.MULTILINE)
    }


def minutes(time: timedelta) -> str:
    return f"{time.total_seconds() / 60:g} min"


def slot_row(name: str, slot: Slot) -> Row:
    most = "1" if slot.min_count else "0 or 1"
    return (
        f"`{name}`",
        ", ".join(slot.accepts),
        most if slot.max_count == 1 else f"{slot.min_count} to {slot.max_count}",
    )


def field_row(name: str, field: Field) -> Row:
    allowed = [f"`{value}`" for value in field.allowed]
    for provider, values in field.allowed_by_provider.items():
        allowed.append(f"of `{provider}`: " + ", ".join(f"`{value}`" for value in values))
    if field.minimum is not None and field.maximum is not None:
        allowed.append(f"{field.minimum:g} to {field.maximum:g}")
    elif field.minimum is not None:
        allowed.append(f"at least {field.minimum:g}")
    if field.multiple_of == 2:
        allowed.append("even")
    if field.max_length is not None:
        allowed.append(f"at most {field.max_length:,} characters")
    if field.pattern_words:
        allowed.append(field.pattern_words)
    default = "none" if field.default is None else f"`{field.default}`"
    return (f"`{name}`", field.kind, "**required**" if field.required else default, ", ".join(allowed) or "any")


def test_reference_variables_are_those_of_the_code() -> None:
    clients = variables_in("devstack", "montage_cli", prefix="MONTAGE_")
    own_servers = variables_in("devstack", prefix="DEVSTACK_")
    scripts = {name for text in scripts_of_bin() for name in VARIABLE.findall(text) if name.startswith("MONTAGE_")}
    written = {name for title in ("Client", "Own servers instead of embedded ones")
               for name in names(section(REFERENCE, title), "Variable")}  # fmt: skip

    assert written == (clients | own_servers) - scripts
    told = set(VARIABLE.findall(REFERENCE)) - NOT_VARIABLES
    assert told <= written | scripts | variables_of_services() | set(MEDIA_VARIABLES)


def scripts_of_bin() -> Iterable[str]:
    return sources("bin", suffixes=("",))


def test_reference_programs_are_those_of_bin() -> None:
    programs = names(section(REFERENCE, "Programs"), "Program")
    written = {name.split()[0] for name in programs if name.startswith("bin/")}

    assert written == {f"bin/{path.name}" for path in (ROOT / "bin").iterdir() if not path.name.startswith("_")}


def test_reference_modules_can_be_run() -> None:
    written = [name for name in names(section(REFERENCE, "Programs"), "Program") if name.startswith("python -m ")]

    for program in written:
        assert (ROOT / program.split()[2] / "__main__.py").is_file(), program


def test_reference_commands_have_the_options_of_the_command_line() -> None:
    expected = {name: options_of(command) for name, command in cli.commands.items()}

    written = {plain(row[0]).split()[0]: set(codes(row[1])) for row in rows(REFERENCE, "Command")}

    assert written == expected
    assert options_of(cli) <= set(codes(section(REFERENCE, "Commands of `montage`")))


def options_of(command: click.Command) -> set[str]:
    if isinstance(command, click.Group) and command is not cli:
        return {option for one in command.commands.values() for option in options_of(one)}
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    return {name for option in options for name in (*option.opts, *option.secondary_opts) if name.startswith("--")}


def test_reference_options_of_programs_are_those_of_their_parsers() -> None:
    written = {(plain(row[1]), plain(row[0])) for row in rows(REFERENCE, "Option")}

    of_devstack = {(f"bin/{name}", option) for name, option in options_in("devstack/__main__.py") if name != "cert"}
    workloads = {
        "api": "api",
        "demo": "demo",
        "fair": "fair",
        "telemetry": "telemetry",
        "gateway": "gateway",
        "media": "media",
        "replicas": "replicas",
        "lap": "w1, w2, w4",
        "w": "w1…w4",
    }
    of_benchmarks = {(f"bin/bench {workloads[name]}", option) for name, option in options_in("benchmarks/__main__.py")}
    of_chaos = {("bin/chaos", option) for _, option in options_in("tests/chaos/__main__.py")}
    assert written == of_devstack | of_benchmarks | of_chaos


def options_in(module: str) -> set[tuple[str, str]]:
    """Subcommand and option of every `<subcommand>.add_argument("--…")`."""
    return set(re.findall(r'^    ([a-z]+)\.add_argument\(\s*"(--[a-z-]+)"', read(module), re.MULTILINE))


def test_reference_identities_are_those_of_the_certificates() -> None:
    written = set(names(section(REFERENCE, "Identities"), "Identity"))

    assert written == {re.sub(r"/(client|ops)/dev$", r"/\1/<name>", identity) for identity in IDENTITIES.values()}


def test_reference_calls_are_those_of_the_contract() -> None:
    expected = {(service.name, method.name) for service in SERVICES for method in service.methods}

    assert {(row[0], plain(row[1])) for row in rows(section(REFERENCE, "Calls"), "Service")} == expected


def test_reference_callback_is_the_route_of_the_gateway() -> None:
    told = section(REFERENCE, "Callbacks")

    assert [family for family in FAMILIES if f"`{family.method} {family.path}`" not in told] == []


def test_reference_nats_names_are_those_of_the_code() -> None:
    text = section(REFERENCE, "NATS")
    written = names(text, "Name")
    allowed = {subject for user in PERMISSIONS.values() for side in user.values() for subject in side}

    assert STREAM in written
    assert {name for name in written if name.startswith("_INBOX_")} == {
        subject for subject in allowed if subject.startswith("_INBOX_")
    }
    assert {"work.>", "control.>", "events.>"} <= allowed
    assert f"ack wait {ACK_WAIT_S} s, at most {MAX_DELIVER} deliveries and {MAX_ACK_PENDING} unacknowledged" in text
    queues = {queue for node_type in CATALOGUE.values() for queue in node_type.queues.values()}
    listed = next(line for line in text.splitlines() if line.startswith("Task queues:"))
    assert set(codes(listed)) == queues


def test_reference_store_names_are_those_of_the_code() -> None:
    text = section(REFERENCE, "Object store")

    assert any(key.endswith(f"/{MANIFEST}") for key in names(text, "Key"))
    principals = next(line for line in text.splitlines() if line.startswith("Principals"))
    assert set(codes(principals)) == set(S3_ACTIONS)


def test_reference_data_folder_is_the_layout_of_devstack(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    entries = [value for name in dir(Layout) if isinstance(value := getattr_of(layout, name), Path)]
    expected = {entry.relative_to(tmp_path).parts[0] for entry in entries if entry != tmp_path}

    written = names(section(REFERENCE, "Data folder and ports"), "Name")

    assert {name.removesuffix("/") for name in written} == expected


def getattr_of(layout: Layout, name: str) -> object:
    return getattr(layout, name) if isinstance(getattr(Layout, name), property) else None


def test_reference_ports_are_those_of_dev() -> None:
    assert set(names(REFERENCE, "Port")) == {str(port) for port in DEV_PORTS.values()}


def test_reference_exit_codes_are_those_of_the_code() -> None:
    text = section(REFERENCE, "Exit codes")
    client = names(section(text, "`montage` and `bin/demo`"), "Code")
    service = names(section(text, "Services"), "Code")

    assert client == [str(int(code)) for code in ClientExitCode]
    of_devstack = {
        devstack_commands.USAGE,
        devstack_commands.REFUSED,
        devstack_commands.UNREACHABLE,
        devstack_commands.INTERRUPTED_WAITING,
    }
    assert {str(code) for code in of_devstack} <= set(client)
    assert f"({INTERRUPTED})" in text
    usage = 2
    assert service == [*(str(int(code)) for code in ServiceExitCode), str(usage)]


def test_reference_limits_of_documents_are_those_of_the_code() -> None:
    text = section(REFERENCE, "Documents")

    assert f"1 to {MAX_NODES:,} nodes with at most {MAX_EDGES:,} edges" in text
    assert f"at most {MAX_CONTENT_BYTES // 1024} KiB in place" in text


def test_reference_node_types_are_those_of_the_catalogue() -> None:
    headings = subsections(section(REFERENCE, "Node types"))

    assert [plain(heading) for heading in headings if heading.startswith("`")] == list(CATALOGUE)


@pytest.mark.parametrize("node_type", CATALOGUE.values(), ids=lambda node_type: node_type.name)
def test_reference_node_type_has_the_slots_and_fields_of_the_code(node_type: NodeType) -> None:
    text = section(REFERENCE, f"`{node_type.name}`")

    assert [row[:3] for row in rows(text, "Slot")] == [slot_row(*item) for item in node_type.slots.items()]
    assert [row[:4] for row in rows(text, "Config field")] == [field_row(*item) for item in node_type.fields.items()]
    assert f"Time from start to close: {minutes(node_type.start_to_close)}." in text
    for provider, queue in node_type.queues.items():
        assert (f"`{provider}` → `{queue}`" if provider else f"the queue `{queue}`") in text
    for field in node_type.fields.values():
        assert all(f"`{value}` {why}" in text for value, why in field.refused.items())
        assert field.affects_output or "Changes nothing in the output." in text


def test_reference_names_of_the_local_vendor_are_those_of_the_code() -> None:
    written = {plain(row[0]): codes(row[1]) for row in rows(section(REFERENCE, "Names of the local vendor"), "Field")}

    assert written == {"voiceId": list(voices()), "avatarId": list(looks()), "theme": list(THEMES)}


def test_reference_event_types_are_those_of_code_and_contract() -> None:
    written = names(section(REFERENCE, "Event types"), "Event")

    assert written == list(EventType)
    assert {f"EVENT_TYPE_{name}" for name in written} == set(resources_pb2.EventType.keys()[1:])


def test_reference_audit_actions_are_those_of_the_code() -> None:
    assert names(section(REFERENCE, "Audit records"), "Action") == list(AuditAction)


def test_reference_failure_classes_are_those_of_the_code() -> None:
    written = {plain(row[0]): row[1] for row in rows(section(REFERENCE, "Failure classes"), "Class")}

    assert written == {kind.value: "yes" if kind.value in RETRYABLE else "no" for kind in ErrorType}


def test_reference_metrics_are_those_of_the_code() -> None:
    registry = CollectorRegistry()
    for metrics in (Metrics, RunnerMetrics, GatewayMetrics, InternalMetrics):
        metrics(registry)
    exported = {f"{one.name}_total" if one.type == "counter" else one.name for one in registry.collect()}

    # That one is made where the consumers are wired.
    assert set(names(REFERENCE, "Metric")) == exported | {"executor_busy_slots"}


def test_reference_failpoints_are_those_that_code_passes() -> None:
    assert set(names(section(REFERENCE, "Failpoints"), "Place")) == failpoints_in_source()
