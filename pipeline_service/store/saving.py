"""Writes what a working set's decisions changed. Every UPDATE carries the old state in its WHERE."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, TypeVar

from pipeline_service.commands.errors import Contended
from pipeline_service.domain.engine.pipeline_rows import RunNodeKey
from pipeline_service.domain.engine.working_set import LimitKey, WorkingSet
from pipeline_service.domain.ids import ExecutionId, NodeUid, Owner, PipelineUid, PurchaseId, RunId
from pipeline_service.domain.model import Execution, Node, Run, RunNode
from pipeline_service.domain.purchase import Purchase
from pipeline_service.domain.states import RunDecision
from pipeline_service.domain.vendor_limit import VendorLimit
from pipeline_service.store import statements
from pipeline_service.store.codec import failure_to_json, output_to_json, work_to_json
from pipeline_service.store.limits import save_limits
from pipeline_service.store.pool import Connection, as_json
from pipeline_service.store.purchases import save_purchases
from pipeline_service.store.rows import STATUS_OF

Values = dict[str, Any]
K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """Rows as they were loaded, to be compared with what the decisions made of them."""

    sequences: Mapping[PipelineUid, int] = field(default_factory=dict)
    paused: frozenset[PipelineUid] = frozenset()
    nodes: Mapping[NodeUid, Node] = field(default_factory=dict)
    executions: Mapping[ExecutionId, Execution] = field(default_factory=dict)
    runs: Mapping[RunId, Run] = field(default_factory=dict)
    run_nodes: Mapping[RunNodeKey, RunNode] = field(default_factory=dict)
    purchases: Mapping[PurchaseId, Purchase] = field(default_factory=dict)
    limits: Mapping[LimitKey, VendorLimit] = field(default_factory=dict)

    @classmethod
    def of(cls, working_set: WorkingSet) -> "Loaded":
        return cls(
            sequences=dict(working_set.sequences),
            paused=frozenset(working_set.paused),
            nodes=dict(working_set.nodes),
            executions=dict(working_set.executions),
            runs=dict(working_set.runs),
            run_nodes=dict(working_set.run_nodes),
            purchases=dict(working_set.purchases),
            limits=dict(working_set.limits),
        )


@dataclass(frozen=True, kw_only=True)
class Written:
    """What the database said when changes were written."""

    versions: Mapping[PipelineUid, str] = field(default_factory=dict)
    """The new version of each pipeline's row that has changed."""
    somebody_waits: bool = False
    """Whether any run waits for work of somebody else, whatever work that is."""


