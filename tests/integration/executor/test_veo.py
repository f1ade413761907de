"""Animations bought from the simulated Veo: for each thing it can do, what becomes of node and bill."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from executor_service.executors.bought import Bought
from executor_service.executors.veo_vendor import VeoVendor
from executor_service.integrations.google_token import GoogleToken, ServiceAccount
from executor_service.integrations.veo import Veo
from executor_service.task import AwaitingPerson, AwaitingVendor, GiveUp, Output, RetryLater, Task
from servicekit.clock import SystemClock
from servicekit.object_store import ObjectStore
from tests.fakes.vendors.google_account import a_service_account
from tests.fakes.vendors.media import a_picture
from tests.fakes.vendors.process import Simulator, open_simulator
from tests.integration.executor.vendor_rig import (
    PLACES,
    POLL,
    TIMES,
    Worker,
    assert_refused,
    cause_of,
    failed,
    refused,
    submitted,
)


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="account")
async def _account(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return a_service_account(tmp_path_factory.mktemp("account"))


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="vendor")
async def _vendor(account: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulator]:
    async with open_simulator("veo", tmp_path_factory.mktemp("vendor"), key=str(account[1])) as simulator:
        yield simulator


async def a_worker(
    vendor: Simulator, account: Path, store: ObjectStore, folder: Path, prefix: str, *, storage_uri: str | None = None
) -> AsyncIterator[Worker]:
    content = await asyncio.to_thread(account.read_text)
    tokens = GoogleToken(ServiceAccount.parse(content), token_url=f"{vendor.address}/token")
    veo = Veo(
        tokens,
        project="films",
        location="us-central1",
        base_url=vendor.address,
        storage_uri=storage_uri,
        storage_url=vendor.address,
    )
    await vendor.switch()
    maker = VeoVendor(veo, store=store, poll_interval=POLL)
    yield Worker(executor=Bought(maker, SystemClock()), store=store, folder=folder, prefix=prefix)
    await veo.close()


@pytest.fixture
async def worker(
    vendor: Simulator, account: tuple[Path, Path], store: ObjectStore, folder: Path, prefix: str
) -> AsyncIterator[Worker]:
    async for made in a_worker(vendor, account[0], store, folder, prefix):
        yield made


def config_of(prefix: str, **fields: object) -> dict[str, object]:
    return {"provider": "veo3", "duration": 4, "aspectRatio": "16:9", "prompt": f"A lighthouse, {prefix}", **fields}


@pytest.fixture
def task(worker: Worker, prefix: str) -> Task:
    return worker.task("generate-animation", "veo3", config_of(prefix))  # type: ignore[arg-type] # plain JSON


def bill_of(vendor: Simulator, task: Task) -> int:
    return len(vendor.bill(prompt=task.config["prompt"]))


async def test_clip_is_bought_once_and_lies_in_the_store(worker: Worker, vendor: Simulator, task: Task) -> None:
    output = await worker.until_it_ends(task)

    assert isinstance(output, Output)
    assert output.media is not None
    assert (output.media.width, output.media.height, output.cost_micros) == (1280, 720, 4 * 400_000)
    (line,) = vendor.bill(prompt=task.config["prompt"])
    assert line["parameters"] == {
        "aspectRatio": "16:9",
        "durationSeconds": 4,
        "generateAudio": True,
        "resolution": "720p",
        "sampleCount": 1,
    }


async def test_picture_travels_in_the_request(worker: Worker, vendor: Simulator, tmp_path: Path, prefix: str) -> None:
    picture = await worker.stored(a_picture(tmp_path / "still.png"), "referenceImage")
    task = worker.task("generate-animation", "veo3", config_of(prefix), picture)  # type: ignore[arg-type] # plain JSON

    assert isinstance(await worker.until_it_ends(task), Output)


async def test_film_of_many_megabytes_is_taken_from_the_answer(worker: Worker, vendor: Simulator, task: Task) -> None:
    await vendor.switch(padding_mib=20)

    output = await worker.until_it_ends(task)

    assert isinstance(output, Output)
    assert output.size_bytes > 20 * 1024**2


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"duration": 5}, r"config\.duration: 'veo3' makes 4, 6, 8 s; found 5"),
        ({"aspectRatio": "1:1"}, "makes 16:9, 9:16; found 1:1"),
        ({"model": "veo-3.0-generate-preview"}, "Veo has veo-3.1-generate-001, .* retired; found"),
    ],
)
async def test_what_veo_does_not_make_is_told_before_anything_is_bought(
    worker: Worker, vendor: Simulator, prefix: str, fields: dict[str, object], words: str
) -> None:
    task = worker.task("generate-animation", "veo3", config_of(prefix, **fields))  # type: ignore[arg-type] # JSON

    await assert_refused(worker, vendor, task, "invalid_input", words)


async def test_withheld_film_is_moderation_and_not_success(worker: Worker, vendor: Simulator, task: Task) -> None:
    await vendor.switch(filtered=True)

    with pytest.raises(GiveUp, match="Support codes: 42237218") as end:
        await worker.until_it_ends(task)

    assert cause_of(end.value) == ("moderation", failed(0))


@pytest.mark.parametrize(
    ("failure", "error_type"),
    [
        ({"code": 3, "message": "The image is too small"}, "invalid_input"),
        ({"code": 3, "message": "It violates our usage guidelines. Support codes: 1"}, "moderation"),
        ({"code": 8, "message": "Resource exhausted"}, "rate_limited"),
        ({"code": 13, "message": "Internal error"}, "provider_unavailable"),
    ],
)
async def test_failed_operation_ends_the_purchase_with_its_class(
    worker: Worker, vendor: Simulator, task: Task, failure: dict[str, object], error_type: str
) -> None:
    await vendor.switch(failure=failure)

    with pytest.raises(GiveUp) as end:
        await worker.until_it_ends(task)

    assert cause_of(end.value) == (error_type, failed())


@pytest.mark.parametrize(("busy", "wait_s"), [("retry_info", 20), ("words", 20.04), ("bare", 60), ("listed", 60)])
async def test_busy_vendor_is_tried_when_it_says(
    worker: Worker, vendor: Simulator, task: Task, busy: str, wait_s: float
) -> None:
    await vendor.switch(busy=busy)

    with pytest.raises(RetryLater) as later:
        await worker.claim(task)

    assert (later.value.after.total_seconds(), later.value.purchase) == (wait_s, refused())
    assert bill_of(vendor, task) == 0


async def test_account_that_google_does_not_admit_is_the_operators_to_mend(
    vendor: Simulator, store: ObjectStore, folder: Path, prefix: str, tmp_path: Path
) -> None:
    stranger, _ = a_service_account(tmp_path)
    async for worker in a_worker(vendor, stranger, store, folder, prefix):
        task = worker.task("generate-animation", "veo3", config_of(prefix))  # type: ignore[arg-type] # plain JSON
        with pytest.raises(GiveUp, match=r"Invalid JWT Signature\.") as end:
            await worker.claim(task)

    assert cause_of(end.value) == ("credential", refused())


async def test_token_is_asked_for_once_and_again_when_it_ends(worker: Worker, vendor: Simulator, task: Task) -> None:
    before = len([one for one in await vendor.log() if one["path"] == "/token"])

    await worker.until_it_ends(task)

    after = len([one for one in await vendor.log() if one["path"] == "/token"])
    assert after - before == 1


@pytest.mark.parametrize("switch", ["lose_answers", "fail_after_accepting"])
async def test_answer_that_got_lost_asks_a_person_and_buys_no_second(
    worker: Worker, vendor: Simulator, task: Task, switch: str
) -> None:
    await vendor.switch(**{switch: 1})

    assert isinstance(await worker.until_it_ends(task), AwaitingPerson)

    assert bill_of(vendor, task) == 1


async def test_vendor_that_is_away_for_a_while_is_asked_again(worker: Worker, vendor: Simulator, task: Task) -> None:
    waiting = await worker.claim(task)
    assert isinstance(waiting, AwaitingVendor)
    await vendor.switch(unavailable=2)

    with pytest.raises(RetryLater) as later:
        await worker.ask(submitted(task, waiting.job_id))

    assert later.value.purchase is None


async def test_operation_that_google_has_forgotten_ends_the_purchase(
    worker: Worker, vendor: Simulator, task: Task
) -> None:
    waiting = await worker.claim(task)
    assert isinstance(waiting, AwaitingVendor)
    assert task.purchase is not None
    await vendor.switch(forget=True)
    old = replace(task.purchase, intend_time=SystemClock().now() - timedelta(days=2))

    with pytest.raises(GiveUp, match="not know the job any more") as end:
        await worker.ask(submitted(replace(task, purchase=old), waiting.job_id))

    assert cause_of(end.value) == ("provider_unavailable", failed())


@pytest.mark.parametrize("result", ["empty", "text"])
async def test_result_that_is_no_film_ends_the_purchase(
    worker: Worker, vendor: Simulator, task: Task, result: str
) -> None:
    await vendor.switch(result=result)

    with pytest.raises(GiveUp) as end:
        await worker.until_it_ends(task)

    assert cause_of(end.value) == ("media_mismatch", failed())


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


@pytest.mark.parametrize("name", ["../secret", "projects/x/operations/y", "https://10.0.0.1/operations/x"])
async def test_job_whose_name_is_none_of_veo_is_never_asked_for(
    worker: Worker, vendor: Simulator, task: Task, name: str
) -> None:
    before = len(await vendor.log())

    with pytest.raises(RetryLater, match="not know the job yet"):
        await worker.ask(submitted(task, name))

    assert len(await vendor.log()) == before


@pytest.fixture
async def with_bucket(
    vendor: Simulator, account: tuple[Path, Path], store: ObjectStore, folder: Path, prefix: str
) -> AsyncIterator[Worker]:
    async for made in a_worker(vendor, account[0], store, folder, prefix, storage_uri="gs://films/made here"):
        yield made


async def test_film_in_a_bucket_is_fetched_from_there(with_bucket: Worker, vendor: Simulator, prefix: str) -> None:
    task = with_bucket.task("generate-animation", "veo3", config_of(prefix))  # type: ignore[arg-type]  # plain JSON

    output = await with_bucket.until_it_ends(task)

    assert isinstance(output, Output)
    assert (output.content_type, output.cost_micros) == ("video/mp4", 4 * 400_000)
    (line,) = vendor.bill(prompt=task.config["prompt"])
    assert line["parameters"]["storageUri"] == "gs://films/made here"


async def test_bucket_that_is_away_is_asked_again(with_bucket: Worker, vendor: Simulator, prefix: str) -> None:
    task = with_bucket.task("generate-animation", "veo3", config_of(prefix))  # type: ignore[arg-type]  # plain JSON
    await vendor.switch(unavailable_objects=2)

    assert isinstance(await with_bucket.until_it_ends(task), Output)

    assert bill_of(vendor, task) == 1


async def test_film_that_somebody_removed_from_the_bucket_is_not_bought_again(
    with_bucket: Worker, vendor: Simulator, prefix: str
) -> None:
    task = with_bucket.task("generate-animation", "veo3", config_of(prefix))  # type: ignore[arg-type]  # plain JSON
    purchase = replace(with_bucket.purchase(), intend_time=SystemClock().now() - timedelta(minutes=10))
    await vendor.switch(forget_objects=True)

    with pytest.raises(GiveUp) as end:
        await with_bucket.until_it_ends(replace(task, purchase=purchase))

    assert cause_of(end.value) == ("provider_unavailable", failed())
    assert bill_of(vendor, task) == 1


async def test_film_of_which_another_sample_was_withheld_is_a_success(
    worker: Worker, vendor: Simulator, task: Task
) -> None:
    await vendor.switch(filtered_in_part=True)

    assert isinstance(await worker.until_it_ends(task), Output)
