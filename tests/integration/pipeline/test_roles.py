"""The two roles of the service: what is refused to each, and that nothing else stands between an edit and state."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import pytest

from devstack.layout import EDIT_ROLE, ENGINE_ROLE, OWNER_ROLE
from pipeline_service.domain.engine.reports import Fail
from pipeline_service.domain.states import RunState
from pipeline_service.domain.values import Failure
from pipeline_service.store.pool import Pool, Pools, as_json
from tests.factories import noop
from tests.integration.pipeline.rig import CALLER, FILM, OWNER, Rig, running_rig
from tests.refusals import REFUSED, not_refused

SHARED = {"update_time"}
"""Columns of nodes that both roles write."""
FIXED = {"uid", "pipeline_uid", "id", "create_time"}
"""Columns of nodes that nobody writes again."""
MAY_UPDATE = """
SELECT column_name, has_column_privilege($1, 'nodes', column_name, 'UPDATE') FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = 'nodes'
"""
FUNCTIONS = """
SELECT proname, prosecdef, proconfig, pg_get_userbyid(proowner) AS owner,
    has_function_privilege('public', oid, 'EXECUTE') AS is_public
FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""
SUPERSEDE = "SELECT supersede_nodes($1::text::json, $2::text::json, $3::text::json, $4::text::json)"
TEXT = {"type": "text", "content": "Good morning."}


@pytest.fixture
async def rig(pools: Pools) -> AsyncIterator[Rig]:
    async with running_rig(pools) as rig:
        yield rig


@pytest.fixture
def edit(pools: Pools) -> Pool:
    return pools.edit


async def test_role_that_keeps_state_is_refused_structure_history_and_definitions(pools: Pools) -> None:
    assert await not_refused(pools.engine, REFUSED[ENGINE_ROLE]) == []


async def test_role_that_edits_structure_is_refused_state_history_and_definitions(pools: Pools) -> None:
    assert await not_refused(pools.edit, REFUSED[EDIT_ROLE]) == []


async def test_every_column_of_a_node_belongs_to_one_role(pool: Pool) -> None:
    engine, edit = [
        {name for name, may_update in await pool.fetch(MAY_UPDATE, role) if may_update}
        for role in (ENGINE_ROLE, EDIT_ROLE)
    ]
    columns = {name for name, _ in await pool.fetch(MAY_UPDATE, ENGINE_ROLE)}

    assert engine & edit == SHARED
    assert columns - engine - edit == FIXED, "a new column needs a grant to the role that owns it"


async def test_functions_run_as_the_owner_for_the_editing_role_alone(pool: Pool) -> None:
    found = {row["proname"]: row for row in await pool.fetch(FUNCTIONS)}

    assert found.keys() == {"supersede_nodes", "complete_assets"}
    for row in found.values():
        assert row["prosecdef"]
        assert row["owner"] == OWNER_ROLE
        assert row["proconfig"] == ["search_path=pg_catalog, pg_temp"]
        assert not row["is_public"]


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
