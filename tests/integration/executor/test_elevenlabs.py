"""Voiceovers bought from the simulated ElevenLabs: for each thing it can do, what becomes of node and bill."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from executor_service.executors.bought_at_once import BoughtAtOnce
from executor_service.executors.elevenlabs_maker import ElevenLabsMaker
from executor_service.integrations.elevenlabs import ElevenLabs
from executor_service.task import AwaitingPerson, GiveUp, Output, RetryLater, Task
from servicekit.clock import SystemClock
from servicekit.object_store import ObjectStore
from tests.fakes.vendors.process import KEY, Simulator, open_simulator
from tests.integration.executor.vendor_rig import TIMES, Worker, assert_refused, cause_of, failed, learned, refused

CONFIG = {"provider": "elevenlabs", "voiceId": "21m00Tcm4TlvDq8ikWAM", "stability": 0.4}
PLACES_AT_ONCE = (
    "executor.before_submit",
    "executor.after_submit",
    "executor.before_upload",
    "executor.after_upload",
)
ACourse = Callable[..., Task]


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="vendor")
async def _vendor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulator]:
    async with open_simulator("elevenlabs", tmp_path_factory.mktemp("vendor")) as simulator:
        yield simulator


@pytest.fixture
async def worker(vendor: Simulator, store: ObjectStore, folder: Path, prefix: str) -> AsyncIterator[Worker]:
    elevenlabs = ElevenLabs(api_key=KEY, base_url=vendor.address)
    await vendor.switch()
    made = BoughtAtOnce(ElevenLabsMaker(elevenlabs, store), store, SystemClock())
    yield Worker(executor=made, store=store, folder=folder, prefix=prefix)
    await elevenlabs.close()


@pytest.fixture
def task(worker: Worker, prefix: str) -> Task:
    """Its text is its own, so that its lines of the bill can be found."""
    text = f"This is what {prefix.split('/')[-2]} says."
    return worker.task("generate-voiceover", "elevenlabs", {**CONFIG, "text": text})


def bill_of(vendor: Simulator, task: Task) -> int:
    return len(vendor.bill(text=task.config["text"]))


async def test_voiceover_is_bought_once_and_lies_in_the_store(worker: Worker, vendor: Simulator, task: Task) -> None:
    output = await worker.until_it_ends(task)

    text = str(task.config["text"])
    assert isinstance(output, Output)
    assert output.duration is not None
    assert (output.content_type, output.cost_micros) == ("audio/mpeg", len(text) * 100)
    assert output.duration.total_seconds() == pytest.approx(len(text) / 15, abs=0.1)
    (line,) = vendor.bill(text=text)
    assert line["body"] == {
        "text": text,
        "model_id": "eleven_multilingual_v2",
        "voice_settings": {"stability": 0.4},
    }


async def test_script_of_an_input_is_spoken(worker: Worker, vendor: Simulator, tmp_path: Path, prefix: str) -> None:
    script = tmp_path / "script.txt"
    script.write_text(f"Read from a file: {prefix}")
    task = worker.task("generate-voiceover", "elevenlabs", CONFIG, await worker.stored(script, "script"))

    await worker.until_it_ends(task)

    assert len(vendor.bill(text=f"Read from a file: {prefix}")) == 1


async def test_text_over_the_models_limit_is_split_at_sentence_ends_and_joined_without_a_gap(
    worker: Worker, vendor: Simulator, prefix: str
) -> None:
    await vendor.switch(limit=60)
    sentences = [f"Sentence {number} of {prefix[-20:]}" + "." * 10 for number in range(3)]
    task = worker.task("generate-voiceover", "elevenlabs", {**CONFIG, "text": " ".join(sentences)})

    output = await worker.until_it_ends(task)

    assert isinstance(output, Output)
    assert output.duration is not None
    assert [len(vendor.bill(text=sentence)) for sentence in sentences] == [1, 1, 1]
    # The frames of one encoder and no more: a gap at each join would add 50 ms.
    spoken_s = sum(round(len(sentence) / 15, 1) for sentence in sentences)
    assert output.duration.total_seconds() == pytest.approx(spoken_s, abs=0.06)


async def test_later_part_waits_for_its_turn_so_that_the_first_is_not_paid_twice(
    worker: Worker, vendor: Simulator, prefix: str
) -> None:
    await vendor.switch(limit=60, busy_after=1)
    sentences = [f"Part {number} of {prefix[-20:]}" + "." * 20 for number in range(2)]
    task = worker.task("generate-voiceover", "elevenlabs", {**CONFIG, "text": " ".join(sentences)})

    assert isinstance(await worker.until_it_ends(task), Output)

    assert [len(vendor.bill(text=sentence)) for sentence in sentences] == [1, 1]


async def test_models_that_cannot_be_asked_have_the_limits_of_the_documents(
    worker: Worker, vendor: Simulator, task: Task
) -> None:
    await vendor.switch(models_away=True)

    assert isinstance(await worker.until_it_ends(task), Output)


@pytest.mark.parametrize("switch", ["lose_answers", "fail_after_accepting"])
async def test_answer_that_got_lost_is_bought_once_more_and_never_a_third_time(
    worker: Worker, vendor: Simulator, task: Task, switch: str
) -> None:
    await vendor.switch(**{switch: 2})

    ending = await worker.until_it_ends(task)

    assert isinstance(ending, AwaitingPerson)
    assert bill_of(vendor, task) == 2


async def test_answer_that_got_lost_once_costs_one_more_and_completes(
    worker: Worker, vendor: Simulator, task: Task
) -> None:
    await vendor.switch(lose_answers=1)

    assert isinstance(await worker.until_it_ends(task), Output)

    assert bill_of(vendor, task) == 2


@pytest.mark.parametrize(
    ("switches", "error_type"),
    [({"quota": 401}, "quota_exhausted"), ({"quota": 402}, "quota_exhausted")],
)
async def test_refusal_ends_the_work_without_a_line_on_the_bill(
    worker: Worker, vendor: Simulator, task: Task, switches: dict[str, object], error_type: str
) -> None:
    await vendor.switch(**switches)

    await assert_refused(worker, vendor, task, error_type)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"voiceId": "unknown-voice"}, "was not found"),
        ({"modelId": "eleven_v1"}, "was not found"),
        ({"voiceId": ""}, r"config\.voiceId"),
    ],
)
async def test_name_that_is_not_known_is_the_users_mistake(
    worker: Worker, task: Task, config: dict[str, str], words: str
) -> None:
    with pytest.raises(GiveUp, match=words) as end:
        await worker.claim(replace(task, config={**task.config, **config}))

    assert cause_of(end.value) == ("invalid_input", refused())


async def test_busy_vendor_is_tried_again(worker: Worker, vendor: Simulator, task: Task) -> None:
    await vendor.switch(system_busy=1)
    with pytest.raises(RetryLater) as later:
        await worker.claim(task)

    assert isinstance(await worker.claim(learned(task, later.value.purchase)), Output)

    assert later.value.purchase == refused()
    assert bill_of(vendor, task) == 1


@pytest.mark.parametrize("result", ["empty", "text"])
async def test_sound_that_is_none_is_not_bought_again(
    worker: Worker, vendor: Simulator, task: Task, result: str
) -> None:
    await vendor.switch(result=result)

    with pytest.raises(GiveUp) as end:
        await worker.claim(task)

    assert cause_of(end.value) == ("media_mismatch", failed(len(str(task.config["text"])) * 100))
    assert bill_of(vendor, task) == 1


async def test_sound_that_breaks_off_is_never_taken_for_whole(worker: Worker, vendor: Simulator, task: Task) -> None:
    await vendor.switch(result="truncated")

    with pytest.raises(RetryLater, match="in doubt"):
        await worker.claim(task)


@pytest.mark.parametrize("place", PLACES_AT_ONCE)
@pytest.mark.parametrize("time", TIMES)
async def test_worker_that_dies_anywhere_is_followed_by_one_that_completes(
    worker: Worker, vendor: Simulator, task: Task, place: str, time: int
) -> None:
    """Nobody knows whether the first one was paid: once more, and no oftener."""
    assert isinstance(await worker.until_it_ends(await worker.dies_at(place, task)), Output)

    assert bill_of(vendor, task) == (1 if place == "executor.before_submit" else 2)


@pytest.mark.parametrize("place", PLACES_AT_ONCE)
async def test_worker_that_dies_twice_leaves_it_to_a_person(
    worker: Worker, vendor: Simulator, task: Task, place: str
) -> None:
    twice = await worker.dies_at(place, await worker.dies_at(place, task))

    assert isinstance(await worker.claim(twice), AwaitingPerson)

    assert bill_of(vendor, task) <= 2