async def save_changes(connection: Connection, working_set: WorkingSet, *, loaded: Loaded) -> Written:
    """Write the difference, in one statement. Raises Contended when a guard did not hold."""
    await save_purchases(connection, working_set.purchases, loaded.purchases)
    await save_limits(connection, working_set.limits, loaded.limits)
    executions = differing(working_set.changed.executions, working_set.executions, loaded.executions)
    runs = differing(working_set.changed.runs, working_set.runs, loaded.runs)
    nodes = differing(working_set.changed.nodes, working_set.nodes, loaded.nodes)
    run_nodes = differing(working_set.changed.run_nodes, working_set.run_nodes, loaded.run_nodes)
    touched = {one.pipeline_uid for one in executions} | {one.pipeline_uid for one in nodes}
    touched |= {one.pipeline_uid for one in runs} | {working_set.runs[one.run_id].pipeline_uid for one in run_nodes}
    touched |= {uid for uid, sequence in working_set.sequences.items() if sequence != loaded.sequences[uid]}
    held_or_let_go = working_set.paused ^ loaded.paused
    touched |= held_or_let_go
    if not touched and not working_set.artifacts:
        return Written()
    moved = [_execution_update(one, loaded.executions[one.id]) for one in executions if one.id in loaded.executions]
    ended = [_run(one) | {"old_state": loaded.runs[one.id].state} for one in runs if one.id in loaded.runs]
    updates = [_node_update(one, loaded.nodes[one.uid]) for one in nodes]
    sequences = [_sequence(uid, working_set, loaded) for uid in touched]
    await _update(
        connection,
        statements.UPDATE_HOLDS,
        [{"uid": uid, "paused": uid in working_set.paused} for uid in held_or_let_go],
    )
    written = await connection.fetchrow(
        statements.WRITE,
        *map(
            as_json,
            (
                moved,
                _execution_inserts(working_set, [one for one in executions if one.id not in loaded.executions]),
                updates,
                [_run(one) for one in runs if one.id not in loaded.runs],
                ended,
                [_run_node(one) for one in run_nodes],
                _artifacts(working_set),
                _events(working_set),
                sequences,
            ),
        ),
    )
    if written is None:
        raise AssertionError("a statement without FROM answers one row")
    hit = dict(zip(statements.COUNTED, map(len, (moved, updates, ended, sequences)), strict=True))
    found = {name: written[name] for name in hit}
    if found != hit:
        raise Contended(f"expected to change {hit}, the database changed {found}")
    # The statement does not see the rows that it writes itself.
    waits = written["somebody_waits"] or any(one.decision is RunDecision.WAITING for one in run_nodes)
    return Written(versions=dict.fromkeys(touched, written["version"]), somebody_waits=waits)


async def save_events(connection: Connection, working_set: WorkingSet, *, loaded: Loaded) -> None:
    """Write the events, and count their pipelines' sequences up. Raises Contended."""
    await _insert(connection, statements.INSERT_EVENTS, _events(working_set))
    await _update(
        connection,
        statements.UPDATE_SEQUENCES,
        [
            _sequence(uid, working_set, loaded)
            for uid, sequence in working_set.sequences.items()
            if sequence != loaded.sequences[uid]
        ],
    )


async def _update(connection: Connection, statement: str, rows: list[Values]) -> None:
    """Run a guarded UPDATE over rows; every one of them must be hit."""
    if not rows:
        return
    status = await connection.execute(statement, as_json(rows))
    if status != f"UPDATE {len(rows)}":
        raise Contended(f"expected to change {len(rows)} rows, the database answered '{status}'")


async def _insert(connection: Connection, statement: str, rows: list[Values]) -> None:
    if rows:
        await connection.execute(statement, as_json(rows))


def differing(put: Iterable[K], now: Mapping[K, V], before: Mapping[K, V]) -> list[V]:
    """Rows of those that were put that are new or differ."""
    return [row for key in put if (row := now[key]) != before.get(key)]


def _sequence(pipeline: PipelineUid, working_set: WorkingSet, loaded: Loaded) -> Values:
    """Also for a change that is no event: the row's new version tells others to look again."""
    return {
        "uid": pipeline,
        "last_seq": working_set.sequences[pipeline],
        "old_last_seq": loaded.sequences[pipeline],
    }


def _execution_update(one: Execution, before: Execution) -> Values:
    progress = one.progress
    return {
        "id": one.id,
        "old_state": before.state,
        "old_claim": before.claim,
        "state": one.state,
        "waiting_for": one.waiting_for,
        "dispatch_no": one.dispatch_no,
        "dispatches_unanswered": one.dispatches_unanswered,
        "priority": one.priority,
        "queue_place": one.queue_place,
        "dispatch_due_at": one.dispatch_due_at,
        "claim": one.claim,
        "lease_until": one.lease_until,
        "last_claim": one.last_claim,
        "lost_leases": one.lost_leases,
        "details": dict(one.details),
        "progress_stage": progress.stage if progress else "",
        "progress_fraction": progress.fraction if progress else None,
        "progress_time": progress.reported_at if progress else None,
        "start_time": one.start_time,
        "close_due_at": one.close_due_at,
        "reconcile_until": one.reconcile_until,
        "purchase_id": one.purchase_id,
        "result_claim": one.result_claim,
        "output": output_to_json(one.output),
        "failure": failure_to_json(one.failure),
        "end_time": one.end_time,
        "spec_digest": one.spec_digest,
    }


