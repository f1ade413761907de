"""Code screens bought from the simulated Remotion Lambda: for each thing it can do, what becomes of node and bill."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from executor_service.executors.bought import Bought
from executor_service.executors.remotion_vendor import RemotionVendor
from executor_service.integrations.remotion import Remotion, RemotionAccount
from executor_service.integrations.vendor_errors import InvalidCredentials
from executor_service.task import AwaitingPerson, AwaitingVendor, GiveUp, MediaType, Output, RetryLater, Task
from servicekit.clock import SystemClock
from servicekit.object_store import ObjectStore
from tests.fakes.vendors.process import KEY, Simulator, open_simulator
from tests.fakes.vendors.remotion import account_of
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
from tests.unit.executor.builders import an_artifact, an_input

COST = 12_300
ACCOUNT = account_of(KEY)


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="vendor")
async def _vendor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulator]:
    async with open_simulator("remotion", tmp_path_factory.mktemp("vendor")) as simulator:
        yield simulator


@pytest.fixture
async def worker(vendor: Simulator, store: ObjectStore, folder: object, prefix: str) -> AsyncIterator[Worker]:
    await vendor.switch()
    async for made in a_worker(vendor, store, folder, prefix):
        yield made


async def a_worker(
    vendor: Simulator, store: ObjectStore, folder: object, prefix: str, **changed: str
) -> AsyncIterator[Worker]:
    account = RemotionAccount.parse(json.dumps(ACCOUNT | changed))
    remotion = Remotion(account, base_url=vendor.address)
    clock = SystemClock()
    maker = RemotionVendor(remotion, store=store, poll_interval=POLL, clock=clock)
    yield Worker(executor=Bought(maker, clock), store=store, folder=folder, prefix=prefix)  # type: ignore[arg-type]  # the fixture's path
    await remotion.close()


def code_of(prefix: str) -> str:
    return f"print('{prefix}')"


@pytest.fixture
def task(worker: Worker, prefix: str) -> Task:
    snippet = json.dumps({"title": "a.py", "language": "python", "code": code_of(prefix)})
    source = replace(an_artifact(type=MediaType.JSON), s3_key="", content=snippet)
    config = {"provider": "remotion", "width": 320, "height": 180, "fps": 24, "theme": "nord"}
    return worker.task("render-code", "remotion", config, an_input("config", source))


def bill_of(vendor: Simulator, prefix: str) -> int:
    return len(vendor.bill(code=code_of(prefix)))


async def test_code_screen_is_rendered_once_and_lies_in_the_store(
    worker: Worker, vendor: Simulator, task: Task, prefix: str
) -> None:
    output = await worker.until_it_ends(task)

    assert isinstance(output, Output)
    assert output.media is not None
    assert (output.media.width, output.media.height, output.cost_micros) == (320, 180, COST)
    (line,) = vendor.bill(code=code_of(prefix))
    props = json.loads(line["request"]["inputProps"]["payload"])
    assert (props["title"], props["language"], props["theme"], props["fps"]) == ("a.py", "python", "nord", 24)
    assert (line["request"]["version"], line["request"]["privacy"]) == ("4.0.527", "private")


async def test_render_that_goes_on_is_asked_about_again_and_says_how_far_it_is(
    worker: Worker, vendor: Simulator, task: Task
) -> None:
    await vendor.switch(render_s=60)
    waiting = await worker.claim(task)
    assert isinstance(waiting, AwaitingVendor)

    ending = await worker.ask(submitted(task, waiting.job_id))

    assert isinstance(ending, AwaitingVendor)
    assert ending.progress is not None
    assert ending.progress.fraction == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("part", "message", "error_type"),
    [
        ("renderer", "ReferenceError: theme is not defined", "invalid_input"),
        ("browser", "Error: unknown theme", "invalid_input"),
        ("stitcher", "out of disk", "provider_unavailable"),
        ("renderer", "AWS Concurrency limit reached (Original Error: Rate Exceeded)", "rate_limited"),
    ],
)
async def test_render_that_failed_ends_the_purchase_with_its_class_and_what_it_cost(
    worker: Worker, vendor: Simulator, task: Task, part: str, message: str, error_type: str
) -> None:
    await vendor.switch(fatal={"type": part, "message": message})

    with pytest.raises(GiveUp, match="Remotion: ") as end:
        await worker.until_it_ends(task)

    assert cause_of(end.value) == (error_type, failed(COST))


async def test_render_whose_functions_ended_without_a_film_is_over(
    worker: Worker, vendor: Simulator, task: Task
) -> None:
    await vendor.switch(never_ends=True)

    with pytest.raises(GiveUp) as end:
        await worker.until_it_ends(task)

    assert cause_of(end.value) == ("timeout", failed(COST))


@pytest.mark.parametrize("switch", ["busy", "throttled"])
async def test_account_whose_functions_are_all_busy_is_tried_later(
    worker: Worker, vendor: Simulator, task: Task, prefix: str, switch: str
) -> None:
    await vendor.switch(**{switch: 1})

    with pytest.raises(RetryLater) as later:
        await worker.claim(task)

    assert (later.value.after.total_seconds(), later.value.purchase) == (30, refused())
    assert bill_of(vendor, prefix) == 0


async def test_start_that_is_refused_tells_the_function_s_words(
    worker: Worker, vendor: Simulator, task: Task, prefix: str
) -> None:
    await vendor.switch(refuses="Version mismatch: the function has 4.0.1, the client 4.0.527")

    await assert_refused(worker, vendor, task, "invalid_input", "Version mismatch")


async def test_keys_that_are_not_admitted_are_the_operators_to_mend(
    vendor: Simulator, store: ObjectStore, folder: object, prefix: str, task: Task
) -> None:
    async for stranger in a_worker(vendor, store, folder, f"{prefix}other/", access_key="other"):
        with pytest.raises(GiveUp) as end:
            await stranger.claim(task)

        assert cause_of(end.value) == ("credential", refused())


@pytest.mark.parametrize("switch", ["no_progress", "without_output", "unavailable"])
async def test_render_that_cannot_be_read_yet_is_asked_for_again(
    worker: Worker, vendor: Simulator, task: Task, prefix: str, switch: str
) -> None:
    await vendor.switch(**{switch: 3})

    assert isinstance(await worker.until_it_ends(task), Output)

    assert bill_of(vendor, prefix) == 1


@pytest.mark.parametrize("result", ["empty", "text"])
async def test_result_that_is_no_film_ends_the_purchase(
    worker: Worker, vendor: Simulator, task: Task, result: str
) -> None:
    await vendor.switch(result=result)

    with pytest.raises(GiveUp) as end:
        await worker.until_it_ends(task)

    assert cause_of(end.value) == ("media_mismatch", failed(COST))


@pytest.mark.parametrize("switch", ["lose_answers", "fail_after_accepting"])
async def test_answer_that_got_lost_is_submitted_once_more_and_then_asks_a_person(
    worker: Worker, vendor: Simulator, task: Task, prefix: str, switch: str
) -> None:
    await vendor.switch(**{switch: 2})

    assert isinstance(await worker.until_it_ends(task), AwaitingPerson)

    assert bill_of(vendor, prefix) == 2


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("time", TIMES)
async def test_worker_that_dies_anywhere_is_followed_by_one_that_ends_the_work(
    worker: Worker, vendor: Simulator, task: Task, prefix: str, place: str, time: int
) -> None:
    """Around the submission nobody can find out what became of it: it is submitted once more, and no oftener."""
    ending = await worker.until_it_ends(await worker.dies_at(place, task))

    assert isinstance(ending, Output)
    assert bill_of(vendor, prefix) == (2 if place == "executor.after_submit" else 1)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"function": "my-function"}, "remotion-render-"),
        ({"region": 5}, "expected texts"),
        ({"bucket": ""}, "expected texts"),
    ],
)
def test_account_that_cannot_be_is_refused_without_showing_its_keys(changed: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidCredentials, match=words) as refusal:
        RemotionAccount.parse(json.dumps(ACCOUNT | changed))

    assert "the-secret-key" not in str(refusal.value)


@pytest.mark.parametrize("text", ["", "[]", "{}", "key"])
def test_file_that_is_no_account_is_refused(text: str) -> None:
    with pytest.raises(InvalidCredentials, match="expected JSON with region"):
        RemotionAccount.parse(text)
