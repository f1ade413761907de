"""Bought work against a simulated vendor and a real store, without pipeline service: the test plays its part."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from executor_service.executors.context import Context
from executor_service.executors.executor import PaidExecutor, Result
from executor_service.executors.handing_over import HandingOver
from executor_service.task import (
    AwaitingVendor,
    Config,
    GiveUp,
    Learned,
    MediaType,
    Output,
    Purchase,
    PurchaseOutcome,
    PurchaseState,
    RetryLater,
    Task,
    TaskInput,
)
from servicekit.clock import SystemClock
from servicekit.failpoints import FailpointError
from servicekit.object_store import ObjectStore
from tests.fakes.vendors.process import Simulator
from tests.unit.executor.builders import a_context, a_task, an_input

PLACES = (
    "executor.before_submit",
    "executor.after_submit",
    "executor.before_poll",
    "executor.after_poll",
    "executor.before_upload",
    "executor.after_upload",
)
"""Where a worker may die between the claim and the report."""
TIMES = [0, *(pytest.param(time, marks=pytest.mark.slow) for time in range(1, 20))]
"""Once, and 20 times among the slow tests."""
_TRIES = 60
_TYPES = {
    ".mp3": (MediaType.AUDIO, "audio/mpeg"),
    ".m4a": (MediaType.AUDIO, "audio/mp4"),
    ".png": (MediaType.IMAGE, "image/png"),
    ".gif": (MediaType.IMAGE, "image/gif"),
    ".txt": (MediaType.TEXT, "text/plain"),
}


@dataclass
class Worker:
    """One purchase, handed from one claim to the next as the pipeline service would do it."""

    executor: PaidExecutor
    store: ObjectStore
    folder: Path
    prefix: str
    claims: int = 0

    async def stored(self, path: Path, slot: str) -> TaskInput:
        """An input of a task."""
        kind, content_type = _TYPES[path.suffix]
        key = f"{self.prefix}{slot}{path.suffix}"
        facts = await self.store.put_file(key, path, content_type=content_type)
        output = Output(
            type=kind, s3_key=key, size_bytes=facts.size_bytes, sha256=facts.sha256 or "", content_type=content_type
        )
        return an_input(slot, output)

    def task(self, node_type: str, provider: str, config: Config, *inputs: TaskInput, title: str = "") -> Task:
        task = a_task(node_type, provider=provider, config=config, inputs=inputs, title=title)
        return replace(task, purchase=self.purchase())

    def purchase(self) -> Purchase:
        return Purchase(
            submit_key=str(uuid4()),
            state=PurchaseState.INTENDED,
            job_id="",
            intend_time=SystemClock().now(),
        )

    async def claim(self, task: Task, *, failpoints: str = "") -> Result:
        """One attempt, in a folder and below a prefix of its own."""
        return await self.executor.execute(task, self._context(failpoints))

    async def ask(self, task: Task, *, failpoints: str = "", is_called_off: bool = False) -> Result:
        return await self.executor.ask(task, replace(self._context(failpoints), is_called_off=is_called_off))

    async def dies_at(self, place: str, task: Task) -> Task:
        """Work until a worker comes by there and is never heard of again; the task as the next one gets it."""
        failpoints = f"{place}=raise@1"
        with suppress(FailpointError):
            ending = await self.claim(task, failpoints=failpoints)
            while isinstance(ending, AwaitingVendor):
                task = submitted(task, ending.job_id)
                await asyncio.sleep(ending.ask_after.total_seconds())
                ending = await self.ask(task, failpoints=failpoints)
            raise AssertionError(f"nobody comes by {place}: {ending}")
        return learned(task, None)

    async def until_it_ends(self, task: Task) -> Result:
        """Claims and asks without waiting, until there is neither a job to wait for nor a time to come back at.

        Raises GiveUp.
        """
        asks = False
        for _ in range(_TRIES):
            try:
                ending = await (self.ask(task) if asks else self.claim(task))
            except RetryLater as later:
                task = learned(task, later.purchase)
                await asyncio.sleep(min(later.after.total_seconds(), 0.05))
                continue
            if not isinstance(ending, AwaitingVendor):
                return ending
            task, asks = submitted(task, ending.job_id), True
            await asyncio.sleep(min(ending.ask_after.total_seconds(), 0.2))
        raise AssertionError(f"not over after {_TRIES} tries")

    def _context(self, failpoints: str = "") -> Context:
        self.claims += 1
        folder = self.folder / str(self.claims)
        folder.mkdir()
        return a_context(folder, key_prefix=f"{self.prefix}{self.claims}/", failpoints=failpoints)


def submitted(task: Task, job_id: str) -> Task:
    assert task.purchase is not None
    return replace(task, purchase=replace(task.purchase, state=PurchaseState.SUBMITTED, job_id=job_id))


def learned(task: Task, said: Learned | None) -> Task:
    """The purchase as the next claim has it."""
    assert task.purchase is not None
    now = task.purchase
    if now.state is PurchaseState.SUBMITTED:
        return task
    if said is not None and said.outcome is PurchaseOutcome.REFUSED:
        return replace(task, purchase=replace(now, submit_key=f"{now.submit_key}-next", possible_submissions=0))
    return replace(task, purchase=replace(now, possible_submissions=now.possible_submissions + 1))


def by_upload(store: ObjectStore) -> HandingOver:
    """As on a laptop: no vendor can fetch anything."""
    return HandingOver(store, None)


def by_address(store: ObjectStore) -> HandingOver:
    return HandingOver(store, store)


async def assert_refused(
    worker: Worker, vendor: Simulator, task: Task, error_type: str, words: str | None = None
) -> None:
    """A claim gives up for that reason, in such words (a pattern), and nothing is bought."""
    before = len(vendor.bill())

    with pytest.raises(GiveUp, match=words) as end:
        await worker.claim(task)

    assert cause_of(end.value) == (error_type, refused())
    assert len(vendor.bill()) == before


def cause_of(given_up: GiveUp) -> tuple[str, Learned | None]:
    return given_up.failure.error_type.value, given_up.failure.purchase


def failed(cost_micros: int | None = None) -> Learned:
    return Learned(outcome=PurchaseOutcome.FAILED, cost_micros=cost_micros)


def refused() -> Learned:
    return Learned(outcome=PurchaseOutcome.REFUSED)


POLL = timedelta(seconds=0.1)
