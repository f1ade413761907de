"""Answers what decisions asked about results of the same work, once for all of them."""

from pipeline_service.commands.ports import Transaction
from pipeline_service.domain.engine.scheduling import go_on
from pipeline_service.domain.engine.working_set import Rules, WorkingSet

MAX_QUESTIONS = 2000
"""In one transaction; the rest goes on by a wake."""


async def answer_questions(transaction: Transaction, working_set: WorkingSet, *, rules: Rules) -> bool:
    """Serve the nodes that became ready: by a result, by an execution, or by waiting. Answers whether there were any.

    One level at a time: what becomes ready by a result that was taken over is asked about again, and goes on by a wake
    when that is left unanswered.
    """
    questions = working_set.take_questions(MAX_QUESTIONS)
    if questions:
        findings = await transaction.look_up(questions)
        go_on(working_set, zip(questions, findings, strict=True), rules=rules)
    return bool(questions)
