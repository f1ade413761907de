"""Talking heads bought from the simulated HeyGen: for each thing it can do, what becomes of node and bill."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from executor_service.executors.bought import Bought
from executor_service.executors.handing_over import HandingOver
from executor_service.executors.heygen_vendor import HeyGenVendor
from executor_service.integrations.fetch import Fetcher
from executor_service.integrations.heygen import HeyGen
from executor_service.task import AwaitingPerson, AwaitingVendor, GiveUp, Output, RetryLater, Task
from servicekit.clock import SystemClock
from servicekit.object_store import ObjectStore
from tests.fakes.vendors.media import a_picture, a_sound
from tests.fakes.vendors.process import KEY, Simulator, open_simulator
from tests.integration.executor.vendor_rig import (
    PLACES,
    POLL,
    TIMES,
    Worker,
    by_address,
    by_upload,
    cause_of,
    failed,
    learned,
    refused,
    submitted,
)

CONFIG = {"provider": "heygen", "avatarId": "Anna_public", "width": 1280, "height": 720}


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="vendor")
async def _vendor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulator]:
    async with open_simulator("heygen", tmp_path_factory.mktemp("vendor")) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_sound(tmp_path_factory.mktemp("sound") / "a.mp3")


async def a_worker(
    vendor: Simulator, store: ObjectStore, folder: Path, prefix: str, *, handing_over: HandingOver, key: str = KEY
) -> AsyncIterator[Worker]:
    heygen = HeyGen(api_key=key, base_url=vendor.address)
    await vendor.switch()
    bought = Bought(
        HeyGenVendor(
            heygen,
            store=store,
            handing_over=handing_over,
            fetcher=Fetcher(sandbox=vendor.address),
            poll_interval=POLL,
        ),
        SystemClock(),
    )
    yield Worker(executor=bought, store=store, folder=folder, prefix=prefix)
    await heygen.close()


@pytest.fixture
async def worker(vendor: Simulator, store: ObjectStore, folder: Path, prefix: str) -> AsyncIterator[Worker]:
    async for made in a_worker(vendor, store, folder, prefix, handing_over=by_upload(store)):
        yield made


@pytest.fixture
async def task(worker: Worker, sound: Path, prefix: str) -> Task:
    return worker.task(
        "generate-talking-head", "heygen", CONFIG, await worker.stored(sound, "audio"), title=prefix.split("/")[-2]
    )


def bill_of(vendor: Simulator, task: Task) -> int:
    return len(vendor.bill(title=task.title))


async def test_talking_head_is_bought_once_and_lies_in_the_store(worker: Worker, vendor: Simulator, task: Task) -> None:
    output = await worker.until_it_ends(task)

    assert isinstance(output, Output)
    assert output.media is not None
    assert output.duration is not None
    assert (output.media.width, output.media.height, output.media.audio_codec) == (1280, 720, "aac")
    assert output.duration.total_seconds() == pytest.approx(1.0, abs=0.1)
    assert output.cost_micros == pytest.approx(66_700, rel=0.1)
    assert (await worker.store.head(output.s3_key)) is not None
    assert bill_of(vendor, task) == 1
    assert not vendor.bill(leaked_key=True)


async def test_inputs_go_as_presigned_addresses_where_the_internet_reaches_the_store(
    vendor: Simulator, store: ObjectStore, folder: Path, prefix: str, sound: Path, tmp_path: Path
) -> None:
    async for worker in a_worker(vendor, store, folder, prefix, handing_over=by_address(store)):
        picture = await worker.stored(a_picture(tmp_path / "wall.png"), "background")
        task = worker.task(
            "generate-talking-head", "heygen", CONFIG, await worker.stored(sound, "audio"), picture, title=prefix
        )

        assert isinstance(await worker.until_it_ends(task), Output)

    (line,) = vendor.bill(title=prefix)
    assert ".mp3?" in line["request"]["audio_url"]
    assert "X-Amz-Expires=43200" in line["request"]["audio_url"]
    assert ".png?" in line["request"]["background"]["url"]


async def test_inputs_go_through_the_vendors_own_upload_from_a_laptop(
    worker: Worker, vendor: Simulator, sound: Path, tmp_path: Path, prefix: str
) -> None:
    picture = await worker.stored(a_picture(tmp_path / "wall.png"), "background")
    task = worker.task(
        "generate-talking-head", "heygen", CONFIG, await worker.stored(sound, "audio"), picture, title=prefix
    )

    await worker.claim(task)

    (line,) = vendor.bill(title=prefix)
    assert line["request"]["audio_asset_id"]
    assert line["request"]["background"]["asset_id"]


async def test_sound_that_heygen_does_not_take_is_converted(
    worker: Worker, vendor: Simulator, tmp_path: Path, prefix: str
) -> None:
    sound = await worker.stored(a_sound(tmp_path / "voice.m4a"), "audio")
    task = worker.task("generate-talking-head", "heygen", CONFIG, sound, title=prefix)

    output = await worker.until_it_ends(task)

    assert isinstance(output, Output)
    assert len(vendor.bill(title=prefix)) == 1


async def test_picture_that_heygen_does_not_take_is_refused_before_anything_is_bought(
    worker: Worker, vendor: Simulator, sound: Path, tmp_path: Path, prefix: str
) -> None:
    picture = await worker.stored(a_picture(tmp_path / "wall.gif"), "background")
    task = worker.task(
        "generate-talking-head", "heygen", CONFIG, await worker.stored(sound, "audio"), picture, title=prefix
    )

    with pytest.raises(GiveUp, match=r"inputs\.background: expected image/png or image/jpeg, found image/gif") as end:
        await worker.claim(task)

    assert cause_of(end.value) == ("media_mismatch", refused())
    assert not vendor.bill(title=prefix)


@pytest.mark.parametrize("switch", ["lose_answers", "fail_after_accepting"])
async def test_submission_whose_answer_got_lost_is_repeated_under_its_key(
    worker: Worker, vendor: Simulator, task: Task, switch: str
) -> None:
    await vendor.switch(**{switch: 1})

    assert isinstance(await worker.until_it_ends(task), Output)

    assert bill_of(vendor, task) == 1


async def test_busy_vendor_that_has_our_job_already_does_not_get_a_second_one(
    worker: Worker, vendor: Simulator, task: Task
) -> None:
    await vendor.switch(lose_answers=1)
    with pytest.raises(RetryLater) as lost:
        await worker.claim(task)
    # Its job fills the last slot, so that the vendor is busy when the key comes again.
    await vendor.switch(busy=1)

    assert isinstance(await worker.until_it_ends(learned(task, lost.value.purchase)), Output)

    assert bill_of(vendor, task) == 1


async def test_doubt_that_is_older_than_the_key_asks_a_person(worker: Worker, vendor: Simulator, task: Task) -> None:
    assert task.purchase is not None
    old = replace(task.purchase, possible_submissions=1, intend_time=SystemClock().now() - timedelta(hours=24))

    assert isinstance(await worker.claim(replace(task, purchase=old)), AwaitingPerson)

    assert bill_of(vendor, task) == 0


async def test_busy_vendor_is_tried_again_when_it_says_under_another_key(
    worker: Worker, vendor: Simulator, task: Task
) -> None:
    await vendor.switch(busy=1)

    with pytest.raises(RetryLater) as later:
        await worker.claim(task)

    assert (later.value.after.total_seconds(), later.value.purchase) == (1, refused())
    assert bill_of(vendor, task) == 0


async def test_error_inside_a_200_is_a_refusal(worker: Worker, vendor: Simulator, task: Task) -> None:
    await vendor.switch(error_in_200=1, code_as_number=True)

    with pytest.raises(GiveUp, match=r"no such avatar \(400144\)") as end:
        await worker.claim(task)

    assert cause_of(end.value) == ("invalid_input", refused())
    assert bill_of(vendor, task) == 0


async def test_address_that_heygen_cannot_read_any_more_is_handed_out_anew_by_the_next_attempt(
    vendor: Simulator, store: ObjectStore, folder: Path, prefix: str, sound: Path
) -> None:
    nowhere = HandingOver(store, _Expired(store))  # type: ignore[arg-type] # all that it needs of a store
    async for worker in a_worker(vendor, store, folder, prefix, handing_over=nowhere):
        task = worker.task("generate-talking-head", "heygen", CONFIG, await worker.stored(sound, "audio"), title=prefix)
        with pytest.raises(GiveUp, match="download_failed") as end:
            await worker.claim(task)

    assert cause_of(end.value) == ("provider_unavailable", refused())
    assert not vendor.bill(title=prefix)


class _Expired:
    """A public store whose addresses have expired when somebody reads them."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def presign_get(self, key: str, *, expires: timedelta) -> str:
        del expires
        return self._store.presign_get(key, expires=timedelta(seconds=1)).replace(
            "X-Amz-Signature=", "X-Amz-Signature=0"
        )


