"""What may help after a refusal: the name that was meant, or the next thing to do."""

from collections.abc import AsyncIterator
from difflib import get_close_matches
from typing import Any

from montage_cli.client import MontageClient
from montage_cli.errors import ExitCode, MontageError
from montage_cli.names import InvalidName, Name, last_id, parse_name

_MOST_NAMES = 500
"""So many are looked through for one that is near."""
_NEXT_STEP = {
    "ABORTED": "somebody else was faster; look again and repeat",
    "PLAN_CHANGED": "look at the new one with 'montage plan', then run with its digest",
    "CALLER_NOT_ALLOWED": "'montage doctor' shows the identity of your certificate",
    "CALLER_UNKNOWN": "'montage doctor' shows the identity of your certificate",
    "NODE_EXISTS": "choose another id, or 'montage edit' the one that is there",
    "PIPELINE_EXISTS": "choose another id, or 'montage edit' the one that is there",
    "NO_MASTER_KEYS": "the operator of the service sets PIPELINE_MASTER_KEYS_FILE or PIPELINE_KMS_KEYS",
    "CREDENTIAL_NOT_FOUND": "'montage credentials list' shows those that there are",
    "INTERNAL": "the service's log has the cause",
}
DOCTOR = "'montage doctor' tells what it sees"


async def hint_for(client: MontageClient, error: MontageError) -> str:
    """A hint, or nothing. Never fails: the refusal is what has to be told."""
    if error.hint:
        return error.hint
    try:
        if error.reason in {"PIPELINE_NOT_FOUND", "NODE_NOT_FOUND", "RUN_NOT_FOUND", "EXECUTION_NOT_FOUND"}:
            return await _near_name(client, parse_name(error.resource))
    except (InvalidName, MontageError):
        return ""
    is_unanswered = not error.reason and error.exit_code is ExitCode.UNREACHABLE
    return DOCTOR if is_unanswered else _NEXT_STEP.get(error.reason, "")


async def _near_name(client: MontageClient, name: Name) -> str:
    pipelines = await _ids(client.list_pipelines())
    if name.pipeline_id not in pipelines:
        return _did_you_mean(name.pipeline_id, pipelines) or "'montage list' shows the pipelines that you see"
    if name.run is not None:
        return f"'montage runs {name.pipeline_id}' lists them"
    if name.node_id is None:
        return ""
    nodes = await _ids(client.list_nodes(name.pipeline))
    if name.node_id in nodes:
        return f"'montage executions {name.pipeline_id}/{name.node_id}' lists them"
    near = _did_you_mean(name.node_id, nodes, before=f"{name.pipeline_id}/")
    return near or f"'montage get {name.pipeline_id}' lists its nodes"


def _did_you_mean(wrong: str, known: list[str], *, before: str = "") -> str:
    near = get_close_matches(wrong, known, n=1)
    return f"did you mean '{before}{near[0]}'?" if near else ""


async def _ids(found: AsyncIterator[Any]) -> list[str]:
    ids: list[str] = []
    async for one in found:
        ids.append(last_id(one.name))
        if len(ids) == _MOST_NAMES:
            break
    return ids
