"""What the families of results share: `{"status", "output", "metadata"}` below the name of the family.

`queued` and `running` tell how far the work is, `completed` (also when nothing is said) brings its output, `failed` its
end without one. What is kept is one JSON document, `{"output", "metadata"}`, without the secrets that tools print.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from callback_gateway.providers.json_body import UnacceptableReport
from callback_gateway.providers.masking import Json, masked, masked_json
from callback_gateway.report import ErrorType, Failure, MediaType, Outcome, Output, Progress, Report

EXECUTOR_TYPE = "invoke-lambda"
"""The node type whose executions report in these families."""
MAX_DEPTH = 32
MAX_OUTPUT_BYTES = 512 * 1024
"""Of `output`: of the text itself, or of other values as compact JSON."""
MAX_METADATA_BYTES = 64 * 1024
MAX_MESSAGE_BYTES = 2 * 1024
MAX_DETAILS_BYTES = 8 * 1024
STATUSES = ("queued", "running", "completed", "failed")


class Result(msgspec.Struct):
    """What a family tells of its work."""

    status: Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(STATUSES)})] | None = None
    output: Any = None
    metadata: dict[str, Any] | None = None


def report_of(result: Result) -> Report:
    """The report of an execution that only its capability names. Raises UnacceptableReport."""
    return Report(execution_id=None, node_uid=None, executor_type=EXECUTOR_TYPE, outcome=_outcome(result))


def examples(family: str) -> Mapping[str, Json]:
    """One body for each status, for the pages and checks that need them."""
    return {
        "queued": {family: {"status": "queued"}},
        "running": {family: {"status": "running", "metadata": {"progress": 40}}},
        "completed": {family: {"status": "completed", "output": "Analysis complete", "metadata": {"lines": 150}}},
        "failed": {family: {"status": "failed", "output": "out of memory"}},
    }


def _outcome(result: Result) -> Outcome:
    status = result.status or "completed"
    if status not in STATUSES:
        raise UnacceptableReport("status", f"must be one of {', '.join(STATUSES)}")
    _check_size(result.output, limit=MAX_OUTPUT_BYTES, field="output")
    _check_size(result.metadata, limit=MAX_METADATA_BYTES, field="metadata")
    output, metadata = masked_json(result.output), masked_json(result.metadata)
    match status:
        case "completed":
            return _output(output, metadata)
        case "failed":
            return _failure(output, metadata)
        case _:
            return Progress(stage=status, fraction=_fraction(result.metadata or {}))


def _output(output: Json, metadata: Json) -> Output:
    document = {"output": output} if metadata is None else {"output": output, "metadata": metadata}
    content = msgspec.json.encode(document).decode()
    return Output(media_type=MediaType.JSON, s3_key="", size_bytes=0, content_type="application/json", content=content)


def _failure(output: Json, metadata: Json) -> Failure:
    """The words of the output say why; a class of failure stands in the metadata, if anywhere."""
    stated = metadata.get("error_type") if isinstance(metadata, dict) else None
    message = output if isinstance(output, str) and output else "reported as failed"
    details = "" if output is None or isinstance(output, str) else msgspec.json.encode(output).decode()
    return Failure(
        error_type=next((known for known in ErrorType if known.value == stated), ErrorType.LAMBDA_ERROR),
        message=message.encode()[:MAX_MESSAGE_BYTES].decode(errors="ignore"),
        details=masked(details).encode()[-MAX_DETAILS_BYTES:].decode(errors="ignore"),
    )


def _fraction(metadata: Mapping[str, Any]) -> float | None:
    percent = metadata.get("progress")
    if not isinstance(percent, int | float) or isinstance(percent, bool):
        return None
    return min(max(percent / 100, 0.0), 1.0)


def _check_size(value: Any, *, limit: int, field: str) -> None:
    encoded = value.encode() if isinstance(value, str) else msgspec.json.encode(value)
    if len(encoded) > limit:
        raise UnacceptableReport(field, f"must have at most {limit} bytes")
