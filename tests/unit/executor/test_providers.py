"""Who does the work of a node, and what a vendor without a key says."""

from dataclasses import replace
from pathlib import Path

import pytest

from executor_service.executors.by_provider import ByProvider
from executor_service.executors.context import Context
from executor_service.executors.without_key import WithoutKey
from executor_service.task import (
    ErrorType,
    GiveUp,
    Learned,
    Output,
    Purchase,
    PurchaseOutcome,
    PurchaseState,
    RetryLater,
    Task,
)
from tests.unit.executor.builders import a_context, a_task, an_artifact


class Maker:
    """Makes an artifact of its own name, and sells nothing."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def execute(self, task: Task, context: Context) -> Output:
        del task, context
        return an_artifact(self._name)


class Seller(Maker):
    async def ask(self, task: Task, context: Context) -> Output:
        return await self.execute(task, context)


def a_head(provider: str, *, before: int = 0) -> Task:
    purchase = Purchase(submit_key="k", state=PurchaseState.INTENDED, job_id="", possible_submissions=before)
    return replace(a_task("generate-talking-head", provider=provider), purchase=purchase)


async def test_provider_of_the_node_does_its_work_and_is_asked_about_it(tmp_path: Path) -> None:
    table = ByProvider({"local": Maker("local"), "heygen": Seller("heygen")})

    made = await table.execute(a_head("local"), a_context(tmp_path))
    asked = await table.ask(a_head("heygen"), a_context(tmp_path))

    assert (made, asked) == (an_artifact("local"), an_artifact("heygen"))


async def test_provider_that_is_not_in_the_table_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(GiveUp, match="expected provider heygen or local, found 'runway'"):
        await ByProvider({"local": Maker("local"), "heygen": Seller("heygen")}).execute(
            a_head("runway"), a_context(tmp_path)
        )


async def test_provider_that_sells_nothing_is_never_asked(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="sells nothing"):
        await ByProvider({"local": Maker("local")}).ask(a_head("local"), a_context(tmp_path))


@pytest.mark.parametrize(("before", "learned"), [(0, Learned(outcome=PurchaseOutcome.REFUSED)), (1, None)])
async def test_vendor_without_a_key_fails_at_once_and_says_which_variable_is_missing(
    tmp_path: Path, before: int, learned: Learned | None
) -> None:
    with pytest.raises(GiveUp, match="EXECUTOR_HEYGEN_API_KEY_FILE") as given_up:
        await WithoutKey("heygen", "EXECUTOR_HEYGEN_API_KEY_FILE").execute(
            a_head("heygen", before=before), a_context(tmp_path)
        )

    assert given_up.value.failure.error_type is ErrorType.CREDENTIAL
    assert given_up.value.failure.purchase == learned


async def test_job_whose_key_is_gone_is_asked_about_when_it_is_back(tmp_path: Path) -> None:
    with pytest.raises(RetryLater):
        await WithoutKey("heygen", "EXECUTOR_HEYGEN_API_KEY_FILE").ask(a_head("heygen"), a_context(tmp_path))
