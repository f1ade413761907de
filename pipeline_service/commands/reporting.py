"""Takes reports about executions, from workers and from outside."""

import asyncio
from collections.abc import Sequence

from pipeline_service.commands.batcher import Batcher
from pipeline_service.commands.errors import ArtifactMismatch, KeyOutsidePrefix, NotFound
from pipeline_service.commands.places import Places
from pipeline_service.commands.ports import Artifacts, CrashPoint, Place, nowhere
from pipeline_service.domain.engine.reports import Answer, Complete, ExecutionReport, UnknownExecution
from pipeline_service.domain.ids import Claim, ExecutionId, PipelineUid
from pipeline_service.domain.keys import artifact_prefix, content_key
from pipeline_service.domain.replacing import replace
from pipeline_service.domain.states import MediaType
from pipeline_service.domain.values import MAX_INLINE_BYTES, Output


class Reporter:
    """Makes a report safe, then hands it to the batcher."""

    def __init__(
        self, *, places: Places, artifacts: Artifacts, batcher: Batcher, crash_point: CrashPoint = nowhere
    ) -> None:
        self._places = places
        self._artifacts = artifacts
        self._batcher = batcher
        self._crash_point = crash_point

    async def report(self, report: ExecutionReport) -> Answer:
        """Apply a report. Raises NotFound, KeyOutsidePrefix, ArtifactMismatch, Unavailable, Overloaded.

        A result's object is checked in the store *before* the report joins a batch: no batch waits for the store. A
        result that brings its bytes along was checked when it was read, and is put there when it is no small one.
        """
        place = await self._places.locate(report.execution_id)
        if isinstance(report, Complete):
            report = await self._in_place(place, report)
        answer = _known(await self._batcher.submit(report, place.pipeline_uid))
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def report_all(self, reports: Sequence[ExecutionReport]) -> list[Answer | Exception]:
        """Apply reports as `report` does, what is said of one execution in its order.

        An error is the answer of its report alone. Only where something must be looked up first, others join earlier.
        """
        at_once: dict[int, tuple[ExecutionReport, PipelineUid]] = {}
        later: dict[ExecutionId, list[int]] = {}
        for number, report in enumerate(reports):
            place = self._places.known(report.execution_id)
            if place is None or report.execution_id in later or _needs_store(report):
                later.setdefault(report.execution_id, []).append(number)
            else:
                at_once[number] = report, place.pipeline_uid
        answers: dict[int, Answer | Exception] = {}

        async def report_at_once() -> None:
            found = await self._batcher.submit_all(list(at_once.values()))
            answers.update(zip(at_once, map(_known, found), strict=True))

        async def report_in_order(numbers: Sequence[int]) -> None:
            for number in numbers:
                try:
                    answers[number] = await self.report(reports[number])
                except Exception as error:
                    answers[number] = error

        # The first of them joins before the others have begun, and so stays in front of what else was said of it.
        await asyncio.gather(report_at_once(), *map(report_in_order, later.values()))
        return [answers[number] for number in range(len(reports))]

    async def _in_place(self, place: Place, report: Complete) -> Complete:
        """The report, of a result that lies where it belongs."""
        if not report.output.content:
            await self._crash_point("report.before_check")
            await self._check_artifact(place, report.claim, report.output)
            await self._crash_point("report.after_check")
            return report
        if _is_small(report.output):
            return report
        prefix = artifact_prefix(place.pipeline_uid, place.node_uid, place.execution_id, report.claim)
        output = _moved(report.output, prefix=prefix)
        content = report.output.content.encode()
        await self._artifacts.put(output.s3_key, content, content_type=output.content_type)
        return replace(report, output=output)

    async def _check_artifact(self, place: Place, claim: Claim, output: Output) -> None:
        prefix = artifact_prefix(place.pipeline_uid, place.node_uid, place.execution_id, claim)
        name = output.s3_key.removeprefix(prefix)
        if name == output.s3_key or not name or "/" in name or name in {".", ".."}:
            raise KeyOutsidePrefix("output.s3_key", f"expected a key directly below '{prefix}'")
        facts = await self._artifacts.head(output.s3_key)
        if facts is None:
            raise ArtifactMismatch(f"there is no object '{output.s3_key}' in the store")
        if facts.size_bytes != output.size_bytes:
            raise ArtifactMismatch(
                f"the object has {facts.size_bytes} bytes, the report says {output.size_bytes}: '{output.s3_key}'"
            )
        if facts.sha256 and output.sha256 and facts.sha256 != output.sha256:
            raise ArtifactMismatch(f"the object's sha256 is not the reported one: '{output.s3_key}'")


def _needs_store(report: ExecutionReport) -> bool:
    """Whether the object store is asked before the report may join a batch."""
    return isinstance(report, Complete) and not (report.output.content and _is_small(report.output))


def _is_small(output: Output) -> bool:
    """Whether bytes that a result brings along stay with its execution."""
    return output.size_bytes <= MAX_INLINE_BYTES


def _known(answer: Answer | Exception) -> Answer | Exception:
    """There is no answer about an execution that never was."""
    return NotFound("execution", str(answer.execution_id)) if isinstance(answer, UnknownExecution) else answer


def _moved(output: Output, *, prefix: str) -> Output:
    """The same result, of which the bytes lie in the object store."""
    extension = "json" if output.type is MediaType.JSON else "txt"
    key = content_key(prefix, sha256=output.sha256, extension=extension)
    return replace(output, s3_key=key, content="")
