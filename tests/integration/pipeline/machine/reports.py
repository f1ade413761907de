"""Builds the reports of workers and callbacks, with the objects that they tell of."""

from datetime import timedelta
from itertools import count
from uuid import UUID

from pipeline_service.commands.ports import ObjectFacts
from pipeline_service.domain.engine.reports import Beat, Complete, Fail, Report, Start, Wake
from pipeline_service.domain.ids import Claim, ExecutionId
from pipeline_service.domain.keys import MANIFEST
from pipeline_service.domain.states import MediaType, WaitingFor
from pipeline_service.domain.values import Failure, Output
from tests.integration.pipeline.machine.model import Attempt, Manifest
from tests.integration.pipeline.rig import MemoryArtifacts

ACTOR = "spiffe://montage/executor"
ERROR_TYPES = ("internal", "invalid_input", "timeout", "lambda_error", "ffmpeg_error")
MANIFESTS = ("nothing", "result", "wrong size", "retryable", "final", "foreign", "unprintable", "endless")


class Sender:
    """Every worker and every function: claims never repeat, objects are written once."""

    def __init__(self, artifacts: MemoryArtifacts) -> None:
        self._artifacts = artifacts
        self._claims = count(1)

    def new_claim(self) -> Claim:
        return Claim(UUID(int=(0xC1 << 120) + next(self._claims)))

    def start(self, one: Attempt, claim: UUID | None = None, *, behind: int = 0) -> Start:
        """`behind` is by how many dispatches its message was overtaken."""
        return Start(
            execution_id=_id(one),
            claim=Claim(claim) if claim else self.new_claim(),
            dispatch_no=one.dispatch_no - behind,
            actor=ACTOR,
        )

    def beat(self, one: Attempt, claim: UUID | None) -> Beat:
        return Beat(execution_id=_id(one), claim=_claim(claim), actor=ACTOR)

    def completion(self, one: Attempt, claim: UUID | None, *, content: int = 0) -> Complete:
        """A result whose object is in the store. Content 0 has no checksum; equal contents are equal bytes."""
        sha256 = f"{content:064x}" if content else ""
        key = self.prefix(one, claim) + f"output-{content}.json"
        self.put(key, size_bytes=10 + content, sha256=sha256)
        output = Output(type=MediaType.JSON, s3_key=key, size_bytes=10 + content, sha256=sha256)
        return Complete(execution_id=_id(one), claim=_claim(claim), output=output, actor=ACTOR)

    def failure(self, one: Attempt, claim: UUID | None, error_type: str) -> Fail:
        failure = Failure(error_type=error_type, message="it broke")
        return Fail(execution_id=_id(one), claim=_claim(claim), failure=failure, actor=ACTOR)

    def anything(self, one: Attempt, claim: UUID | None, *, verb: int, content: int) -> Report:
        """Any report of a claim; `verb` is 0 to 9."""
        match verb:
            case 0:
                return self.start(one, claim)
            case 1:
                return self.beat(one, claim)
            case 2:
                return Beat(execution_id=_id(one), claim=_claim(claim), waiting_for=WaitingFor.CALLBACK, actor=ACTOR)
            case 3:
                after = timedelta(hours=content % 2)
                return Beat(execution_id=_id(one), claim=_claim(claim), requeue_after=after, actor=ACTOR)
            case 4 | 5:
                return self.failure(one, claim, ERROR_TYPES[content % len(ERROR_TYPES)])
            case _:
                return self.completion(one, claim, content=content)

    def put(self, key: str, *, size_bytes: int, sha256: str = "") -> None:
        facts = ObjectFacts(size_bytes=size_bytes, sha256=sha256, content_type="application/json")
        self._artifacts.objects.setdefault(key, facts)

    def prefix(self, one: Attempt, claim: UUID | None) -> str:
        return f"pipelines/{one.pipeline_uid}/nodes/{one.node_uid}/executions/{one.id}/{claim}/"

    def lay_manifest(self, one: Attempt, claim: UUID, found: str) -> Manifest | None:
        """Leave a manifest beside the output of a claim unless one is there; answer what it is worth."""
        prefix = self.prefix(one, claim)
        if found == "nothing" or prefix + MANIFEST in self._artifacts.documents:
            return None
        key = prefix + "output.mp4"
        self.put(key, size_bytes=10)
        result = {"s3_key": key, "duration": 1e308 if found == "endless" else 1.5, "size": 10}
        bodies: dict[str, tuple[dict[str, object], Manifest]] = {
            "result": ({"result": result}, Manifest(result=(key, 10, ""))),
            "wrong size": ({"result": result | {"size": 11}}, Manifest()),
            "endless": ({"result": result}, Manifest()),
            "retryable": ({"error": "it broke", "error_type": "lambda_error"}, Manifest(error_type="lambda_error")),
            "final": ({"error": "it broke", "error_type": "ffmpeg_error"}, Manifest(error_type="ffmpeg_error")),
            "foreign": ({"process_uuid": str(self.new_claim()), "result": result}, Manifest()),
            "unprintable": ({"error": "\x00", "error_type": "ffmpeg_error"}, Manifest(error_type="ffmpeg_error")),
        }
        body, worth = bodies[found]
        self._artifacts.documents[prefix + MANIFEST] = {"process_uuid": str(one.id), **body}  # type: ignore[dict-item]  # plain JSON
        return worth


def describe(report: Report, of: str) -> str:
    """A report as one reads it in a failing example; `of` is the execution that it tells of."""
    match report:
        case Wake():
            return "wake"
        case Start():
            return f"start {of} by {_short(report.claim)} dispatch {report.dispatch_no}"
        case Beat():
            what = "park" if report.waiting_for else "beat" if report.requeue_after is None else "requeue"
            return f"{what} {of} by {_short(report.claim)}"
        case Complete() | Fail():
            what = "complete" if isinstance(report, Complete) else f"fail {report.failure.error_type}"
            return f"{what} {of} by {_short(report.claim)}{' from outside' if report.is_external else ''}"
        case _:
            return f"{type(report).__name__} {of}"


def _short(claim: UUID) -> str:
    return f"#{claim.int & 0xFFFF}"


def _id(one: Attempt) -> ExecutionId:
    assert one.id
    return ExecutionId(one.id)


def _claim(claim: UUID | None) -> Claim:
    assert claim
    return Claim(claim)