async def test_trial_cap_is_not_retried(worker: Worker, vendor: Simulator, task: Task) -> None:
    await vendor.switch(trial_cap=1)

    with pytest.raises(GiveUp) as end:
        await worker.claim(task)

    assert cause_of(end.value) == ("quota_exhausted", refused())


@pytest.mark.parametrize("word", ["waiting", "pending", "a_word_of_tomorrow"])
async def test_status_that_is_not_the_last_one_means_that_it_runs(
    worker: Worker, vendor: Simulator, task: Task, word: str
) -> None:
    await vendor.switch(first_status=word)
    waiting = await worker.claim(task)
    assert isinstance(waiting, AwaitingVendor)

    ending = await worker.ask(submitted(task, waiting.job_id))

    assert isinstance(ending, AwaitingVendor)


@pytest.mark.parametrize(
    ("failure", "error_type"),
    [
        ({"code": "40119", "message": "video too long"}, "invalid_input"),
        ({"code": "401003", "message": "policy"}, "moderation"),
        ({"code": "mystery", "message": "?"}, "provider_unavailable"),
    ],
)
async def test_failed_video_ends_the_purchase_with_the_vendors_words(
    worker: Worker, vendor: Simulator, task: Task, failure: dict[str, str], error_type: str
) -> None:
    await vendor.switch(failure=failure)

    with pytest.raises(GiveUp, match=failure["message"].replace("?", r"\?")) as end:
        await worker.until_it_ends(task)

    assert cause_of(end.value) == (error_type, failed())
    assert bill_of(vendor, task) == 1


