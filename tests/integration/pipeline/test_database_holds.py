"""Guards of the last line: the database refuses what the code must never try."""

from dataclasses import replace
from uuid import uuid4

import asyncpg
import pytest

from pipeline_service.commands.errors import (
    Contended,
)
from tests.factories import noop
from tests.integration.pipeline.rig import Rig

CANCEL = "UPDATE executions SET state = 'CANCELLED', end_time = now(), dispatch_due_at = NULL WHERE id = $1"
DIAMOND = (noop("a"), noop("b", "a"), noop("c", "a"), noop("d", "b", "c"))


class TestDatabaseHolds:
    """Guards of the last line: the database refuses what the code must never try."""

    async def test_two_active_executions_of_one_node(self, rig: Rig) -> None:
        await rig.import_(noop("a"))
        await rig.run()

        with pytest.raises(asyncpg.UniqueViolationError, match="executions_one_active"):
            await rig.pool.execute(
                "INSERT INTO executions SELECT (jsonb_populate_record(e, jsonb_build_object('id', $1::text))).* "
                "FROM executions AS e",
                str(uuid4()),
            )

    async def test_two_open_purchases_of_equal_work(self, rig: Rig) -> None:
        await rig.import_(noop("a", provider="ledger"))
        await rig.run()
        await rig.claim("a")

        with pytest.raises(asyncpg.UniqueViolationError, match="purchases_one_open"):
            await rig.pool.execute(
                "INSERT INTO purchases SELECT (jsonb_populate_record(p, jsonb_build_object('id', $1::text, "
                "'submit_key', $1::text))).* FROM purchases AS p",
                str(uuid4()),
            )

    async def test_node_in_progress_without_an_execution(self, rig: Rig) -> None:
        await rig.import_(noop("a"))

        with pytest.raises(asyncpg.CheckViolationError, match="nodes_in_progress_has_execution"):
            await rig.pool.execute("UPDATE nodes SET status = 'in_progress'")

    async def test_queued_execution_that_is_never_due(self, rig: Rig) -> None:
        await rig.import_(noop("a"))
        await rig.run()

        with pytest.raises(asyncpg.CheckViolationError, match="executions_queued_is_due"):
            await rig.pool.execute("UPDATE executions SET dispatch_due_at = NULL")

    @pytest.mark.parametrize("statement", ["UPDATE events SET message = 'x'", "DELETE FROM events"])
    async def test_change_of_history(self, rig: Rig, statement: str) -> None:
        await rig.import_(noop("a"))

        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await rig.pool.execute(statement)

    async def test_save_over_a_row_that_changed_meanwhile_is_contended(self, rig: Rig) -> None:
        """The guard itself: the old state is in the WHERE, so that a decision about an old row writes nothing."""
        imported = await rig.import_(noop("a"))
        imported_uid = imported.pipeline_uid
        assert imported_uid is not None
        await rig.run()
        execution = await rig.latest("a")

        async def decide_about_an_old_row() -> None:
            async with rig.store.transaction([imported_uid]) as transaction:
                working_set = await transaction.load()
                # Somebody who does not take the lock, as a defect would.
                await rig.pool.execute(CANCEL, execution.id)
                working_set.put(replace(working_set.executions[execution.id], dispatch_no=9))
                await transaction.save(working_set)

        with pytest.raises(Contended):
            await decide_about_an_old_row()

        assert (await rig.latest("a")).state == "CANCELLED"
