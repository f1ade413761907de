"""`montage plan`: what a run would do with each node, before it is asked for."""

from collections.abc import Iterable

from google.protobuf.duration_pb2 import Duration
from montage.v1 import pipeline_service_pb2 as api

from montage_cli.errors import ExitCode
from montage_cli.names import Name, last_id, node_of
from montage_cli.output import as_json, word_of, write_table
from montage_cli.session import Session
from montage_cli.text import seconds


async def plan(session: Session, name: Name, *, targets: Iterable[str], force: bool, draft: bool) -> ExitCode:
    wanted = [node_of(name.pipeline, target) for target in targets]
    found = await session.client.plan(name.pipeline, targets=wanted, force=force, draft=draft)
    if not session.answer(as_json(found), names=[found.digest]):
        _write(found)
        session.say(_last_line(found, f"{name.pipeline_id} --draft" if draft else name.pipeline_id))
    return ExitCode.DONE


def _write(found: api.Plan) -> None:
    rows = [
        (
            last_id(one.node),
            word_of(api.PlanAction, one.action).upper(),
            _time(one.expected_duration) if one.HasField("expected_duration") else "-",
            one.reason,
        )
        for one in found.nodes
    ]
    write_table(("NODE", "ACTION", "TIME", "REASON"), rows)


def _last_line(found: api.Plan, what: str) -> str:
    """How to get what was shown, or what stands in the way."""
    blocked = [one for one in found.nodes if one.action == api.PLAN_ACTION_BLOCKED]
    if blocked:
        others = f", and {len(blocked) - 1} more" if len(blocked) > 1 else ""
        return f"a run would be refused: {last_id(blocked[0].node)} is blocked ({blocked[0].reason}){others}"
    if all(one.action == api.PLAN_ACTION_KEEP for one in found.nodes):
        return "nothing to do, everything is current"
    in_all = f"in all about {_time(found.expected_duration)}; " if found.HasField("expected_duration") else ""
    return f"{in_all}do exactly this with: montage run {what} --plan {found.digest}"


def _time(duration: Duration) -> str:
    return seconds(duration.ToTimedelta().total_seconds())
