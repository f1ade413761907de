"""Animations bought from the simulated Runway: for each thing it can do, what becomes of node and bill."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from executor_service.executors.bought import Bought
from executor_service.executors.runway_vendor import RunwayVendor
from executor_service.integrations.fetch import Fetcher
from executor_service.integrations.runway import Runway
from executor_service.task import AwaitingPerson, AwaitingVendor, GiveUp, Output, RetryLater, Task
from servicekit.clock import SystemClock
from servicekit.object_store import ObjectStore
from tests.fakes.vendors.media import a_picture
from tests.fakes.vendors.process import KEY, Simulator, open_simulator
from tests.integration.executor.vendor_rig import (
    PLACES,
    POLL,
    TIMES,
    Worker,
    assert_refused,
    cause_of,
    failed,
    learned,
    refused,
    submitted,
)

CREDIT = 10_000
COST = 24 * CREDIT
"""Two seconds of gen4.5."""


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="vendor")
async def _vendor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulator]:
    async with open_simulator("runway", tmp_path_factory.mktemp("vendor")) as simulator:
        yield simulator


@pytest.fixture
async def worker(vendor: Simulator, store: ObjectStore, folder: Path, prefix: str) -> AsyncIterator[Worker]:
    runway = Runway(api_key=KEY, base_url=vendor.address)
    await vendor.switch()
    maker = RunwayVendor(runway, store=store, fetcher=Fetcher(sandbox=vendor.address), poll_interval=POLL * 10)
    yield Worker(executor=Bought(maker, SystemClock()), store=store, folder=folder, prefix=prefix)
    await runway.close()


def config_of(prefix: str, **fields: object) -> dict[str, object]:
    return {"provider": "runway", "duration": 2, "aspectRatio": "16:9", "prompt": f"A lighthouse, {prefix}", **fields}


@pytest.fixture
def task(worker: Worker, prefix: str) -> Task:
    return worker.task("generate-animation", "runway", config_of(prefix))  # type: ignore[arg-type] # plain JSON


def bill_of(vendor: Simulator, task: Task) -> int:
    return len(vendor.bill(prompt=task.config["prompt"]))


async def test_film_of_words_is_bought_once_and_lies_in_the_store(
    worker: Worker, vendor: Simulator, task: Task
) -> None:
    output = await worker.until_it_ends(task)

    assert isinstance(output, Output)
    assert output.media is not None
    assert output.duration is not None
    assert (output.media.width, output.media.height, output.cost_micros) == (1280, 720, COST)
    assert output.duration.total_seconds() == pytest.approx(2.0, abs=0.1)
    (line,) = vendor.bill(prompt=task.config["prompt"])
    assert (line["request"]["model"], line["request"]["ratio"]) == ("gen4.5", "1280:720")
    assert not vendor.bill(leaked_key=True)


async def test_film_of_a_picture_carries_the_picture_in_the_request(
    worker: Worker, vendor: Simulator, tmp_path: Path, prefix: str
) -> None:
    picture = await worker.stored(a_picture(tmp_path / "still.png"), "referenceImage")
    config = config_of(prefix, aspectRatio="1:1")
    task = worker.task("generate-animation", "runway", config, picture)  # type: ignore[arg-type] # plain JSON

    assert isinstance(await worker.until_it_ends(task), Output)

    (line,) = vendor.bill(prompt=config["prompt"])
    assert (line["request"]["model"], line["request"]["ratio"]) == ("gen4_turbo", "960:960")
    assert line["request"]["promptImage"].startswith("data:image/png;base64,")


@pytest.fixture
async def with_large_picture(worker: Worker, tmp_path: Path, prefix: str) -> Task:
    """Noise does not compress: as a data URI it has more characters than Runway takes."""
    path = tmp_path / "large.png"
    pixels = Image.frombytes("RGB", (1200, 1200), os.urandom(1200 * 1200 * 3))
    pixels.save(path)
    picture = await worker.stored(path, "referenceImage")
    return worker.task("generate-animation", "runway", config_of(prefix), picture)  # type: ignore[arg-type]  # plain JSON


async def test_picture_that_does_not_fit_goes_by_an_upload_of_its_own(
    worker: Worker, vendor: Simulator, with_large_picture: Task
) -> None:
    assert isinstance(await worker.until_it_ends(with_large_picture), Output)

    (line,) = vendor.bill(prompt=with_large_picture.config["prompt"])
    assert line["request"]["promptImage"].startswith("runway://")
    assert not vendor.bill(leaked_key=True)


@pytest.mark.parametrize("switches", [{"failing_uploads": 1}, {"private_uploads": True}])
async def test_upload_that_fails_is_repeated_before_anything_is_bought(
    worker: Worker, vendor: Simulator, with_large_picture: Task, switches: dict[str, object]
) -> None:
    await vendor.switch(**switches)

    with pytest.raises(RetryLater, match="Runway takes an upload and") as later:
        await worker.claim(with_large_picture)

    assert later.value.purchase == refused()
    assert bill_of(vendor, with_large_picture) == 0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"duration": 11}, r"config\.duration: 'runway' makes 2, 3, .*10 s; found 11"),
        ({"duration": 2.5}, r"found 2\.5"),
        ({"model": "veo3.1", "duration": 5}, "makes 4, 6, 8 s; found 5"),
        ({"aspectRatio": "1:1"}, "makes 16:9, 9:16; found 1:1"),
        ({"model": "gen3"}, "Runway has gen4_turbo, .*; found 'gen3'"),
        ({"model": "gen4_turbo"}, "needs an input referenceImage"),
        ({"prompt": "𝄞" * 501}, "prompts of 1000 characters"),
    ],
)
async def test_what_the_model_does_not_make_is_told_before_anything_is_bought(
    worker: Worker, vendor: Simulator, prefix: str, fields: dict[str, object], words: str
) -> None:
    task = worker.task("generate-animation", "runway", config_of(prefix, **fields))  # type: ignore[arg-type] # JSON

    await assert_refused(worker, vendor, task, "invalid_input", words)


async def test_film_that_was_called_off_is_cancelled_there(worker: Worker, vendor: Simulator, task: Task) -> None:
    await vendor.switch(throttled=1)
    waiting = await worker.claim(task)
    assert isinstance(waiting, AwaitingVendor)

    with pytest.raises(GiveUp, match="the vendor has stopped it") as end:
        await worker.ask(submitted(task, waiting.job_id), is_called_off=True)

    assert cause_of(end.value) == ("cancelled", failed())
    with pytest.raises(RetryLater, match="does not know the job yet"):
        await worker.ask(submitted(task, waiting.job_id))


async def test_throttled_task_is_waited_for(worker: Worker, vendor: Simulator, task: Task) -> None:
    await vendor.switch(throttled=1)
    waiting = await worker.claim(task)
    assert isinstance(waiting, AwaitingVendor)

    ending = await worker.ask(submitted(task, waiting.job_id))

    assert isinstance(ending, AwaitingVendor)
    assert ending.progress is not None
    assert ending.progress.stage == "queued"
    assert 0.75 <= ending.ask_after.total_seconds() <= 1.25


@pytest.mark.parametrize(
    ("code", "charged", "error_type"),
    [
        ("SAFETY.INPUT.TEXT", True, "moderation"),
        ("SAFETY.OUTPUT.VIDEO", False, "moderation"),
        ("INPUT_PREPROCESSING.SAFETY.TEXT", False, "moderation"),
        ("INPUT_PREPROCESSING.INTERNAL", False, "provider_unavailable"),
        ("INTERNAL.BAD_OUTPUT.01", False, "invalid_input"),
        ("ASSET.INVALID", False, "invalid_input"),
        ("THIRD_PARTY.UNAVAILABLE", False, "provider_unavailable"),
        ("INTERNAL", False, "provider_unavailable"),
        (None, False, "provider_unavailable"),
    ],
)
async def test_failed_task_ends_the_purchase_with_its_class_and_what_it_cost(
    worker: Worker, vendor: Simulator, task: Task, code: str | None, charged: bool, error_type: str
) -> None:
    await vendor.switch(failure={"code": code, "text": "refused", "charged": charged})

    with pytest.raises(GiveUp, match="Runway: refused") as end:
        await worker.until_it_ends(task)

    assert cause_of(end.value) == (error_type, failed(COST if charged else 0))


async def test_task_that_was_cancelled_there_ends_the_purchase(worker: Worker, vendor: Simulator, task: Task) -> None:
    await vendor.switch(cancelled=True)

    with pytest.raises(GiveUp) as end:
        await worker.until_it_ends(task)

    assert cause_of(end.value) == ("cancelled", failed(COST))


@pytest.mark.parametrize(("switch", "wait_s"), [("capped", 900), ("sheds_load", 1)])
async def test_vendor_that_takes_no_more_is_tried_later(
    worker: Worker, vendor: Simulator, task: Task, switch: str, wait_s: int
) -> None:
    await vendor.switch(**{switch: 1})

    with pytest.raises(RetryLater) as later:
        await worker.claim(task)

    assert (later.value.after.total_seconds(), later.value.purchase) == (wait_s, refused())
    assert bill_of(vendor, task) == 0


async def test_account_without_credits_is_the_operators_to_fill(worker: Worker, vendor: Simulator, task: Task) -> None:
    await vendor.switch(poor=1)

    await assert_refused(worker, vendor, task, "quota_exhausted")


@pytest.mark.parametrize("switch", ["lose_answers", "fail_after_accepting"])
async def test_answer_that_got_lost_asks_a_person_and_buys_no_second(
    worker: Worker, vendor: Simulator, task: Task, switch: str
) -> None:
    await vendor.switch(**{switch: 1})

    assert isinstance(await worker.until_it_ends(task), AwaitingPerson)

    assert bill_of(vendor, task) == 1


@pytest.mark.parametrize("switch", ["unreadable_downloads", "without_output", "unavailable"])
async def test_result_that_cannot_be_read_yet_is_asked_for_again(
    worker: Worker, vendor: Simulator, task: Task, switch: str
) -> None:
    await vendor.switch(**{switch: 3})

    assert isinstance(await worker.until_it_ends(task), Output)

    assert bill_of(vendor, task) == 1


@pytest.mark.parametrize("result", ["empty", "text", "private"])
async def test_result_that_is_no_film_ends_the_purchase(
    worker: Worker, vendor: Simulator, task: Task, result: str
) -> None:
    await vendor.switch(result=result)

    with pytest.raises(GiveUp) as end:
        await worker.until_it_ends(task)

    assert cause_of(end.value) == ("media_mismatch", failed(COST))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("time", TIMES)
async def test_worker_that_dies_anywhere_is_followed_by_one_that_does_not_buy_again(
    worker: Worker, vendor: Simulator, task: Task, place: str, time: int
) -> None:
    """Around the submission nobody can find out what became of it: a person is asked."""
    ending = await worker.until_it_ends(await worker.dies_at(place, task))

    asks = place in ("executor.before_submit", "executor.after_submit")
    assert isinstance(ending, AwaitingPerson if asks else Output)
    assert bill_of(vendor, task) == (0 if place == "executor.before_submit" else 1)


async def test_resubmission_that_a_person_asks_for_is_another_purchase(
    worker: Worker, vendor: Simulator, task: Task
) -> None:
    await vendor.switch(lose_answers=1)
    with pytest.raises(RetryLater) as lost:
        await worker.claim(task)
    in_doubt = learned(task, lost.value.purchase)
    assert isinstance(await worker.claim(in_doubt), AwaitingPerson)

    assert isinstance(await worker.until_it_ends(learned(in_doubt, refused())), Output)

    assert bill_of(vendor, task) == 2
