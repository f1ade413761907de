"""What a run did, from the API: per node its execution, attempt, seconds and artifact; failures in words."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.timestamp_pb2 import Timestamp
from montage.v1 import resources_pb2 as resources

from montage_cli.client import MontageClient
from montage_cli.failures import failure_words
from montage_cli.names import last_id
from montage_cli.running import executions_named, with_sources
from montage_cli.text import last_lines, printable

_DETAIL_LINES = 10
_LEFT_OUT = frozenset({resources.RUN_DECISION_SKIPPED, resources.RUN_DECISION_BLOCKED})
_MOST_LISTED = 12


@dataclass(frozen=True, kw_only=True)
class NodeSummary:
    """What became of one node."""

    node: str
    """Its id."""
    decision: str
    """`done`, `kept`, `reused`, `failed`, `skipped`, …"""
    execution: str
    """Id of the execution that served the run; empty if none."""
    attempt: int | None
    seconds: float | None
    """From the first start to the end of that execution."""
    artifact: str
    """Key in the store."""


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """What a run did."""

    run: str
    nodes: tuple[NodeSummary, ...]
    seconds: float | None
    """From asking to the end; None while it goes on."""
    files: tuple[Path, ...]


async def summarize(
    client: MontageClient, run: resources.Run, nodes: Sequence[resources.Node], files: Sequence[Path]
) -> RunSummary:
    """Ask the service what `run` did; `nodes` are those of its pipeline, `files` what was downloaded."""
    pipeline = run.name.partition("/runs/")[0]
    executions = await executions_named(client, pipeline, (decided.execution for decided in run.nodes))
    by_name = {node.name: node for node in nodes}
    return RunSummary(
        run=run.name,
        nodes=tuple(_of_node(decided, executions, by_name) for decided in run.nodes),
        seconds=seconds_between(run.create_time, run.end_time) if run.HasField("end_time") else None,
        files=tuple(files),
    )


def what_ran(run: resources.Run, nodes: Sequence[resources.Node], wanted: Iterable[resources.Node]) -> str:
    """`ran voice, film; kept title`: what was made anew of all that `wanted` needs, taken over, and not touched.

    Assets are given, not made; they are named only where one was fetched.
    """
    decided = {one.node: one for one in run.nodes}
    needed = with_sources(wanted, nodes)
    fates: dict[str, list[str]] = {"ran": [], "reused": [], "kept": []}
    for node in nodes:
        if node.name in needed and (fate := _fate(node, decided.get(node.name))):
            fates[fate].append(node.name)
    return "; ".join(f"{fate} {_listed(names)}" for fate, names in fates.items() if names) or "nothing to run"


def failure_lines(run: resources.Run, nodes: Sequence[resources.Node]) -> Iterator[str]:
    """Each failed node with its reason and the last lines of its tool, then what was left out."""
    by_name = {node.name: node for node in nodes}
    for decided in run.nodes:
        node = by_name.get(decided.node)
        if decided.decision == resources.RUN_DECISION_FAILED:
            yield f"{last_id(decided.node)} failed: {_reason_of(node)}"
            details = node.failure.details if node is not None else ""
            yield from (f"    {line}" for line in last_lines(printable(details), _DETAIL_LINES))
    for decided in run.nodes:
        if decided.decision in _LEFT_OUT:
            reason = f": {printable(decided.reason)}" if decided.reason else ""
            yield f"{last_id(decided.node)} {decision_of(decided)}{reason}"


def decision_of(decided: resources.RunNode) -> str:
    """`done`, `failed`, `skipped`, …; of what was not made, in the words of a plan, `kept` or, taken over, `reused`."""
    if decided.decision == resources.RUN_DECISION_REUSED and not decided.reused_from:
        return "kept"
    return resources.RunDecision.Name(decided.decision).removeprefix("RUN_DECISION_").lower()


def _fate(node: resources.Node, decided: resources.RunNode | None) -> str:
    """`ran`, `reused` or `kept`; empty when it was left out, or there is nothing of it."""
    if decided is not None and decided.reused_from:
        return "reused"
    if decided is not None and decided.decision != resources.RUN_DECISION_REUSED:
        return "" if decided.decision in _LEFT_OUT else "ran"
    return "kept" if node.type != "asset" and node.HasField("output") else ""


def _listed(names: Sequence[str]) -> str:
    return ", ".join(last_id(name) for name in names) if len(names) <= _MOST_LISTED else f"{len(names)} nodes"


def _of_node(
    decided: resources.RunNode,
    executions: Mapping[str, resources.Execution],
    nodes: Mapping[str, resources.Node],
) -> NodeSummary:
    execution = executions.get(decided.execution)
    node = nodes.get(decided.node)
    is_timed = execution is not None and execution.HasField("start_time") and execution.HasField("end_time")
    reused = node.output.s3_key if node and decided.decision == resources.RUN_DECISION_REUSED else ""
    return NodeSummary(
        node=last_id(decided.node),
        decision=decision_of(decided),
        execution=last_id(decided.execution) if decided.execution else "",
        attempt=execution.attempt if execution else None,
        seconds=seconds_between(execution.start_time, execution.end_time) if execution and is_timed else None,
        artifact=(execution.output.s3_key if execution else "") or reused,
    )


def _reason_of(node: resources.Node | None) -> str:
    if node is None or not node.HasField("failure"):
        return "the service gives no reason"
    words = failure_words(node.failure.message, node.inputs)
    return printable(words or node.failure.error_type or "the service gives no reason")


def seconds_between(start: Timestamp, end: Timestamp) -> float:
    """To the nanosecond, which a datetime could not."""
    return (end.seconds - start.seconds) + (end.nanos - start.nanos) / 1e9
