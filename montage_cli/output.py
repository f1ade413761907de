"""Answers on standard output: JSON for programs, plain tables for people."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

import click
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from montage.v1 import resources_pb2 as resources

from montage_cli.canonical import in_order
from montage_cli.failures import failure_words
from montage_cli.names import last_id
from montage_cli.summary import RunSummary, decision_of
from montage_cli.text import printable, seconds, short_key, size


def as_json(message: Message) -> dict[str, Any]:
    """A message by the rules of proto3 JSON: camelCase keys, 64-bit integers as text."""
    found: dict[str, Any] = MessageToDict(message)
    return found


def node_as_json(node: resources.Node) -> dict[str, Any]:
    """The same of a node, its config in the order of an export: a message's mapping has none."""
    found = as_json(node)
    return found | {"config": in_order(found["config"])} if "config" in found else found


def write_json(value: object, *, lines: bool = False) -> None:
    """One JSON value; with `lines` on a single line."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=None if lines else 2))


def write_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as they need to be, without borders, so that the table can be cut and searched."""
    cells = [list(titles), *([" ".join(printable(cell).split()) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(titles))]
    for row in cells:
        click.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def write_pipelines(pipelines: Sequence[resources.Pipeline]) -> None:
    rows = [
        (last_id(one.name), "paused" if one.paused else "-", counts_of(one), local_time(one.update_time), one.title)
        for one in pipelines
    ]
    write_table(("PIPELINE", "HOLD", "NODES", "UPDATED", "TITLE"), rows)


def write_nodes(nodes: Sequence[resources.Node]) -> None:
    rows = [(last_id(one.name), one.type, state_of(one), short_key(one.output.s3_key)) for one in nodes]
    write_table(("NODE", "TYPE", "STATE", "ARTIFACT"), rows)


def write_run(run: resources.Run) -> None:
    state = word_of(resources.RunState, run.state)
    asked, ended = local_time(run.create_time), local_time(run.end_time)
    write_pairs([("name", run.name), ("state", state), ("asked", asked), ("ended", ended)])
    rows = [(last_id(one.node), decision_of(one), last_id(one.execution) or "-", one.reason) for one in run.nodes]
    write_table(("NODE", "RESULT", "EXECUTION", "REASON"), rows)


def write_pairs(pairs: Sequence[tuple[str, str]]) -> None:
    """One fact per line; facts that are empty are left out."""
    width = max((len(name) for name, value in pairs if value), default=0)
    for name, value in pairs:
        if value:
            click.echo(f"{name:<{width}}  {printable(value)}")


def write_summary(summary: RunSummary) -> None:
    rows = [
        (
            one.node,
            one.decision,
            one.execution or "-",
            str(one.attempt or "-"),
            "-" if one.seconds is None else f"{one.seconds:.1f}",
            short_key(one.artifact) or "-",
        )
        for one in summary.nodes
    ]
    write_table(("NODE", "RESULT", "EXECUTION", "ATTEMPT", "SECONDS", "ARTIFACT"), rows)
    files = ", ".join(str(file) for file in summary.files)
    total = seconds(summary.seconds) if summary.seconds is not None else "not over"
    click.echo(f"in all: {total}{', ' + files if files else ''}")


def summary_as_json(summary: RunSummary) -> dict[str, Any]:
    return {
        "run": summary.run,
        "seconds": summary.seconds,
        "files": [str(file) for file in summary.files],
        "nodes": [
            {
                "node": one.node,
                "result": one.decision,
                "execution": one.execution or None,
                "attempt": one.attempt,
                "seconds": one.seconds,
                "artifact": one.artifact or None,
            }
            for one in summary.nodes
        ],
    }


def pipeline_facts(pipeline: resources.Pipeline) -> list[tuple[str, str]]:
    """What there is to tell about a pipeline, without its nodes."""
    return [
        ("name", pipeline.name),
        ("uid", pipeline.uid),
        ("title", pipeline.title),
        ("version", pipeline.version),
        ("labels", _labels(pipeline.labels)),
        ("nodes", counts_of(pipeline)),
        ("paused", "nothing new is started" if pipeline.paused else ""),
        ("updated", local_time(pipeline.update_time)),
    ]


def node_facts(node: resources.Node) -> list[tuple[str, str]]:
    """What there is to tell about a node."""
    failure = node.failure
    words = failure_words(failure.message, node.inputs)
    # What it makes anew is not there yet; the last good result is.
    output = node.output if node.HasField("output") else node.last_output
    return [
        ("name", node.name),
        ("uid", node.uid),
        ("type", node.type),
        ("title", node.title),
        ("labels", _labels(node.labels)),
        ("state", state_of(node)),
        ("freshness", word_of(resources.Freshness, node.freshness) if node.freshness else ""),
        ("because", "; ".join(node.freshness_reasons)),
        ("paused", "it is not started" if node.paused else ""),
        *(("problem", f"{one.field}: {one.description}") for one in node.problems),
        *((f"input {slot.slot}", ", ".join(last_id(source) for source in slot.nodes)) for slot in node.inputs),
        ("config", json.dumps(in_order(as_json(node.config)), ensure_ascii=False) if node.HasField("config") else ""),
        ("source", node.asset.source),
        ("execution", node.execution),
        ("artifact", output.s3_key),
        ("kind", output.content_type),
        ("size", size(output.size_bytes) if output.size_bytes else ""),
        ("sha256", output.sha256),
        ("duration", seconds(output.duration.ToTimedelta().total_seconds()) if output.HasField("duration") else ""),
        ("failure", f"{failure.error_type}: {words}" if node.HasField("failure") else ""),
        ("details", failure.details),
    ]


def execution_facts(execution: resources.Execution) -> list[tuple[str, str]]:
    """What there is to tell about an attempt."""
    failure = execution.failure
    return [
        ("name", execution.name),
        ("state", word_of(resources.ExecutionState, execution.state)),
        ("waits for", word_of(resources.WaitingFor, execution.waiting_for) if execution.waiting_for else ""),
        ("attempt", str(execution.attempt)),
        ("queue", execution.task_queue),
        ("provider", execution.provider),
        ("vendor job", execution.vendor_job_id),
        ("cost", cost_of(execution)),
        ("run", execution.run),
        ("queued", local_time(execution.create_time)),
        ("started", local_time(execution.start_time)),
        ("ended", local_time(execution.end_time)),
        ("artifact", execution.output.s3_key),
        ("failure", f"{failure.error_type}: {failure.message}" if execution.HasField("failure") else ""),
        ("details", failure.details),
    ]


def word_of(enum: Any, value: int) -> str:
    """The word of an enum's value without its prefix, in lower case: `timed_out`; the number of an unknown one."""
    if value not in enum.values():
        return str(value)
    # The zero value's name is the prefix and one word more.
    return str(enum.Name(value)).removeprefix(str(enum.Name(0)).removesuffix("UNSPECIFIED")).lower()


def _labels(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(labels.items()))


def state_of(node: resources.Node) -> str:
    """`completed, stale` when the output was made from an earlier structure; `pending, invalid, paused`."""
    words = [word_of(resources.NodeState, node.state)]
    if node.state == resources.NODE_STATE_COMPLETED and not node.is_current:
        words.append("stale")
    if node.problems:
        words.append("invalid")
    if node.paused:
        words.append("paused")
    return ", ".join(words)


def cost_of(execution: resources.Execution) -> str:
    """`1.20 USD`; empty when it is unknown."""
    return f"{execution.cost_micros / 1_000_000:.2f} USD" if execution.HasField("cost_micros") else ""


def counts_of(pipeline: resources.Pipeline) -> str:
    """`12: 10 completed, 2 pending`."""
    counts = ", ".join(
        f"{one.count} {word_of(resources.NodeState, one.state)}" for one in pipeline.node_state_counts if one.count
    )
    return f"{pipeline.node_count}: {counts}" if counts else str(pipeline.node_count)


def local_time(timestamp: Timestamp) -> str:
    """In the zone of this machine; empty when there is none."""
    if not timestamp.ByteSize():
        return ""
    return timestamp.ToDatetime(tzinfo=UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
