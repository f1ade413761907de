"""What an edit does to state: in its own transaction, through two functions that do nothing else."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from pipeline_service.commands.errors import Contended
from pipeline_service.domain.engine.reports import Fail
from pipeline_service.domain.engine.scheduling import cancel
from pipeline_service.domain.ids import PipelineUid
from pipeline_service.domain.states import ExecutionState, RunState
from pipeline_service.domain.values import Failure
from pipeline_service.store.pool import Pool, Pools, as_json
from tests.factories import noop
from tests.integration.pipeline.rig import CALLER, FILM, OWNER, Rig, running_rig

SUPERSEDE = "SELECT supersede_nodes($1::text::json, $2::text::json, $3::text::json, $4::text::json)"
TEXT = {"type": "text", "content": "Good morning."}


@pytest.fixture
async def rig(pools: Pools) -> AsyncIterator[Rig]:
    async with running_rig(pools) as rig:
        yield rig


@pytest.fixture
def edit(pools: Pools) -> Pool:
    return pools.edit


async def test_edit_supersedes_what_runs_and_nothing_else(rig: Rig) -> None:
    await rig.import_(noop("a"), noop("b", "a"), noop("z"))
    run = await rig.run("b")
    await rig.complete("a")

    await rig.import_(noop("a"), noop("b", "a", nonce="new"), noop("z"))

    assert await rig.states() == {"a": "COMPLETED", "b": "PENDING", "z": "PENDING"}
    assert (await rig.latest("b")).state == "CANCELLED"
    assert (await rig.latest("a")).state == "SUCCEEDED"
    view = await rig.reader.run(OWNER, FILM, run)
    assert view is not None
    assert view.run.state is RunState.CANCELLED


async def test_failed_node_that_is_edited_is_pending_without_its_failure(rig: Rig) -> None:
    await rig.import_(noop("a"))
    await rig.run()
    started = (await rig.claim("a")).execution
    assert started is not None
    assert started.claim is not None
    failure = Failure(error_type="invalid_input", message="too short")
    await rig.reporter.report(Fail(execution_id=started.id, claim=started.claim, failure=failure, actor="worker"))
    assert await rig.states() == {"a": "FAILED"}

    await rig.import_(noop("a", nonce="new"))

    row = await rig.pool.fetchrow("SELECT status, failure FROM nodes")
    assert row is not None
    assert tuple(row) == ("pending", None)


async def test_deleted_pipeline_ends_what_runs(rig: Rig) -> None:
    await rig.import_(noop("a"))
    await rig.run()

    await rig.pipelines.delete(CALLER, FILM, force=True, etag="")

    assert await rig.pool.fetchval("SELECT state FROM executions") == "CANCELLED"


async def test_asset_with_its_bytes_is_complete_as_soon_as_it_is_imported(rig: Rig) -> None:
    await rig.import_({"id": "script", "type": "asset", "asset": TEXT})
    before = await rig.pool.fetchrow("SELECT content_digest, output ->> 'sha256' FROM nodes")
    assert await rig.states() == {"script": "COMPLETED"}
    assert before is not None
    assert before[0] == before[1] != ""

    await rig.import_({"id": "script", "type": "asset", "asset": TEXT | {"content": "Good night."}})

    assert await rig.states() == {"script": "COMPLETED"}
    assert await rig.pool.fetchrow("SELECT content_digest, output ->> 'sha256' FROM nodes") != before


async def test_edit_over_an_execution_that_changed_meanwhile_is_contended(rig: Rig) -> None:
    imported = await rig.import_(noop("a"))
    assert imported.pipeline_uid is not None
    await rig.run()
    execution = await rig.latest("a")

    async def edit_what_was_seen_before(pipeline_uid: PipelineUid) -> None:
        async with rig.store.edit([pipeline_uid]) as transaction:
            working_set = await transaction.load()
            # Somebody who does not take the lock, as a defect would.
            await rig.pool.execute("UPDATE executions SET state = 'WAITING', dispatch_due_at = NULL")
            cancel(working_set, working_set.executions[execution.id], reason="edited", actor="test")
            await transaction.save(working_set)

    with pytest.raises(Contended):
        await edit_what_was_seen_before(imported.pipeline_uid)

    assert (await rig.latest("a")).state == "WAITING"
    assert await rig.states() == {"a": "IN_PROGRESS"}


@pytest.mark.parametrize(
    "changes", [{"state": ExecutionState.SUCCEEDED}, {"dispatch_no": 9}, {"details": {"job": "another"}}]
)
async def test_edit_that_decides_what_is_the_engines_is_refused(rig: Rig, changes: dict[str, Any]) -> None:
    imported = await rig.import_(noop("a"))
    assert imported.pipeline_uid is not None
    await rig.run()
    execution = await rig.latest("a")

    async def decide(pipeline_uid: PipelineUid) -> None:
        async with rig.store.edit([pipeline_uid]) as transaction:
            working_set = await transaction.load()
            working_set.put(replace(working_set.executions[execution.id], **changes))
            await transaction.save(working_set)

    with pytest.raises(AssertionError, match="an edit cannot write"):
        await decide(imported.pipeline_uid)

    assert await rig.latest("a") == execution


class TestFunctionsRefuse:
    """The functions themselves, as somebody with the editing role's password would call them."""

    async def test_execution_that_changed_since_it_was_seen(self, rig: Rig, edit: Pool) -> None:
        await rig.import_(noop("a"))
        await rig.run()
        seen = await rig.latest("a")
        await rig.claim("a")

        assert await _supersede(edit, seen.id, state="QUEUED", claim=None) == 0

        assert (await rig.latest("a")).state == "RUNNING"

    async def test_execution_that_another_worker_holds_by_now(self, rig: Rig, edit: Pool) -> None:
        await rig.import_(noop("a"))
        await rig.run()
        await rig.claim("a")

        assert await _supersede(edit, (await rig.latest("a")).id, state="RUNNING", claim=UUID(int=1)) == 0

        assert (await rig.latest("a")).state == "RUNNING"

    async def test_execution_that_has_ended(self, rig: Rig, edit: Pool) -> None:
        await rig.import_(noop("a"))
        await rig.run()
        await rig.complete("a")

        assert await _supersede(edit, (await rig.latest("a")).id, state="SUCCEEDED", claim=None) == 0

        assert (await rig.latest("a")).state == "SUCCEEDED"

    async def test_node_in_progress_whose_execution_goes_on(self, rig: Rig, edit: Pool) -> None:
        """The constraint holds inside the functions, too: a node of an active execution cannot be let go by itself."""
        await rig.import_(noop("a"))
        await rig.run()
        row = await rig.pool.fetchrow("SELECT uid, status, execution_id FROM nodes")
        assert row is not None
        other = {"uid": row["uid"], "status": row["status"], "execution_id": UUID(int=1)}

        assert await edit.fetchval(SUPERSEDE, "[]", as_json([other]), "[]", "[]") == 0

        assert await rig.states() == {"a": "IN_PROGRESS"}

    async def test_run_that_has_ended(self, rig: Rig, edit: Pool) -> None:
        await rig.import_(noop("a"))
        run = await rig.run()
        await rig.complete("a")
        seen = [{"id": run, "state": "SUCCEEDED", "end_time": datetime.now(UTC)}]
        done = [{"run_id": run, "node_uid": (await rig.latest("a")).node_uid, "decision": "DONE", "reason": "x"}]

        assert await edit.fetchval(SUPERSEDE, "[]", "[]", as_json(seen), as_json(done)) == 0

    @pytest.mark.parametrize("sha256", ["0" * 64, "", None])
    async def test_asset_with_bytes_that_its_structure_does_not_name(
        self, rig: Rig, edit: Pool, sha256: str | None
    ) -> None:
        await rig.import_({"id": "script", "type": "asset", "asset": TEXT}, noop("a"))
        rows = await rig.pool.fetch("SELECT uid, status FROM nodes")
        seen = [{**row, "execution_id": None, "output": {"sha256": sha256}} for row in map(dict, rows)]

        assert await edit.fetchval("SELECT complete_assets($1::text::json)", as_json(seen)) == 0


async def _supersede(edit: Pool, execution: UUID, *, state: str, claim: UUID | None) -> object:
    seen = [{"id": execution, "state": state, "claim": claim, "end_time": datetime.now(UTC)}]
    return await edit.fetchval(SUPERSEDE, as_json(seen), "[]", "[]", "[]")
