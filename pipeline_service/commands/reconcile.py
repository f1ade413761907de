"""Looks in the store before an execution is declared dead: a callback may be lost, a manifest is not."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pipeline_service.commands.errors import ArtifactMismatch, InvalidField
from pipeline_service.commands.ports import Artifacts, DueExecution, Store
from pipeline_service.commands.reporting import Reporter
from pipeline_service.domain.engine.reports import Complete, Fail
from pipeline_service.domain.ids import Claim, ExecutionId
from pipeline_service.domain.keys import MANIFEST, artifact_prefix
from pipeline_service.domain.states import MediaType
from pipeline_service.domain.values import Failure, MediaFacts, Output

ACTOR = "reconcile"


class Reconciler:
    """Finds the result that a function left beside its output."""

    def __init__(self, *, store: Store, artifacts: Artifacts, reporter: Reporter) -> None:
        self._store = store
        self._artifacts = artifacts
        self._reporter = reporter

    async def reconcile(self, one: DueExecution) -> bool:
        """Report the manifest of an overdue execution, if there is one. Raises Unavailable: then nothing is decided."""
        claim = await self._store.last_claim(one.place.execution_id)
        if claim is None:
            return False
        place = one.place
        prefix = artifact_prefix(place.pipeline_uid, place.node_uid, place.execution_id, claim)
        manifest = await self._artifacts.read_json(prefix + MANIFEST)
        if manifest is None:
            return False
        report = read_manifest(manifest, execution_id=place.execution_id, claim=claim)
        if report is None:
            return False
        try:
            await self._reporter.report(report)
        except (ArtifactMismatch, InvalidField):
            return False
        return True


def read_manifest(manifest: Mapping[str, Any], *, execution_id: ExecutionId, claim: Claim) -> Complete | Fail | None:
    """A manifest as the report that its callback would have been; None when it is not one."""
    if manifest.get("process_uuid") != str(execution_id):
        return None
    if "error" in manifest:
        failure = Failure(
            error_type=str(manifest.get("error_type", "lambda_error")),
            message=str(manifest["error"])[:2048],
            details=str(manifest.get("details", ""))[-8192:],
        )
        return Fail(execution_id=execution_id, claim=claim, failure=failure, is_external=True, actor=ACTOR)
    try:
        output = _output(manifest["result"])
    except (KeyError, TypeError, ValueError):
        return None
    return Complete(execution_id=execution_id, claim=claim, output=output, is_external=True, actor=ACTOR)


def _output(result: Mapping[str, Any]) -> Output:
    content_type = str(result.get("content_type", "video/mp4"))
    return Output(
        type=MediaType.AUDIO if content_type.startswith("audio/") else MediaType.VIDEO,
        s3_key=str(result["s3_key"]),
        size_bytes=int(result["size"]),
        content_type=content_type,
        sha256=str(result.get("sha256", "")),
        duration=timedelta(seconds=float(result["duration"])),
        media=MediaFacts(
            video_codec=str(result.get("video_codec") or ""),
            width=int(result.get("width") or 0),
            height=int(result.get("height") or 0),
            fps=float(result.get("fps") or 0),
            audio_codec=str(result.get("audio_codec") or ""),
        ),
    )
