"""One batch of reports, one transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pipeline_service.commands.ports import Store
from pipeline_service.domain.engine.decide import decide
from pipeline_service.domain.engine.reports import Answer, Report
from pipeline_service.domain.engine.working_set import Rules, WorkingSet
from pipeline_service.domain.ids import PipelineUid


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
    async with store.transaction(pipelines, with_deleted=True) as transaction:
        working_set = await transaction.load([report.execution_id for report in reports])
        answers = tuple(decide(working_set, report, rules=rules) for report in reports)
        await transaction.save(working_set)
    return Applied(answers=answers, working_set=working_set)
