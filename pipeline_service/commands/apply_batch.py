"""One batch of reports and of users' changes, one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline_service.commands.answering import answer_questions
from pipeline_service.commands.errors import PipelineError
from pipeline_service.commands.ports import RequestKey, Store
from pipeline_service.domain.audit import AuditRecord, result_from_outside
from pipeline_service.domain.engine.decide import decide
from pipeline_service.domain.engine.reports import Answer, Complete, Fail, Report, StartAnswer, UnknownExecution, Wake
from pipeline_service.domain.engine.working_set import Rules, WorkingSet
from pipeline_service.domain.ids import PipelineUid
from pipeline_service.domain.states import Disposition, StartOutcome


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a user wants of one pipeline, decided among the reports."""

    pipeline_uid: PipelineUid
    decide: Callable[[WorkingSet], None]
    """May refuse with a PipelineError, before it has changed anything. Called again when the batch is decided again."""
    resource: str
    """Name of what it makes or changes."""
    request: RequestKey | None = None
    """The request, when the caller may repeat it."""
    trace: str = ""
    """Trace context of the call."""


Entry = Report | Change
Decided = Answer | PipelineError
"""A change that was decided is APPLIED; a refusal is the answer of its entry alone."""


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What a committed batch answers and owes."""

    answers: tuple[Decided, ...]
    working_set: WorkingSet


async def apply_batch(
    entries: Sequence[Entry], pipelines: Sequence[PipelineUid], *, store: Store, rules: Rules
) -> Applied:
    """Decide entries one by one over one working set and save what they changed.

    `pipelines` are theirs, in their order. Raises Unavailable, Contended, BadRow, RequestRepeated.

    The rows are loaded in a statement of their own: its snapshot must be younger than the locks, else two completions
    that meet at one node would each miss the other's.
    """
    woken = {entry.pipeline_uid for entry in entries if isinstance(entry, Wake)}
    async with store.transaction(set(pipelines), with_deleted=True) as transaction:
        if woken:
            # Before anything is read: what a wake tells of was committed before the wake was.
            await transaction.take_wakes(woken)
        executions = [entry.execution_id for entry in entries if not isinstance(entry, Wake | Change)]
        doubted: set[PipelineUid] = set()
        while True:
            working_set = await transaction.load(executions, anew=doubted)
            answers = tuple(_decide(working_set, entry, rules=rules) for entry in entries)
            # A change that is decided upon is guarded when it is written. A refusal is not: it is given only by what
            # the database says now.
            refused = {uid for uid, answer in zip(pipelines, answers, strict=True) if not _says_yes(answer)}
            if not refused & transaction.remembered:
                break
            doubted |= refused
        await answer_questions(transaction, working_set, rules=rules)
        for entry, answer in zip(entries, answers, strict=True):
            if isinstance(entry, Change) and _says_yes(answer):
                await transaction.remember(entry.request, entry.resource)
        await transaction.save(working_set)
        await transaction.record(_records(entries, answers))
    return Applied(answers=answers, working_set=working_set)


def _records(entries: Sequence[Entry], answers: Sequence[Decided]) -> list[AuditRecord]:
    """One for each result from outside that was decided upon, whatever it changed."""
    return [
        result_from_outside(entry, answer)
        for entry, answer in zip(entries, answers, strict=True)
        if isinstance(entry, Complete | Fail) and entry.is_external and isinstance(answer, Disposition)
    ]


def _decide(ws: WorkingSet, entry: Entry, *, rules: Rules) -> Decided:
    if not isinstance(entry, Change):
        return decide(ws, entry, rules=rules)
    try:
        entry.decide(ws)
    except PipelineError as refusal:
        return refusal
    return Disposition.APPLIED


def _says_yes(answer: Decided) -> bool:
    match answer:
        case StartAnswer():
            return answer.outcome is StartOutcome.CLAIMED
        case UnknownExecution() | PipelineError():
            return False
        case _:
            return answer is Disposition.APPLIED
