"""Holds pipelines, nodes and runs, and lets them go on. What runs goes on, nothing new is begun; repeats do nothing."""

from collections.abc import Iterable

from pipeline_service.domain.engine.dispatching import is_held, release
from pipeline_service.domain.engine.scheduling import advance
from pipeline_service.domain.engine.working_set import Rules, WorkingSet
from pipeline_service.domain.ids import PipelineUid
from pipeline_service.domain.model import Execution, Node, Run
from pipeline_service.domain.replacing import replace
from pipeline_service.domain.states import EventType, RunState


def pause_run(ws: WorkingSet, run: Run, *, actor: str) -> None:
    """Hold an open run. Work that another run wants, too, goes on for that one."""
    if run.state is RunState.ACTIVE:
        _put_run(ws, run, RunState.PAUSED, EventType.RUN_PAUSED, actor=actor)


def resume_run(ws: WorkingSet, run: Run, *, rules: Rules, actor: str) -> None:
    """Let a held run go on."""
    if run.state is RunState.PAUSED:
        held = _held(ws, run.pipeline_uid)
        _put_run(ws, run, RunState.ACTIVE, EventType.RUN_RESUMED, actor=actor)
        _go_on(ws, run.pipeline_uid, held, rules=rules, actor=actor)


def pause_pipeline(ws: WorkingSet, pipeline_uid: PipelineUid, *, actor: str) -> None:
    """Hold a pipeline: its later runs wait as well."""
    if pipeline_uid not in ws.paused:
        ws.paused.add(pipeline_uid)
        ws.record(EventType.PIPELINE_PAUSED, pipeline_uid, actor=actor)


def resume_pipeline(ws: WorkingSet, pipeline_uid: PipelineUid, *, rules: Rules, actor: str) -> None:
    """Let a held pipeline go on; runs and nodes that are held themselves stay held."""
    if pipeline_uid in ws.paused:
        held = _held(ws, pipeline_uid)
        ws.paused.discard(pipeline_uid)
        ws.record(EventType.PIPELINE_RESUMED, pipeline_uid, actor=actor)
        _go_on(ws, pipeline_uid, held, rules=rules, actor=actor)


def pause_node(ws: WorkingSet, node: Node, *, actor: str) -> None:
    """Hold a node, in every run."""
    if not node.paused:
        ws.put(replace(node, paused=True))
        ws.record(EventType.NODE_PAUSED, node.pipeline_uid, actor=actor, node=ws.spec(node))


def resume_node(ws: WorkingSet, node: Node, *, rules: Rules, actor: str) -> None:
    """Let a held node go on."""
    if node.paused:
        held = _held(ws, node.pipeline_uid)
        ws.put(replace(node, paused=False))
        ws.record(EventType.NODE_RESUMED, node.pipeline_uid, actor=actor, node=ws.spec(node))
        _go_on(ws, node.pipeline_uid, held, rules=rules, actor=actor)


def _put_run(ws: WorkingSet, run: Run, state: RunState, event: EventType, *, actor: str) -> None:
    ws.put(replace(run, state=state))
    ws.record(event, run.pipeline_uid, actor=actor, run_id=run.id, old_state=run.state, new_state=state)


def _held(ws: WorkingSet, pipeline_uid: PipelineUid) -> list[Execution]:
    active = [ws.executions[node.execution_id] for node in ws.nodes.values() if node.execution_id is not None]
    return [one for one in active if one.pipeline_uid == pipeline_uid and is_held(ws, one)]


def _go_on(ws: WorkingSet, pipeline_uid: PipelineUid, held: Iterable[Execution], *, rules: Rules, actor: str) -> None:
    """Hand out what the hold kept back, and queue what became ready meanwhile."""
    for execution in held:
        release(ws, execution, rules=rules)
    advance(ws, pipeline_uid, rules=rules, actor=actor)