def _execution_inserts(working_set: WorkingSet, new: Iterable[Execution]) -> list[Values]:
    """In the order of their work: two transactions that begin the same work wait for each other in one direction."""
    rows = [_execution_insert(one, working_set.owners[one.pipeline_uid]) for one in new]
    return sorted(rows, key=itemgetter("owner", "work_digest"))


def _execution_insert(one: Execution, owner: Owner) -> Values:
    return {
        "id": one.id,
        "owner": owner,
        "pipeline_uid": one.pipeline_uid,
        "node_uid": one.node_uid,
        "run_id": one.run_id,
        "attempt": one.attempt,
        "first_attempt": one.first_attempt,
        "rate_limits": one.rate_limits,
        "state": one.state,
        "task_queue": one.task_queue,
        "provider": one.work.provider,
        "node_type": one.work.node_type,
        "spec_digest": one.spec_digest,
        "work_digest": one.work_digest,
        "work": work_to_json(one.work),
        "dispatch_no": one.dispatch_no,
        "dispatches_unanswered": one.dispatches_unanswered,
        "priority": one.priority,
        "queue_place": one.queue_place,
        "dispatch_due_at": one.dispatch_due_at,
        "close_due_at": one.close_due_at,
        "create_time": one.create_time,
        "buys": one.buys,
        "purchase_id": one.purchase_id,
    }


def _node_update(one: Node, before: Node) -> Values:
    return {
        "uid": one.uid,
        "old_status": STATUS_OF[before.state],
        "old_execution_id": before.execution_id,
        "status": STATUS_OF[one.state],
        "execution_id": one.execution_id,
        "latest_execution_id": one.latest_execution_id,
        "attempts": one.attempts,
        "done_spec": one.done_spec,
        "done_own": one.done_own,
        "output": output_to_json(one.output),
        "content_digest": one.content_digest,
        "failure": failure_to_json(one.failure),
        "paused": one.paused,
    }


def _run(one: Run) -> Values:
    return {
        "id": one.id,
        "pipeline_uid": one.pipeline_uid,
        "state": one.state,
        "targets": list(one.targets),
        "force": one.force,
        "priority": one.priority,
        "trace": one.trace,
        "create_time": one.create_time,
        "end_time": one.end_time,
    }


def _run_node(one: RunNode) -> Values:
    return {
        "run_id": one.run_id,
        "node_uid": one.node_uid,
        "decision": one.decision,
        "reason": one.reason,
        "execution_id": one.execution_id,
        "waiting_digest": one.waiting_digest,
        "reused_from": one.reused_from,
    }


def _artifacts(working_set: WorkingSet) -> list[Values]:
    return [
        {
            "owner": artifact.owner,
            "work_digest": artifact.work_digest,
            "execution_id": artifact.execution_id,
            "s3_key": artifact.output.s3_key,
            "output": output_to_json(artifact.output),
            "content_digest": artifact.output.content_digest(artifact.execution_id),
            "cost_micros": artifact.cost_micros,
            "create_time": artifact.create_time,
        }
        for artifact in working_set.artifacts
    ]


def _events(working_set: WorkingSet) -> list[Values]:
    return [
        {
            "pipeline_uid": event.pipeline_uid,
            "seq": event.sequence,
            "create_time": working_set.now,
            "type": event.type,
            "node_uid": event.node_uid,
            "node_id": event.node_id,
            "execution_id": event.execution_id,
            "run_id": event.run_id,
            "attempt": event.attempt,
            "old_state": event.old_state,
            "new_state": event.new_state,
            "actor": event.actor,
            "message": event.message,
        }
        for event in working_set.events
    ]
