"""What is kept about a node that breaks the rules of its type, and what an edit leaves of a node's work."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from pipeline_service.commands.errors import FailedPrecondition, InvalidDocument
from pipeline_service.domain.ids import NodeId
from pipeline_service.store.pool import Pools
from pipeline_service.wire.resources import node_message
from tests.factories import noop
from tests.integration.pipeline.rig import CALLER, FILM, OWNER, Rig, running_rig

PICTURE = {"id": "still", "type": "asset", "asset": {"type": "image", "source": "https://media.example.com/a.png"}}
MOVING = {
    "id": "moving",
    "type": "generate-animation",
    "inputs": {"referenceImage": "still"},
    "config": {"provider": "local"},
}


@pytest.fixture
async def rig(pools: Pools) -> AsyncIterator[Rig]:
    async with running_rig(pools) as rig:
        yield rig


async def update(rig: Rig, node: str, **parts: Any) -> None:
    await rig.nodes.update(CALLER, FILM, NodeId(node), parts, strict=False, etag="")


async def kept(rig: Rig, node: str) -> tuple[bool, dict[str, list[str]]]:
    """The columns `is_valid` and `validation_errors` of a node."""
    row = await rig.pool.fetchrow("SELECT is_valid, validation_errors FROM nodes WHERE id = $1", node)
    assert row is not None
    return row["is_valid"], row["validation_errors"]


async def shown(rig: Rig, node: str) -> Any:
    """The node as a client reads it."""
    view = await rig.reader.node(OWNER, FILM, NodeId(node))
    assert view is not None
    return node_message(view, FILM)


class TestInvalidNode:
    async def test_is_kept_with_its_messages_by_field_and_shown_with_them(self, rig: Rig) -> None:
        await rig.import_(noop("a"))

        await update(rig, "a", config={"provider": "local", "nonce": 5, "seconds": -1})

        expected = {
            "config.nonce": ["expected a string, found the number 5"],
            "config.seconds": ["expected at least 0, found -1"],
        }
        message = await shown(rig, "a")
        assert await kept(rig, "a") == (False, expected)
        assert not message.is_valid
        assert {problem.field: [problem.description] for problem in message.problems} == expected

    async def test_is_not_executed_until_an_edit_heals_it(self, rig: Rig) -> None:
        await rig.import_(noop("a"))
        await update(rig, "a", config={"provider": "nobody"})

        with pytest.raises(FailedPrecondition, match=r"'a' is not valid: config\.provider"):
            await rig.nodes.execute(CALLER, FILM, NodeId("a"), force=False)
        await update(rig, "a", config={"provider": "local"})
        await rig.nodes.execute(CALLER, FILM, NodeId("a"), force=False)

        assert await kept(rig, "a") == (True, {})
        assert await rig.states() == {"a": "IN_PROGRESS"}

    async def test_is_found_where_an_edit_of_its_source_made_it_one(self, rig: Rig) -> None:
        await rig.import_(PICTURE, MOVING)

        await update(rig, "still", asset={"type": "audio", "source": "https://media.example.com/a.mp3"})
        broken = await kept(rig, "moving")
        await update(rig, "still", asset=PICTURE["asset"])

        assert broken == (False, {"inputs.referenceImage": ["takes image, but node 'still' makes audio"]})
        assert await kept(rig, "moving") == (True, {})


async def test_asset_node_does_not_lose_its_asset(rig: Rig) -> None:
    await rig.import_(PICTURE)

    with pytest.raises(InvalidDocument) as refused:
        await update(rig, "still", asset=None)

    assert [problem.field for problem in refused.value.violations] == ["node.asset"]
    assert (await shown(rig, "still")).asset.source == "https://media.example.com/a.png"


class TestEditOfADoneNode:
    @pytest.mark.parametrize(
        ("node", "parts"), [("a", {"config": {"provider": "local", "nonce": "new"}}), ("b", {"inputs": {}})]
    )
    async def test_of_its_structure_leaves_the_last_output_readable(
        self, rig: Rig, node: str, parts: dict[str, Any]
    ) -> None:
        await self._done(rig)
        before = await shown(rig, node)

        await update(rig, node, **parts)

        after = await shown(rig, node)
        assert before.output == before.last_output == after.last_output
        assert after.last_output.s3_key
        assert not after.HasField("output")
        assert not after.is_current

    @pytest.mark.parametrize("parts", [{"title": "Another"}, {"labels": {"team": "red"}}])
    async def test_of_title_or_labels_changes_nothing_of_it(self, rig: Rig, parts: dict[str, Any]) -> None:
        await self._done(rig)
        before = await shown(rig, "a")

        await update(rig, "a", **parts)

        after = await shown(rig, "a")
        assert (after.state, after.output, after.is_current) == (before.state, before.output, True)

    async def _done(self, rig: Rig) -> None:
        await rig.import_(noop("a"), noop("b", "a"))
        await rig.run()
        await rig.complete("a")
        await rig.complete("b")


class TestEditOfARunningNode:
    async def test_of_its_structure_supersedes_the_execution(self, rig: Rig) -> None:
        execution = await self._running(rig)

        await update(rig, "a", config={"provider": "local", "nonce": "new"})

        ended = await rig.latest("a")
        assert (ended.id, ended.state) == (execution, "CANCELLED")
        assert await rig.states() == {"a": "PENDING"}

    @pytest.mark.parametrize("parts", [{"title": "Another"}, {"labels": {"team": "red"}}])
    async def test_of_title_or_labels_lets_it_run(self, rig: Rig, parts: dict[str, Any]) -> None:
        execution = await self._running(rig)

        await update(rig, "a", **parts)

        running = await rig.latest("a")
        assert (running.id, running.state) == (execution, "RUNNING")

    async def _running(self, rig: Rig) -> Any:
        await rig.import_(noop("a"))
        await rig.run()
        started = await rig.claim("a")
        assert started.execution is not None
        return started.execution.id
