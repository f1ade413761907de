"""What an operator must hear of, made to happen in a real database: each fires its rule, and no other does."""

from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from pipeline_service.metrics import Metrics
from pipeline_service.store.overview import show_overview
from tests.due_times import expire
from tests.factories import noop
from tests.integration.pipeline.rig import Rig
from tests.promql import Scrape, evaluate
from tests.telemetry_rules import alert_rules

PURCHASE = """
INSERT INTO purchases (id, owner, work_digest, vendor, submit_key, state, execution_id, pipeline_uid, create_time)
VALUES ($1, 'default', 'd', 'ledger', 'k', $2, $1, $1, clock_timestamp() - $3::text::interval)
"""


async def scrape(rig: Rig) -> Scrape:
    registry = CollectorRegistry()
    Metrics(registry).tell_overview(await show_overview(rig.pools.engine))
    return Scrape.of(generate_latest(registry).decode(), at_s=0)


async def firing(rig: Rig) -> set[str]:
    now = await scrape(rig)
    rules = alert_rules().values()
    # Gauges only: what counts has no rate between two scrapes of a moment.
    looked_at = [rule for rule in rules if rule.expression.startswith("max(")]
    return {rule.name for rule in looked_at if evaluate(rule.expression, before=now, after=now)}


async def test_work_that_was_just_queued_fires_nothing_and_is_counted(rig: Rig) -> None:
    await rig.import_(noop("a"), noop("b"))
    await rig.run()

    assert await firing(rig) == set()
    now = await scrape(rig)
    assert sum(evaluate("sum(pipeline_queued_executions)", before=now, after=now).values()) == 2


async def test_work_that_is_due_and_not_handed_out_fires(rig: Rig) -> None:
    await rig.import_(noop("a"))
    await rig.run()

    await expire(rig.pools.engine, "dispatch_due_at", [rig.outbox.dispatches[0].execution_id])

    assert await firing(rig) == {"MontageDispatchOverdue"}


async def test_execution_that_is_active_past_its_deadline_fires(rig: Rig) -> None:
    await rig.import_(noop("a"))
    await rig.run()
    await rig.claim("a")

    await expire(rig.pools.engine, "close_due_at", [rig.outbox.dispatches[0].execution_id])

    assert await firing(rig) == {"MontageExecutionOverdue"}


@pytest.mark.parametrize(
    ("state", "age", "fires"),
    [("UNKNOWN", "1 second", True), ("SUBMITTED", "25 hours", True), ("SUBMITTED", "23 hours", False)],
)
async def test_spend_that_nobody_settles_fires(rig: Rig, state: str, age: str, *, fires: bool) -> None:
    await rig.pools.engine.execute(PURCHASE, uuid4(), state, age)

    assert await firing(rig) == ({"MontageSpendUndecided"} if fires else set())
    now = await scrape(rig)
    assert evaluate("max by (state) (pipeline_open_purchases)", before=now, after=now) == {
        frozenset({("state", state)}): 1.0
    }
