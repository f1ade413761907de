"""One batch of reports, one transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pipeline_service.commands.answering import answer_questions
from pipeline_service.commands.ports import Store
from pipeline_service.domain.engine.decide import decide
from pipeline_service.domain.engine.reports import Answer, Report, StartAnswer, UnknownExecution, Wake
from pipeline_service.domain.engine.working_set import Rules, WorkingSet
from pipeline_service.domain.ids import PipelineUid
from pipeline_service.domain.states import Disposition, StartOutcome


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What a committed batch answers and owes."""

    answers: tuple[Answer, ...]
    working_set: WorkingSet


async def apply_batch(
    reports: Sequence[Report], pipelines: Collection[PipelineUid], *, store: Store, rules: Rules
) -> Applied:
    """Decide reports one by one over one working set and save what they changed. Raises Unavailable, Contended, BadRow.

    The rows are loaded in a statement of their own: its snapshot must be younger than the locks, else two completions
    that meet at one node would each miss the other's.
    """
    woken = {report.pipeline_uid for report in reports if isinstance(report, Wake)}
    async with store.transaction(pipelines, with_deleted=True) as transaction:
        if woken:
            # Before anything is read: what a wake tells of was committed before the wake was.
            await transaction.take_wakes(woken)
        executions = [report.execution_id for report in reports if not isinstance(report, Wake)]
        working_set = await transaction.load(executions)
        answers = tuple(decide(working_set, report, rules=rules) for report in reports)
        if transaction.is_remembered and not all(map(_says_yes, answers)):
            # A change that is decided upon is guarded when it is written. A refusal is not: it is given only by what
            # the database says now.
            working_set = await transaction.load(executions, anew=True)
            answers = tuple(decide(working_set, report, rules=rules) for report in reports)
        await answer_questions(transaction, working_set, rules=rules)
        await transaction.save(working_set)
    return Applied(answers=answers, working_set=working_set)


def _says_yes(answer: Answer) -> bool:
    match answer:
        case StartAnswer():
            return answer.outcome is StartOutcome.CLAIMED
        case UnknownExecution():
            return False
        case _:
            return answer is Disposition.APPLIED
