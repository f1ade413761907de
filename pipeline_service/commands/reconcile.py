"""Looks in the store before an execution is declared dead: a callback may be lost, a manifest is not."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from pipeline_service.commands.errors import ArtifactMismatch, BadRow, InvalidField
from pipeline_service.commands.ports import Artifacts, CrashPoint, DueExecution, nowhere
from pipeline_service.commands.reporting import Reporter
from pipeline_service.domain.engine.reports import Complete, Fail
from pipeline_service.domain.ids import Claim, ExecutionId
from pipeline_service.domain.keys import CONTACT_SHEET, MANIFEST, execution_prefix
from pipeline_service.domain.states import Disposition, MediaType
from pipeline_service.domain.values import Failure, Json, MediaFacts, Output

ACTOR = "reconcile"
MAX_DURATION_S = 7 * 24 * 3600
MAX_SIZE_BYTES = 50 * 1024**4
"""More than the largest object that S3 keeps."""
EXTERNAL_ERROR_TYPES = frozenset({"lambda_error", "ffmpeg_error", "invalid_input"})
"""What a report from outside may give as its class: the class decides about a retry."""


class Reconciler:
    """Finds the result that a function left beside its output."""

    def __init__(self, *, artifacts: Artifacts, reporter: Reporter, crash_point: CrashPoint = nowhere) -> None:
        self._artifacts = artifacts
        self._reporter = reporter
        self._crash_point = crash_point

    async def reconcile(self, one: DueExecution) -> bool:
        """Report the manifest of an overdue execution, if there is one. Raises Unavailable: then nothing is decided.

        Any claim's will do: a function that an earlier worker invoked may have made the result.
        """
        place = one.place
        prefix = execution_prefix(place.pipeline_uid, place.node_uid, place.execution_id)
        await self._crash_point("reconcile.before_look")
        for key in await self._artifacts.list_keys(prefix):
            claim, _, name = key.removeprefix(prefix).partition("/")
            if name == MANIFEST and await self._report(key, claim, place.execution_id):
                return True
        return False

    async def _report(self, key: str, claim: str, execution_id: ExecutionId) -> bool:
        """Report one manifest. Answers whether that settled it."""
        manifest = await self._artifacts.read_json(key)
        if manifest is None:
            return False
        await self._crash_point("reconcile.after_look")
        try:
            report = read_manifest(manifest, execution_id=execution_id, claim=Claim(UUID(claim)))
            return report is not None and await self._reporter.report(report) is not Disposition.LOST
        except (ArtifactMismatch, InvalidField, BadRow, ValueError):
            return False


class _Result(msgspec.Struct):
    s3_key: Annotated[str, Meta(min_length=1, max_length=1024)]
    size: Annotated[int, Meta(ge=0, le=MAX_SIZE_BYTES)]
    duration: Annotated[float, Meta(ge=0, le=MAX_DURATION_S)] | None = None
    sha256: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")] = ""
    content_type: Annotated[str, Meta(max_length=255)] = "video/mp4"
    width: Annotated[int, Meta(ge=0, lt=2**31)] | None = None
    height: Annotated[int, Meta(ge=0, lt=2**31)] | None = None
    fps: Annotated[float, Meta(ge=0, le=1000)] | None = None
    video_codec: Annotated[str, Meta(max_length=64)] | None = None
    audio_codec: Annotated[str, Meta(max_length=64)] | None = None
    contact_sheet: Annotated[str, Meta(pattern=rf"^({CONTACT_SHEET.pattern})?\Z")] | None = None


class _Manifest(msgspec.Struct):
    process_uuid: UUID
    result: _Result | None = None
    error: str | None = None
    error_type: str = "lambda_error"
    details: str = ""


def read_manifest(manifest: Json, *, execution_id: ExecutionId, claim: Claim) -> Complete | Fail | None:
    """A manifest as the report that its callback would have been; None when it is damaged or another execution's."""
    try:
        read = msgspec.convert(_without_nul(manifest), type=_Manifest)
    except msgspec.ValidationError:
        return None
    if read.process_uuid != execution_id or (read.result is None) == (read.error is None):
        return None
    if read.result is not None:
        output = _output(read.result)
        return Complete(execution_id=execution_id, claim=claim, output=output, is_external=True, actor=ACTOR)
    failure = Failure(
        error_type=read.error_type if read.error_type in EXTERNAL_ERROR_TYPES else "lambda_error",
        message=str(read.error)[:2048],
        details=read.details[-8192:],
    )
    return Fail(execution_id=execution_id, claim=claim, failure=failure, is_external=True, actor=ACTOR)


def _output(result: _Result) -> Output:
    media_type = _material(result.content_type)
    is_media = media_type not in (MediaType.TEXT, MediaType.JSON)
    return Output(
        type=media_type,
        s3_key=result.s3_key,
        size_bytes=result.size,
        content_type=result.content_type,
        sha256=result.sha256,
        duration=None if result.duration is None else timedelta(seconds=result.duration),
        media=MediaFacts(
            video_codec=result.video_codec or "",
            width=result.width or 0,
            height=result.height or 0,
            fps=result.fps or 0,
            audio_codec=result.audio_codec or "",
        )
        if is_media
        else None,
        contact_sheet=result.contact_sheet or "",
    )


def _material(content_type: str) -> MediaType:
    """What bytes of this type are; of a type that says nothing, a film."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json":
        return MediaType.JSON
    known = {"text": MediaType.TEXT, "image": MediaType.IMAGE, "audio": MediaType.AUDIO}
    return known.get(kind.partition("/")[0], MediaType.VIDEO)


def _without_nul(value: Any) -> Any:
    """Postgres stores no U+0000, and a stray one is no reason to lose a result."""
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, dict):
        return {key: _without_nul(item) for key, item in value.items()}
    return value