@pytest.mark.parametrize(
    "switches",
    [{"unreadable_downloads": 3}, {"without_address": 3}, {"unavailable": 0, "address_life_s": 0.5}],
    ids=["403 at first", "no address at first", "address expires"],
)
async def test_result_that_cannot_be_read_yet_is_asked_for_again(
    worker: Worker, vendor: Simulator, task: Task, switches: dict[str, object]
) -> None:
    await vendor.switch(**switches)

    assert isinstance(await worker.until_it_ends(task), Output)

    assert bill_of(vendor, task) == 1


async def test_vendor_that_is_away_for_a_while_is_asked_again(worker: Worker, vendor: Simulator, task: Task) -> None:
    waiting = await worker.claim(task)
    assert isinstance(waiting, AwaitingVendor)
    await vendor.switch(unavailable=3)
    polled = submitted(task, waiting.job_id)

    with pytest.raises(RetryLater) as later:
        await worker.ask(polled)

    assert later.value.purchase is None


@pytest.mark.parametrize("result", ["empty", "text", "gzip", "huge", "private", "metadata"])
async def test_result_that_is_no_film_ends_the_purchase_and_nothing_is_stored(
    worker: Worker, vendor: Simulator, task: Task, result: str
) -> None:
    await vendor.switch(result=result)

    with pytest.raises(GiveUp) as end:
        await worker.until_it_ends(task)

    assert cause_of(end.value) == ("media_mismatch", failed())
    assert [key async for key, _ in worker.store.list_prefix(f"{worker.prefix}{worker.claims}/")] == []
    assert bill_of(vendor, task) == 1


async def test_result_that_breaks_off_is_never_taken_for_whole(worker: Worker, vendor: Simulator, task: Task) -> None:
    await worker.until_it_ends(task)
    polled = submitted(task, vendor.bill(title=task.title)[0]["job"])
    await vendor.switch(result="truncated")

    with pytest.raises(RetryLater, match="failed on its way"):
        await worker.ask(polled)
    await vendor.switch()

    assert isinstance(await worker.until_it_ends(polled), Output)


async def test_key_of_another_vendor_is_the_operators_to_mend(
    vendor: Simulator, store: ObjectStore, folder: Path, prefix: str, sound: Path
) -> None:
    async for worker in a_worker(vendor, store, folder, prefix, handing_over=by_upload(store), key="sk_other"):
        task = worker.task("generate-talking-head", "heygen", CONFIG, await worker.stored(sound, "audio"))
        with pytest.raises(GiveUp) as end:
            await worker.claim(task)

    assert cause_of(end.value) == ("credential", refused())
    assert "sk_other" not in str(end.value)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("time", TIMES)
async def test_worker_that_dies_anywhere_is_followed_by_one_that_does_not_buy_again(
    worker: Worker, vendor: Simulator, task: Task, place: str, time: int
) -> None:
    assert isinstance(await worker.until_it_ends(await worker.dies_at(place, task)), Output)

    assert bill_of(vendor, task) == 1


async def test_job_that_is_not_known_yet_is_waited_for(worker: Worker, vendor: Simulator, task: Task) -> None:
    await vendor.switch(forget=True)

    with pytest.raises(RetryLater):
        await worker.ask(submitted(task, "video-1"))
